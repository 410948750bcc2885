/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_GGUF_FILE_H
#define FC_STORE_GGUF_FILE_H

#include "base/file.h"
#include "store/gguf.h"

/* One mapped GGUF file; the inside of struct fc_gguf, for the files of this layer. */

#define FC_GGUF_KEY_MAX 65535 /* bytes of a key */
#define FC_GGUF_NAME_MAX 64   /* bytes of a tensor's name */
#define FC_GGUF_DIM_MAX 4     /* dimensions of a tensor */
#define FC_GGUF_DEPTH_MAX 8   /* arrays in arrays */
#define FC_GGUF_ALIGN_MAX (1u << 20)
#define FC_GGUF_ALIGN 32 /* of tensors, where the file says nothing */

struct fc_gguf_kv {
	struct fc_gguf_str key;
	enum fc_gguf_type type;
	const unsigned char *p; /* the value, as stored */
	size_t n_bytes;
};

struct fc_gguf_file {
	char *path;
	struct fc_mapped map;
	struct fc_gguf_kv *kv; /* in the file's order */
	size_t n_kv;
	struct fc_tensor *tensor; /* in the file's order; names owned */
	size_t n_tensor;
};

int fc_gguf_file_open(struct fc_gguf_file *f, const char *path, struct fc_err *e);
void fc_gguf_file_close(struct fc_gguf_file *f);
const struct fc_gguf_kv *fc_gguf_file_find(const struct fc_gguf_file *f, const char *key);

struct fc_gguf {
	struct fc_gguf_file *file;
	size_t n_file;            /* the metadata are the first's */
	struct fc_tensor *tensor; /* of all, sorted by name; names borrowed from file */
	size_t n;
};

/* Bytes of a value of fixed size, 0 for strings and arrays. */
size_t fc_gguf_type_size(enum fc_gguf_type t);
const char *fc_gguf_type_name(enum fc_gguf_type t);

/* The element type of a tensor by the format's number.  False: not known, or not supported; *name
 * is then what ggml calls it, or NULL. */
bool fc_gguf_dtype(uint32_t number, enum fc_dtype *t, const char **name);
/* The way back; false: the format has none. */
bool fc_gguf_dtype_number(enum fc_dtype t, uint32_t *number);

static inline uint32_t fc_gguf_u32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t fc_gguf_u64(const unsigned char *p)
{
	return fc_gguf_u32(p) | (uint64_t)fc_gguf_u32(p + 4) << 32;
}

static inline void fc_gguf_put_u32(struct fc_buf *b, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		fc_buf_addc(b, (char)(v >> 8 * i));
}

static inline void fc_gguf_put_u64(struct fc_buf *b, uint64_t v)
{
	fc_gguf_put_u32(b, (uint32_t)v);
	fc_gguf_put_u32(b, (uint32_t)(v >> 32));
}

#endif
