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
#define MOST (ELECTED_KEPT_MOST + 2)

struct block {
	double base[N], weight[MOST], *change[MOST];
	uint16_t x[MOST][N];
	uint8_t bits[MOST][N / 8 + 1];
	struct elected_kept kept[MOST];
};

/* Values in quarters, so that sums are often 0 and changes often the same. */
static void fill_block(struct block *b, struct fc_rng *r)
{
	for (size_t i = 0; i < N; i++)
		b->base[i] = (double)fc_rng_below(r, 9) / 4 - 1;
	for (size_t k = 0; k < MOST; k++) {
		float value[N];
		b->weight[k] = (double)fc_rng_below(r, 7) / 3 - 1;
		for (size_t i = 0; i < N; i++)
			value[i] = (float)fc_rng_below(r, 9) / 4 - 1;
		fc_from_f32(b->x[k], FC_BF16, value, N);
		for (size_t i = 0; i < sizeof b->bits[k]; i++)
			b->bits[k][i] = (uint8_t)fc_rng_u64(r);
		b->kept[k] =
		    (struct elected_kept){(const char *)b->x[k], b->bits[k], b->weight[k] * 1.7};
		for (size_t i = 0; i < N; i++) {
			bool stays = b->bits[k][i / 8] >> i % 8 & 1;
			b->change[k][i] =
			    stays ? (value[i] - b->base[i]) * (b->weight[k] * 1.7) : 0;
		}
	}
}

static double elect_one(const struct block *b, const struct election *by, size_t i)
{
	double sum = 0, moved = 0, divisor = 0;
	for (int k = 0; k < by->n_target; k++)
		sum += b->change[k][i];
	for (int k = 0; k < by->n_target; k++) {
		double c = b->change[k][i];
		if (sum >= 0 ? c > 0 : c < 0) {
			moved += c;
			divisor += b->weight[k];
		}
	}
	if (by->normalize && divisor != 0)
		moved /= divisor;
	return moved == 0 ? b->base[i] : b->base[i] + by->lambda * moved;
}

struct wrong {
	size_t add, kept, behind;
};

static void check_block(const struct block *b, const struct election *by, struct wrong *w)
{
	double out[N + 1], again[N + 1];
	bool has_kept = varm_elected_has_kept(by->n_target);
	out[by->n] = again[by->n] = 42;
	varm_elected_add(out, by, b->change);
	if (has_kept)
		varm_elected_add_kept(again, by, b->kept);
	for (size_t i = 0; i < by->n; i++) {
		double want = elect_one(b, by, i);
		w->add += memcmp(&out[i], &want, sizeof want) != 0;
		w->kept += has_kept && memcmp(&again[i], &want, sizeof want);
	}
	w->behind += out[by->n] != 42 || again[by->n] != 42;
}

int main(void)
{
	struct block *b = FC_ARRAY(struct block, 1);
	struct fc_rng r;
	struct wrong w = {0};
	fc_rng_seed(&r, 23);
	for (size_t k = 0; k < MOST; k++)
		b->change[k] = FC_ARRAY(double, N);
	for (size_t n = 1; n <= N; n += n < 40 ? 1 : 59) {
		for (int n_target = 1; n_target <= MOST; n_target++) {
			fill_block(b, &r);
			struct election by = {b->base, b->weight, n % 2, 0.75, n_target, n};
			check_block(b, &by, &w);
		}
	}
	T_OK(w.add == 0, "changes: %zu entries wrong", w.add);
	T_OK(w.kept == 0, "values and bits: %zu entries wrong", w.kept);
	T_OK(w.behind == 0, "behind the end: %zu written", w.behind);
	T_OK(varm_elected_has_kept(ELECTED_KEPT_MOST) == varm_elected_has_kept(1) &&
		!varm_elected_has_kept(ELECTED_KEPT_MOST + 1),
	    "which has a limit");
	for (size_t k = 0; k < MOST; k++)
		free(b->change[k]);
	free(b);
	return t_done();
}
