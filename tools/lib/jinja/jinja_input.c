/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "jinja/jinja_impl.h"

/* Values from outside. */

/* Appends a pair whose key is not there yet. */
static void add_pair(struct fc_jx *x, struct fc_jdict *d, struct fc_jv k, struct fc_jv v)
{
	if (d->n == d->cap) {
		uint32_t cap = d->cap ? d->cap * 2 : 8;
		d->v = fc_jpool_grow(&x->pool, d->v, d->n * sizeof *d->v, cap * sizeof *d->v);
		d->cap = cap;
	}
	d->v[d->n++] = (struct fc_jpair){k, v};
}

static struct fc_jv str_of(struct fc_jx *x, const char *s, int32_t mark)
{
	return fc_jv_str(fc_jstr_new(&x->pool, s, strlen(s), mark));
}

/* mark: of all strings in it but keys. */
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
			list.list->v[list.list->n++] = from_json(x, json_array_get(j, i), mark);
		return list;
	}
	case JSON_OBJECT:
		break;
	}
	struct fc_jv d = fc_jv_dict(x);
	json_t *o = (json_t *)j; /* jansson's iteration takes no const */
	for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it))
		add_pair(x, d.dict, str_of(x, json_object_iter_key(it), 0),
		    from_json(x, json_object_iter_value(it), mark));
	return d;
}

struct fc_jv fc_jv_from_json(struct fc_jx *x, const json_t *j)
{
	return from_json(x, j, 0);
}

static enum fc_jinja_from from_of(const char *key)
{
	if (!strcmp(key, "name") || !strcmp(key, "tool_call_id"))
		return FC_JINJA_ASIDE;
	return strcmp(key, "content") ? FC_JINJA_MEMBER : FC_JINJA_CONTENT;
}

static struct fc_jv message_value(struct fc_jx *x, const struct fc_jinja_message *m, size_t i)
{
	struct fc_jv d = fc_jv_dict(x), role = {.kind = FC_JV_MISSING}, content = role;
	json_t *o = (json_t *)m->members;
	if (m->role)
		role = str_of(x, m->role, 0);
	if (m->content)
		content = fc_jv_str(
		    fc_jstr_new(&x->pool, m->content, m->n, FC_JMARK(i, FC_JINJA_CONTENT)));
	for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
		const char *key = json_object_iter_key(it);
		struct fc_jv *own = !strcmp(key, "role") ? &role
		    : !strcmp(key, "content")            ? &content
							 : NULL;
		struct fc_jv v = own && own->kind != FC_JV_MISSING
		    ? *own
		    : from_json(x, json_object_iter_value(it), FC_JMARK(i, from_of(key)));
		if (own)
			own->kind = FC_JV_MISSING;
		add_pair(x, d.dict, str_of(x, key, 0), v);
	}
	if (role.kind != FC_JV_MISSING)
		add_pair(x, d.dict, str_of(x, "role", 0), role);
	if (content.kind != FC_JV_MISSING)
		add_pair(x, d.dict, str_of(x, "content", 0), content);
	return d;
}

struct fc_jv fc_jv_from_messages(struct fc_jx *x, const struct fc_jinja_message *m, size_t n)
{
	struct fc_jv list = fc_jv_list(x, FC_JV_LIST, n);
	for (size_t i = 0; i < n; i++)
		list.list->v[list.list->n++] = message_value(x, &m[i], i);
	return list;
}
