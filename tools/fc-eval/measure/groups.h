/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_GROUPS_H
#define FC_EVAL_GROUPS_H

#include "stream/example.h"
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

/* Puts the next conversation, number all.n, into "all" and, unless category is NULL, into that
 * group. */
void fc_groups_add(struct fc_groups *g, const char *category);

/* The same for an example whose category member `by` of its line tells; by NULL: none.  name: the
 * stream's, for messages. */
int fc_groups_file(struct fc_groups *g, const struct fc_example *x, const char *by,
    const char *name, struct fc_err *e);

/* Group i of fc_groups_count(): "all" first, then by name. */
size_t fc_groups_count(const struct fc_groups *g);
const struct fc_group *fc_groups_at(const struct fc_groups *g, size_t i, const char **name);

#endif
