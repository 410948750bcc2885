/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_SPARSE_H
#define FC_VARM_SPARSE_H

#include "fc-varm/method/method.h"

/*
 * Sparsifiers: which entries of a target's change stay, and what they are multiplied by to make up
 * for the others.  Each has some of these hooks; factor[u->n] is 0 where an entry is dropped.
 */
struct sparsifier {
	/* Before the first unit: r->threshold and r->number as the sparsifier needs them. */
	int (*measure)(const struct views *v, struct measured *r, struct fc_err *e);
	/* Before the unit's first block: u->own. */
	int (*prepare)(struct unit *u, const struct measured *r, struct fc_err *e);
	/* NULL, or what stays of the block in hand, bit i % 8 of bits[i / 8] for entry i, which is
	 * multiplied by the target's r->number, or by 1 where there is none.  Where it is NULL, or
	 * gives NULL, keep() knows. */
	const uint8_t *(*kept_bits)(const struct unit *u, const struct measured *r, int target);
	/* NULL, or whether of the block in hand those stay whose change has at least the magnitude
	 * *least; they are multiplied as with bits. */
	bool (*kept_least)(
	    const struct unit *u, const struct measured *r, int target, double *least);
	/* change[u->n] = x - base of the target */
	void (*keep)(const struct unit *u, const struct measured *r, int target,
	    const double *change, double *factor);
	/* NULL, or change[i] *= factor[i] * weight in one go. */
	void (*weigh)(const struct unit *u, const struct measured *r, int target, double weight,
	    double *change);
};

/* The part density with the largest magnitudes (Yadav et al. 2023). */
extern const struct sparsifier varm_sparse_magnitude;
/* The part density with the largest magnitudes below the part gamma, which is dropped (Davari and
 * Belilovsky 2023). */
extern const struct sparsifier varm_sparse_outliers;
/* Each entry with the probability density (Yu et al. 2023).  What stays is scaled by one factor to
 * the sum of magnitudes before, as in mergekit; _paper: divided by the probability. */
extern const struct sparsifier varm_sparse_random, varm_sparse_random_paper;
/* Each entry with a probability between density -+ epsilon by its rank in the row (Deep et al.
 * 2024); scaled as the former two. */
extern const struct sparsifier varm_sparse_rank, varm_sparse_rank_paper;

/* r->number[k]: what target k's entries that stay are multiplied by so that the sum of magnitudes
 * stays; 1 without rescaling, and where the sums are too small to say.  keep() is asked with
 * that 1.
 */
int varm_sparse_measure_scales(
    const struct sparsifier *by, const struct views *v, struct measured *r, struct fc_err *e);

#endif
