/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/threshold_sample.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define SAMPLE_BLOCKS ((size_t)64)

/* Puts the k-th smallest key (k from 0) in its place, smaller ones before it (Hoare's FIND). */
static uint64_t find_rank(uint64_t *key, size_t n, size_t k)
{
	size_t from = 0, to = n - 1;
	while (from < to) {
		uint64_t pivot = key[from + (to - from) / 2];
		size_t i = from, j = to;
		while (i <= j) {
			while (key[i] < pivot)
				i++;
			while (key[j] > pivot)
				j--;
			if (i <= j) {
				uint64_t t = key[i];
				key[i++] = key[j];
				key[j] = t;
				if (!j)
					break;
				j--;
			}
		}
		if (k <= j)
			to = j;
		else if (k >= i)
			from = i;
		else
			break;
	}
	return key[k];
}

/* Keys of blocks spread evenly over the tensor: [n_wish][SAMPLE_BLOCKS * BLOCK_ELEMENTS].  The
 * system maps more around a block than was asked for: each stretch is let go at once. */
static void take_sample(
    const struct threshold_query *w, int n_wish, const struct views *v, uint64_t *key)
{
	size_t stretch = v->n / BLOCK_ELEMENTS / SAMPLE_BLOCKS * BLOCK_ELEMENTS;
	struct unit u;
	varm_unit_init(&u, v, 0);
	u.n = BLOCK_ELEMENTS;
	for (size_t b = 0; b < SAMPLE_BLOCKS; b++) {
		u.first = b * stretch + stretch / 2 / BLOCK_ELEMENTS * BLOCK_ELEMENTS;
		varm_unit_read(&u);
		for (int i = 0; i < n_wish; i++)
			w[i].keys->exact(
			    &u, &w[i], key + ((size_t)i * SAMPLE_BLOCKS + b) * BLOCK_ELEMENTS);
		varm_pass_forget(v, b * stretch, stretch);
	}
	varm_unit_release(&u);
}

static int compare_keys(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The most frequent of some keys, which are put in order, and how often it is among them. */
static uint64_t find_heavy(uint64_t *key, size_t n, size_t *times)
{
	uint64_t heavy = 0;
	*times = 0;
	qsort(key, n, sizeof *key, compare_keys);
	for (size_t i = 0, same; i < n; i += same) {
		for (same = 1; i + same < n && key[i + same] == key[i];)
			same++;
		if (same > *times) {
			*times = same;
			heavy = key[i];
		}
	}
	return heavy;
}

static struct threshold_guess find_interval(
    const struct threshold_query *w, const struct views *v, uint64_t *key, size_t n)
{
	struct threshold_guess g = {1, UINT64_MAX - 1, 0, 0};
	size_t n_zero = 0, inside = 0, times;
	for (size_t i = 0; i < n; i++)
		n_zero += key[i] == 0;
	double of = (double)(w->of_nonzero ? n - n_zero : n);
	double take = fmax(w->part * of, (double)w->least / (double)v->n * (double)n);
	double rank = (double)n - take, margin = 0.012 * (double)n; /* from below */
	if (rank + margin < (double)n)
		g.high = find_rank(key, n, (size_t)(rank + margin));
	if (rank - margin >= 1)
		g.low = find_rank(key, n, (size_t)(rank - margin));
	g.low = g.low ? g.low : 1;
	g.high = g.high < g.low ? g.low : g.high;
	for (size_t i = 0; i < n; i++)
		if (key[i] >= g.low && key[i] <= g.high)
			key[inside++] = key[i];
	uint64_t heavy = find_heavy(key, inside, &times);
	if (times > n / 200) {
		g.heavy = heavy;
		inside -= times;
	}
	/* some more, since it is a sample */
	g.inside = (size_t)(1.1 * (double)inside / (double)n * (double)v->n) + n;
	return g;
}

void varm_threshold_sample(const struct threshold_query *w, int n_wish, const struct views *v,
    struct threshold_guess *guess)
{
	size_t n = SAMPLE_BLOCKS * BLOCK_ELEMENTS;
	for (int i = 0; i < n_wish; i++)
		guess[i] = (struct threshold_guess){1, UINT64_MAX - 1, v->n, 0};
	if (v->n < 4 * n)
		return;
	uint64_t *key = FC_ARRAY(uint64_t, (size_t)n_wish * n + 1);
	take_sample(w, n_wish, v, key);
#pragma omp parallel for
	for (int i = 0; i < n_wish; i++)
		guess[i] = find_interval(&w[i], v, key + (size_t)i * n, n);
	free(key);
}
