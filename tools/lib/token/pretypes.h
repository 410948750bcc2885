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

#endif
