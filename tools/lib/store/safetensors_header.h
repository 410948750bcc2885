/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_SAFETENSORS_HEADER_H
#define FC_STORE_SAFETENSORS_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/tensor.h"
#include "text/json.h"

/* What the header of a .safetensors file lists, in its order; nothing here looks at the data. */
struct fc_safetensors_entry {
	struct fc_tensor t;  /* name owned; data and n_bytes not known yet */
	uint64_t begin, end; /* bytes, counted from the first one after the header */
};
struct fc_safetensors_header { /* {0} is empty */
	struct fc_safetensors_entry *v;
	size_t n, cap;
};
void fc_safetensors_header_release(struct fc_safetensors_header *h);
/* A new entry of that name, all else zero.  Borrowed until the next one. */
struct fc_safetensors_entry *fc_safetensors_header_add(
    struct fc_safetensors_header *h, const char *name, size_t n);

/* Reads the header's text (valid UTF-8), which may be any JSON.  Names given twice are an error. */
int fc_safetensors_header_json(struct fc_safetensors_header *h, const char *text, size_t n,
    const char *path, struct fc_err *e);
/* Reads fast a header of the form that writers use; false: it has another one, or is wrong.  Names
 * given twice are for the caller to find. */
bool fc_safetensors_scan(
    struct fc_safetensors_header *h, const char *text, size_t n, const char *path);
/* An object of strings? */
int fc_safetensors_metadata(const json_t *v, const char *path, struct fc_err *e);

#endif
