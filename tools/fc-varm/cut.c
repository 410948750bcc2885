/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include <string.h>

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)

uint64_t cut_key(const struct unit *u, size_t i)
{
	/* shifted by the first target's value: equal values give exactly 0 */
	double first = u->x[0][i], sum = 0, squares = 0;
	int n = u->v->n_target;
	for (int k = 1; k < n; k++) {
		double d = u->x[k][i] - first;
		sum += d;
		squares += d * d;
	}
	double variance = n * squares - sum * sum; /* times n^2 */
	uint64_t key;
	memcpy(&key, &variance, 8);
	return variance > 0 ? key : 0;
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

static int visit_count(struct unit *u, void *ctx, struct fc_err *e)
{
	struct count *c = ctx;
	uint32_t n[DIGITS] = {0}; /* a unit has fewer than 2^32 elements */
	(void)e;
	while (unit_next(u)) {
		for (size_t i = 0; i < u->n; i++) {
			uint64_t key = cut_key(u, i), index = u->first + i;
			if (c->of_index && key == c->found.key &&
			    same_above(index, c->found.index, c->shift))
				n[index >> c->shift & (DIGITS - 1)]++;
			if (!c->of_index && key && same_above(key, c->found.key, c->shift))
				n[key >> c->shift & (DIGITS - 1)]++;
		}
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

/* Fixes the key: its digits from the highest.  *need is then how many of the entries with exactly
 * this key are wanted, 0 when it is all of them. */
static int find_key(struct count *c, const struct views *v, double part, size_t *n_taken,
    size_t *need, struct fc_err *e)
{
	for (int shift = 63 / DIGIT_BITS * DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
		if (count_digits(c, v, shift, e) < 0)
			return -1;
		if (shift + DIGIT_BITS >= 64) {
			uint64_t nonzero = 0;
			for (size_t d = 0; d < DIGITS; d++)
				nonzero += c->n[d];
			*need = *n_taken = (size_t)(part * (double)nonzero);
			if (!*need)
				return 0;
		}
		uint64_t digit = DIGITS - 1;
		while (c->n[digit] < *need)
			*need -= c->n[digit--];
		c->found.key |= digit << shift;
		if (c->n[digit] == *need) {
			c->found.key += !c->found.key; /* never the zeros */
			*need = 0;
			return 0;
		}
	}
	return 0;
}

/* Fixes the index below which entries with the cut's own key are taken. */
static int find_index(struct count *c, const struct views *v, size_t need, struct fc_err *e)
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
		if (c->n[digit] == need) {
			c->found.index |= ((uint64_t)1 << shift) - 1;
			return 0;
		}
	}
	return 0;
}

int cut_find(struct cut *cut, const struct views *v, double part, size_t *n_taken, struct fc_err *e)
{
	struct count c = {.of_index = false};
	size_t need = 0;
	*n_taken = 0;
	*cut = (struct cut){UINT64_MAX, UINT64_MAX};
	if (find_key(&c, v, part, n_taken, &need, e) < 0)
		return -1;
	if (!*n_taken)
		return 0;
	if (need && find_index(&c, v, need, e) < 0)
		return -1;
	*cut = (struct cut){c.found.key, need ? c.found.index : UINT64_MAX};
	return 0;
}
