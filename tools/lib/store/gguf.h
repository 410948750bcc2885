/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_GGUF_H
#define FC_STORE_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tensor/tensor.h"

/*
 * A GGUF model, version 2 or 3: metadata and tensors as the file has them (ggml, docs/gguf.md).
 * Files are mapped, not read; everything is validated when opened, so that what follows can't meet
 * a wrong byte.  A model split into NAME-00001-of-0000N.gguf and so on is opened by its first file.
 *
 * Everything handed out is borrowed: valid until fc_gguf_close().
 */
struct fc_gguf;
int fc_gguf_open(struct fc_gguf **g, const char *path, struct fc_err *e);
void fc_gguf_close(struct fc_gguf *g);
/* The file begins as a GGUF file does; false also where it can't be read. */
bool fc_gguf_is(const char *path);
const char *fc_gguf_path(const struct fc_gguf *g); /* for messages */

/* Tensors of all files, sorted by the names in the file; dimensions in row-major order, the
 * reverse of the file's. */
size_t fc_gguf_count(const struct fc_gguf *g);
const struct fc_tensor *fc_gguf_at(const struct fc_gguf *g, size_t i);
const struct fc_tensor *fc_gguf_tensor(const struct fc_gguf *g, const char *name); /* or NULL */

/* ---- metadata ---- */
enum fc_gguf_type { /* the format's numbers */
	FC_GGUF_U8,
	FC_GGUF_I8,
	FC_GGUF_U16,
	FC_GGUF_I16,
	FC_GGUF_U32,
	FC_GGUF_I32,
	FC_GGUF_F32,
	FC_GGUF_BOOL,
	FC_GGUF_STRING,
	FC_GGUF_ARRAY,
	FC_GGUF_U64,
	FC_GGUF_I64,
	FC_GGUF_F64,
	FC_GGUF_TYPE_N
};

struct fc_gguf_str {
	const char *p; /* any bytes, no NUL after them */
	size_t n;
};

/* An array, and the place of an iteration over it. */
struct fc_gguf_array {
	enum fc_gguf_type type; /* of the elements */
	size_t n;               /* elements from here on */
	const unsigned char *p;
};

/*
 * Values by key.  A missing key gives the default (no error); one of another kind is an error that
 * names file and key.  "Integer" is any of the integer types, "real" any number: writers differ.
 */
bool fc_gguf_has(const struct fc_gguf *g, const char *key);
int fc_gguf_int(
    const struct fc_gguf *g, const char *key, int64_t def, int64_t *out, struct fc_err *e);
int fc_gguf_real(
    const struct fc_gguf *g, const char *key, double def, double *out, struct fc_err *e);
int fc_gguf_bool(const struct fc_gguf *g, const char *key, bool def, bool *out, struct fc_err *e);
/* Missing: {NULL, 0}. */
int fc_gguf_string(
    const struct fc_gguf *g, const char *key, struct fc_gguf_str *out, struct fc_err *e);
/* Missing: no elements, and the type U8. */
int fc_gguf_array(
    const struct fc_gguf *g, const char *key, struct fc_gguf_array *out, struct fc_err *e);
/* Gets an array; refused where its elements are not strings, integers or reals. */
int fc_gguf_strings(
    const struct fc_gguf *g, const char *key, struct fc_gguf_array *out, struct fc_err *e);
int fc_gguf_ints(
    const struct fc_gguf *g, const char *key, struct fc_gguf_array *out, struct fc_err *e);
int fc_gguf_reals(
    const struct fc_gguf *g, const char *key, struct fc_gguf_array *out, struct fc_err *e);

/* Takes the next element; false at the end.  Of an array of strings, integers (U64 above 2^63 - 1
 * gives that) or booleans (0, 1), numbers. */
bool fc_gguf_next_str(struct fc_gguf_array *a, struct fc_gguf_str *out);
bool fc_gguf_next_int(struct fc_gguf_array *a, int64_t *out);
bool fc_gguf_next_real(struct fc_gguf_array *a, double *out);

/* All keys in the file's order, for those who carry metadata on. */
size_t fc_gguf_n_key(const struct fc_gguf *g);
struct fc_gguf_str fc_gguf_key(const struct fc_gguf *g, size_t i);

#endif
