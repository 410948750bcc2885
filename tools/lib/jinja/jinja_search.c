/* SPDX-License-Identifier: Apache-2.0 */
#include "jinja/jinja_impl.h"

/* Methods of strings that look for a part: in the characters [start, end), as slices count them. */

struct range {
	size_t from, to; /* bytes */
	bool beyond;     /* start lies behind the end: not even "" is there */
};

static int64_t clamp(int64_t i, int64_t n)
{
	if (i < 0)
		i += n;
	return i < 0 ? 0 : i > n ? n : i;
}

static int bound(struct fc_jx *x, struct fc_jv v, int64_t def, int64_t *out)
{
	if (v.kind == FC_JV_NONE)
		v.kind = FC_JV_MISSING;
	return fc_jv_want_int(x, v, def, out);
}

/* a[2] and a[3] are start and end; part is a[1]. */
static int range_of(struct fc_jx *x, const struct fc_jv *a, struct range *r)
{
	int64_t start, end;
	const struct fc_jstr *s = a[0].s;
	*r = (struct range){0, s->n, false};
	if (bound(x, a[2], 0, &start) < 0 || bound(x, a[3], INT64_MAX, &end) < 0 ||
	    fc_jx_step(x, s->n) < 0)
		return -1;
	if (start == 0 && end == INT64_MAX)
		return 0;
	const int64_t n = (int64_t)fc_jstr_chars(s);
	r->from = fc_jstr_offset(s, (size_t)clamp(start, n));
	r->to = fc_jstr_offset(s, (size_t)clamp(end, n));
	r->beyond = start > n || r->to < r->from;
	return 0;
}

/* Where a[1] is, as a character's index; -1: nowhere. */
static int search(struct fc_jx *x, const struct fc_jv *a, bool last, int64_t *out)
{
	struct range r;
	*out = -1;
	if (fc_jv_want_str(x, a[1]) < 0 || range_of(x, a, &r) < 0)
		return -1;
	if (r.beyond)
		return 0;
	const struct fc_jstr *s = a[0].s, *part = a[1].s;
	size_t at = last ? fc_jstr_find_last(s, part, r.to) : fc_jstr_find(s, part, r.from);
	if (at == SIZE_MAX || at < r.from || at + part->n > r.to)
		return 0;
	const struct fc_jstr before = {s->p, (uint32_t)at, 0, NULL};
	*out = (int64_t)fc_jstr_chars(&before);
	return 0;
}

static int find_or(struct fc_jx *x, const struct fc_jv *a, bool last, bool must, struct fc_jv *out)
{
	int64_t i;
	if (search(x, a, last, &i) < 0)
		return -1;
	if (i < 0 && must)
		return fc_jx_fail(x, "substring not found");
	*out = fc_jv_int(i);
	return 0;
}

static int find(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return find_or(x, a, false, false, out);
}

static int rfind(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return find_or(x, a, true, false, out);
}

static int index_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return find_or(x, a, false, true, out);
}

static int rindex_(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return find_or(x, a, true, true, out);
}

static int count(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	struct range r;
	if (fc_jv_want_str(x, a[1]) < 0 || range_of(x, a, &r) < 0)
		return -1;
	const struct fc_jstr *part = a[1].s;
	const struct fc_jstr in = {a[0].s->p, (uint32_t)r.to, 0, NULL},
			     all = {a[0].s->p + r.from, (uint32_t)(r.beyond ? 0 : r.to - r.from), 0,
				 NULL};
	int64_t n = 0;
	if (!part->n)
		n = r.beyond ? 0 : (int64_t)fc_jstr_chars(&all) + 1;
	else
		for (size_t at = r.from; (at = fc_jstr_find(&in, part, at)) != SIZE_MAX; n++)
			at += part->n;
	*out = fc_jv_int(n);
	return 0;
}

static int affix(struct fc_jx *x, const struct fc_jv *a, bool at_end, struct fc_jv *out)
{
	struct range r;
	const bool many = a[1].kind == FC_JV_TUPLE;
	bool is = false;
	if (range_of(x, a, &r) < 0)
		return -1;
	const struct fc_jstr s = {
	    a[0].s->p + r.from, (uint32_t)(r.beyond ? 0 : r.to - r.from), 0, NULL};
	for (uint32_t i = 0; i < (many ? a[1].list->n : 1) && !is; i++) {
		const struct fc_jv part = many ? a[1].list->v[i] : a[1];
		if (fc_jv_want_str(x, part) < 0)
			return -1;
		is = !r.beyond && fc_jstr_has_affix(&s, part.s, at_end);
	}
	*out = fc_jv_bool(is);
	return 0;
}

static int startswith(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return affix(x, a, false, out);
}

static int endswith(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return affix(x, a, true, out);
}

/* What stands before, the part itself, and what stands behind. */
static int split_at(struct fc_jx *x, const struct fc_jv *a, bool last, struct fc_jv *out)
{
	if (fc_jv_want_str(x, a[1]) < 0)
		return -1;
	const struct fc_jstr *s = a[0].s, *part = a[1].s;
	if (!part->n)
		return fc_jx_fail(x, "empty separator");
	size_t at = last ? fc_jstr_find_last(s, part, s->n) : fc_jstr_find(s, part, 0);
	const bool found = at != SIZE_MAX;
	size_t from = found ? at : last ? 0 : s->n, to = found ? at + part->n : from;
	*out = fc_jv_list(x, FC_JV_TUPLE, 3);
	if (fc_jv_append(x, *out, fc_jv_same_safe(a[0], fc_jstr_sub(x, s, 0, from))) < 0 ||
	    fc_jv_append(x, *out, fc_jv_same_safe(a[0], fc_jstr_sub(x, s, from, to))) < 0 ||
	    fc_jv_append(x, *out, fc_jv_same_safe(a[0], fc_jstr_sub(x, s, to, s->n))) < 0)
		return -1;
	return fc_jx_step(x, s->n);
}

static int partition(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return split_at(x, a, false, out);
}

static int rpartition(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out)
{
	return split_at(x, a, true, out);
}

const struct fc_jbuiltin *fc_jinja_search_method(const struct fc_jstr *name)
{
	static const struct fc_jbuiltin table[] = {
	    {"find", "sub start end", 1, find, NULL},
	    {"rfind", "sub start end", 1, rfind, NULL},
	    {"index", "sub start end", 1, index_, NULL},
	    {"rindex", "sub start end", 1, rindex_, NULL},
	    {"count", "sub start end", 1, count, NULL},
	    {"startswith", "prefix start end", 1, startswith, NULL},
	    {"endswith", "suffix start end", 1, endswith, NULL},
	    {"partition", "sep", 1, partition, NULL},
	    {"rpartition", "sep", 1, rpartition, NULL},
	};
	return fc_jinja_find(table, sizeof table / sizeof *table, name->p, name->n);
}
