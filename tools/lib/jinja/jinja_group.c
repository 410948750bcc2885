/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "jinja/jinja_impl.h"

/* Filters that make lists of lists. */

/* linecount, fill_with: rows of so many items */
static int batch(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	int64_t n;
	struct fc_jv row = fc_jv_list(x, FC_JV_LIST, 0);
	const bool fills = a[2].kind != FC_JV_MISSING && a[2].kind != FC_JV_NONE;
	if (fc_jv_want_int(x, a[1], 0, &n) < 0 || fc_jv_items(x, a[0], &l) < 0)
		return -1;
	*out = fc_jv_list(x, FC_JV_ITER, 0);
	for (uint32_t i = 0; i < l->n; i++) {
		if (row.list->n == (uint64_t)n) {
			if (fc_jv_append(x, *out, row) < 0)
				return -1;
			row = fc_jv_list(x, FC_JV_LIST, 0);
		}
		if (fc_jv_append(x, row, l->v[i]) < 0)
			return -1;
	}
	while (fills && row.list->n && row.list->n < n)
		if (fc_jv_append(x, row, a[2]) < 0)
			return -1;
	return row.list->n ? fc_jv_append(x, *out, row) : 0;
}

/* slices, fill_with: so many columns, the first ones longer by one where it does not go up */
static int slice(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	int64_t n;
	const bool fills = a[2].kind != FC_JV_MISSING && a[2].kind != FC_JV_NONE;
	if (fc_jv_want_int(x, a[1], 0, &n) < 0 || fc_jv_items(x, a[0], &l) < 0)
		return -1;
	if (n <= 0)
		return fc_jx_fail(x, "slice: %" PRId64 " columns", n);
	*out = fc_jv_list(x, FC_JV_ITER, 0);
	const int64_t each = l->n / n, longer = l->n % n;
	uint32_t at = 0;
	for (int64_t i = 0; i < n; i++) {
		struct fc_jv column = fc_jv_list(x, FC_JV_LIST, 0);
		for (int64_t k = each + (i < longer); k > 0; k--)
			if (fc_jv_append(x, column, l->v[at++]) < 0)
				return -1;
		if (fills && i >= longer && fc_jv_append(x, column, a[2]) < 0)
			return -1;
		if (fc_jv_append(x, *out, column) < 0)
			return -1;
	}
	return 0;
}

/* (key, items with it): also .grouper and .list */
static int add_group(struct fc_jx *x, struct fc_jv out, struct fc_jv key, struct fc_jv items)
{
	struct fc_jv group = fc_jv_list(x, FC_JV_TUPLE, 2);
	group.list->view = FC_JINJA_GROUP;
	if (fc_jv_append(x, group, key) < 0 || fc_jv_append(x, group, items) < 0)
		return -1;
	return fc_jv_append(x, out, group);
}

/* attribute, default, case_sensitive */
static int groupby(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct fc_jlist *l;
	struct fc_jv sorted, key = {0}, last, shown = {0}, items = fc_jv_list(x, FC_JV_LIST, 0);
	const struct fc_jsort s = {.attribute = a[1], .def = a[2], .cased = fc_jv_true(a[3])};
	if (fc_jv_items(x, a[0], &l) < 0 || fc_jv_sort(x, l, &s, &sorted) < 0)
		return -1;
	*out = fc_jv_list(x, FC_JV_LIST, 0);
	for (uint32_t i = 0; i < sorted.list->n; i++) {
		bool same = false;
		last = key;
		if (fc_jv_sort_key(x, sorted.list->v[i], &s, &key) < 0 ||
		    (i && fc_jv_equal(x, last, key, &same) < 0))
			return -1;
		if (i && !same) {
			if (add_group(x, *out, shown, items) < 0)
				return -1;
			items = fc_jv_list(x, FC_JV_LIST, 0);
		}
		if (!items.list->n) { /* the key is shown as its first item has it */
			const struct fc_jsort as_it_is = {s.attribute, s.def, true, false};
			if (fc_jv_sort_key(x, sorted.list->v[i], &as_it_is, &shown) < 0)
				return -1;
		}
		if (fc_jv_append(x, items, sorted.list->v[i]) < 0)
			return -1;
	}
	return items.list->n ? add_group(x, *out, shown, items) : 0;
}

const struct fc_jbuiltin *fc_jinja_group_filter(const char *p, size_t n)
{
	static const struct fc_jbuiltin table[] = {
	    {"batch", "linecount fill_with", 1, batch, NULL},
	    {"slice", "slices fill_with", 1, slice, NULL},
	    {"groupby", "attribute default case_sensitive", 1, groupby, NULL},
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, p, n);
}
