/* SPDX-License-Identifier: Apache-2.0 */
#include "merge.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "emit.h"
#include "group.h"

static int measure(
    const struct plan *p, const struct plan_item *it, struct verdict *r, struct fc_err *e)
{
	struct views v = plan_views(it);
	double sum = 0;
	if (!it->method) {
		for (int k = 0; k < it->n_target; k++)
			r->weight[k] = NAN;
		return 0;
	}
	if (it->method->measure(&v, r, e) < 0)
		return -1;
	for (int k = 0; k < it->n_target && it->method->importance; k++)
		sum += r->weight[k];
	if (!isfinite(sum))
		return emit_explain(p, it, "the squares of its changes overflow", e);
	return 0;
}

static uint64_t item_bytes(const struct plan_item *it)
{
	struct views v = plan_views(it);
	return v.n * fc_dtype_size(it->out.dtype);
}

static uint64_t total_bytes(const struct plan *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += item_bytes(&p->item[i]);
	return n;
}

static int merge_group(const struct plan *p, const size_t *member, size_t n_member,
    struct fc_store_writer *w, struct verdicts *r, uint64_t *done, struct fc_err *e)
{
	for (size_t m = 0; m < n_member; m++)
		if (measure(p, &p->item[member[m]], &r->item[member[m]], e) < 0)
			return -1;
	if (p->item[member[0]].method && p->item[member[0]].method->importance)
		group_weigh(p, member, n_member, r);
	for (size_t m = 0; m < n_member; m++) {
		if (emit(p, member[m], &r->item[member[m]], w, e) < 0)
			return -1;
		*done += item_bytes(&p->item[member[m]]);
		fc_progress_set(*done, NULL);
	}
	return 0;
}

/* The items of item i's group, i being its first; none when an earlier item has it. */
static size_t find_members(const struct plan *p, size_t i, size_t *member)
{
	size_t n = 0;
	int group = p->item[i].group;
	for (size_t j = 0; j < i && group; j++)
		if (p->item[j].group == group)
			return 0;
	member[n++] = i;
	for (size_t j = i + 1; j < p->n && group; j++)
		if (p->item[j].group == group)
			member[n++] = j;
	return n;
}

static int merge_all(
    const struct plan *p, struct fc_store_writer *writer, struct verdicts *r, struct fc_err *e)
{
	size_t *member = FC_ARRAY(size_t, p->n + 1);
	uint64_t done = 0;
	int ret = 0;
	fc_progress_start("bytes", total_bytes(p));
	for (size_t i = 0; i < p->n && ret == 0; i++) {
		size_t n = find_members(p, i, member);
		if (n)
			ret = merge_group(p, member, n, writer, r, &done, e);
	}
	fc_progress_end();
	free(member);
	return ret;
}

int merge_run(
    struct plan *p, size_t shard_bytes, const char *dir, struct verdicts *r, struct fc_err *e)
{
	struct fc_store_writer *writer;
	struct fc_err ignored;
	struct fc_tensor *out = FC_ARRAY(struct fc_tensor, p->n + 1);
	*r = (struct verdicts){FC_ARRAY(struct verdict, p->n + 1), p->n};
	group_assign(p);
	for (size_t i = 0; i < p->n; i++) {
		out[i] = p->item[i].out;
		r->item[i].weight = FC_ARRAY(double, (size_t)p->item[i].n_target + 1);
	}
	int ret = fc_store_writer_open(&writer, dir, out, p->n, shard_bytes, e);
	if (ret == 0) {
		ret = merge_all(p, writer, r, e);
		if (fc_store_writer_close(writer, ret == 0 ? e : &ignored) < 0)
			ret = -1;
	}
	free(out);
	return ret;
}

void verdicts_release(struct verdicts *r)
{
	for (size_t i = 0; i < r->n; i++)
		verdict_clear(&r->item[i]);
	free(r->item);
}
