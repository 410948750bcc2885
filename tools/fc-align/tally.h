/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_TALLY_H
#define FC_ALIGN_TALLY_H

#include "text/category.h"
#include "text/table.h"

struct fc_part_of {
	uint64_t n_used; /* conversations in which its weight was above 0 */
	double weight;   /* sum over conversations */
};

/* How much each candidate had to say in a fused stream, overall and by category. */
struct fc_tally {
	size_t n; /* candidates */
	struct fc_categories categories;
	struct fc_part_of *all; /* [n] */
	struct fc_part_of *by;  /* [categories.n][n] */
	size_t cap;
};
void fc_tally_init(struct fc_tally *t, size_t n);
void fc_tally_release(struct fc_tally *t);
/* One conversation.  w: [n]; category: NULL for none. */
void fc_tally_add(struct fc_tally *t, const double *w, const char *category);
/* Columns group, source, conversations, share.  label: [n]. */
struct fc_table *fc_tally_table(const struct fc_tally *t, const char *const *label);

#endif
