/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_FUSE_REPORT_H
#define FC_ALIGN_FUSE_REPORT_H

#include "text/category.h"
#include "text/table.h"

struct align_part_of {
	uint64_t n_used; /* conversations in which its weight was above 0 */
	double weight;   /* sum over conversations */
	double nll, n;   /* nats on the labels, and how many bytes or tokens these are */
};

/* How much each candidate had to say in a fused stream, overall and by category. */
struct align_tally {
	size_t n;  /* candidates */
	bool made; /* one more at the end of all that follows: what was made of them */
	struct fc_categories categories;
	struct align_part_of *all; /* [n + made] */
	struct align_part_of *by;  /* [categories.n][n + made] */
	size_t cap;
};
void align_tally_init(struct align_tally *t, size_t n, bool made);
void align_tally_release(struct align_tally *t);
/* What one candidate did in one conversation. */
struct align_did {
	double w;      /* its share of what was made, 1 of that itself */
	double nll, n; /* as in struct align_part_of */
};
/* One conversation.  did: [n + made]; category: NULL for none. */
void align_tally_add(struct align_tally *t, const struct align_did *did, const char *category);
/* Columns group, source, conversations, share, ce (nats per byte or token).  label: [n + made]. */
struct fc_table *align_tally_table(const struct align_tally *t, const char *const *label);

#endif
