/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "jinja/jinja_impl.h"

struct fc_jv fc_jv_undefined(struct fc_jx *x, const char *owner, const struct fc_jstr *name)
{
	struct fc_jundef *u = fc_jpool_take(&x->pool, sizeof *u);
	u->name = name;
	u->owner = owner;
	return (struct fc_jv){.kind = FC_JV_UNDEFINED, .undef = u};
}

struct fc_jv fc_jv_none(void)
{
	return (struct fc_jv){.kind = FC_JV_NONE};
}

struct fc_jv fc_jv_bool(bool b)
{
	return (struct fc_jv){.kind = FC_JV_BOOL, .b = b};
}

struct fc_jv fc_jv_int(int64_t i)
{
	return (struct fc_jv){.kind = FC_JV_INT, .i = i};
}

struct fc_jv fc_jv_float(double d)
{
	return (struct fc_jv){.kind = FC_JV_FLOAT, .d = d};
}

struct fc_jv fc_jv_str(const struct fc_jstr *s)
{
	return (struct fc_jv){.kind = FC_JV_STR, .s = s};
}

struct fc_jv fc_jv_text(struct fc_jx *x, const char *s)
{
	struct fc_jcat c = {0};
	fc_jcat_adds(x, &c, s);
	return fc_jv_str(fc_jcat_str(x, &c));
}

struct fc_jv fc_jv_list(struct fc_jx *x, enum fc_jkind kind, size_t n)
{
	struct fc_jlist *l = fc_jpool_take(&x->pool, sizeof *l);
	l->cap = (uint32_t)n;
	l->v = fc_jpool_take(&x->pool, n * sizeof *l->v);
	return (struct fc_jv){.kind = (uint8_t)kind, .list = l};
}

void fc_jv_append(struct fc_jx *x, struct fc_jv list, struct fc_jv v)
{
	struct fc_jlist *l = list.list;
	if (l->n == l->cap) {
		uint32_t cap = l->cap < 4 ? 8 : l->cap * 2;
		l->v = fc_jpool_grow(&x->pool, l->v, l->n * sizeof *l->v, cap * sizeof *l->v);
		l->cap = cap;
	}
	l->v[l->n++] = v;
}

struct fc_jv fc_jv_dict(struct fc_jx *x)
{
	return (struct fc_jv){
	    .kind = FC_JV_DICT, .dict = fc_jpool_take(&x->pool, sizeof(struct fc_jdict))};
}

struct fc_jv *fc_jv_member(const struct fc_jdict *d, const char *p, size_t n)
{
	for (uint32_t i = 0; i < d->n; i++) {
		const struct fc_jv *k = &d->v[i].k;
		if (k->kind == FC_JV_STR && k->s->n == n && !memcmp(k->s->p, p, n))
			return &d->v[i].v;
	}
	return NULL;
}

static bool is_hashable(struct fc_jv v)
{
	if (v.kind == FC_JV_LIST || v.kind == FC_JV_DICT)
		return false;
	if (v.kind == FC_JV_TUPLE)
		for (uint32_t i = 0; i < v.list->n; i++)
			if (v.list->v[i].kind == FC_JV_LIST || v.list->v[i].kind == FC_JV_DICT)
				return false;
	return true;
}

int fc_jv_find(struct fc_jx *x, const struct fc_jdict *d, struct fc_jv k, struct fc_jv **v)
{
	*v = NULL;
	if (!is_hashable(k))
		return fc_jx_fail(x, "unhashable type: '%s'", fc_jv_type(k));
	x->steps += d->n >> 4;
	if (k.kind == FC_JV_STR) {
		*v = fc_jv_member(d, k.s->p, k.s->n);
		return 0;
	}
	for (uint32_t i = 0; i < d->n; i++) {
		bool same;
		if (fc_jv_equal(x, d->v[i].k, k, &same) < 0)
			return -1;
		if (same) {
			*v = &d->v[i].v;
			return 0;
		}
	}
	return 0;
}

int fc_jv_put(struct fc_jx *x, struct fc_jv dict, struct fc_jv k, struct fc_jv v)
{
	struct fc_jdict *d = dict.dict;
	struct fc_jv *old;
	if (fc_jv_find(x, d, k, &old) < 0)
		return -1;
	if (old) {
		*old = v;
		return 0;
	}
	if (d->n == d->cap) {
		uint32_t cap = d->cap < 4 ? 4 : d->cap * 2;
		d->v = fc_jpool_grow(&x->pool, d->v, d->n * sizeof *d->v, cap * sizeof *d->v);
		d->cap = cap;
	}
	d->v[d->n++] = (struct fc_jpair){k, v};
	return 0;
}

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

const char *fc_jv_type(struct fc_jv v)
{
	static const char *const name[] = {"missing", "Undefined", "NoneType", "bool", "int",
	    "float", "str", "list", "tuple", "generator", "view", "dict", "Namespace", "Macro",
	    "builtin_function_or_method", "function", "LoopContext"};
	if (v.kind == FC_JV_STR && v.safe)
		return "Markup";
	return v.kind == FC_JV_VIEW ? v.list->view : name[v.kind];
}

bool fc_jv_true(struct fc_jv v)
{
	switch (v.kind) {
	case FC_JV_MISSING:
	case FC_JV_UNDEFINED:
	case FC_JV_NONE:
		return false;
	case FC_JV_BOOL:
		return v.b;
	case FC_JV_INT:
		return v.i != 0;
	case FC_JV_FLOAT:
		return v.d != 0;
	case FC_JV_STR:
		return v.s->n != 0;
	case FC_JV_LIST:
	case FC_JV_TUPLE:
	case FC_JV_VIEW:
		return v.list->n != 0;
	case FC_JV_DICT:
		return v.dict->n != 0;
	default:
		return true;
	}
}

bool fc_jv_is_number(struct fc_jv v)
{
	return v.kind == FC_JV_BOOL || v.kind == FC_JV_INT || v.kind == FC_JV_FLOAT;
}

double fc_jv_real(struct fc_jv v)
{
	return v.kind == FC_JV_FLOAT ? v.d : v.kind == FC_JV_INT ? (double)v.i : v.b;
}

bool fc_jv_is_sequence(struct fc_jv v)
{
	return v.kind == FC_JV_LIST || v.kind == FC_JV_TUPLE || v.kind == FC_JV_VIEW;
}

int fc_jv_use_undefined(struct fc_jx *x, struct fc_jv v)
{
	const struct fc_jundef *u = v.undef;
	int n = (int)(u->name ? u->name->n : 0);
	const char *name = u->name ? u->name->p : "";
	if (u->unsafe)
		return fc_jx_fail(
		    x, "access to attribute '%.*s' of '%s' object is unsafe", n, name, u->owner);
	if (u->owner)
		return fc_jx_fail(x, "'%s' has no attribute '%.*s'", u->owner, n, name);
	return fc_jx_fail(x, "'%.*s' is undefined", n, name);
}

static int list_equal(
    struct fc_jx *x, const struct fc_jlist *a, const struct fc_jlist *b, bool *out)
{
	*out = a->n == b->n;
	for (uint32_t i = 0; *out && i < a->n; i++)
		if (fc_jv_equal(x, a->v[i], b->v[i], out) < 0)
			return -1;
	return 0;
}

static int dict_equal(
    struct fc_jx *x, const struct fc_jdict *a, const struct fc_jdict *b, bool *out)
{
	*out = a->n == b->n;
	for (uint32_t i = 0; *out && i < a->n; i++) {
		struct fc_jv *v;
		if (fc_jv_find(x, b, a->v[i].k, &v) < 0)
			return -1;
		*out = v != NULL;
		if (v && fc_jv_equal(x, a->v[i].v, *v, out) < 0)
			return -1;
	}
	return 0;
}

int fc_jv_equal(struct fc_jx *x, struct fc_jv a, struct fc_jv b, bool *out)
{
	*out = false;
	if (fc_jv_is_number(a) && fc_jv_is_number(b)) {
		*out = a.kind == FC_JV_INT && b.kind == FC_JV_INT ? a.i == b.i
								  : fc_jv_real(a) == fc_jv_real(b);
		return 0;
	}
	if (a.kind != b.kind)
		return 0;
	int ret = 0;
	switch (a.kind) {
	case FC_JV_UNDEFINED:
	case FC_JV_NONE:
		*out = true;
		return 0;
	case FC_JV_STR:
		x->steps += a.s->n >> 8;
		*out = fc_jstr_same(a.s, b.s);
		return 0;
	case FC_JV_LIST:
	case FC_JV_TUPLE:
	case FC_JV_VIEW:
	case FC_JV_DICT:
		if (fc_jx_enter(x) < 0)
			return -1;
		ret = a.kind == FC_JV_DICT ? dict_equal(x, a.dict, b.dict, out)
					   : list_equal(x, a.list, b.list, out);
		x->depth--;
		return ret;
	default:
		*out = a.list == b.list; /* the same object */
		return 0;
	}
}

static int list_less(struct fc_jx *x, const struct fc_jlist *a, const struct fc_jlist *b, bool *out)
{
	for (uint32_t i = 0; i < a->n && i < b->n; i++) {
		bool same;
		if (fc_jv_equal(x, a->v[i], b->v[i], &same) < 0)
			return -1;
		if (!same)
			return fc_jv_less(x, a->v[i], b->v[i], out);
	}
	*out = a->n < b->n;
	return 0;
}

int fc_jv_less(struct fc_jx *x, struct fc_jv a, struct fc_jv b, bool *out)
{
	if (a.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, a);
	if (b.kind == FC_JV_UNDEFINED)
		return fc_jv_use_undefined(x, b);
	if (fc_jv_is_number(a) && fc_jv_is_number(b)) {
		*out = a.kind == FC_JV_INT && b.kind == FC_JV_INT ? a.i < b.i
								  : fc_jv_real(a) < fc_jv_real(b);
		return 0;
	}
	if (a.kind == FC_JV_STR && b.kind == FC_JV_STR) {
		/* UTF-8 sorts as its code points */
		uint32_t n = a.s->n < b.s->n ? a.s->n : b.s->n;
		int c = memcmp(a.s->p, b.s->p, n);
		x->steps += n >> 8;
		*out = c < 0 || (c == 0 && a.s->n < b.s->n);
		return 0;
	}
	if (a.kind == b.kind && (a.kind == FC_JV_LIST || a.kind == FC_JV_TUPLE)) {
		if (fc_jx_enter(x) < 0)
			return -1;
		int ret = list_less(x, a.list, b.list, out);
		x->depth--;
		return ret;
	}
	return fc_jx_fail(x, "'<' not supported between instances of '%s' and '%s'", fc_jv_type(a),
	    fc_jv_type(b));
}

int fc_jv_contains(struct fc_jx *x, struct fc_jv item, struct fc_jv in, bool *out)
{
	*out = false;
	if (in.kind == FC_JV_STR) {
		if (item.kind != FC_JV_STR)
			return fc_jx_fail(x,
			    "'in <string>' requires string as left operand, not %s",
			    fc_jv_type(item));
		x->steps += in.s->n >> 8;
		*out = fc_jstr_find(in.s, item.s, 0) != SIZE_MAX;
		return 0;
	}
	if (in.kind == FC_JV_DICT) {
		struct fc_jv *v;
		int ret = fc_jv_find(x, in.dict, item, &v);
		*out = v != NULL;
		return ret;
	}
	if (!fc_jv_is_sequence(in) && in.kind != FC_JV_ITER && in.kind != FC_JV_UNDEFINED)
		return fc_jx_fail(x, "argument of type '%s' is not iterable", fc_jv_type(in));
	struct fc_jlist *l;
	if (fc_jv_items(x, in, &l) < 0)
		return -1;
	x->steps += l->n >> 4;
	for (uint32_t i = 0; i < l->n && !*out; i++)
		if (fc_jv_equal(x, l->v[i], item, out) < 0)
			return -1;
	return 0;
}
