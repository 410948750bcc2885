/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_GROUPS_H
#define FC_EVAL_GROUPS_H

#include "stream/example.h"
#include "text/category.h"
#include "text/table.h"

/* Numbers of conversations, ascending. */
struct eval_group {
	size_t *item;
	size_t n, cap;
};

/* Conversations by category.  {0} is empty. */
struct eval_groups {
	struct eval_group all;
	struct fc_categories categories;
	struct eval_group *group; /* [categories.n] */
	size_t cap;
};
void eval_groups_release(struct eval_groups *g);

/* Puts the next conversation, number all.n, into "all" and, unless category is NULL, into that
 * group. */
void eval_groups_add(struct eval_groups *g, const char *category);

/* Puts an example into "all" and the group that member `by` of its line names; by NULL: none.
 * name: the stream's, for messages. */
int eval_groups_file(struct eval_groups *g, const struct fc_example *x, const char *by,
    const char *name, struct fc_err *e);

/* Group i of eval_groups_count(): "all" first, then by name. */
size_t eval_groups_count(const struct eval_groups *g);
const struct eval_group *eval_groups_at(const struct eval_groups *g, size_t i, const char **name);

/* Ratios sum(num) / sum(den) over n_item shares, with the intervals of fc_resample_ratios(), for a
 * table.  share: [n_item][n_ratio]; cell: [n_ratio]. */
void eval_group_ratios(const struct fc_share *share, size_t n_item, size_t n_ratio, uint64_t seed,
    int n_resample, struct fc_cell *cell);

#endif
