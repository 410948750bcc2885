/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_GGUF_BUILD_H
#define FC_TESTS_GGUF_BUILD_H

/* GGUF files byte by byte, right or wrong. */

#include <string.h>

#include "base/buf.h"
#include "store/gguf.h"

__attribute__((unused)) static void put_u32(struct fc_buf *b, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		fc_buf_addc(b, (char)(v >> 8 * i));
}

__attribute__((unused)) static void put_u64(struct fc_buf *b, uint64_t v)
{
	put_u32(b, (uint32_t)v);
	put_u32(b, (uint32_t)(v >> 32));
}

__attribute__((unused)) static void put_str(struct fc_buf *b, const char *s)
{
	put_u64(b, strlen(s));
	fc_buf_adds(b, s);
}

__attribute__((unused)) static void put_header(
    struct fc_buf *b, uint32_t version, uint64_t n_tensor, uint64_t n_kv)
{
	fc_buf_adds(b, "GGUF");
	put_u32(b, version);
	put_u64(b, n_tensor);
	put_u64(b, n_kv);
}

__attribute__((unused)) static void put_key(struct fc_buf *b, const char *key, uint32_t type)
{
	put_str(b, key);
	put_u32(b, type);
}

__attribute__((unused)) static void put_kv_u32(struct fc_buf *b, const char *key, uint32_t v)
{
	put_key(b, key, FC_GGUF_U32);
	put_u32(b, v);
}

__attribute__((unused)) static void put_kv_f32(struct fc_buf *b, const char *key, float v)
{
	uint32_t u;
	memcpy(&u, &v, 4);
	put_key(b, key, FC_GGUF_F32);
	put_u32(b, u);
}

__attribute__((unused)) static void put_kv_str(struct fc_buf *b, const char *key, const char *v)
{
	put_key(b, key, FC_GGUF_STRING);
	put_str(b, v);
}

/* dim: the file's order, the fastest first. */
__attribute__((unused)) static void put_tensor(struct fc_buf *b, const char *name, uint32_t n_dim,
    const uint64_t *dim, uint32_t type, uint64_t at)
{
	put_str(b, name);
	put_u32(b, n_dim);
	for (uint32_t i = 0; i < n_dim; i++)
		put_u64(b, dim[i]);
	put_u32(b, type);
	put_u64(b, at);
}

/* Zeros up to a multiple of n bytes. */
__attribute__((unused)) static void put_align(struct fc_buf *b, size_t n)
{
	while (b->n % n)
		fc_buf_addc(b, 0);
}

__attribute__((unused)) static void put_counting(struct fc_buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fc_buf_addc(b, (char)i);
}

#endif
