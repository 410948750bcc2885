/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_DRYCOUNT_H
#define FC_NN_DRYCOUNT_H

#include "nn/nn.h"

/* Bytes by use, now and when there were most of them in all: what every dry device counts (dry.h).
 */
struct fc_dry_count { /* {0} to begin with */
	size_t used[FC_USE_N], most[FC_USE_N];
	size_t n_used, n_most; /* the sums */
};

static inline void fc_dry_count_take(struct fc_dry_count *c, enum fc_use use, size_t n_bytes)
{
	c->used[use] += n_bytes;
	c->n_used += n_bytes;
	if (c->n_used <= c->n_most)
		return;
	c->n_most = c->n_used;
	for (int i = 0; i < FC_USE_N; i++)
		c->most[i] = c->used[i];
}

static inline void fc_dry_count_give(struct fc_dry_count *c, enum fc_use use, size_t n_bytes)
{
	c->used[use] -= n_bytes;
	c->n_used -= n_bytes;
}

#endif
