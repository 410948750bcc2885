/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/blas.h"
#include "nn/cuda/kernels.h"
#include "nn/cuda/launch.h"

/*
 * Products by the library, of operands that are rounded to bfloat16 first where the device computes
 * in that.  Weights that are stored otherwise than it computes are converted by panels of rows.
 */

static bool in_bf16(const struct fc_cuda *cu)
{
	return cu->nn.compute == FC_COMPUTE_BF16;
}

/* x [N,I] as products take it. */
static const void *operand(struct fc_cuda *cu, const float *x, size_t N, size_t I)
{
	return in_bf16(cu) ? static_cast<const void *>(fc_cuda_rounded(cu, x, N, I, N)) : x;
}

/* A second one beside it. */
static const void *operand2(struct fc_cuda *cu, const float *x, size_t n)
{
	const struct fc_cuda_rounded first = cu->rounded;
	if (!in_bf16(cu))
		return x;
	uint16_t *r = static_cast<uint16_t *>(fc_cuda_scratch(cu, FC_CUDA_ROWS2, n, sizeof *r));
	if (!r)
		return NULL;
	fc_cuda_to_bf16(&cu->nn, r, x, n);
	cu->rounded = first;
	return r;
}

static bool as_it_is(const struct fc_cuda *cu, const struct fc_weight *w)
{
	return w->dtype == (in_bf16(cu) ? FC_BF16 : FC_F32);
}

/* Whole 64s: so a panel's part of results and of gradients begins at a multiple of 16 bytes where
 * their rows do, which the library's fast ways ask for. */
static size_t panel_rows(const struct fc_cuda *cu, const struct fc_weight *w)
{
	const size_t rows = FC_PANEL_ELEMENTS / (w->n_in ? w->n_in : 1) / 64 * 64;
	return as_it_is(cu, w) ? w->n_out : fc_cuda_min(rows ? rows : 64, w->n_out);
}

/* Rows [o, o + n) of w as products take them; NULL after an error. */
static const void *panel_at(struct fc_cuda *cu, const struct fc_weight *w, size_t o, size_t n)
{
	if (as_it_is(cu, w))
		return fc_cuda_weight_row(w, o);
	const size_t size = in_bf16(cu) ? sizeof(uint16_t) : sizeof(float);
	const struct fc_cuda_rounded rows = cu->rounded;
	void *panel = fc_cuda_scratch(cu, FC_CUDA_PANEL, n * w->n_in, size);
	if (panel)
		fc_cuda_convert(cu, in_bf16(cu) ? static_cast<uint16_t *>(panel) : NULL,
		    static_cast<float *>(panel), w, o, n);
	cu->rounded = rows;
	return panel;
}

/* x [..] behind by n elements of the compute type */
static const void *behind(const struct fc_cuda *cu, const void *x, size_t n)
{
	return static_cast<const char *>(x) + n * (in_bf16(cu) ? sizeof(uint16_t) : sizeof(float));
}

/* x [N,I] as products take it, followed by zeros to n_all rows. */
static const void *padded(struct fc_cuda *cu, const float *x, size_t N, size_t n_all, size_t I)
{
	if (in_bf16(cu))
		return fc_cuda_rounded(cu, x, N, I, n_all);
	float *r = static_cast<float *>(fc_cuda_scratch(cu, FC_CUDA_ROWS, n_all * I, sizeof *r));
	if (!r)
		return NULL;
	fc_cuda_copy(&cu->nn, r, x, N * I * sizeof *r);
	fc_cuda_zero(&cu->nn, r + N * I, (n_all - N) * I * sizeof *r);
	return r;
}

/*
 * A product's way to compute is that of its shape and of where its operands begin, and the same for
 * all of its rows: so rows are alike where every product has as many, and results begin at
 * multiples of 16 bytes, if need be in scratch.
 */
static void alike_fwd(
    struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(cu, w), R = FC_CUDA_ALIKE_ROWS;
	const void *xr = padded(cu, x, N, fc_cuda_ceil(N, R) * R, I);
	float *part = static_cast<float *>(fc_cuda_scratch(cu, FC_CUDA_ALIKE, R * O, sizeof *part));
	for (size_t n = 0; n < N && !cu->failed; n += R) {
		const bool whole = N - n >= R && (uintptr_t)(y + n * O) % 16 == 0;
		float *to = whole ? y + n * O : part;
		for (size_t o = 0; o < O && !cu->failed; o += rows) {
			const size_t n_o = fc_cuda_min(rows, O - o);
			const struct fc_cuda_product p = {FC_CUDA_NT, R, n_o, I, I, I, O, false};
			const void *panel = panel_at(cu, w, o, n_o);
			fc_cuda_product(cu, &p, behind(cu, xr, n * I), panel, to + o);
		}
		if (!whole)
			fc_cuda_copy(nn, y + n * O, part, fc_cuda_min(R, N - n) * O * sizeof *part);
	}
}

void fc_cuda_linear_fwd(
    struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(cu, w);
	if (nn->alike) {
		alike_fwd(nn, y, x, w, N);
		return;
	}
	if (N <= fc_cuda_few_rows(nn)) {
		fc_cuda_few_fwd(cu, y, x, w, N, in_bf16(cu));
		return;
	}
	const void *xr = operand(cu, x, N, I);
	for (size_t o = 0; o < O && !cu->failed; o += rows) {
		const size_t n_o = fc_cuda_min(rows, O - o);
		const struct fc_cuda_product p = {FC_CUDA_NT, N, n_o, I, I, I, O, false};
		const void *panel = panel_at(cu, w, o, n_o);
		fc_cuda_product(cu, &p, xr, panel, y + o);
	}
}

void fc_cuda_linear_bwd_x(struct fc_nn *nn, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(cu, w);
	const void *dyr = operand(cu, dy, N, O);
	for (size_t o = 0; o < O && !cu->failed; o += rows) {
		const size_t n_o = fc_cuda_min(rows, O - o);
		const struct fc_cuda_product p = {
		    FC_CUDA_NN, N, I, n_o, O, I, I, accumulate || o > 0};
		const void *panel = panel_at(cu, w, o, n_o);
		fc_cuda_product(cu, &p, behind(cu, dyr, o), panel, dx);
	}
}

void fc_cuda_linear_bwd_w(
    struct fc_nn *nn, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const void *dyr = operand(cu, dy, N, O);
	const void *xr = operand2(cu, x, N * I);
	const struct fc_cuda_product p = {FC_CUDA_TN, O, I, N, O, I, I, true};
	if (!cu->failed)
		fc_cuda_product(cu, &p, dyr, xr, dw);
}
