/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/values.h"

#include "base/ahead.h"
#include "store/store.h"

/* A store has made vectors of its own, of at most so many bytes, which forgetting would erase. */
#define OWNED_BYTES ((size_t)1 << 20)

static const char *stored_bytes(const struct values *f, size_t i)
{
	return (const char *)f->t.data + fc_dtype_bytes(f->t.dtype, i);
}

static void forget_mapped(const struct values *f, size_t first, size_t n)
{
	fc_store_forget(stored_bytes(f, first), fc_dtype_bytes(f->t.dtype, n));
}

/* Blocks of values that share scales, and rows in another order. */
static void read_view(const struct values *f, size_t first, size_t n, double *out)
{
	fc_tensor_to_f64(&f->t, first, n, out);
}

struct values varm_values_mapped(const struct fc_tensor *t, int model)
{
	bool plain = !fc_dtype_is_packed(t->dtype) && t->order == FC_ORDER_ROWS;
	return (struct values){.t = *t,
	    .read = plain ? NULL : read_view,
	    .forget = t->n_bytes > OWNED_BYTES ? forget_mapped : NULL,
	    .model = model};
}

enum fc_dtype varm_values_dtype(enum fc_dtype t)
{
	return fc_dtype_is_packed(t) ? FC_F16 : t;
}

const void *varm_values_bytes(const struct values *f, size_t i)
{
	return f->read ? NULL : stored_bytes(f, i);
}

bool varm_values_are_floats(const struct values *f)
{
	enum fc_dtype t = f->t.dtype;
	return !f->read && (t == FC_BF16 || t == FC_F16 || t == FC_F32);
}

bool varm_values_are_bf16(const struct values *f)
{
	return !f->read && f->t.dtype == FC_BF16;
}

void varm_values_read(const struct values *f, size_t first, size_t n, double *out)
{
	if (f->read)
		f->read(f, first, n, out);
	else
		fc_to_f64(out, varm_values_bytes(f, first), f->t.dtype, n);
}

void varm_values_ask(const struct values *f, size_t first, size_t n)
{
	if (!f->read)
		fc_ahead((uintptr_t)stored_bytes(f, first), fc_dtype_bytes(f->t.dtype, n));
}

void varm_values_forget(const struct values *f, size_t first, size_t n)
{
	if (f->forget)
		f->forget(f, first, n);
}
