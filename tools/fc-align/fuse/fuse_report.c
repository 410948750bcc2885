/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/fuse_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void align_fuse_report_init(struct align_fuse_report *t, size_t n, bool made)
{
	*t = (struct align_fuse_report){
	    .n = n, .made = made, .all = FC_ARRAY(struct align_contribution, n + made)};
}

void align_fuse_report_release(struct align_fuse_report *t)
{
	free(t->all);
	free(t->by);
	fc_categories_release(&t->categories);
	*t = (struct align_fuse_report){0};
}

static void add_conversation(
    struct align_contribution *to, const struct align_conversation_share *share, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to[i].n_used += share[i].w > 0;
		to[i].weight += share[i].w;
		to[i].nll += share[i].nll;
		to[i].n += share[i].n;
	}
}

void align_fuse_report_add(
    struct align_fuse_report *t, const struct align_conversation_share *share, const char *category)
{
	const size_t width = t->n + t->made;
	add_conversation(t->all, share, width);
	if (!category)
		return;
	size_t known = t->categories.n, i = fc_categories_number(&t->categories, category);
	if (i == known) {
		FC_GROW(t->by, t->cap, (known + 1) * width);
		memset(t->by + known * width, 0, width * sizeof *t->by);
	}
	add_conversation(t->by + i * width, share, width);
}

static void put_group(struct fc_table *table, const char *group, const struct align_contribution *p,
    const struct align_fuse_report *t, const char *const *names)
{
	double sum = 0;
	for (size_t i = 0; i < t->n; i++)
		sum += p[i].weight;
	for (size_t i = 0; i < t->n + t->made; i++)
		FC_TABLE_ROW(table, fc_cell_text(group), fc_cell_text(names[i]),
		    fc_cell_count(p[i].n_used), fc_cell_real(p[i].weight / sum),
		    fc_cell_real(p[i].nll / p[i].n));
}

struct fc_table align_fuse_report_table(const struct align_fuse_report *t, const char *const *names)
{
	static const struct fc_column columns[] = {FC_COLUMN("group"), FC_COLUMN("source"),
	    FC_COLUMN("conversations"), FC_COLUMN("share", .decimals = 3),
	    FC_COLUMN("ce", .decimals = 4)};
	struct fc_table table = FC_TABLE(columns);
	put_group(&table, FC_CATEGORY_ALL, t->all, t, names);
	for (size_t i = 0; i < t->categories.n; i++) {
		size_t k = t->categories.sorted[i];
		put_group(&table, t->categories.name[k], t->by + k * (t->n + t->made), t, names);
	}
	return table;
}
