/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_PRETYPES_H
#define FC_TOKEN_PRETYPES_H

#include "base/err.h"
#include "text/json.h"

/* GGUF's tokenizer.ggml.pre: a name for the way a byte-level vocabulary cuts text before merging.
 */
struct fc_pretype {
	json_t *pretok;     /* as tokenizer.json writes it; the caller's */
	bool ignore_merges; /* a whole piece of the vocabulary is one token */
	bool adds_bos;      /* where the file does not say */
};
int fc_pretype_find(
    struct fc_pretype *p, const char *name, size_t n, const char *where, struct fc_err *e);

/*
 * Appends how a byte-level pre-tokenizer, as tokenizer.json writes it, cuts: a line a step.  Files
 * that write one way differently (what ByteLevel does by itself, or a Split before it, as GGUF's
 * names have it) give the same lines.
 */
void fc_pretype_describe(const json_t *pretok, struct fc_buf *b);

#endif
