/* SPDX-License-Identifier: Apache-2.0 */
#include "store/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/safetensors_header.h"
#include "text/utf8.h"

int fc_safetensors_rank(enum fc_dtype t)
{
	static const int rank[FC_DTYPE_N] = {
	    [FC_BOOL] = 0,
	    [FC_U8] = 1,
	    [FC_I8] = 2,
	    [FC_F8_E5M2] = 3,
	    [FC_F8_E4M3] = 4,
	    [FC_I16] = 5,
	    [FC_U16] = 6,
	    [FC_F16] = 7,
	    [FC_BF16] = 8,
	    [FC_I32] = 9,
	    [FC_U32] = 10,
	    [FC_F32] = 11,
	    [FC_F64] = 12,
	    [FC_I64] = 13,
	    [FC_U64] = 14,
	};
	return rank[t];
}

static int by_offset(const void *a, const void *b)
{
	const struct fc_safetensors_entry *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fc_tensor *)a)->name, ((const struct fc_tensor *)b)->name);
}

/* Every byte of the data belongs to exactly one tensor, and each has the bytes of its shape. */
static int check_layout(struct fc_safetensors_entry *x, size_t n, uint64_t data_bytes,
    const char *path, struct fc_err *e)
{
	uint64_t at = 0;
	if (n > 1)
		qsort(x, n, sizeof *x, by_offset);
	for (size_t i = 0; i < n; at = x[i++].end) {
		const char *name = x[i].t.name;
		if (x[i].begin != at || x[i].end < x[i].begin)
			return fc_fail(e,
			    "%s: tensor %s: data_offsets [%" PRIu64 ", %" PRIu64
			    "): expected to begin at %" PRIu64 ", where the tensor before ends",
			    path, name, x[i].begin, x[i].end, at);
		size_t count, size;
		if (!fc_tensor_count(&x[i].t, &count) ||
		    !fc_size_mul(count, fc_dtype_size(x[i].t.dtype), &size))
			return fc_fail(
			    e, "%s: tensor %s: the size of its shape overflows", path, name);
		if (size != x[i].end - x[i].begin)
			return fc_fail(e,
			    "%s: tensor %s: has %" PRIu64 " bytes, its shape and type need %zu",
			    path, name, x[i].end - x[i].begin, size);
		x[i].t.n_bytes = size;
	}
	if (at != data_bytes)
		return fc_fail(e,
		    "%s: has %" PRIu64 " bytes of data, its header describes %" PRIu64
		    " (cut off, or bytes appended)",
		    path, data_bytes, at);
	return 0;
}

static int by_entry_name(const void *a, const void *b)
{
	return by_name(&((const struct fc_safetensors_entry *)a)->t,
	    &((const struct fc_safetensors_entry *)b)->t);
}

static int read_entries(
    struct fc_safetensors_header *h, const char *text, size_t n, const char *path, struct fc_err *e)
{
	if (!fc_safetensors_scan(h, text, n, path))
		return fc_safetensors_header_json(h, text, n, path, e);
	if (h->n > 1)
		qsort(h->v, h->n, sizeof *h->v, by_entry_name);
	for (size_t i = 1; i < h->n; i++)
		if (by_entry_name(&h->v[i - 1], &h->v[i]) == 0)
			return fc_fail(e, "%s: header: tensor %s is there twice (duplicate name)",
			    path, h->v[i].t.name);
	return 0;
}

static int parse_header(struct fc_safetensors *f, const char *text, size_t header_bytes,
    const char *path, struct fc_err *e)
{
	struct fc_safetensors_header h = {0};
	int ret = read_entries(&h, text, header_bytes, path, e);
	if (ret == 0)
		ret = check_layout(h.v, h.n, f->map.n_bytes - 8 - header_bytes, path, e);
	if (ret == 0) {
		f->tensor = FC_ARRAY(struct fc_tensor, h.n + 1);
		for (; f->n < h.n; f->n++) {
			struct fc_tensor *t = &f->tensor[f->n];
			*t = h.v[f->n].t;
			t->data = text + header_bytes + h.v[f->n].begin;
		}
		h.n = 0; /* the names are handed over */
		qsort(f->tensor, f->n, sizeof *f->tensor, by_name);
	}
	fc_safetensors_header_release(&h);
	return ret;
}

/* What people hand over instead. */
static const char *foreign_format(const unsigned char *p, size_t n)
{
	if (n >= 4 && !memcmp(p, "PK\3\4", 4))
		return "a PyTorch pickle";
	if (n >= 2 && p[0] == 0x80 && p[1] >= 2 && p[1] <= 5)
		return "a Python pickle";
	return NULL;
}

int fc_safetensors_open(struct fc_safetensors *f, const char *path, struct fc_err *e)
{
	int ret = -1;
	*f = (struct fc_safetensors){.n = 0};
	if (fc_mapped_open(&f->map, path, e) < 0)
		return -1;
	const unsigned char *p = f->map.p;
	uint64_t n = 0;
	if (f->map.n_bytes < 8) {
		fc_fail(
		    e, "%s: %zu bytes are too few for a safetensors file", path, f->map.n_bytes);
		goto out;
	}
	for (int i = 7; i >= 0; i--)
		n = n << 8 | p[i];
	if (n > FC_SAFETENSORS_HEADER_MAX || n > f->map.n_bytes - 8) {
		const char *foreign = foreign_format(p, f->map.n_bytes);
		if (foreign)
			fc_fail(
			    e, "%s: is %s; convert the model to safetensors first", path, foreign);
		else if (n > FC_SAFETENSORS_HEADER_MAX)
			fc_fail(e,
			    "%s: not a safetensors file (header of %" PRIu64
			    " bytes, at most %zu are allowed)",
			    path, n, FC_SAFETENSORS_HEADER_MAX);
		else
			fc_fail(e, "%s: header of %" PRIu64 " bytes in a file of %zu (cut off?)",
			    path, n, f->map.n_bytes);
		goto out;
	}
	const char *text = (const char *)p + 8;
	size_t valid = fc_utf8_check(text, n);
	if (valid != n) {
		fc_fail(e, "%s: header: byte %zu is not UTF-8", path, valid);
		goto out;
	}
	ret = parse_header(f, text, n, path, e);
out:
	if (ret < 0)
		fc_safetensors_close(f);
	return ret;
}

void fc_safetensors_close(struct fc_safetensors *f)
{
	for (size_t i = 0; i < f->n; i++)
		free((char *)(uintptr_t)f->tensor[i].name);
	free(f->tensor);
	fc_mapped_close(&f->map);
	*f = (struct fc_safetensors){.n = 0};
}
