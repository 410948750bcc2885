/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_TALLY_H
#define FC_ALIGN_TALLY_H

#include "text/category.h"
#include "text/table.h"

struct fc_part_of {
	uint64_t n_used; /* conversations in which its weight was above 0 */
	double weight;   /* sum over conversations */
	double nll, n;   /* nats on the labels, and how many bytes or tokens these are */
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
/* What one candidate did in one conversation. */
struct fc_did {
	double w;      /* its share of what was made */
	double nll, n; /* as in struct fc_part_of */
};
/* One conversation.  did: [n]; category: NULL for none. */
void fc_tally_add(struct fc_tally *t, const struct fc_did *did, const char *category);
/* Columns group, source, conversations, share, ce (nats per byte or token).  label: [n]. */
struct fc_table *fc_tally_table(const struct fc_tally *t, const char *const *label);

#endif
