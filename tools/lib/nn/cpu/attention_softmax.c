/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/attention.h"

#include <math.h>
#include <string.h>

/*
 * Softmax over keys that come in tiles (Milakov, Gimelshein 2018; Dao et al. 2022): the running
 * maximum and sum of every row are kept, and the output so far is scaled down when a tile raises
 * the maximum.
 */

static size_t head_of(const struct fc_attn_tile *t, size_t row)
{
	return t->one_query ? t->head + row : t->head;
}

/* Scores of a row: scaled, soft-capped or biased by ALiBi; the keys [k0 + v.lo, ...) of query
 * "query". */
static float finish_scores(const struct fc_kern *k, const struct fc_attn_tile *t, size_t row,
    size_t k0, struct fc_attn_span v, float *p)
{
	const struct fc_attn *a = t->a;
	if (a->slope) {
		const size_t head = head_of(t, row);
		const size_t at = fc_attn_end(t->s, fc_attn_query(t, row)) - 1;
		k->ramp(p + v.lo, a->scale, a->slope[head], (float)(k0 + v.lo) - (float)at,
		    v.hi - v.lo);
		return 1;
	}
	if (a->softcap > 0) {
		k->cap(p + v.lo, p + v.lo, a->scale, a->softcap, v.hi - v.lo);
		return 1;
	}
	return a->scale;
}

void fc_attn_begin_row(const struct fc_attn_tile *t, size_t row, struct fc_attn_running *r)
{
	const float *sink = t->a->sink ? t->a->sink + head_of(t, row) : NULL;
	r->max[row] = sink ? *sink : -INFINITY;
	r->sum[row] = sink ? 1 : 0;
}

float fc_attn_row_softmax(const struct fc_kern *k, const struct fc_attn_tile *t, size_t row,
    size_t k0, struct fc_attn_span v, struct fc_attn_span all, float *p, struct fc_attn_running *r)
{
	memset(p + all.lo, 0, (v.lo - all.lo) * sizeof *p);
	memset(p + v.hi, 0, (all.hi - v.hi) * sizeof *p);
	if (v.lo == v.hi)
		return 1;
	float *max = &r->max[row], *sum = &r->sum[row];
	const float scale = finish_scores(k, t, row, k0, v, p);
	const float before = *max, here = scale * k->max(p + v.lo, v.hi - v.lo);
	*max = here > before ? here : before;
	const float shrink = before == *max ? 1 : expf(before - *max);
	*sum =
	    *sum * shrink + (float)k->exp_scaled(p + v.lo, p + v.lo, scale, *max, 1, v.hi - v.lo);
	return shrink;
}
