/* SPDX-License-Identifier: Apache-2.0 */
#include "store/safetensors_header.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void fc_safetensors_header_release(struct fc_safetensors_header *h)
{
	for (size_t i = 0; i < h->n; i++)
		free((char *)(uintptr_t)h->v[i].t.name);
	free(h->v);
	*h = (struct fc_safetensors_header){0};
}

struct fc_safetensors_entry *fc_safetensors_header_add(
    struct fc_safetensors_header *h, const char *name, size_t n)
{
	FC_GROW(h->v, h->cap, h->n + 1);
	h->v[h->n] = (struct fc_safetensors_entry){.t = {.name = fc_memdup0(name, n)}};
	return &h->v[h->n++];
}

int fc_safetensors_metadata(const json_t *v, const char *path, struct fc_err *e)
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
    struct fc_safetensors_entry *x, const json_t *v, const char *path, struct fc_err *e)
{
	const char *name = x->t.name;
	if (!json_is_object(v))
		return fc_fail(e, "%s: tensor %s: its header entry is not an object", path, name);
	const char *dtype = json_string_value(json_object_get(v, "dtype"));
	if (!dtype)
		return fc_fail(e, "%s: tensor %s: dtype is missing or not a string", path, name);
	if (strlen(dtype) != json_string_length(json_object_get(v, "dtype")) ||
	    !fc_dtype_parse(dtype, &x->t.dtype))
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

static int read_object(
    struct fc_safetensors_header *h, json_t *header, const char *path, struct fc_err *e)
{
	const char *key;
	json_t *value;
	if (!json_is_object(header))
		return fc_fail(e, "%s: header is not a JSON object", path);
	json_object_foreach(header, key, value)
	{
		int ret = !strcmp(key, "__metadata__")
		    ? fc_safetensors_metadata(value, path, e)
		    : parse_entry(fc_safetensors_header_add(h, key, strlen(key)), value, path, e);
		if (ret < 0)
			return -1;
	}
	return 0;
}

int fc_safetensors_header_json(
    struct fc_safetensors_header *h, const char *text, size_t n, const char *path, struct fc_err *e)
{
	json_t *header = fc_json_text(text, n, path, e);
	int ret = header ? read_object(h, header, path, e) : -1;
	json_decref(header);
	if (ret < 0)
		fc_safetensors_header_release(h);
	return ret;
}
