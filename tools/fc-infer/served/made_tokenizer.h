/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_MADE_TOKENIZER_H
#define FC_INFER_MADE_TOKENIZER_H

#include "fc-infer/served/reply.h"

/*
 * A tokenizer.json for a model whose own is not known: all bytes, and the tokens that its responses
 * have the bytes of, in the order of their bytes.  It has no merges, so a text becomes single
 * bytes; the tokens of answers are those of the responses.
 */
struct made_tokenizer { /* {0} is empty */
	struct fc_buf bytes;
	struct made_token *token; /* [n] */
	size_t n, cap;
	size_t n_sorted; /* of them, different and in order */
};
/* Adds the tokens of a response.  -1: one has an id, or no bytes. */
int infer_made_add(
    struct made_tokenizer *m, const struct reply *r, const char *where, struct fc_err *e);
int infer_made_write(struct made_tokenizer *m, const char *path, struct fc_err *e);
void infer_made_release(struct made_tokenizer *m);

#endif
