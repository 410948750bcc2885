/* SPDX-License-Identifier: Apache-2.0 */
#include "store/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/json.h"
#include "text/utf8.h"

/* A tensor as its header describes it; [begin, end) counts from the first byte after the header. */
struct entry {
	struct fc_tensor t; /* name borrowed from the header */
	uint64_t begin, end;
};

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

static int check_metadata(const json_t *v, const char *path, struct fc_err *e)
{
	if (!json_is_object(v))
		return fc_fail(e, "%s: header: __metadata__ is not an object", path);
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)v, key, value)
	{
		if (!json_is_string(value))
			return fc_fail(e, "%s: header: __metadata__.%s is not a string", path, key);
	}
	return 0;
}

/* A number of the header: an integer of at least 0. */
static bool get_number(const json_t *v, int64_t *out)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*out = json_integer_value(v);
	return true;
}

static int parse_shape(struct fc_tensor *t, const json_t *v, const char *path, struct fc_err *e)
{
	if (!json_is_array(v))
		return fc_fail(e, "%s: tensor %s: shape is not an array", path, t->name);
	if (json_array_size(v) > FC_MAX_DIM)
		return fc_fail(e, "%s: tensor %s: %zu dimensions, at most %d are supported", path,
		    t->name, json_array_size(v), FC_MAX_DIM);
	t->n_dim = (int)json_array_size(v);
	for (int i = 0; i < t->n_dim; i++)
		if (!get_number(json_array_get(v, (size_t)i), &t->dim[i]))
			return fc_fail(e, "%s: tensor %s: shape: expected integers of at least 0",
			    path, t->name);
	return 0;
}

static int parse_entry(
    struct entry *x, const char *name, const json_t *v, const char *path, struct fc_err *e)
{
	*x = (struct entry){.t = {.name = name}};
	if (!json_is_object(v))
		return fc_fail(e, "%s: tensor %s: its header entry is not an object", path, name);
	const char *dtype = json_string_value(json_object_get(v, "dtype"));
	if (!dtype)
		return fc_fail(e, "%s: tensor %s: dtype is missing or not a string", path, name);
	if (!fc_dtype_parse(dtype, &x->t.dtype))
		return fc_fail(e, "%s: tensor %s: unknown dtype %s", path, name, dtype);
	if (parse_shape(&x->t, json_object_get(v, "shape"), path, e) < 0)
		return -1;
	const json_t *offsets = json_object_get(v, "data_offsets");
	int64_t begin, end;
	if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
	    !get_number(json_array_get(offsets, 0), &begin) ||
	    !get_number(json_array_get(offsets, 1), &end))
		return fc_fail(e,
		    "%s: tensor %s: data_offsets: expected two integers of at least 0", path, name);
	x->begin = (uint64_t)begin;
	x->end = (uint64_t)end;
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fc_tensor *)a)->name, ((const struct fc_tensor *)b)->name);
}

/* Every byte of the data belongs to exactly one tensor, and each has the bytes of its shape. */
static int check_layout(
    struct entry *x, size_t n, uint64_t data_bytes, const char *path, struct fc_err *e)
{
	uint64_t at = 0;
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

static int parse_header(struct fc_safetensors *f, json_t *header, size_t header_bytes,
    const char *path, struct fc_err *e)
{
	if (!json_is_object(header))
		return fc_fail(e, "%s: header is not a JSON object", path);
	struct entry *x = FC_ARRAY(struct entry, json_object_size(header) + 1);
	size_t n = 0;
	int ret = -1;
	const char *key;
	json_t *value;
	json_object_foreach(header, key, value)
	{
		if (!strcmp(key, "__metadata__")) {
			if (check_metadata(value, path, e) < 0)
				goto out;
		} else if (parse_entry(&x[n++], key, value, path, e) < 0) {
			goto out;
		}
	}
	if (check_layout(x, n, f->map.n_bytes - 8 - header_bytes, path, e) < 0)
		goto out;
	f->tensor = FC_ARRAY(struct fc_tensor, n + 1);
	for (; f->n < n; f->n++) {
		struct fc_tensor *t = &f->tensor[f->n];
		*t = x[f->n].t;
		t->name = fc_strdup(t->name);
		t->data = (const char *)f->map.p + 8 + header_bytes + x[f->n].begin;
	}
	qsort(f->tensor, n, sizeof *f->tensor, by_name);
	ret = 0;
out:
	free(x);
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
	json_t *header = NULL;
	*f = (struct fc_safetensors){.n = 0};
	if (fc_map_open(&f->map, path, e) < 0)
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
	header = fc_json_text(text, n, path, e);
	if (header)
		ret = parse_header(f, header, n, path, e);
out:
	json_decref(header);
	if (ret < 0)
		fc_safetensors_close(f);
	return ret;
}

void fc_safetensors_close(struct fc_safetensors *f)
{
	for (size_t i = 0; i < f->n; i++)
		free((char *)(uintptr_t)f->tensor[i].name);
	free(f->tensor);
	fc_map_close(&f->map);
	*f = (struct fc_safetensors){.n = 0};
}
