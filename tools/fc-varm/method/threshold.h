/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_THRESHOLD_H
#define FC_VARM_THRESHOLD_H

#include "fc-varm/method/pass.h"

/*
 * The entries of a tensor with the largest keys, the first ones where keys are equal.  A key is a
 * double of at least 0 by its bits, which order as the values do.
 */
struct threshold {
	uint64_t key;   /* the smallest key taken */
	uint64_t index; /* of those with this key, entries up to this index */
};

static inline bool threshold_passes(const struct threshold *c, uint64_t key, uint64_t index)
{
	return key > c->key || (key == c->key && index <= c->index);
}

/* factor[i] = where entry first + i, with this magnitude, passes the threshold: scale, else 0. */
void varm_threshold_factors(const struct threshold *c, const double *change, uint64_t first,
    size_t n, double scale, double *factor);
/* Whether of entries first to first + n - 1 those pass whose magnitude is at least *least. */
bool varm_threshold_least(const struct threshold *c, uint64_t first, size_t n, double *least);
/* change[i] *= weight where it passes, else 0 * weight. */
void varm_threshold_weigh(
    const struct threshold *c, double *change, uint64_t first, size_t n, double weight);

/* change[i] *= weight where it passes c and not top, else 0 * weight. */
void varm_threshold_weigh_between(const struct threshold *c, const struct threshold *top,
    double *change, uint64_t first, size_t n, double weight);

struct threshold_query;

/* What a search counts below, between and above its bounds, and keys of 0. */
struct threshold_split {
	uint64_t above, zero;
};

/* What is sought among. */
struct threshold_keys {
	/* key[u->n] of the block in hand, whose values it leaves alone */
	void (*exact)(const struct unit *u, const struct threshold_query *w, uint64_t *key);
	/*
	 * NULL, or the same in float, where float holds all values and a key depends on base and
	 * w->target alone, at one entry.  Rounded keys order as exact ones, but for equals: where
	 * one is below low or above high, both rounded alike, inside[i] is 0 and what is above is
	 * counted; keys of 0 are counted in any case.
	 */
	void (*rough)(const float *x, const float *base, size_t n, float low, float high,
	    uint8_t *inside, struct threshold_split *s);
	bool base; /* of the base's values too */
};
/* The population variance of the targets' values, times the square of their number. */
extern const struct threshold_keys varm_threshold_variance;
/* The magnitude of the change of w->target. */
extern const struct threshold_keys varm_threshold_magnitude;

/* Numbers of an entry, one for each target, that are added up over the entries that pass. */
struct threshold_sums {
	/* lanes[k][i % LANES] += number k of entry i of the block in hand where taken[i] is 1; it
	 * is 0 elsewhere */
	void (*add)(const struct unit *u, const double *taken, double *lanes);
	/* number[k] of its entry i */
	void (*get)(const struct unit *u, size_t i, double *number);
};

/* One question about a tensor, and its answer. */
struct threshold_query {
	const struct threshold_keys *keys;
	int target;
	const void *ctx;                   /* the keys' own */
	const struct threshold_sums *sums; /* NULL: none; else it is the only wish */
	/* How many to take: the part of all entries, or of those with a key above 0, rounded down
	 * to a whole number, but not below least. */
	double part;
	bool of_nonzero;
	size_t least;
	bool exact; /* threshold.key must be a key of the tensor, not only lie between the right
		       ones */
	/* The answer: nothing passes the threshold when take is 0, and never a key of 0. */
	size_t take;
	struct threshold threshold;
	/* With sums: [n_target], the caller's, and whether they are known: where many keys are
	 * equal a search does not come by them. */
	double *sum;
	bool summed;
};

/*
 * Answers all of the wishes in the same passes over the tensor, one as a rule: a sample says
 * between which keys a threshold lies, and a pass counts what is above and gathers what is between
 * them. At most n_gather entries are held in memory, all wishes together; where more are equal or
 * close, passes that count keys in ever narrower intervals go before.
 */
int varm_threshold_find(struct threshold_query *w, int n_wish, const struct views *v,
    size_t n_gather, struct fc_err *e);

/* 16 bytes each. */
#define THRESHOLD_GATHER ((size_t)1 << 23)

#endif
