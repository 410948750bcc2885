/* SPDX-License-Identifier: Apache-2.0 */
/* Elections of a block against one entry after another. */
#include "fc-varm/method/elected.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "fc-varm/method/pass.h"
#include "t.h"
#include "tensor/dtype.h"

#define N BLOCK_ELEMENTS
#define MOST (ELECTED_VALUES_MOST + 2)

/* Values in quarters, so that sums are often 0 and changes often the same. */
struct block {
	double base[N], x[MOST][N], weight[MOST], *change[MOST];
	uint16_t stored_base[N], stored[MOST][N];
	uint8_t bits[MOST][N / 8 + 1];
	struct elected_values values[MOST];
};

static void fill_values(double *x, uint16_t *stored, struct fc_rng *r)
{
	for (size_t i = 0; i < N; i++)
		x[i] = (double)fc_rng_below(r, 9) / 4 - 1;
	fc_from_f64(stored, FC_BF16, x, N);
}

static bool stays(const struct block *b, enum elected_from from, size_t k, size_t i)
{
	switch (from) {
	case ELECTED_BITS:
		return b->bits[k][i / 8] >> i % 8 & 1;
	case ELECTED_LARGE:
		return fabs(b->x[k][i] - b->base[i]) >= b->values[k].least;
	default:
		return true;
	}
}

static void fill_block(struct block *b, struct fc_rng *r, enum elected_from from)
{
	fill_values(b->base, b->stored_base, r);
	for (size_t k = 0; k < MOST; k++) {
		double factor;
		b->weight[k] = (double)fc_rng_below(r, 7) / 3 - (from == ELECTED_ALL ? 0 : 1);
		factor = from == ELECTED_ALL ? 1 : b->weight[k] * 1.7;
		fill_values(b->x[k], b->stored[k], r);
		for (size_t i = 0; i < sizeof b->bits[k]; i++)
			b->bits[k][i] = (uint8_t)fc_rng_u64(r);
		b->values[k] = (struct elected_values){
		    (const char *)b->stored[k], b->bits[k], (double)fc_rng_below(r, 5) / 4, factor};
		for (size_t i = 0; i < N; i++)
			b->change[k][i] =
			    stays(b, from, k, i) ? (b->x[k][i] - b->base[i]) * factor : 0;
	}
}

static double elect_one(
    const struct block *b, const struct election *by, enum elected_from from, size_t i)
{
	double sum = 0, moved = 0, divisor = 0;
	for (int k = 0; k < by->n_target; k++)
		sum += b->change[k][i];
	for (int k = 0; k < by->n_target; k++) {
		double c = b->change[k][i];
		if (sum >= 0 ? c > 0 : c < 0) {
			moved += from == ELECTED_ALL ? b->weight[k] * c : c;
			divisor += b->weight[k];
		}
	}
	if (by->normalize && divisor != 0)
		moved /= divisor;
	return moved == 0 ? b->base[i] : b->base[i] + by->lambda * moved;
}

struct wrong {
	size_t add, values, behind;
};

static void check_block(
    const struct block *b, const struct election *by, enum elected_from from, struct wrong *w)
{
	double out[N + 1], again[N + 1];
	bool can = varm_elected_can_add_values(by->n_target);
	out[by->n] = again[by->n] = 42;
	varm_elected_add(out, by, b->base, b->change);
	if (can)
		varm_elected_add_values(again, by, (const char *)b->stored_base, from, b->values);
	for (size_t i = 0; i < by->n; i++) {
		double want = elect_one(b, by, from, i);
		w->add += from != ELECTED_ALL && memcmp(&out[i], &want, sizeof want);
		w->values += can && memcmp(&again[i], &want, sizeof want);
	}
	w->behind += out[by->n] != 42 || again[by->n] != 42;
}

static void check_from(struct block *b, struct fc_rng *r, enum elected_from from)
{
	static const char *const name[] = {"bits", "large changes", "all changes"};
	struct wrong w = {0};
	for (size_t n = 1; n <= N; n += n < 40 ? 1 : 59) {
		for (int n_target = 1; n_target <= MOST; n_target++) {
			fill_block(b, r, from);
			struct election by = {b->weight, n % 2, 0.75, n_target, n};
			check_block(b, &by, from, &w);
		}
	}
	T_OK(w.add == 0, "%s: %zu entries wrong", name[from], w.add);
	T_OK(w.values == 0, "%s: %zu entries of values wrong", name[from], w.values);
	T_OK(w.behind == 0, "%s: behind the end %zu written", name[from], w.behind);
}

int main(void)
{
	struct block *b = FC_ARRAY(struct block, 1);
	struct fc_rng r;
	fc_rng_seed(&r, 23);
	for (size_t k = 0; k < MOST; k++)
		b->change[k] = FC_ARRAY(double, N);
	for (enum elected_from from = 0; from < ELECTED_FROM; from++)
		check_from(b, &r, from);
	T_OK(varm_elected_can_add_values(ELECTED_VALUES_MOST) == varm_elected_can_add_values(1) &&
		!varm_elected_can_add_values(ELECTED_VALUES_MOST + 1),
	    "which has a limit");
	for (size_t k = 0; k < MOST; k++)
		free(b->change[k]);
	free(b);
	return t_done();
}
