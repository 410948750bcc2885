/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "stream/record.h"
#include "text/utf8.h"

static int check_name(const char *name, struct fc_err *e)
{
	size_t n = strlen(name);
	if (!n)
		return fc_fail(e, "a tensor without a name");
	if (n > FC_TENSOR_NAME_MAX)
		return fc_fail(e, "tensor %.40s...: a name of %zu bytes, the limit is %d", name, n,
		    FC_TENSOR_NAME_MAX);
	if (fc_utf8_check(name, n) < n)
		return fc_fail(e, "tensor %s: its name is no UTF-8", name);
	return 0;
}

int fc_pack_tensor(
    struct fc_buf *out, const struct fc_tensor *t, size_t offset, size_t n, struct fc_err *e)
{
	uint64_t dim[FC_MAX_DIM];
	Fc__TensorPart m = FC__TENSOR_PART__INIT;
	size_t count;
	if (t->n_dim < 0 || t->n_dim > FC_MAX_DIM || !fc_tensor_count(t, &count) ||
	    !fc_size_mul(count, fc_dtype_size(t->dtype), &count) || count != t->n_bytes)
		return fc_fail(
		    e, "tensor %s: its shape does not give its %zu bytes", t->name, t->n_bytes);
	if (check_name(t->name, e) < 0)
		return -1;
	for (int i = 0; i < t->n_dim; i++)
		dim[i] = (uint64_t)t->dim[i];
	m.name = (char *)t->name;
	m.dtype = (char *)fc_dtype_name(t->dtype);
	m.n_dim = (size_t)t->n_dim;
	m.dim = dim;
	m.offset = offset;
	m.data = (ProtobufCBinaryData){n, n ? (uint8_t *)t->data + offset : NULL};
	fc_pack_record(NULL, out, FC__RECORD__KIND_TENSOR, &m.base, NULL);
	return 0;
}

int fc_unpack_tensor(struct fc_tensor_part *t, const Fc__TensorPart *m, struct fc_err *e)
{
	struct fc_tensor w = {.name = m->name, .n_dim = (int)m->n_dim};
	if (check_name(m->name, e) < 0)
		return -1;
	if (!fc_dtype_parse(m->dtype, &w.dtype))
		return fc_fail(e, "tensor %s: unknown element type '%.20s'", m->name, m->dtype);
	if (m->n_dim > FC_MAX_DIM)
		return fc_fail(e, "tensor %s: %zu dimensions", m->name, m->n_dim);
	for (size_t i = 0; i < m->n_dim; i++) {
		if (m->dim[i] > INT64_MAX)
			return fc_fail(e, "tensor %s: a dimension of %" PRIu64, m->name, m->dim[i]);
		w.dim[i] = (int64_t)m->dim[i];
	}
	size_t size = fc_dtype_size(w.dtype);
	if (!fc_tensor_count(&w, &w.n_bytes) || !fc_size_mul(w.n_bytes, size, &w.n_bytes))
		return fc_fail(e, "tensor %s: its shape is too large", m->name);
	if (m->offset > w.n_bytes || m->data.len > w.n_bytes - m->offset)
		return fc_fail(e,
		    "tensor %s: bytes from %" PRIu64 " on, %zu of them, are not in its %zu",
		    m->name, m->offset, m->data.len, w.n_bytes);
	if (m->offset % size || m->data.len % size || (m->data.len == 0 && w.n_bytes))
		return fc_fail(e, "tensor %s: a part that is not whole elements", m->name);
	*t = (struct fc_tensor_part){w, (size_t)m->offset, m->data.len, m->data.data};
	return 0;
}
