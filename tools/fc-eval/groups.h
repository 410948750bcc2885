/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_GROUPS_H
#define FC_EVAL_GROUPS_H

#include "text/category.h"

/* Numbers of conversations, ascending. */
struct fc_group {
	size_t *item;
	size_t n, cap;
};

/* Conversations by category.  {0} is empty. */
struct fc_groups {
	struct fc_group all;
	struct fc_categories categories;
	struct fc_group *group; /* [categories.n] */
	size_t cap;
};
void fc_groups_release(struct fc_groups *g);

/* Puts conversation `item` into "all" and, unless category is NULL, into that group. */
void fc_groups_add(struct fc_groups *g, size_t item, const char *category);

/* Group i of fc_groups_count(): "all" first, then by name. */
size_t fc_groups_count(const struct fc_groups *g);
const struct fc_group *fc_groups_at(const struct fc_groups *g, size_t i, const char **name);

#endif
