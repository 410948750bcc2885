/* SPDX-License-Identifier: Apache-2.0 */
#include "jinja/jinja_impl.h"

/* Methods of dictionaries, lists and loops. */

static struct fc_jv view(struct fc_jx *x, const char *name, size_t n)
{
	struct fc_jv v = fc_jv_list(x, FC_JV_VIEW, n);
	v.list->view = name;
	return v;
}

static int dict_keys(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	*out = view(x, "dict_keys", a[0].dict->n);
	for (uint32_t i = 0; i < a[0].dict->n; i++)
		if (fc_jv_append(x, *out, a[0].dict->v[i].k) < 0)
			return -1;
	return 0;
}

static int dict_values(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	*out = view(x, "dict_values", a[0].dict->n);
	for (uint32_t i = 0; i < a[0].dict->n; i++)
		if (fc_jv_append(x, *out, a[0].dict->v[i].v) < 0)
			return -1;
	return 0;
}

static int dict_items(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	*out = view(x, "dict_items", a[0].dict->n);
	for (uint32_t i = 0; i < a[0].dict->n; i++) {
		struct fc_jv pair = fc_jv_list(x, FC_JV_TUPLE, 2);
		if (fc_jv_append(x, pair, a[0].dict->v[i].k) < 0)
			return -1;
		if (fc_jv_append(x, pair, a[0].dict->v[i].v) < 0)
			return -1;
		if (fc_jv_append(x, *out, pair) < 0)
			return -1;
	}
	return 0;
}

static int dict_get(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jv *v;
	if (fc_jv_find(x, a[0].dict, a[1], &v) < 0)
		return -1;
	*out = v ? *v : a[2].kind == FC_JV_MISSING ? fc_jv_none() : a[2];
	return 0;
}

static int dict_copy(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	*out = fc_jv_dict(x);
	for (uint32_t i = 0; i < a[0].dict->n; i++)
		if (fc_jv_put(x, *out, a[0].dict->v[i].k, a[0].dict->v[i].v) < 0)
			return -1;
	return 0;
}

static int list_copy(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	*out = fc_jv_list(x, FC_JV_LIST, a[0].list->n);
	for (uint32_t i = 0; i < a[0].list->n; i++)
		if (fc_jv_append(x, *out, a[0].list->v[i]) < 0)
			return -1;
	return 0;
}

static int list_count(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	int64_t n = 0;
	for (uint32_t i = 0; i < a[0].list->n; i++) {
		bool same;
		if (fc_jv_equal(x, a[0].list->v[i], a[1], &same) < 0)
			return -1;
		n += same;
	}
	*out = fc_jv_int(n);
	return 0;
}

/* value, start, stop */
static int list_index(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	const int64_t n = a[0].list->n;
	int64_t i, stop;
	if (fc_jv_want_int(x, a[2], 0, &i) < 0 || fc_jv_want_int(x, a[3], n, &stop) < 0)
		return -1;
	i = i < -n ? 0 : i < 0 ? i + n : i;
	stop = stop < 0 ? stop + n : stop > n ? n : stop;
	for (; i < stop; i++) {
		bool same;
		if (fc_jv_equal(x, a[0].list->v[i], a[1], &same) < 0)
			return -1;
		if (same) {
			*out = fc_jv_int(i);
			return 0;
		}
	}
	return fc_jx_fail(x, "the value is not in the list");
}

static int loop_cycle(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	if (!args->n)
		return fc_jx_fail(x, "no items for cycling given");
	*out = args->v[self.loop->i % args->n];
	return 0;
}

static int loop_changed(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out)
{
	struct fc_jloop *l = self.loop;
	bool same = l->last_changed && l->n_last_changed == args->n;
	for (uint32_t i = 0; same && i < args->n; i++)
		if (fc_jv_equal(x, args->v[i], l->last_changed[i], &same) < 0)
			return -1;
	static const struct fc_jv none;
	l->last_changed = args->n ? args->v : &none;
	l->n_last_changed = args->n;
	*out = fc_jv_bool(!same);
	return 0;
}

const struct fc_jbuiltin *fc_jinja_method(struct fc_jv self, const struct fc_jstr *name)
{
	static const struct fc_jbuiltin dict[] = {
	    {"keys", "", 0, dict_keys, NULL},
	    {"values", "", 0, dict_values, NULL},
	    {"items", "", 0, dict_items, NULL},
	    {"get", "key default", 1, dict_get, NULL},
	    {"copy", "", 0, dict_copy, NULL},
	};
	static const struct fc_jbuiltin list[] = {
	    {"count", "value", 1, list_count, NULL},
	    {"index", "value start stop", 1, list_index, NULL},
	    {"copy", "", 0, list_copy, NULL},
	};
	static const struct fc_jbuiltin loop[] = {
	    {"cycle", NULL, 0, NULL, loop_cycle},
	    {"changed", NULL, 0, NULL, loop_changed},
	};
	switch (self.kind) {
	case FC_JV_STR:
		return fc_jinja_str_method(name);
	case FC_JV_DICT:
		return fc_jinja_find(dict, sizeof dict / sizeof *dict, name->p, name->n);
	case FC_JV_LIST:
		return fc_jinja_find(list, sizeof list / sizeof *list, name->p, name->n);
	case FC_JV_TUPLE: /* has no copy() */
		return fc_jinja_find(list, 2, name->p, name->n);
	case FC_JV_LOOP:
		return fc_jinja_find(loop, sizeof loop / sizeof *loop, name->p, name->n);
	default:
		return NULL;
	}
}
