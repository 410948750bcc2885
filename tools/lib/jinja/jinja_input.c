/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"

/* Values from outside. */

/* mark: of all strings in it. */
static struct fc_jv from_json(struct fc_jx *x, const json_t *j, int32_t mark);

/* messages: the contents carry their message's index. */
static struct fc_jv messages_from_json(struct fc_jx *x, const json_t *list)
{
	struct fc_jv out = fc_jv_list(x, FC_JV_LIST, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *m = json_array_get(list, i);
		struct fc_jv d = from_json(x, m, 0);
		json_t *content = json_object_get(m, "content");
		if (content)
			*fc_jv_member(d.dict, "content", 7) =
			    from_json(x, content, (int32_t)((i + 1) << 1));
		fc_jv_append(x, out, d);
	}
	return out;
}

static struct fc_jv from_json(struct fc_jx *x, const json_t *j, int32_t mark)
{
	switch (json_typeof(j)) {
	case JSON_NULL:
		return fc_jv_none();
	case JSON_TRUE:
	case JSON_FALSE:
		return fc_jv_bool(json_is_true(j));
	case JSON_INTEGER:
		return fc_jv_int(json_integer_value(j));
	case JSON_REAL:
		return fc_jv_float(json_real_value(j));
	case JSON_STRING:
		return fc_jv_str(
		    fc_jstr_new(&x->pool, json_string_value(j), json_string_length(j), mark));
	case JSON_ARRAY: {
		struct fc_jv list = fc_jv_list(x, FC_JV_LIST, json_array_size(j));
		for (size_t i = 0; i < json_array_size(j); i++)
			fc_jv_append(x, list, from_json(x, json_array_get(j, i), mark));
		return list;
	}
	case JSON_OBJECT:
		break;
	}
	struct fc_jv d = fc_jv_dict(x);
	json_t *o = (json_t *)j; /* jansson's iteration takes no const */
	for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
		const char *key = json_object_iter_key(it);
		struct fc_jv k = fc_jv_str(fc_jstr_new(&x->pool, key, strlen(key), 0));
		if (d.dict->n == d.dict->cap) {
			uint32_t cap = d.dict->cap ? d.dict->cap * 2 : 8;
			d.dict->v = fc_jpool_grow(&x->pool, d.dict->v,
			    d.dict->n * sizeof *d.dict->v, cap * sizeof *d.dict->v);
			d.dict->cap = cap;
		}
		d.dict->v[d.dict->n++] =
		    (struct fc_jpair){k, from_json(x, json_object_iter_value(it), mark)};
	}
	return d;
}

struct fc_jv fc_jv_from_json(struct fc_jx *x, const json_t *vars)
{
	struct fc_jv d = from_json(x, vars, 0);
	const json_t *messages = json_object_get(vars, "messages");
	if (json_is_array(messages))
		*fc_jv_member(d.dict, "messages", 8) = messages_from_json(x, messages);
	return d;
}
