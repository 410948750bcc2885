/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_WORDS_H
#define FC_INFER_WORDS_H

#include "fc-infer/served/reply.h"

/* Which token has which bytes.  Of several with the same ones (a piece and a byte token) it is the
 * one that is no byte token, then the first. */
struct words {
	const struct fc_tokenizer *tokenizer; /* borrowed */
	uint32_t *slot;                       /* [n_slot] ids, a power of two; FC_NO_TOKEN: free */
	size_t n_slot;
};
void infer_words_init(struct words *w, const struct fc_tokenizer *t);
void infer_words_release(struct words *w);
/* The token that a server means; FC_NO_TOKEN: none is found.  A string that has U+FFFD stands for
 * bytes that it does not tell. */
uint32_t infer_words_find(
    const struct words *w, const struct reply *r, const struct reply_word *word);

enum words_fit {
	WORDS_DIFFER,
	WORDS_FIT,
	WORDS_SPACELESS, /* it fits, but its string has lost a space */
};
/* May the word be token id, which covers the n bytes at span? */
enum words_fit infer_words_fit(const struct words *w, const struct reply *r,
    const struct reply_word *word, uint32_t id, const char *span, size_t n);

#endif
