/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arcee fusion: the target's value replaces the base's where the change is important.  Importance
 * is |d| times the divergence of the two rows, seen as logits: KL(softmax(x) || softmax(base)) with
 * 1e-8 added to every probability.  Important is what reaches median + 1.5 (third - first
 * quartile).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/rows.h"
#include "fc-varm/method/threshold.h"

/* log sum_i exp(x_i) of the unit's row, of the target and of the base. */
static void row_log_sums(struct unit *u, size_t y, double *of_target, double *of_base)
{
	double most[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
	size_t at = 0;
	while (varm_rows_next(u, y, &at)) {
		for (size_t i = 0; i < u->n; i++) {
			most[0] = fmax(most[0], u->x[0][i]);
			most[1] = fmax(most[1], u->base[i]);
		}
	}
	at = 0;
	while (varm_rows_next(u, y, &at)) {
		for (size_t i = 0; i < u->n; i++) {
			sum[0] += exp(u->x[0][i] - most[0]);
			sum[1] += exp(u->base[i] - most[1]);
		}
	}
	*of_target = most[0] + log(sum[0]);
	*of_base = most[1] + log(sum[1]);
}

static double row_divergence(struct unit *u, size_t y)
{
	double lx, lb, sum = 0;
	size_t at = 0;
	row_log_sums(u, y, &lx, &lb);
	while (varm_rows_next(u, y, &at)) {
		for (size_t i = 0; i < u->n; i++) {
			double p = exp(u->x[0][i] - lx) + 1e-8, q = exp(u->base[i] - lb) + 1e-8;
			sum += p * log(p / q);
		}
	}
	return sum > 0 ? sum : 0; /* never below 0 but by rounding */
}

static int visit_rows(struct unit *u, void *ctx, struct fc_err *e)
{
	double *divergence = ctx;
	(void)e;
	for (size_t y = 0; y < rows_of_unit(u); y++)
		divergence[u->begin / u->v->row + y] = row_divergence(u, y);
	return 0;
}

/* The importance of the block's entries; number: the rows' divergences. */
static void importances(const struct unit *u, const double *divergence, double *out)
{
	size_t row = u->first / u->v->row, col = u->first % u->v->row;
	for (size_t i = 0; i < u->n; i++) {
		out[i] = fabs(u->x[0][i] - u->base[i]) * divergence[row];
		if (++col == u->v->row) {
			col = 0;
			row++;
		}
	}
}

static void importance_keys(const struct unit *u, const struct threshold_query *w, uint64_t *key)
{
	double importance[BLOCK_ELEMENTS];
	importances(u, w->ctx, importance);
	memcpy(key, importance, u->n * sizeof *key);
}

static const struct threshold_keys by_importance = {importance_keys, NULL, true};

/* r->number: a divergence for each row, then the threshold. */
static int measure(const struct views *v, struct measured *r, struct fc_err *e)
{
	size_t n_row = v->n / v->row;
	struct threshold_query w[3];
	double quartile[3];
	r->weight[0] = NAN; /* each entry has its own */
	r->number = FC_ARRAY(double, n_row + 1);
	if (!v->n)
		return 0;
	if (varm_pass(v, visit_rows, r->number, NULL, 0, e) < 0)
		return -1;
	for (int q = 0; q < 3; q++) {
		size_t from_below = (size_t)(0.25 * (q + 1) * (double)(v->n - 1));
		w[q] = (struct threshold_query){
		    &by_importance, .ctx = r->number, .least = v->n - from_below, .exact = true};
	}
	if (varm_threshold_find(w, 3, v, THRESHOLD_GATHER, e) < 0)
		return -1;
	for (int q = 0; q < 3; q++) {
		quartile[q] = 0;
		if (w[q].take == w[q].least) /* a quartile that is not is among the zeros */
			memcpy(&quartile[q], &w[q].threshold.key, 8);
	}
	r->number[n_row] = quartile[1] + 1.5 * (quartile[2] - quartile[0]);
	return 0;
}

static void apply(struct unit *u, const struct measured *r, double *out)
{
	double importance[BLOCK_ELEMENTS], threshold = r->number[u->v->n / u->v->row];
	importances(u, r->number, importance);
	for (size_t i = 0; i < u->n; i++)
		out[i] = importance[i] >= threshold ? u->x[0][i] : u->base[i];
}

VARM_METHOD(arcee_fusion) = {.name = "arcee_fusion",
    .help = "one target's value where the change is important",
    .takes = VARM_TAKES({.parameter = NULL}),
    .least = 1,
    .most = 1,
    .base = BASE_NEEDED,
    .whole_rows = true,
    .drops = true,
    .measure = measure,
    .apply = apply};
