/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_DRYCOUNT_H
#define FC_NN_DRYCOUNT_H

#include "nn/nn.h"

/* Bytes by use, now and when there were most of them in all: what every dry device counts (dry.h).
 */
struct fc_dry_count { /* {0} to begin with */
	size_t used[FC_USE_N], most[FC_USE_N];
	size_t n_used, n_most; /* the sums, with gaps */
};

/* end: where memory whose parts keep their places ends now, with the gaps between them; 0: there
 * are no gaps. */
static inline void fc_dry_count_take(
    struct fc_dry_count *c, enum fc_use use, size_t n_bytes, size_t end)
{
	c->used[use] += n_bytes;
	c->n_used += n_bytes;
	const size_t n = end > c->n_used ? end : c->n_used;
	if (n <= c->n_most)
		return;
	c->n_most = n;
	for (int i = 0; i < FC_USE_N; i++)
		c->most[i] = c->used[i];
	c->most[FC_USE_GAPS] = n - c->n_used;
}

static inline void fc_dry_count_give(struct fc_dry_count *c, enum fc_use use, size_t n_bytes)
{
	c->used[use] -= n_bytes;
	c->n_used -= n_bytes;
}

#endif
