/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/merge/merge.h"

#include <math.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/progress.h"
#include "fc-varm/merge/write_item.h"
#include "fc-varm/merge/group.h"
#include "fc-varm/merge/journal.h"

/* alone: the item is merged right after. */
static int measure_item(const struct plan *p, const struct plan_item *it, bool alone,
    struct measured *r, struct fc_err *e)
{
	struct views v = varm_plan_views(it);
	double sum = 0;
	v.read_again = alone;
	if (!it->method) {
		for (int k = 0; k < it->n_target; k++)
			r->weight[k] = NAN;
		return 0;
	}
	if (varm_method_measure(it->method, &v, r, e) < 0)
		return -1;
	for (int k = 0; k < it->n_target && it->method->importance; k++)
		sum += r->weight[k];
	if (!isfinite(sum))
		return varm_write_item_explain(p, it, "the squares of its changes overflow", e);
	return 0;
}

static uint64_t item_bytes(const struct plan_item *it)
{
	struct views v = varm_plan_views(it);
	return v.n * fc_dtype_size(it->out.dtype);
}

static uint64_t total_bytes(const struct plan *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += item_bytes(&p->item[i]);
	return n;
}

/* A merge under way. */
struct run {
	const struct plan *p;
	struct fc_store_writer *writer;
	struct journal *journal;
	struct all_measured *r;
	bool *finished; /* [p->n] */
	uint64_t done;  /* bytes */
};

/* Similarity of the group's tensors, just before they are merged. */
static int measure_similarity(
    const struct run *m, const size_t *member, size_t n_member, struct fc_err *e)
{
	for (size_t i = 0; i < n_member && m->r->similarity; i++) {
		struct views v = varm_plan_views(&m->p->item[member[i]]);
		if (v.method && v.base &&
		    varm_similarity_measure(&v, &m->r->similarity[member[i]], e) < 0)
			return -1;
	}
	return 0;
}

static bool all_finished(const struct run *m, const size_t *member, size_t n_member)
{
	for (size_t i = 0; i < n_member; i++)
		if (!m->finished[member[i]])
			return false;
	return true;
}

/* A group that is not finished is measured as a whole; only what is missing is written. */
static int merge_group(struct run *m, const size_t *member, size_t n_member, struct fc_err *e)
{
	const struct plan *p = m->p;
	if (measure_similarity(m, member, n_member, e) < 0)
		return -1;
	if (all_finished(m, member, n_member))
		return 0;
	for (size_t i = 0; i < n_member; i++)
		if (measure_item(p, &p->item[member[i]], n_member == 1, &m->r->item[member[i]], e) <
		    0)
			return -1;
	if (p->item[member[0]].method && p->item[member[0]].method->importance)
		varm_group_weigh(p, member, n_member, m->r);
	for (size_t i = 0; i < n_member; i++) {
		struct measured *r = &m->r->item[member[i]];
		uint64_t checksum;
		if (!m->finished[member[i]]) {
			if (varm_write_item(p, member[i], r, m->writer, &checksum, e) < 0 ||
			    varm_journal_add(m->journal, p, member[i], checksum, r, e) < 0)
				return -1;
			m->done += item_bytes(&p->item[member[i]]);
			fc_progress_set(m->done, NULL);
		}
		varm_measured_trim(r);
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

static int merge_all(struct run *m, struct fc_err *e)
{
	size_t *member = FC_ARRAY(size_t, m->p->n + 1);
	int ret = 0;
	fc_progress_start("bytes", total_bytes(m->p));
	for (size_t i = 0; i < m->p->n && ret == 0; i++) {
		size_t n = find_members(m->p, i, member);
		if (n)
			ret = merge_group(m, member, n, e);
	}
	fc_progress_end();
	free(member);
	return ret;
}

/* Marks what the journal has and the files still hold. */
static int find_finished(struct run *m, struct fc_err *e)
{
	size_t n = 0, n_bad = 0;
	for (size_t i = 0; i < m->p->n; i++) {
		uint64_t want, have;
		if (!varm_journal_find(m->journal, m->p, i, &want, &m->r->item[i]))
			continue;
		if (varm_write_item_checksum(m->p, i, m->writer, &have, e) < 0)
			return -1;
		if (have != want) {
			n_bad++;
			continue;
		}
		fc_store_writer_mark(m->writer, i);
		m->finished[i] = true;
		m->done += item_bytes(&m->p->item[i]);
		n++;
	}
	if (n_bad)
		fc_warn("%zu tensors have changed since they were written; they are merged again",
		    n_bad);
	fc_note("%zu of %zu tensors are finished", n, m->p->n);
	return 0;
}

/* With files of an earlier run: whether they are this plan's; others are removed. */
static int reopen_output(struct run *m, const struct merge_options *o, const char *dir,
    const struct fc_tensor *out, bool usable, struct fc_err *e)
{
	struct fc_err why;
	if (usable &&
	    fc_store_writer_reopen(&m->writer, dir, out, m->p->n, o->shard_bytes, &why) == 0)
		return find_finished(m, e);
	fc_warn("what is in %s is not of this merge: starting over", dir);
	varm_journal_close(m->journal);
	m->journal = NULL;
	if (fc_store_remove(dir, e) < 0 ||
	    varm_journal_open(&m->journal, dir, m->p, false, &usable, e) < 0)
		return -1;
	return fc_store_writer_open(&m->writer, dir, out, m->p->n, o->shard_bytes, e);
}

static int open_output(
    struct run *m, const struct merge_options *o, const char *dir, struct fc_err *e)
{
	bool usable;
	struct fc_tensor *out = FC_ARRAY(struct fc_tensor, m->p->n + 1);
	for (size_t i = 0; i < m->p->n; i++)
		out[i] = m->p->item[i].out;
	int ret = varm_journal_open(&m->journal, dir, m->p, o->resume, &usable, e);
	if (ret == 0 && o->resume)
		ret = reopen_output(m, o, dir, out, usable, e);
	else if (ret == 0)
		ret = fc_store_writer_open(&m->writer, dir, out, m->p->n, o->shard_bytes, e);
	free(out);
	return ret;
}

int varm_merge_run(struct plan *p, const struct merge_options *o, const char *dir,
    struct all_measured *r, struct fc_err *e)
{
	struct run m = {.p = p, .r = r, .finished = FC_ARRAY(bool, p->n + 1)};
	struct fc_err ignored;
	*r = (struct all_measured){FC_ARRAY(struct measured, p->n + 1),
	    o->similarity ? FC_ARRAY(struct similarity, p->n + 1) : NULL, p->n};
	for (size_t i = 0; i < p->n; i++)
		r->item[i].weight = FC_ARRAY(double, (size_t)p->item[i].n_target + 1);
	varm_group_assign(p);
	int ret = open_output(&m, o, dir, e);
	if (ret == 0)
		ret = merge_all(&m, e);
	if (m.writer && fc_store_writer_close(m.writer, ret == 0 ? e : &ignored) < 0)
		ret = -1;
	varm_journal_close(m.journal);
	free(m.finished);
	return ret;
}

int varm_merge_finish(const char *dir, struct fc_err *e)
{
	return varm_journal_remove(dir, e);
}

void varm_all_measured_release(struct all_measured *r)
{
	for (size_t i = 0; i < r->n; i++)
		varm_measured_clear(&r->item[i]);
	for (size_t i = 0; i < r->n && r->similarity; i++)
		varm_similarity_release(&r->similarity[i]);
	free(r->similarity);
	free(r->item);
}
