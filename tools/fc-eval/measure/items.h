/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_ITEMS_H
#define FC_EVAL_ITEMS_H

#include "base/err.h"
#include "fc-eval/measure/scored.h"

/* What a stream says of one conversation or task. */
struct eval_item {
	char *id, *category;       /* category: NULL without a field to file it by */
	uint64_t print;            /* hash of what must be the same in all streams: text, gold */
	double value;              /* right answers: 1 or 0 */
	struct eval_scored scored; /* of likelihoods; else empty */
};
struct eval_items { /* {0} is empty */
	struct eval_item *v;
	size_t n, cap;
};
/* id is copied, category is taken.  The item's value and scored are for the caller to fill in. */
struct eval_item *eval_items_add(
    struct eval_items *s, const char *id, char *category, uint64_t print);
void eval_items_release(struct eval_items *s);

/* Items of several streams, joined by id. */
struct eval_joined {
	size_t *at; /* [n][n_stream] number in the stream, SIZE_MAX: it lacks it */
	size_t n;   /* by id; all that a stream has */
};
/* Sorts the streams' items by id.  An id that comes twice in a stream, and one whose items differ
 * in `print`, are errors.  path: [n_stream]; what: what differs, for the message. */
int eval_items_join(struct eval_joined *m, struct eval_items *s, char *const *path, size_t n_stream,
    const char *what, struct fc_err *e);
void eval_joined_release(struct eval_joined *m);

#endif
