/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include "store/store.h"

static void forget_mapped(const struct feed *f, size_t first, size_t n)
{
	fc_store_forget(feed_bytes(f, first), n * fc_dtype_size(f->t.dtype));
}

struct feed feed_mapped(const struct fc_tensor *t, int model)
{
	return (struct feed){.t = *t, .forget = forget_mapped, .model = model};
}

const void *feed_bytes(const struct feed *f, size_t i)
{
	return f->read ? NULL : (const char *)f->t.data + i * fc_dtype_size(f->t.dtype);
}

void feed_read(const struct feed *f, size_t first, size_t n, double *out)
{
	if (f->read)
		f->read(f, first, n, out);
	else
		fc_to_f64(out, feed_bytes(f, first), f->t.dtype, n);
}

void feed_forget(const struct feed *f, size_t first, size_t n)
{
	if (f->forget)
		f->forget(f, first, n);
}
