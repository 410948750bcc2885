/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fc-view/from_jsonl.h"

static const char *const known_map[] = {"source", "pivot", "count", "rule", "chosen", NULL};
static const char *const known_tensor[] = {
    "name", "dtype", "shape", "bytes", "offset", "data", NULL};

int view_map_line_read(const struct view_place *at, const json_t *o, const struct fc_header *h,
    struct fc_map_entry *entry, struct fc_err *e)
{
	const char *words[FC_N_MAP_RULE + 1] = {NULL};
	uint64_t source = 0, pivot = 0;
	unsigned rule = FC_MAP_NONE;
	const uint32_t n_source = h->source_n_vocab ? h->source_n_vocab : FC_MAX_VOCAB;
	for (unsigned i = 0; i < FC_N_MAP_RULE; i++)
		words[i] = fc_map_rule_name(i);
	*entry = (struct fc_map_entry){0};
	if (view_member_check_names(at, o, known_map, e) < 0 ||
	    view_member_need_whole(at, o, "source", n_source - 1, &source, e) < 0 ||
	    view_member_need_whole(at, o, "pivot", h->n_vocab - 1, &pivot, e) < 0 ||
	    view_member_get_whole(at, o, "count", INT64_MAX, &entry->count, e) < 0 ||
	    view_member_get_word(at, o, "rule", words, &rule, e) < 0 ||
	    view_member_get_truth(at, o, "chosen", &entry->chosen, e) < 0)
		return -1;
	entry->source = (uint32_t)source;
	entry->pivot = (uint32_t)pivot;
	entry->rule = (uint8_t)rule;
	return 0;
}

static int read_shape(
    const struct view_place *at, const json_t *o, struct fc_tensor *t, struct fc_err *e)
{
	const json_t *shape;
	if (view_member_get_list(at, o, "shape", &shape, e) < 0)
		return -1;
	if (!shape || json_array_size(shape) > FC_MAX_DIM)
		return view_member_fail(at, "shape", shape, "a list of up to 8 dimensions", e);
	t->n_dim = (int)json_array_size(shape);
	for (size_t i = 0; i < json_array_size(shape); i++) {
		const json_t *v = json_array_get(shape, i);
		if (!json_is_integer(v) || json_integer_value(v) < 0)
			return view_member_fail(at, "shape", shape, "a list of whole numbers", e);
		t->dim[i] = json_integer_value(v);
	}
	return 0;
}

/* Name, type and shape; of a first part. */
static int read_whole(const struct view_place *at, const json_t *o, struct fc_tensor *t,
    const char **name, struct fc_err *e)
{
	const char *dtype = NULL;
	*t = (struct fc_tensor){0};
	*name = NULL;
	if (view_member_get_text(at, o, "name", name, e) < 0 ||
	    view_member_get_text(at, o, "dtype", &dtype, e) < 0 || read_shape(at, o, t, e) < 0)
		return -1;
	if (!*name)
		return view_member_fail(at, "name", NULL, "a string", e);
	if (!dtype || !fc_dtype_parse(dtype, &t->dtype) || fc_dtype_is_packed(t->dtype))
		return view_member_fail(at, "dtype", json_object_get(o, "dtype"),
		    "a type as safetensors spells it (F32, BF16, ...)", e);
	if (!fc_tensor_bytes(t, &t->n_bytes))
		return view_member_fail(at, "shape", json_object_get(o, "shape"),
		    "a tensor that an address can reach", e);
	return 0;
}

static bool is_next_part(
    const struct view_tensor_lines *t, const struct fc_tensor *now, const char *name)
{
	return !strcmp(t->name.p, name) && t->whole.dtype == now->dtype &&
	    fc_tensor_same_shape(&t->whole, now);
}

int view_tensor_line_read(const struct view_place *at, const json_t *o, struct view_tensor_lines *t,
    bool *done, struct fc_err *e)
{
	struct fc_tensor now;
	const char *name;
	uint64_t n_bytes, offset = 0;
	if (view_member_check_names(at, o, known_tensor, e) < 0 ||
	    read_whole(at, o, &now, &name, e) < 0)
		return -1;
	n_bytes = now.n_bytes;
	if (view_member_get_whole(at, o, "bytes", INT64_MAX, &n_bytes, e) < 0 ||
	    view_member_get_whole(at, o, "offset", INT64_MAX, &offset, e) < 0)
		return -1;
	if (n_bytes != now.n_bytes)
		return fc_fail(
		    e, "%s: bytes: %zu are expected of this type and shape", at->line, now.n_bytes);
	if (t->open && (!is_next_part(t, &now, name) || offset != t->data.n))
		return fc_fail(e, "%s: offset: the part of %s at byte %zu is expected", at->line,
		    t->name.p, t->data.n);
	if (!t->open && offset)
		return fc_fail(
		    e, "%s: offset: 0 is expected of the first part of a tensor", at->line);
	if (!t->open) {
		fc_buf_clear(&t->data);
		fc_buf_clear(&t->name);
		fc_buf_adds(&t->name, name);
		t->whole = now;
		t->whole.name = t->name.p ? t->name.p : "";
	}
	if (!json_object_get(o, "data"))
		return view_member_fail(at, "data", NULL,
		    "a string of base64 with the little-endian bytes (fc-view --jsonl --whole "
		    "prints it)",
		    e);
	if (view_member_get_bytes(at, o, "data", &t->data, e) < 0)
		return -1;
	if (t->data.n > now.n_bytes)
		return fc_fail(e, "%s: data: %zu bytes are too many for a tensor of %zu", at->line,
		    t->data.n, now.n_bytes);
	t->open = t->data.n < now.n_bytes;
	t->whole.data = t->data.p ? t->data.p : "";
	*done = !t->open;
	return 0;
}

void view_tensor_lines_release(struct view_tensor_lines *t)
{
	fc_buf_release(&t->name);
	fc_buf_release(&t->data);
}
