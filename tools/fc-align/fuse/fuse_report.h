/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_FUSE_REPORT_H
#define FC_ALIGN_FUSE_REPORT_H

#include "text/category.h"
#include "text/table.h"

/* What one candidate gave to all conversations of a group. */
struct align_contribution {
	uint64_t n_used; /* conversations in which the candidate's weight was above 0 */
	double weight;   /* sum of its weights over the conversations */
	double nll, n;   /* nats on the labels, and how many bytes or tokens the labels are */
};

/* How much each candidate had to say in a fused stream, overall and by category. */
struct align_fuse_report {
	size_t n;  /* candidates */
	bool made; /* the fused conversations are reported like a candidate, after the others */
	struct fc_categories categories;
	struct align_contribution *all; /* [n + made] */
	struct align_contribution *by;  /* [categories.n][n + made] */
	size_t cap;
};
void align_fuse_report_init(struct align_fuse_report *t, size_t n, bool made);
void align_fuse_report_release(struct align_fuse_report *t);
/* What one candidate gave to one conversation. */
struct align_conversation_share {
	double w;      /* the candidate's share of the fused rows; of the fused itself 1 */
	double nll, n; /* as in struct align_contribution */
};
/* Counts one conversation.  share: [n + made]; category: NULL for none. */
void align_fuse_report_add(struct align_fuse_report *t,
    const struct align_conversation_share *share, const char *category);
/* Columns group, source, conversations, share, ce (nats per byte or token).  names: [n + made]. */
struct fc_table align_fuse_report_table(
    const struct align_fuse_report *t, const char *const *names);

#endif
