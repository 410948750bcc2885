/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/few.h"

#include "base/isa.h"
#include "base/par.h"
#include "nn/cpu/narrow.h"

/* Any set: the rounded rows as floats, for loops that widen the weights. */
static size_t wide_bytes(size_t N, size_t I)
{
	return N * I * sizeof(float);
}

static void wide_pack(void *pack, const float *x, size_t n, size_t n_row, size_t I)
{
	fc_kern()->round_bf16((float *)pack + n * I, x + n * I, n_row * I);
}

static void wide_dot(float *y, size_t ldy, const void *pack, const void *w, enum fc_dtype t,
    size_t N, size_t O, size_t I)
{
	fc_kern()->dot_rows(y, ldy, pack, I, w, I, t, N, O, I);
}

static const struct fc_few few_wide = {"wide", 0, false, wide_bytes, 1, wide_pack, wide_dot};

size_t fc_few_all(const struct fc_few *all[static FC_FEW_MAX])
{
	size_t n = 0;
#if defined(__x86_64__)
	const enum fc_isa isa = fc_isa();
	if (isa >= FC_ISA_AMX && fc_few_amx_open())
		all[n++] = &fc_few_amx;
	if (isa >= FC_ISA_AVX512_BF16)
		all[n++] = &fc_few_avx512_bf16;
#endif
	all[n++] = &few_wide;
	return n;
}

const struct fc_few *fc_few(void)
{
	const struct fc_few *all[FC_FEW_MAX];
	fc_few_all(all);
	return all[0];
}

const struct fc_few *fc_few_packed(void)
{
#if defined(__x86_64__)
	if (fc_isa() >= FC_ISA_AMX && fc_few_amx_open())
		return &fc_few_amx_int8;
	if (fc_isa() >= FC_ISA_AVX512_BF16)
		return &fc_few_avx512_vnni;
	if (fc_isa() >= FC_ISA_AVX2)
		return &fc_few_packed_avx2;
#endif
	return NULL;
}

/* Outputs at a time: they, and their weights where those are rounded, stay in the second cache. */
enum { COLS = 32 };

/* What all parts of a product have: rows of x, packed for few if there is one. */
struct rows {
	const struct fc_few *few;
	const void *x;
	size_t N;
};

/* So many numbers are packed by one thread before the others begin. */
enum { PACKED_ALONE = 4096 };

/* Packs x [N,I]; called by one thread, or by all of a parallel region, which share the rows. */
static void pack_rows(const struct fc_few *few, void *pack, const float *x, size_t N, size_t I)
{
#pragma omp for schedule(static)
	for (size_t n = 0; n < N; n += few->pack_rows)
		few->pack(pack, x, n, fc_min_size(few->pack_rows, N - n), I);
}

static bool is_rounded(const struct fc_few *few, const struct fc_weight *w)
{
	return few && w->dtype != FC_BF16 && !fc_dtype_is_packed(w->dtype) && !few->any_type;
}

/* Outputs [o, o + n_o); "rounded": [n_o, I] for their weights. */
static void part(float *y, const struct rows *x, const struct fc_weight *w, size_t o, size_t n_o,
    uint16_t *rounded)
{
	const size_t O = w->n_out, I = w->n_in;
	const void *from = (const char *)w->p + fc_dtype_bytes(w->dtype, o * I);
	if (!x->few) {
		fc_kern()->dot_rows(y + o, O, x->x, I, from, I, w->dtype, x->N, n_o, I);
		return;
	}
	enum fc_dtype type = w->dtype;
	if (is_rounded(x->few, w)) {
		fc_narrow(rounded, from, type, n_o * I);
		from = rounded;
		type = FC_BF16;
	}
	x->few->dot(y + o, O, x->x, from, type, x->N, n_o, I);
}

void fc_few_products(struct fc_cpu *cpu, const struct fc_few *few, float *const y[], const float *x,
    const struct fc_weight *const w[], size_t n, size_t N)
{
	const size_t I = w[0]->n_in;
	void *pack = few ? fc_cpu_scratch(cpu, FC_SCRATCH_ROWS, few->pack_bytes(N, I), 1) : NULL;
	const struct rows rows = {few, few ? pack : x, N};
	size_t products = 0, next = 0;
	bool round = false;
	for (size_t i = 0; i < n; i++) {
		products += N * w[i]->n_out * I;
		round = round || is_rounded(few, w[i]);
	}
	uint16_t *rounded = !round ? NULL
				   : fc_cpu_scratch(cpu, FC_SCRATCH_PANEL,
					 (size_t)fc_par_threads() * COLS * I, sizeof *rounded);
	if (few && N * I <= PACKED_ALONE)
		pack_rows(few, pack, x, N, I);
#pragma omp parallel if (products > FC_PAR_PRODUCTS)
	{
		size_t me;
		if (few && N * I > PACKED_ALONE)
			pack_rows(few, pack, x, N, I);
#pragma omp atomic capture
		me = next++;
		uint16_t *own = round ? rounded + me * COLS * I : NULL;
		/* a thread's outputs lie together, so that it knows what to ask memory for */
		for (size_t i = 0; i < n; i++)
#pragma omp for schedule(guided) nowait
			for (size_t o = 0; o < w[i]->n_out; o += COLS)
				part(y[i], &rows, w[i], o, fc_min_size(COLS, w[i]->n_out - o), own);
	}
}
