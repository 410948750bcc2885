/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CUT_H
#define FC_VARM_CUT_H

#include "sweep.h"

/*
 * The entries of a tensor in which the targets differ most: the n with the largest variance over
 * the targets, the first ones where variances are equal.  Found by counting digits of the variance,
 * the highest first, until few enough are left to be sorted.
 */
struct cut {
	uint64_t key;   /* bits of the smallest variance taken; larger bits, larger variance */
	uint64_t index; /* of those with this variance, entries up to this index */
};

/* Takes int(part * n_nonzero) entries, n_nonzero being the number of variances above 0.
 * *n_taken is that number; nothing passes the cut when it is 0.  At most n_gather entries are held
 * in memory. */
int cut_find(struct cut *c, const struct views *v, double part, size_t n_gather, size_t *n_taken,
    struct fc_err *e);

/* For each entry of the block in hand, the population variance of the targets' values, times the
 * square of their number, as bits that order as the values do. */
void cut_keys(const struct unit *u, uint64_t *key);

static inline bool cut_passes(const struct cut *c, uint64_t key, uint64_t index)
{
	return key > c->key || (key == c->key && index <= c->index);
}

#endif
