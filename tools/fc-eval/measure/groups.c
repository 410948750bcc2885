/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/groups.h"

#include <stdlib.h>

#include "base/mem.h"

void eval_groups_release(struct eval_groups *g)
{
	for (size_t i = 0; i < g->categories.n; i++)
		free(g->group[i].item);
	free(g->group);
	free(g->all.item);
	fc_categories_release(&g->categories);
	*g = (struct eval_groups){0};
}

static void put_item(struct eval_group *group, size_t item)
{
	FC_GROW(group->item, group->cap, group->n + 1);
	group->item[group->n++] = item;
}

void eval_groups_add(struct eval_groups *g, const char *category)
{
	const size_t item = g->all.n;
	put_item(&g->all, item);
	if (!category)
		return;
	size_t n = g->categories.n, i = fc_categories_number(&g->categories, category);
	if (i == n) {
		FC_GROW(g->group, g->cap, n + 1);
		g->group[n] = (struct eval_group){0};
	}
	put_item(&g->group[i], item);
}

int eval_groups_file(struct eval_groups *g, const struct fc_example *x, const char *by,
    const char *name, struct fc_err *e)
{
	char *category = NULL;
	if (by && fc_category_parse(x->meta.p, x->meta.n, by, name, &category, e) < 0)
		return -1;
	eval_groups_add(g, category);
	free(category);
	return 0;
}

size_t eval_groups_count(const struct eval_groups *g)
{
	return 1 + g->categories.n;
}

const struct eval_group *eval_groups_at(const struct eval_groups *g, size_t i, const char **name)
{
	if (i == 0) {
		*name = FC_CATEGORY_ALL;
		return &g->all;
	}
	size_t number = g->categories.sorted[i - 1];
	*name = g->categories.name[number];
	return &g->group[number];
}

void eval_group_ratios(const struct fc_share *share, size_t n_item, size_t n_ratio, uint64_t seed,
    int n_resample, struct fc_cell *cell)
{
	struct fc_interval *interval = FC_ARRAY(struct fc_interval, n_ratio);
	fc_resample_ratios(share, n_item, n_ratio, seed, (size_t)n_resample, interval);
	for (size_t r = 0; r < n_ratio; r++) {
		struct fc_share sum = {0};
		for (size_t i = 0; i < n_item; i++) {
			sum.num += share[i * n_ratio + r].num;
			sum.den += share[i * n_ratio + r].den;
		}
		cell[r] = fc_cell_within(sum.num / sum.den, interval[r]);
	}
	free(interval);
}
