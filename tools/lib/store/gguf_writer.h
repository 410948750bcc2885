/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_GGUF_WRITER_H
#define FC_STORE_GGUF_WRITER_H

#include "base/buf.h"
#include "store/gguf.h"

/* Metadata in the order they are added; b and n are the writer's. */
struct fc_gguf_meta {
	struct fc_buf b;
	size_t n;
};
void fc_gguf_add_u32(struct fc_gguf_meta *m, const char *key, uint32_t v);
void fc_gguf_add_f32(struct fc_gguf_meta *m, const char *key, float v);
void fc_gguf_add_bool(struct fc_gguf_meta *m, const char *key, bool v);
void fc_gguf_add_str(struct fc_gguf_meta *m, const char *key, const char *p, size_t n);
/* An array of n elements, which follow by the calls below. */
void fc_gguf_add_array(struct fc_gguf_meta *m, const char *key, enum fc_gguf_type type, size_t n);
void fc_gguf_item_str(struct fc_gguf_meta *m, const char *p, size_t n);
void fc_gguf_item_i32(struct fc_gguf_meta *m, int32_t v);
void fc_gguf_item_f32(struct fc_gguf_meta *m, float v);
/* Key i of another file, as it is there. */
void fc_gguf_add_copy(struct fc_gguf_meta *m, const struct fc_gguf *g, size_t i);
void fc_gguf_meta_release(struct fc_gguf_meta *m);

/*
 * Writes one GGUF file, version 3, into an open file that can seek.  The plan (names, types, shapes
 * in row-major order; data and order ignored) fixes every offset before the first byte, so that
 * tensors can be written in any order, in blocks, by several threads.
 */
struct fc_gguf_writer;
/* fd and name, which is for messages, are borrowed until the writer is closed. */
int fc_gguf_writer_open(struct fc_gguf_writer **w, int fd, const char *name,
    const struct fc_gguf_meta *m, const struct fc_tensor *plan, size_t n, struct fc_err *e);
/* Bytes [offset, offset + n) of tensor i of the plan.  Safe from several threads. */
int fc_gguf_writer_put(
    struct fc_gguf_writer *w, size_t i, size_t offset, const void *p, size_t n, struct fc_err *e);
/* Checks that nothing is missing, and frees w also on failure. */
int fc_gguf_writer_close(struct fc_gguf_writer *w, struct fc_err *e);

#endif
