/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_GGUF_HF_H
#define FC_STORE_GGUF_HF_H

#include "store/gguf.h"
#include "store/gguf_names.h"
#include "text/json.h"

/*
 * A GGUF model as a Hugging Face folder would have it: the tensors under their names there and as
 * config.json what the metadata say.
 */

/* By general.architecture; NULL with an error that names those there are. */
const struct fc_gguf_family *fc_gguf_family_of(const struct fc_gguf *g, struct fc_err *e);
/* The integer "ARCH.name"; an array a layer counts when all its elements agree. */
int fc_gguf_arch_int(const struct fc_gguf *g, const struct fc_gguf_family *f, const char *name,
    int64_t def, int64_t *out, struct fc_err *e);
int fc_gguf_arch_real(const struct fc_gguf *g, const struct fc_gguf_family *f, const char *name,
    double def, double *out, struct fc_err *e);
int fc_gguf_arch_bool(const struct fc_gguf *g, const struct fc_gguf_family *f, const char *name,
    bool def, bool *out, struct fc_err *e);
int fc_gguf_arch_string(const struct fc_gguf *g, const struct fc_gguf_family *f, const char *name,
    struct fc_gguf_str *out, struct fc_err *e);

/* The head is the embedding: it is missing, or the same bytes once more. */
bool fc_gguf_tied(const struct fc_gguf *g);

struct fc_gguf_hf {
	struct fc_tensor *tensor; /* sorted by name; matrices where they are mapped */
	size_t n;
	void **owned; /* [n_owned] names, norms from which the 1 is taken, keys and values joined */
	size_t n_owned, cap_owned;
};
/* v is to be released also on failure; it borrows from g. */
int fc_gguf_hf_open(struct fc_gguf_hf *v, const struct fc_gguf *g, struct fc_err *e);
void fc_gguf_hf_release(struct fc_gguf_hf *v);

/* New reference, or NULL. */
json_t *fc_gguf_config(const struct fc_gguf *g, struct fc_err *e);

#endif
