/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/dtw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
	STRIP = 4,            /* rows made together */
	COST_CELLS = 1 << 22, /* of the rows of costs that are kept */
};

struct local {            /* the different tokens of a sequence, numbered as they come */
	uint32_t *number; /* [n_vocab] */
	uint32_t *stamp;  /* [n_vocab] of the sequence in which number was given */
	uint32_t *id;     /* [n] token of a number */
	uint32_t *at;     /* [sequence] number of a position's token */
	size_t n, cap_id, cap_at;
};

struct align_dtw {
	enum align_published version;
	const struct align_wording *source, *pivot;
	struct align_leven *scratch;
	struct local s, p;
	uint32_t stamp;
	/* rows of costs of different source tokens against all different pivot tokens */
	double *cost;     /* [n_slot][p.n] */
	uint32_t *slot;   /* [s.n] where a source token's row is, plus 1; 0: nowhere */
	uint32_t *holder; /* [n_slot] whose row it is, plus 1 */
	size_t n_slot, next_slot, cap_cost, cap_slot, cap_holder;
	double *mark;  /* [n / height][m] every height-th row of D */
	double *block; /* [height][m] the rows up to a mark */
	size_t cap_mark, cap_block;
};

static void local_init(struct local *l, size_t n_vocab)
{
	*l = (struct local){
	    .number = FC_ARRAY(uint32_t, n_vocab + 1), .stamp = FC_ARRAY(uint32_t, n_vocab + 1)};
}

static void local_release(struct local *l)
{
	free(l->number);
	free(l->stamp);
	free(l->id);
	free(l->at);
}

static void local_number(struct local *l, const uint32_t *id, size_t n, uint32_t stamp)
{
	FC_GROW(l->at, l->cap_at, n);
	l->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (l->stamp[id[i]] != stamp) {
			FC_GROW(l->id, l->cap_id, l->n + 1);
			l->stamp[id[i]] = stamp;
			l->number[id[i]] = (uint32_t)l->n;
			l->id[l->n++] = id[i];
		}
		l->at[i] = l->number[id[i]];
	}
}

struct align_dtw *align_dtw_new(enum align_published version, const struct align_wording *source,
    const struct align_wording *pivot)
{
	struct align_dtw *d = FC_NEW(struct align_dtw);
	d->version = version;
	d->source = source;
	d->pivot = pivot;
	d->scratch = align_leven_new();
	local_init(&d->s, source->whole.n);
	local_init(&d->p, pivot->whole.n);
	return d;
}

void align_dtw_free(struct align_dtw *d)
{
	if (!d)
		return;
	align_leven_free(d->scratch);
	local_release(&d->s);
	local_release(&d->p);
	free(d->cost);
	free(d->slot);
	free(d->holder);
	free(d->mark);
	free(d->block);
	free(d);
}

static void begin_pair(
    struct align_dtw *d, const uint32_t *s, size_t n, const uint32_t *p, size_t m)
{
	d->stamp++;
	local_number(&d->s, s, n, d->stamp);
	local_number(&d->p, p, m, d->stamp);
	d->n_slot = COST_CELLS / d->p.n;
	d->n_slot = d->n_slot < 2 * STRIP ? 2 * STRIP : d->n_slot;
	d->n_slot = d->n_slot < d->s.n ? d->n_slot : d->s.n + STRIP;
	d->next_slot = 0;
	FC_GROW(d->cost, d->cap_cost, d->n_slot * d->p.n);
	FC_GROW(d->slot, d->cap_slot, d->s.n);
	FC_GROW(d->holder, d->cap_holder, d->n_slot);
	memset(d->slot, 0, d->s.n * sizeof *d->slot);
	memset(d->holder, 0, d->n_slot * sizeof *d->holder);
}

/* Costs of the token at source position i, by the numbers of the pivot's.  Good until as many
 * others were asked for as there are slots. */
static const double *cost_row(struct align_dtw *d, size_t i)
{
	uint32_t number = d->s.at[i], slot = d->slot[number];
	if (slot)
		return d->cost + (slot - 1) * d->p.n;
	slot = (uint32_t)(d->next_slot++ % d->n_slot);
	if (d->holder[slot])
		d->slot[d->holder[slot] - 1] = 0;
	d->holder[slot] = number + 1;
	d->slot[number] = slot + 1;
	double *row = d->cost + slot * d->p.n;
	align_published_costs(
	    d->version, d->source, d->s.id[number], d->pivot, d->p.id, d->p.n, d->scratch, row);
	return row;
}

static inline double least_of(double up, double left, double diagonal)
{
	double a = up < left ? up : left;
	return a < diagonal ? a : diagonal;
}

static inline void fill_cell(
    const double *up, double *row, const double *cost, const uint32_t *p, size_t j)
{
	row[j] = cost[p[j]] + (j == 0 ? up[0] : least_of(up[j], row[j - 1], up[j - 1]));
}

/* One row of m cells from the one above, or the first. */
static void make_row(const double *up, double *row, const double *cost, const uint32_t *p, size_t m)
{
	if (up) {
		for (size_t j = 0; j < m; j++)
			fill_cell(up, row, cost, p, j);
		return;
	}
	row[0] = cost[p[0]];
	for (size_t j = 1; j < m; j++)
		row[j] = cost[p[j]] + row[j - 1];
}

/* STRIP rows of m cells at once, each a column behind the one above it, so that their sums do not
 * wait for each other.  row: [STRIP][stride]; m is at least STRIP. */
static void make_strip(const double *up, double *row, size_t stride, const double *const *cost,
    const uint32_t *p, size_t m)
{
	double *r0 = row, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
	for (size_t j = 0; j < STRIP; j++) {
		fill_cell(up, r0, cost[0], p, j);
		if (j >= 1)
			fill_cell(r0, r1, cost[1], p, j - 1);
		if (j >= 2)
			fill_cell(r1, r2, cost[2], p, j - 2);
		if (j >= 3)
			fill_cell(r2, r3, cost[3], p, j - 3);
	}
	for (size_t j = STRIP; j < m; j++) {
		r0[j] = cost[0][p[j]] + least_of(up[j], r0[j - 1], up[j - 1]);
		r1[j - 1] = cost[1][p[j - 1]] + least_of(r0[j - 1], r1[j - 2], r0[j - 2]);
		r2[j - 2] = cost[2][p[j - 2]] + least_of(r1[j - 2], r2[j - 3], r1[j - 3]);
		r3[j - 3] = cost[3][p[j - 3]] + least_of(r2[j - 3], r3[j - 4], r2[j - 4]);
	}
	fill_cell(r0, r1, cost[1], p, m - 1);
	for (size_t j = m - 2; j < m; j++)
		fill_cell(r1, r2, cost[2], p, j);
	for (size_t j = m - 3; j < m; j++)
		fill_cell(r2, r3, cost[3], p, j);
}

/* m cells of the rows [i, i + n); up: of row i - 1, NULL where i is 0.  row: [n][stride]. */
static void make_rows(
    struct align_dtw *d, const double *up, size_t i, size_t n, size_t m, double *row, size_t stride)
{
	const uint32_t *p = d->p.at;
	for (size_t k = 0; k < n;) {
		size_t made = up && m >= STRIP && n - k >= STRIP ? STRIP : 1;
		const double *cost[STRIP];
		for (size_t r = 0; r < made; r++)
			cost[r] = cost_row(d, i + k + r);
		if (made == STRIP)
			make_strip(up, row + k * stride, stride, cost, p, m);
		else
			make_row(up, row + k * stride, cost[0], p, m);
		k += made;
		up = row + (k - 1) * stride;
	}
}

/* Where the path goes from a cell: 0 diagonal, 1 one row up, 2 one column left.  up: the row above,
 * NULL in the first. */
static int step_back(const struct align_dtw *d, const double *up, const double *row, size_t j)
{
	double v[3] = {
	    up && j ? up[j - 1] : INFINITY, up ? up[j] : INFINITY, j ? row[j - 1] : INFINITY};
	int second = d->version == ALIGN_FUSECHAT2 ? 2 : 1, third = 3 - second, to = 0;
	if (v[second] < v[to])
		to = second;
	if (v[third] < v[to])
		to = third;
	return to;
}

double align_dtw_align(struct align_dtw *d, const uint32_t *s, size_t n, const uint32_t *p,
    size_t m, struct align_dtw_span *span)
{
	size_t height = (size_t)ceil(sqrt((double)n)), n_block = (n + height - 1) / height;
	begin_pair(d, s, n, p, m);
	FC_GROW(d->mark, d->cap_mark, n_block * m);
	FC_GROW(d->block, d->cap_block, height * m);
	/* down: mark b is the last row of block b */
	for (size_t b = 0; b < n_block; b++) {
		size_t rows = b + 1 < n_block ? height : n - b * height;
		make_rows(d, b ? d->mark + (b - 1) * m : NULL, b * height, rows, m, d->block, m);
		memcpy(d->mark + b * m, d->block + (rows - 1) * m, m * sizeof *d->mark);
	}
	double total = d->mark[n_block * m - 1];
	/* the way back, from the end; the last block is still there */
	size_t i = n - 1, j = m - 1;
	span[j] = (struct align_dtw_span){(uint32_t)i, (uint32_t)i};
	for (size_t b = n_block; b-- > 0;) {
		const double *above = b ? d->mark + (b - 1) * m : NULL;
		size_t top = b * height;
		if (b + 1 < n_block)
			make_rows(d, above, top, height, j + 1, d->block, m);
		while (i >= top && (i || j)) {
			const double *row = d->block + (i - top) * m;
			int to = step_back(d, i > top ? row - m : above, row, j);
			i -= to != 2;
			if (to != 1)
				span[--j].last = (uint32_t)i;
			span[j].first = (uint32_t)i;
		}
		if (i == 0 && j == 0)
			break;
	}
	return total;
}
