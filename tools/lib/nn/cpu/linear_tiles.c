/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/narrow.h"
#include "nn/cpu/product.h"

#if defined(__x86_64__)

/* Weights that are neither bfloat16 nor float32 are rounded so many numbers at a time. */
enum { PANEL = 1 << 23, LEAST_ROWS = 64 };

static bool as_it_is(const struct fc_weight *w)
{
	return w->dtype == FC_BF16 || w->dtype == FC_F32;
}

static size_t panel_rows(const struct fc_weight *w)
{
	const size_t rows = PANEL / (w->n_in ? w->n_in : 1);
	return as_it_is(w) ? w->n_out : rows < LEAST_ROWS ? LEAST_ROWS : rows;
}

/* Rows [o, o + n) of w: the weight's own memory, or rounded into scratch. */
static struct fc_factor panel_at(struct fc_cpu *cpu, const struct fc_weight *w, size_t o, size_t n)
{
	const size_t I = w->n_in;
	const char *p = (const char *)w->p + fc_dtype_bytes(w->dtype, o * I);
	if (as_it_is(w))
		return (struct fc_factor){p, w->dtype, n, I, false};
	uint16_t *r = fc_cpu_scratch(cpu, FC_SCRATCH_PANEL, n * I, sizeof *r);
#pragma omp parallel for if (n * I > FC_PAR_ELEMENTS)
	for (size_t k = 0; k < n; k++)
		fc_narrow(r + k * I, p + fc_dtype_bytes(w->dtype, k * I), w->dtype, I);
	return (struct fc_factor){r, FC_BF16, n, I, false};
}

static void tiles_fwd(
    struct fc_cpu *cpu, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(w);
	const struct fc_factor left = {x, FC_F32, N, I, false};
	for (size_t o = 0; o < O; o += rows) {
		const struct fc_factor right = panel_at(cpu, w, o, fc_min_size(rows, O - o));
		fc_product_amx(cpu, &left, &right, I, y + o, O, false);
	}
}

static void tiles_bwd_x(struct fc_cpu *cpu, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate)
{
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(w);
	for (size_t o = 0; o < O; o += rows) {
		const size_t n_o = fc_min_size(rows, O - o);
		const struct fc_factor left = {dy + o, FC_F32, N, O, false};
		struct fc_factor right = panel_at(cpu, w, o, n_o);
		right.n = I;
		right.by_depth = true;
		fc_product_amx(cpu, &left, &right, n_o, dx, I, accumulate || o);
	}
}

static void tiles_bwd_w(
    struct fc_cpu *cpu, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I)
{
	const struct fc_factor left = {dy, FC_F32, O, O, true}, right = {x, FC_F32, I, I, true};
	fc_product_amx(cpu, &left, &right, N, dw, I, true);
}

const struct fc_products fc_products_amx = {
    "tiles of AMX", true, tiles_fwd, tiles_bwd_x, tiles_bwd_w};
#endif
