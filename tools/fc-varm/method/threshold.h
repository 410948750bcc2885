/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CUT_H
#define FC_VARM_CUT_H

#include "fc-varm/method/pass.h"

/*
 * The entries of a tensor with the largest keys, the first ones where keys are equal.  A key is a
 * double of at least 0 by its bits, which order as the values do.
 */
struct cut {
	uint64_t key;   /* the smallest key taken */
	uint64_t index; /* of those with this key, entries up to this index */
};

static inline bool cut_passes(const struct cut *c, uint64_t key, uint64_t index)
{
	return key > c->key || (key == c->key && index <= c->index);
}

/* factor[i] = where entry first + i, with this magnitude, passes the cut: scale, else 0. */
void varm_cut_factors(const struct cut *c, const double *change, uint64_t first, size_t n,
    double scale, double *factor);

struct cut_wish;

/* Keys of the block in hand, whose values they leave alone. */
typedef void cut_keys(const struct unit *u, const struct cut_wish *w, uint64_t *key);

/* The population variance of the targets' values, times the square of their number. */
void varm_cut_variance(const struct unit *u, const struct cut_wish *w, uint64_t *key);
/* The magnitude of the change of w->target. */
void varm_cut_magnitude(const struct unit *u, const struct cut_wish *w, uint64_t *key);

/* One question about a tensor, and its answer. */
struct cut_wish {
	cut_keys *keys;
	int target;
	const void *ctx; /* the keys' own */
	/* How many to take: the part of all entries, or of those with a key above 0, rounded down
	 * to a whole number, but not below least. */
	double part;
	bool of_nonzero;
	size_t least;
	bool exact; /* cut.key must be a key of the tensor, not only lie between the right ones */
	/* The answer: nothing passes the cut when take is 0, and never a key of 0. */
	size_t take;
	struct cut cut;
};

/*
 * Answers all of the wishes in the same passes over the tensor, one as a rule: a sample says
 * between which keys a cut lies, and a pass counts what is above and gathers what is between them.
 * At most n_gather entries are held in memory, all wishes together; where more are equal or close,
 * passes that count keys in ever narrower intervals go before.
 */
int varm_cut_find(
    struct cut_wish *w, int n_wish, const struct views *v, size_t n_gather, struct fc_err *e);

/* 16 bytes each. */
#define CUT_GATHER ((size_t)1 << 23)

#endif
