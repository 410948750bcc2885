/* SPDX-License-Identifier: Apache-2.0 */
/* Draws by rank against ranks in a sorted row. */
#include "fc-varm/method/rank_draw.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "fc-varm/method/marked.h"
#include "fc-varm/method/random_by_index.h"
#include "tensor/dtype.h"
#include "t.h"

enum kind {
	CONTINUOUS,
	STEPS,
	MOSTLY_ZERO,
	EQUAL,
	WIDE,
	NEAR,
	OUTLIERS,
	RISING,
	LATE,
	TUNED,
	N_KIND
};
static const char *const kind_name[] = {"continuous", "of a few steps", "mostly zero", "all equal",
    "of 300 octaves", "nearly equal", "with outliers", "larger and larger", "zero at first",
    "of a fine-tune"};

static double draw_magnitude(struct fc_rng *r, enum kind kind, size_t i, size_t n)
{
	switch (kind) {
	case OUTLIERS:
		return fabs(fc_rng_normal(r)) * (fc_rng_below(r, 100) ? 1 : 1e6);
	case TUNED:
		return fabs(fc_rng_normal(r)) * 0x1p-9;
	case RISING:
		return exp2((double)i * 40 / (double)n) * (1 + fabs(fc_rng_normal(r)));
	case LATE: /* no stretch that begins at a quarter of the row has any */
		return i % (n / 4 + 1) < n / 8 ? 0 : fabs(fc_rng_normal(r));
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

enum stored { AS_DOUBLES, AS_FLOATS, AS_BF16, N_STORED };
static const char *const stored_name[] = {
    "changes", "changes of floats", "changes of bfloat16 values"};

/* Magnitudes as doubles, or as differences of floats, or of what bfloat16 makes of these. */
struct magnitudes {
	double *exact;
	float *x, *base;
	uint16_t *short_x, *short_base;
};

static void round_to_bf16(struct magnitudes *m, size_t n)
{
	fc_from_f32(m->short_x, FC_BF16, m->x, n);
	fc_from_f32(m->short_base, FC_BF16, m->base, n);
	for (size_t i = 0; i < n; i++)
		m->exact[i] = fabs((double)fc_bf16_to_f32(m->short_x[i]) -
		    (double)fc_bf16_to_f32(m->short_base[i]));
}

static void fill_magnitudes(
    struct magnitudes *m, struct fc_rng *r, enum kind kind, size_t n, enum stored stored)
{
	for (size_t i = 0; i < n; i++) {
		m->exact[i] = draw_magnitude(r, kind, i, n);
		m->x[i] = (float)m->exact[i];
		if (m->x[i] == 0 && m->exact[i] > 0)
			m->x[i] = FLT_TRUE_MIN;
		m->base[i] = 0;
		if (stored == AS_DOUBLES)
			continue;
		m->base[i] = (float)fc_rng_normal(r); /* some zeros, some bits beyond float */
		if (kind == TUNED)                    /* bfloat16 leaves few different changes */
			m->x[i] += m->base[i];
		else
			m->x[i] = m->exact[i] > 0 ? m->x[i] - m->base[i] : m->base[i];
		m->exact[i] = fabs((double)m->x[i] - (double)m->base[i]);
	}
	if (stored == AS_BF16)
		round_to_bf16(m, n);
}

struct entry {
	double magnitude;
	size_t i;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->magnitude != y->magnitude)
		return x->magnitude < y->magnitude ? -1 : 1;
	return x->i < y->i ? -1 : 1;
}

static size_t count_wrong_row(const struct rank_row *row, const double *exact, const uint8_t *kept)
{
	size_t wrong = 0;
	struct entry *sorted = FC_ARRAY(struct entry, row->n);
	for (size_t i = 0; i < row->n; i++)
		sorted[i] = (struct entry){exact[i], i};
	qsort(sorted, row->n, sizeof *sorted, compare_entries);
	for (size_t rank = 0; rank < row->n; rank++) {
		size_t i = sorted[rank].i;
		double number = random_by_index(row->key, row->first + i);
		bool stays = kept[i / 8] >> i % 8 & 1;
		wrong += exact[i] > 0 && stays != (number < row->low + row->step * (double)rank);
	}
	free(sorted);
	return wrong;
}

static size_t count_wrong(
    struct fc_rng *r, enum kind kind, size_t n, double low, double step, enum stored stored)
{
	struct magnitudes m = {FC_ARRAY(double, n), FC_ARRAY(float, n), FC_ARRAY(float, n),
	    FC_ARRAY(uint16_t, n), FC_ARRAY(uint16_t, n)};
	uint8_t *kept = fc_malloc((n + 63) / 64 * 8);
	struct rank_room *room = varm_rank_room_new(n);
	size_t wrong = 0;
	for (uint64_t again = 0; again < 2;
	     again++) { /* the first row leaves nothing that counts */
		struct rank_row row = {.n = n,
		    .x = (const char *)m.x,
		    .base = (const char *)m.base,
		    .magnitude = stored == AS_DOUBLES ? m.exact : NULL,
		    .key = kind + 7 * n,
		    .first = again * n,
		    .low = low,
		    .step = step};
		if (stored == AS_BF16) {
			row.x = (const char *)m.short_x;
			row.base = (const char *)m.short_base;
			row.bf16 = true;
		}
		fill_magnitudes(&m, r, kind, n, stored);
		varm_rank_draw(room, &row, kept);
		wrong += count_wrong_row(&row, m.exact, kept);
	}
	varm_rank_room_free(room);
	free(m.exact);
	free(m.x);
	free(m.base);
	free(m.short_x);
	free(m.short_base);
	free(kept);
	return wrong;
}

static void check_kind(struct fc_rng *r, enum kind kind, enum stored stored)
{
	static const size_t sizes[] = {1, 2, 7, 37, 512, 1500};
	size_t wrong = 0;
	for (size_t z = 0; z < FC_LEN(sizes); z++) {
		size_t n = sizes[z], last = n > 1 ? n - 1 : 1;
		wrong += count_wrong(r, kind, n, 0.35, 0.3 / (double)last, stored);
		wrong += count_wrong(r, kind, n, 0, 1 / (double)last, stored);
		wrong += count_wrong(r, kind, n, 0.5, 0, stored);
	}
	T_OK(wrong == 0, "%s %s: %zu wrong", stored_name[stored], kind_name[kind], wrong);
}

int main(void)
{
	struct fc_rng r;
	fc_rng_seed(&r, 31);
	for (enum kind kind = 0; kind < N_KIND; kind++) {
		for (enum stored stored = 0; stored < N_STORED; stored++)
			check_kind(&r, kind, stored);
	}
	T_OK(count_wrong(&r, CONTINUOUS, 9000, 0.35, 0.3 / 8999, AS_FLOATS) == 0, "a long row");
	T_OK(count_wrong(&r, CONTINUOUS, 9000, 0.35, 0.3 / 8999, AS_BF16) == 0, "one in bfloat16");
	T_OK(count_wrong(&r, CONTINUOUS, 150001, 0.35, 0.3 / 150000, AS_BF16) == 0,
	    "one with more in a row than short counts hold");
	T_OK(count_wrong(&r, EQUAL, 150001, 0.35, 0.3 / 150000, AS_BF16) == 0, "and in a bin");
	return t_done();
}
