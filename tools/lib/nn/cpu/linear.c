/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/alike.h"
#include "nn/cpu/few.h"
#include "nn/cpu/product.h"

/*
 * Products in float32, also of operands that are rounded to bfloat16 where there are no
 * tiles for it: these products are exact in float32.  The result is split into blocks by
 * its shape alone and every block is computed by one thread, so the number of threads changes no
 * bit. The larger a block, the less copying the library does for it; but there should be blocks for
 * several threads.
 */
struct grid {
	size_t rows, cols;
};

static struct grid grid_for(size_t M, size_t N)
{
	enum { MOST = 512, LEAST = 128, ENOUGH = 12 };
	struct grid g = {MOST, MOST};
	while ((M + g.rows - 1) / g.rows * ((N + g.cols - 1) / g.cols) < ENOUGH && g.cols > LEAST) {
		if (g.rows == g.cols)
			g.cols /= 2;
		else
			g.rows /= 2;
	}
	return g;
}

/*
 * A narrow weight is widened by panels of some rows, so that the product finds them in the cache.
 * Activations that are rounded are cached so, by parts of their rows, where the whole weight is
 * small enough to be widened once for all of them.
 */
enum { PANEL_FLOATS = 1 << 19, WHOLE_FLOATS = 1 << 22, PART_ROWS = 1024 };

/* w is read where it lies. */
static bool as_it_is(const struct fc_cpu *cpu, const struct fc_weight *w)
{
	return w->dtype == FC_F32 && cpu->nn.compute == FC_COMPUTE_F32;
}

static size_t panel_rows(const struct fc_cpu *cpu, const struct fc_weight *w)
{
	const size_t rows = PANEL_FLOATS / (w->n_in ? w->n_in : 1);
	if (cpu->nn.compute == FC_COMPUTE_BF16 && w->n_out * w->n_in <= WHOLE_FLOATS)
		return w->n_out;
	return as_it_is(cpu, w) ? w->n_out : rows < 64 ? 64 : fc_min_size(rows, w->n_out);
}

static size_t part_rows(const struct fc_cpu *cpu, const struct fc_weight *w, size_t N)
{
	const bool by_parts = cpu->nn.compute == FC_COMPUTE_BF16 && panel_rows(cpu, w) == w->n_out;
	return by_parts ? fc_min_size(PART_ROWS, N) : N;
}

static const char *row_of(const struct fc_weight *w, size_t o)
{
	return (const char *)w->p + o * fc_dtype_bytes(w->dtype, w->n_in);
}

/* A matrix of activations or gradients. */
struct operand {
	const float *p;
	size_t ld;
};

/* x [N, I], rows ldx apart, as the products take it. */
static struct operand operand(
    struct fc_cpu *cpu, enum fc_scratch slot, const float *x, size_t ldx, size_t N, size_t I)
{
	if (cpu->nn.compute == FC_COMPUTE_F32)
		return (struct operand){x, ldx};
	float *r = fc_cpu_scratch(cpu, slot, N * I, sizeof *r);
#pragma omp parallel for if (N * I > FC_PAR_ELEMENTS)
	for (size_t n = 0; n < N; n++)
		cpu->kern->round_bf16(r + n * I, x + n * ldx, I);
	return (struct operand){r, I};
}

/* Rows [o, o + n) of w as the products take them. */
static const float *panel_at(struct fc_cpu *cpu, const struct fc_weight *w, size_t o, size_t n)
{
	const size_t I = w->n_in;
	if (as_it_is(cpu, w))
		return (const float *)w->p + o * I;
	const bool round = cpu->nn.compute == FC_COMPUTE_BF16 && w->dtype != FC_BF16;
	float *panel = fc_cpu_scratch(cpu, FC_SCRATCH_PANEL, n * I, sizeof *panel);
#pragma omp parallel for if (n * I > FC_PAR_ELEMENTS)
	for (size_t r = 0; r < n; r++) {
		cpu->kern->widen(panel + r * I, row_of(w, o + r), w->dtype, I);
		if (round)
			cpu->kern->round_bf16(panel + r * I, panel + r * I, I);
	}
	return panel;
}

/* y [N, n_o], rows ldy apart, = x p^T */
static void panel_fwd(struct fc_cpu *cpu, float *y, size_t ldy, const float *x, const float *p,
    size_t N, size_t n_o, size_t I)
{
	if (cpu->nn.alike) {
		fc_alike_product(cpu, y, ldy, x, p, N, n_o, I);
		return;
	}
	const struct grid g = grid_for(N, n_o);
#pragma omp parallel for collapse(2) schedule(dynamic) if (N * n_o * I > FC_PAR_PRODUCTS)
	for (size_t o = 0; o < n_o; o += g.cols)
		for (size_t n = 0; n < N; n += g.rows)
			fc_sgemm(FC_NT, fc_min_size(g.rows, N - n), fc_min_size(g.cols, n_o - o), I,
			    x + n * I, I, p + o * I, I, 0, y + n * ldy + o, ldy);
}

/* dx (+)= dy p, dy [N, n_o] */
static void panel_bwd_x(
    float *dx, struct operand dy, const float *p, size_t N, size_t n_o, size_t I, bool accumulate)
{
	const struct grid g = grid_for(N, I);
#pragma omp parallel for collapse(2) schedule(dynamic) if (N * n_o * I > FC_PAR_PRODUCTS)
	for (size_t n = 0; n < N; n += g.rows)
		for (size_t i = 0; i < I; i += g.cols)
			fc_sgemm(FC_NN, fc_min_size(g.rows, N - n), fc_min_size(g.cols, I - i), n_o,
			    dy.p + n * dy.ld, dy.ld, p + i, I, accumulate ? 1 : 0, dx + n * I + i,
			    I);
}

/* dw += dy^T x, dy [N, O], x [N, I] */
static void rows_bwd_w(float *dw, struct operand dy, struct operand x, size_t N, size_t O, size_t I)
{
	const struct grid g = grid_for(O, I);
#pragma omp parallel for collapse(2) schedule(dynamic) if (N * O * I > FC_PAR_PRODUCTS)
	for (size_t o = 0; o < O; o += g.rows)
		for (size_t i = 0; i < I; i += g.cols)
			fc_sgemm(FC_TN, fc_min_size(g.rows, O - o), fc_min_size(g.cols, I - i), N,
			    dy.p + o, dy.ld, x.p + i, x.ld, 1, dw + o * I + i, I);
}

size_t fc_cpu_few_rows(const struct fc_nn *nn)
{
	const struct fc_cpu *cpu = (const struct fc_cpu *)nn;
	const size_t narrow = nn->compute == FC_COMPUTE_BF16 ? cpu->few->rows : 0;
	return narrow ? narrow : cpu->kern->few_rows;
}

static bool takes_few(const struct fc_cpu *cpu, const struct fc_weight *w, size_t N)
{
	const bool same = cpu->products && cpu->products->as_few && !fc_dtype_is_packed(w->dtype);
	return N <= fc_cpu_few_rows(&cpu->nn) && (!cpu->nn.alike || same);
}

/* NULL: as float32 */
static const struct fc_few *few_for(const struct fc_cpu *cpu, const struct fc_weight *w)
{
	if (fc_dtype_is_packed(w->dtype))
		return cpu->few_packed;
	return cpu->nn.compute == FC_COMPUTE_F32 ? NULL : cpu->few;
}

static bool take_few_together(
    const struct fc_cpu *cpu, const struct fc_weight *const w[], size_t n, size_t N)
{
	for (size_t i = 0; i < n; i++)
		if (!takes_few(cpu, w[i], N) || few_for(cpu, w[i]) != few_for(cpu, w[0]))
			return false;
	return n > 0;
}

void fc_cpu_linear_fwd(
    struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(cpu, w);
	if (takes_few(cpu, w, N)) {
		fc_few_products(cpu, few_for(cpu, w), &y, x, &w, 1, N);
		return;
	}
	if (cpu->products) {
		fc_tiles_fwd(cpu, y, x, w, N);
		return;
	}
	const size_t part = part_rows(cpu, w, N);
	const float *panel = NULL;
	for (size_t n = 0, m; n < N; n += m) {
		m = fc_min_size(part, N - n);
		const float *xn = operand(cpu, FC_SCRATCH_ROWS, x + n * I, I, m, I).p;
		for (size_t o = 0; o < O; o += rows) {
			const size_t n_o = fc_min_size(rows, O - o);
			panel = panel && n_o == O ? panel : panel_at(cpu, w, o, n_o);
			panel_fwd(cpu, y + n * O + o, O, xn, panel, m, n_o, I);
		}
	}
}

bool fc_cpu_linears_fwd(struct fc_nn *nn, float *const y[], const float *x,
    const struct fc_weight *const w[], size_t n, size_t N)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	if (take_few_together(cpu, w, n, N)) {
		fc_few_products(cpu, few_for(cpu, w[0]), y, x, w, n, N);
		return true;
	}
	return N > fc_cpu_few_rows(nn) && cpu->products && fc_tiles_several(cpu, y, x, w, n, N);
}

bool fc_cpu_linear_glu_fwd(struct fc_nn *nn, float *y, const float *x, const struct fc_weight *gate,
    const struct fc_weight *up, const struct fc_weight *down, enum fc_act act, size_t N)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	return N > fc_cpu_few_rows(nn) && cpu->products &&
	    fc_tiles_glu(cpu, y, x, gate, up, down, act, N);
}

void fc_cpu_linear_bwd_x(struct fc_nn *nn, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	const size_t O = w->n_out, I = w->n_in, rows = panel_rows(cpu, w);
	if (cpu->products) {
		fc_tiles_bwd_x(cpu, dx, dy, w, N, accumulate);
		return;
	}
	const size_t part = part_rows(cpu, w, N);
	const float *panel = NULL;
	for (size_t n = 0, m; n < N; n += m) {
		m = fc_min_size(part, N - n);
		for (size_t o = 0; o < O; o += rows) {
			const size_t n_o = fc_min_size(rows, O - o);
			const struct operand dyn =
			    operand(cpu, FC_SCRATCH_ROWS, dy + n * O + o, O, m, n_o);
			panel = panel && n_o == O ? panel : panel_at(cpu, w, o, n_o);
			panel_bwd_x(dx + n * I, dyn, panel, m, n_o, I, accumulate || o);
		}
	}
}

void fc_cpu_linear_bwd_w(
    struct fc_nn *nn, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	if (cpu->products) {
		fc_tiles_bwd_w(cpu, dw, dy, x, N, O, I);
		return;
	}
	/* Rows are rounded by parts that the products find in the cache. */
	enum { PART = 256 };
	const size_t most = cpu->nn.compute == FC_COMPUTE_F32 ? N : PART;
	for (size_t n = 0; n < N; n += most) {
		const size_t rows = fc_min_size(most, N - n);
		rows_bwd_w(dw, operand(cpu, FC_SCRATCH_ROWS, dy + n * O, O, rows, O),
		    operand(cpu, FC_SCRATCH_TAIL, x + n * I, I, rows, I), rows, O, I);
	}
}

static void add_row(float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

void fc_cpu_bias_fwd(struct fc_nn *nn, float *y, const float *bias, size_t N, size_t O)
{
	(void)nn;
	FC_PAR_FOR(N * O > FC_PAR_ELEMENTS, n, N, 1, add_row(y + n * O, bias, O));
}

/* Columns are split over threads, so every sum runs over n in order. */
void fc_cpu_bias_bwd(struct fc_nn *nn, float *dbias, const float *dy, size_t N, size_t O)
{
	(void)nn;
	enum { COLS = 64 };
#pragma omp parallel for if (N * O > FC_PAR_ELEMENTS)
	for (size_t o = 0; o < O; o += COLS) {
		double sum[COLS] = {0};
		const size_t n_o = fc_min_size(COLS, O - o);
		for (size_t n = 0; n < N; n++)
			for (size_t j = 0; j < n_o; j++)
				sum[j] += (double)dy[n * O + o + j];
		for (size_t j = 0; j < n_o; j++)
			dbias[o + j] += (float)sum[j];
	}
}
