/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_BPE_PARTS_H
#define FC_TOKEN_BPE_PARTS_H

#include "token/bpe.h"
#include "token/trie.h"

/* SentencePiece's mark of a space, U+2581. */
#define FC_MARK "\xe2\x96\x81"
#define FC_MARK_BYTES 3
#define FC_BLOCKERS_MAX 64

struct fc_bpe {
	struct fc_tokmodel base;
	struct fc_merges merges;
	char *prefix, *suffix; /* of symbols that do not start, or do end, a piece; or NULL */
	uint32_t byte_id[256]; /* of "<0xHH>" */
	uint32_t char_id[256]; /* of the byte-level alphabet */
	bool fuse_unk, byte_fallback, ignore_merges;
	bool *whole;           /* [n_id] pieces that symbols may start as; NULL: all */
	struct fc_trie user;   /* pieces that are taken before anything else */
	struct fc_pieces rare; /* characters that are no pieces but parts of some; as symbols
				* their ids come after those of the pieces */
	bool *unused;          /* [n_id] pieces to take apart again; NULL: none */
	/* A long text can be cut before a mark, which changes nothing and makes the cache useful,
	 * unless a merge could reach over the cut: where its left side ends in one of these, or in
	 * a character that is no piece, which may vanish or be another symbol's end. */
	bool cuts;
	uint32_t blocker[FC_BLOCKERS_MAX];
	size_t n_blocker;
	bool ends[128]; /* ASCII characters behind which a text may be cut */
};

extern const struct fc_tokmodel_class fc_bpe_class;

/* The bytes of a symbol. */
const char *fc_bpe_symbol(const struct fc_bpe *b, uint32_t id, size_t *n);
/* Fills in what follows from pieces, merges and options. */
void fc_bpe_finish(struct fc_bpe *b);
/* May a text be cut behind its last character, where a mark follows?  p: n > 0 bytes. */
bool fc_bpe_cuts_behind(const struct fc_bpe *b, const char *p, size_t n);
bool fc_bpe_blocks(const struct fc_bpe *b, uint32_t cp);
/* The last character of p (n > 0 bytes of UTF-8). */
uint32_t fc_bpe_last_char(const char *p, size_t n);

#endif
