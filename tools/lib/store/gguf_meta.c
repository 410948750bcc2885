/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store/gguf_file.h"
#include "store/gguf_writer.h"

static void put_str(struct fc_buf *b, const char *p, size_t n)
{
	fc_gguf_put_u64(b, n);
	fc_buf_add(b, p, n);
}

static void put_f32(struct fc_buf *b, float v)
{
	uint32_t u;
	memcpy(&u, &v, 4);
	fc_gguf_put_u32(b, u);
}

static void begin_key(struct fc_gguf_meta *m, const char *key, size_t n, enum fc_gguf_type type)
{
	put_str(&m->b, key, n);
	fc_gguf_put_u32(&m->b, type);
	m->n++;
}

void fc_gguf_add_u32(struct fc_gguf_meta *m, const char *key, uint32_t v)
{
	begin_key(m, key, strlen(key), FC_GGUF_U32);
	fc_gguf_put_u32(&m->b, v);
}

void fc_gguf_add_f32(struct fc_gguf_meta *m, const char *key, float v)
{
	begin_key(m, key, strlen(key), FC_GGUF_F32);
	put_f32(&m->b, v);
}

void fc_gguf_add_bool(struct fc_gguf_meta *m, const char *key, bool v)
{
	begin_key(m, key, strlen(key), FC_GGUF_BOOL);
	fc_buf_addc(&m->b, v);
}

void fc_gguf_add_str(struct fc_gguf_meta *m, const char *key, const char *p, size_t n)
{
	begin_key(m, key, strlen(key), FC_GGUF_STRING);
	put_str(&m->b, p, n);
}

void fc_gguf_add_array(struct fc_gguf_meta *m, const char *key, enum fc_gguf_type type, size_t n)
{
	begin_key(m, key, strlen(key), FC_GGUF_ARRAY);
	fc_gguf_put_u32(&m->b, type);
	fc_gguf_put_u64(&m->b, n);
}

void fc_gguf_item_str(struct fc_gguf_meta *m, const char *p, size_t n)
{
	put_str(&m->b, p, n);
}

void fc_gguf_item_i32(struct fc_gguf_meta *m, int32_t v)
{
	fc_gguf_put_u32(&m->b, (uint32_t)v);
}

void fc_gguf_item_f32(struct fc_gguf_meta *m, float v)
{
	put_f32(&m->b, v);
}

void fc_gguf_add_copy(struct fc_gguf_meta *m, const struct fc_gguf *g, size_t i)
{
	const struct fc_gguf_kv *kv = &g->file[0].kv[i];
	begin_key(m, kv->key.p, kv->key.n, kv->type);
	fc_buf_add(&m->b, kv->p, kv->n_bytes);
}

void fc_gguf_meta_release(struct fc_gguf_meta *m)
{
	fc_buf_release(&m->b);
	m->n = 0;
}
