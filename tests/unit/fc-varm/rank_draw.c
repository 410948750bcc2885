/* SPDX-License-Identifier: Apache-2.0 */
/* Draws by rank against ranks that are counted one by one. */
#include "fc-varm/method/rank_draw.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "t.h"

enum kind { CONTINUOUS, STEPS, MOSTLY_ZERO, EQUAL, WIDE, NEAR, N_KIND };
static const char *const kind_name[] = {
    "continuous", "of a few steps", "mostly zero", "all equal", "of 300 octaves", "nearly equal"};

static double draw_magnitude(struct fc_rng *r, enum kind kind)
{
	switch (kind) {
	case CONTINUOUS:
		return fabs(fc_rng_normal(r));
	case STEPS:
		return (double)fc_rng_below(r, 6) * 0x1p-9;
	case MOSTLY_ZERO:
		return fc_rng_below(r, 10) ? 0 : fabs(fc_rng_normal(r));
	case WIDE:
		return ldexp(1 + (double)fc_rng_below(r, 4) / 4, -(int)fc_rng_below(r, 300));
	case NEAR: /* all in one bin, many equal */
		return 1 + (double)fc_rng_below(r, 1000) * 0x1p-40;
	default:
		return 0.25;
	}
}

static size_t count_wrong(struct fc_rng *r, enum kind kind, size_t n, double low, double step)
{
	double *magnitude = FC_ARRAY(double, n), *number = FC_ARRAY(double, n);
	uint8_t *kept = FC_ARRAY(uint8_t, n);
	struct rank_room *room = varm_rank_room_new(n);
	size_t wrong = 0;
	for (int again = 0; again < 2; again++) { /* what the first row leaves must not count */
		for (size_t i = 0; i < n; i++) {
			magnitude[i] = draw_magnitude(r, kind);
			number[i] = (double)fc_rng_below(r, 1u << 20) * 0x1p-20;
		}
		varm_rank_draw(room, magnitude, number, n, low, step, kept);
		for (size_t i = 0; i < n; i++) {
			size_t rank = 0;
			for (size_t j = 0; j < n; j++)
				rank += magnitude[j] < magnitude[i] ||
				    (magnitude[j] == magnitude[i] && j < i);
			wrong += kept[i] != (number[i] < low + step * (double)rank);
		}
	}
	varm_rank_room_free(room);
	free(magnitude);
	free(number);
	free(kept);
	return wrong;
}

int main(void)
{
	static const size_t sizes[] = {1, 2, 7, 37, 512, 1500};
	struct fc_rng r;
	fc_rng_seed(&r, 31);
	for (enum kind kind = 0; kind < N_KIND; kind++) {
		size_t wrong = 0;
		for (size_t z = 0; z < FC_LEN(sizes); z++) {
			size_t n = sizes[z], last = n > 1 ? n - 1 : 1;
			wrong += count_wrong(&r, kind, n, 0.35, 0.3 / (double)last);
			wrong += count_wrong(&r, kind, n, 0, 1 / (double)last);
			wrong += count_wrong(&r, kind, n, 0.5, 0);
		}
		T_OK(wrong == 0, "changes %s: %zu wrong", kind_name[kind], wrong);
	}
	return t_done();
}
