/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/narrow.h"
#include "nn/cpu/product.h"

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

void fc_tiles_fwd(struct fc_cpu *cpu, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(w);
	const struct fc_factor left = {x, FC_F32, N, I, false};
	for (size_t o = 0; o < O; o += rows) {
		const struct fc_product_side side = {
		    panel_at(cpu, w, o, fc_min_size(rows, O - o)), y + o, O};
		cpu->products->product(cpu, &left, I, &side, 1, false);
	}
}

static bool all_as_they_are(const struct fc_weight *const w[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!as_it_is(w[i]))
			return false;
	return true;
}

bool fc_tiles_several(struct fc_cpu *cpu, float *const y[], const float *x,
    const struct fc_weight *const w[], size_t n, size_t N)
{
	struct fc_product_side side[FC_LINEARS];
	const struct fc_factor left = {x, FC_F32, N, w[0]->n_in, false};
	if (!all_as_they_are(w, n))
		return false;
	for (size_t i = 0; i < n; i++)
		side[i] = (struct fc_product_side){
		    panel_at(cpu, w[i], 0, w[i]->n_out), y[i], w[i]->n_out};
	cpu->products->product(cpu, &left, w[0]->n_in, side, n, false);
	return true;
}

bool fc_tiles_glu(struct fc_cpu *cpu, float *y, const float *x, const struct fc_weight *gate,
    const struct fc_weight *up, const struct fc_weight *down, enum fc_act act, size_t N)
{
	const struct fc_factor left = {x, FC_F32, N, gate->n_in, false};
	if (!all_as_they_are((const struct fc_weight *const[]){gate, up, down}, 3))
		return false;
	const struct fc_glu l = {panel_at(cpu, gate, 0, gate->n_out),
	    panel_at(cpu, up, 0, up->n_out), panel_at(cpu, down, 0, down->n_out), act};
	cpu->products->glu(cpu, &left, gate->n_in, &l, y, down->n_out);
	return true;
}

void fc_tiles_bwd_x(struct fc_cpu *cpu, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate)
{
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(w);
	for (size_t o = 0; o < O; o += rows) {
		const size_t n_o = fc_min_size(rows, O - o);
		const struct fc_factor left = {dy + o, FC_F32, N, O, false};
		struct fc_product_side side = {panel_at(cpu, w, o, n_o), dx, I};
		side.b.n = I;
		side.b.by_depth = true;
		cpu->products->product(cpu, &left, n_o, &side, 1, accumulate || o);
	}
}

void fc_tiles_bwd_w(
    struct fc_cpu *cpu, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I)
{
	const struct fc_factor left = {dy, FC_F32, O, O, true};
	const struct fc_product_side side = {{x, FC_F32, I, I, true}, dw, I};
	cpu->products->product(cpu, &left, N, &side, 1, true);
}
