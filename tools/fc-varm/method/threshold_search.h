/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_THRESHOLD_SEARCH_H
#define FC_VARM_THRESHOLD_SEARCH_H

#include <string.h>

#include "fc-varm/method/threshold.h"
#include "fc-varm/method/threshold_select.h"

/* Of threshold.c, which decides, and threshold_visit.c, which reads: searches under way. */

#define THRESHOLD_BINS ((size_t)4096)

enum step { COUNT, GATHER, TALLY, DONE };

/*
 * The search for one threshold: it lies among the keys from low to high, of which there are
 * `inside`; above have a larger key.  Before anything was counted, low and high are a guess.
 */
struct search {
	struct threshold_query *w;
	uint64_t low, high;
	size_t above, inside, n_zero;
	uint64_t heavy; /* GATHER: a key that is counted instead; 0: none */
	bool counted;   /* w->take, above and inside are known, not guessed */
	enum step step;
	size_t room; /* entries that may be held */
	int shift;   /* COUNT: a bin has 2^shift keys */
	size_t *bin; /* COUNT: [THRESHOLD_BINS] */
	/* GATHER: found entries were seen, of which the first ones that there is room for are held
	 */
	size_t found;
	struct threshold_entry *entry; /* [room] */
	size_t *tally;  /* by unit: entries with the key, of TALLY or the heavy one; or NULL */
	double *number; /* GATHER: [room][n_target] the entries' numbers, where sums are wanted */
	struct stretch *stretch; /* GATHER, with numbers: [n_unit] */
};

/* A unit's part of the entries held. */
struct stretch {
	size_t from, n;
};

struct searches {
	struct search *s;
	int n;
	bool base;   /* the keys need the base's values */
	bool floats; /* float holds all values */
	bool rough;  /* the pass at hand looks closely at entries between rough bounds alone */
};

static inline double threshold_value(uint64_t key)
{
	double x;
	memcpy(&x, &key, 8);
	return x;
}

/* For varm_pass(), with struct searches as ctx: what the searches' steps ask of a unit. */
int varm_threshold_visit(struct unit *u, void *ctx, struct fc_err *e);

#endif
