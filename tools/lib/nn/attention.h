/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_ATTENTION_H
#define FC_NN_ATTENTION_H

#include "nn/backend.h"

/* Scores exist for one tile of this many queries and keys a thread. */
enum { FC_ATTN_Q = 64, FC_ATTN_K = 128 };

/* Query i of a sequence sees the keys [first, end). */
static inline size_t fc_attn_end(const struct fc_attn_seq *s, size_t i)
{
	return i + s->n_k - s->n_q + 1;
}

static inline size_t fc_attn_first(const struct fc_attn *a, const struct fc_attn_seq *s, size_t i)
{
	const size_t end = fc_attn_end(s, i);
	return a->window && end > a->window ? end - a->window : 0;
}

/* The part of the tile of n keys from k0 that query i sees: columns [lo, hi), or lo == hi. */
struct fc_attn_span {
	size_t lo, hi;
};
static inline struct fc_attn_span fc_attn_span(
    const struct fc_attn *a, const struct fc_attn_seq *s, size_t i, size_t k0, size_t n)
{
	const size_t first = fc_attn_first(a, s, i), end = fc_attn_end(s, i);
	const size_t hi = end > k0 ? fc_min_size(end - k0, n) : 0;
	const size_t lo = first > k0 ? fc_min_size(first - k0, hi) : 0;
	return (struct fc_attn_span){lo, hi};
}

#endif
