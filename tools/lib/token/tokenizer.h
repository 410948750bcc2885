/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_TOKENIZER_H
#define FC_TOKEN_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * token/: text to the ids of a published vocabulary and back, as the makers' own programs
 * do it.  This header is all that others need, but for tokmeta.h (what the files say to a chat
 * template).  Inside, a text takes this way, which is a good order to read in too:
 *   tokopen      which files there are: tokfile (tokenizer.json, its lists by modeltext), spmfile
 *                with spmodel, or ggufvocab with pretypes; sidefiles beside them, by tokconfig
 *   tokparts.h   what they are read into
 *   tokenizer    encoding and decoding, out of the steps that follow
 *   added        added tokens are cut out, by an automaton over a trie
 *   normalizer   the text is changed: uninorm, bertnorm, charsmap, spmnorm; aligned.h keeps the
 *                place of every byte and bounds what is made
 *   pretok       and split into words: pattern with onigsyntax and unicode16; charclass
 *   tokmodel     words become ids: bpe (bpe_read or bpe_spm; bpe_parts, merges), unigram or
 *                wordpiece, whose vocabulary is pieces
 *   decoder      and ids text again; component is how these parts are written in JSON
 */

/* A tokenizer as its makers publish it.  Immutable after opening; one may be used by several
 * threads at once, each with its own fc_tokens. */
struct fc_tokenizer;

#define FC_NO_TOKEN UINT32_MAX

/*
 * start and end never decrease from token to token, and together the spans cover the text except
 * what a normalizer or a split between words drops.  Bytes the tokenizer invents (a space before
 * the first word) have none of their own.  A token that ends inside a character ends at that byte;
 * but the parts of a character that a normalizer changed each have the whole span, so that the last
 * token ending at a byte is the one that completes the text up to it.
 */
struct fc_token {
	uint32_t id;
	uint32_t start, end; /* bytes of the text as it was given, before any normalizer */
};
struct fc_tokens { /* {0} is empty */
	struct fc_token *v;
	size_t n, cap;
};
void fc_tokens_release(struct fc_tokens *t);

struct fc_span {
	uint32_t start, end;
};

/* path: a model folder (its tokenizer.json, else tokenizer.model, else the only GGUF model), or a
 * tokenizer.json, a SentencePiece model or a GGUF file.  tokenizer_config.json beside the first two
 * adds tokens and names the special ones (for NAMEtokenizer.json it is NAMEtokenizer_config.json).
 */
int fc_tokenizer_open(struct fc_tokenizer **t, const char *path, struct fc_err *e);
void fc_tokenizer_free(struct fc_tokenizer *t);

/*
 * Appends the tokens of text (n bytes, valid UTF-8 or an error), without adding BOS or EOS.
 * Special tokens in the text are recognised, except where they overlap a guarded span: text of
 * messages is data (spans ascending).  guard may be NULL.  Added tokens that are not special are
 * vocabulary like any other (Gemma's "\n\n", Qwen's "<think>") and recognised everywhere.
 */
int fc_tokenizer_encode(const struct fc_tokenizer *t, const char *text, size_t n,
    const struct fc_span *guard, size_t n_guard, struct fc_tokens *out, struct fc_err *e);
/*
 * No token lies across cut [n_cut], bytes of the text, ascending, at borders of characters: what is
 * before one is encoded as if the text ended there.  What is behind it goes on where that stopped,
 * as a model goes on with a prompt: no space is put before it, and no BOS, unless the token before
 * is an added one, behind which the makers' encoder begins anew too.
 */
int fc_tokenizer_encode_cut(const struct fc_tokenizer *t, const char *text, size_t n,
    const struct fc_span *guard, size_t n_guard, const uint32_t *cut, size_t n_cut,
    struct fc_tokens *out, struct fc_err *e);

/* Appends the text of ids.  Bytes that are no UTF-8 are appended as they are: stop at character
 * borders yourself. */
void fc_tokenizer_decode(const struct fc_tokenizer *t, const uint32_t *id, size_t n,
    bool skip_special, struct fc_buf *out);
/* Appends the text of ids that go on with a text: no space at their beginning is taken for one that
 * the encoder put there. */
void fc_tokenizer_decode_on(const struct fc_tokenizer *t, const uint32_t *id, size_t n,
    bool skip_special, struct fc_buf *out);
/* Is id an added token behind which the encoder puts a space before a text, as at its beginning? */
bool fc_tokenizer_spaces_behind(const struct fc_tokenizer *t, uint32_t id);
/* The bytes one token stands for inside a text ("" for special tokens, the unknown token and
 * unknown ids).  Borrowed. */
const char *fc_tokenizer_bytes(const struct fc_tokenizer *t, uint32_t id, size_t *n);
/* The token as the vocabulary spells it ("▁the", "Ġthe"); NULL for an id without a token. */
const char *fc_tokenizer_piece(const struct fc_tokenizer *t, uint32_t id);
uint32_t fc_tokenizer_find(const struct fc_tokenizer *t, const char *piece); /* or FC_NO_TOKEN */

size_t fc_tokenizer_n_vocab(const struct fc_tokenizer *t); /* highest id + 1 */
bool fc_tokenizer_is_special(const struct fc_tokenizer *t, uint32_t id);
/* By role, from tokenizer_config.json and the post-processor; FC_NO_TOKEN where there is none.
 * adds_bos: would the makers' own encoder put BOS first? */
uint32_t fc_tokenizer_bos(const struct fc_tokenizer *t);
uint32_t fc_tokenizer_eos(const struct fc_tokenizer *t);
uint32_t fc_tokenizer_unk(const struct fc_tokenizer *t);
uint32_t fc_tokenizer_pad(const struct fc_tokenizer *t);
bool fc_tokenizer_adds_bos(const struct fc_tokenizer *t);

/* Equal for tokenizers of one vocabulary, merges, added tokens, normalizer and pre-tokenizer,
 * however the file is written, also as GGUF as far as that can say it: fc-models(7), "Vocabulary".
 */
uint64_t fc_tokenizer_fingerprint(const struct fc_tokenizer *t);

#endif
