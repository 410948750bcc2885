/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_SERVED_ROWS_H
#define FC_INFER_SERVED_ROWS_H

#include "fc-infer/served/place.h"

/* Told at the end of a run. */
struct rows_count {
	uint64_t n_trained, n_missing; /* trained tokens, and those of them without a row */
	uint64_t n_silent;             /* of these, with entries among which they are not */
	uint64_t n_alone;              /* trained tokens with rows of nothing but themselves */
	uint64_t n_unknown;            /* entries whose strings are no token's */
	uint64_t n_beyond;             /* tokens of replies behind the texts */
};
struct rows {
	const struct words *words; /* borrowed */
	size_t top_k, n_output;
	bool all_rows;
	struct rows_count count;
	struct rows_item *item; /* [cap] */
	size_t cap;
	uint32_t *id;
	float *logprob;
	size_t cap_id, cap_logprob;
};
/* Adds to x the rows of the tokens that p places, and sums up what is learned. */
int infer_rows_add(struct rows *m, struct fc_example *x, const struct place *p,
    const struct reply *r, struct fc_err *e);
void infer_rows_release(struct rows *m);

#endif
