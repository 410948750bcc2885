/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/simd.h"

#define DIGIT_BITS 13 /* the first of five is the whole exponent */
#define DIGITS (1u << DIGIT_BITS)

static FC_SIMD_BODY void variances_body(
    double *restrict out, double *const *x, int n_target, size_t n)
{
	double sum[BLOCK_ELEMENTS], squares[BLOCK_ELEMENTS];
	const double *restrict first = x[0]; /* subtracted: equal values give exactly 0 */
	for (size_t i = 0; i < n; i++)
		sum[i] = squares[i] = 0;
	for (int k = 1; k < n_target; k++) {
		const double *restrict target = x[k];
		for (size_t i = 0; i < n; i++) {
			double d = target[i] - first[i];
			sum[i] += d;
			squares[i] += d * d;
		}
	}
	for (size_t i = 0; i < n; i++) {
		double variance = n_target * squares[i] - sum[i] * sum[i]; /* times n_target^2 */
		out[i] = variance > 0 ? variance : 0;
	}
}
FC_SIMD_KERNEL(static void, variances, (double *out, double *const *x, int n_target, size_t n),
    (out, x, n_target, n))

void cut_keys(const struct unit *u, uint64_t *key)
{
	double variance[BLOCK_ELEMENTS];
	variances(variance, u->x, u->v->n_target, u->n);
	memcpy(key, variance, u->n * sizeof *key);
}

/* One counting pass: of the entries whose upper digits are those found already, how many have
 * which next digit.  Digits are first those of the key, then those of the index. */
struct count {
	struct cut found; /* upper digits, the lower ones 0 */
	int shift;        /* of the digit to count */
	bool of_index;
	uint64_t n[DIGITS];
};

static bool same_above(uint64_t a, uint64_t b, int shift)
{
	int above = shift + DIGIT_BITS;
	return above >= 64 || a >> above == b >> above;
}

static void count_keys(const struct count *c, const uint64_t *key, size_t n, uint32_t *count)
{
	for (size_t i = 0; i < n; i++)
		if (key[i] && same_above(key[i], c->found.key, c->shift))
			count[key[i] >> c->shift & (DIGITS - 1)]++;
}

static void count_indexes(
    const struct count *c, const uint64_t *key, size_t first, size_t n, uint32_t *count)
{
	for (size_t i = 0; i < n; i++)
		if (key[i] == c->found.key && same_above(first + i, c->found.index, c->shift))
			count[(first + i) >> c->shift & (DIGITS - 1)]++;
}

static int visit_count(struct unit *u, void *ctx, struct fc_err *e)
{
	struct count *c = ctx;
	uint64_t key[BLOCK_ELEMENTS];
	uint32_t n[DIGITS] = {0}; /* a unit has fewer than 2^32 elements */
	(void)e;
	while (unit_next_targets(u)) {
		cut_keys(u, key);
		if (c->of_index)
			count_indexes(c, key, u->first, u->n, n);
		else
			count_keys(c, key, u->n, n);
	}
	for (size_t d = 0; d < DIGITS; d++) {
		if (n[d]) {
#pragma omp atomic
			c->n[d] += n[d];
		}
	}
	return 0;
}

static int count_digits(struct count *c, const struct views *v, int shift, struct fc_err *e)
{
	c->shift = shift;
	memset(c->n, 0, sizeof c->n);
	return sweep(v, visit_count, c, NULL, 0, e);
}

struct entry {
	uint64_t key, index;
};

struct gather {
	struct cut found;
	int shift;
	struct entry *entry; /* room for as many as were counted */
	size_t n;
};

static int visit_gather(struct unit *u, void *ctx, struct fc_err *e)
{
	struct gather *g = ctx;
	uint64_t key[BLOCK_ELEMENTS];
	(void)e;
	while (unit_next_targets(u)) {
		cut_keys(u, key);
		for (size_t i = 0; i < u->n; i++) {
			if (!key[i] || (key[i] ^ g->found.key) >> g->shift)
				continue;
			size_t at;
#pragma omp atomic capture
			at = g->n++;
			g->entry[at] = (struct entry){key[i], u->first + i};
		}
	}
	return 0;
}

static int by_rank(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->key != y->key)
		return x->key > y->key ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

/* The entries whose key is the one found down to bit shift are n, of which need are wanted: sorts
 * them. */
static int find_by_sorting(struct count *c, const struct views *v, size_t n, size_t need,
    struct cut *cut, struct fc_err *e)
{
	struct gather g = {c->found, c->shift, FC_ARRAY(struct entry, n), 0};
	int ret = sweep(v, visit_gather, &g, NULL, 0, e);
	if (ret == 0) {
		qsort(g.entry, g.n, sizeof *g.entry, by_rank);
		*cut = (struct cut){g.entry[need - 1].key, g.entry[need - 1].index};
	}
	free(g.entry);
	return ret;
}

/* need entries with exactly the key found are wanted: finds the last one's index by its digits. */
static int find_index(
    struct count *c, const struct views *v, size_t need, struct cut *cut, struct fc_err *e)
{
	int shift = 0;
	while (v->n >> shift >= DIGITS)
		shift += DIGIT_BITS;
	c->of_index = true;
	for (; shift >= 0; shift -= DIGIT_BITS) {
		if (count_digits(c, v, shift, e) < 0)
			return -1;
		uint64_t digit = 0;
		while (c->n[digit] < need)
			need -= c->n[digit++];
		c->found.index |= digit << shift;
	}
	*cut = c->found;
	return 0;
}

/* Sets c->found to the digits down to c->shift that the need-th largest key has, and need to its
 * place among those with these digits. */
static uint64_t choose_digit(struct count *c, size_t *need)
{
	uint64_t digit = DIGITS - 1;
	while (c->n[digit] < *need)
		*need -= c->n[digit--];
	c->found.key |= digit << c->shift;
	return c->n[digit];
}

int cut_find(struct cut *cut, const struct views *v, double part, size_t n_gather, size_t *n_taken,
    struct fc_err *e)
{
	struct count c = {.of_index = false};
	size_t need = 0;
	*cut = (struct cut){UINT64_MAX, 0};
	*n_taken = 0;
	for (int shift = 64 / DIGIT_BITS * DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
		if (count_digits(&c, v, shift, e) < 0)
			return -1;
		if (shift + DIGIT_BITS >= 64) {
			size_t nonzero = 0;
			for (size_t d = 0; d < DIGITS; d++)
				nonzero += c.n[d];
			need = *n_taken = (size_t)(part * (double)nonzero);
			if (!need)
				return 0;
		}
		size_t n = choose_digit(&c, &need);
		if (n == need) { /* all of them, but never a variance of 0 */
			*cut = (struct cut){c.found.key + !c.found.key, UINT64_MAX};
			return 0;
		}
		if (n <= n_gather)
			return find_by_sorting(&c, v, n, need, cut, e);
	}
	return find_index(&c, v, need, cut, e);
}
