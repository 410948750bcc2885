/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hostmem.h"
#include "base/isa.h"
#include "base/mem.h"
#include "nn/cpu/few.h"
#include "nn/cpu/product.h"

static void *cpu_alloc(struct fc_nn *nn, size_t n_bytes)
{
	(void)nn;
	return fc_alloc_aligned(n_bytes);
}

static void cpu_release(struct fc_nn *nn, void *p)
{
	(void)nn;
	free(p);
}

/* Bytes a thread copies or clears at a time; what is in the cache is not worth a second thread. */
enum { PIECE = 1 << 18 };

static void cpu_copy(struct fc_nn *nn, void *to, const void *from, size_t n_bytes)
{
	(void)nn;
	FC_PAR_FOR(n_bytes > 4 * PIECE, at, n_bytes, PIECE,
	    memcpy((char *)to + at, (const char *)from + at, fc_min_size(PIECE, n_bytes - at)));
}

/* Long ones each by all threads; short ones, as a key and a value of every row, a thread each. */
static void cpu_copies(struct fc_nn *nn, const struct fc_copy *c, size_t n)
{
	size_t all = 0, most = 0;
	for (size_t i = 0; i < n; i++) {
		all += c[i].n;
		most = c[i].n > most ? c[i].n : most;
	}
	if (most * sizeof(float) > PIECE) {
		for (size_t i = 0; i < n; i++)
			cpu_copy(nn, c[i].to, c[i].from, c[i].n * sizeof(float));
		return;
	}
	FC_PAR_FOR(all > fc_par_written(n / 2), i, n, 1,
	    memcpy(c[i].to, c[i].from, c[i].n * sizeof(float)));
}

static void cpu_zero(struct fc_nn *nn, void *p, size_t n_bytes)
{
	(void)nn;
	FC_PAR_FOR(n_bytes > 4 * PIECE, at, n_bytes, PIECE,
	    memset((char *)p + at, 0, fc_min_size(PIECE, n_bytes - at)));
}

static const void *cpu_keep(struct fc_nn *nn, const void *host, size_t n_bytes)
{
	(void)nn;
	(void)n_bytes;
	return host;
}

/* What fails here ends the program where it happens. */
static int cpu_check(struct fc_nn *nn, struct fc_err *e)
{
	(void)nn;
	(void)e;
	return 0;
}

static void cpu_memory(const struct fc_nn *nn, size_t *n_free, size_t *n_total)
{
	(void)nn;
	fc_hostmem_read("", n_free, n_total);
}

static void cpu_describe(const struct fc_nn *nn, char *text, size_t size)
{
	const struct fc_cpu *cpu = (const struct fc_cpu *)nn;
	char products[80];
	if (cpu->products)
		snprintf(products, sizeof products, "bf16 products by %s", cpu->products->name);
	else
		snprintf(products, sizeof products, "%s products by OpenBLAS (%s)",
		    nn->compute == FC_COMPUTE_BF16 ? "bf16" : "f32", fc_sgemm_core());
	snprintf(text, size, "%s%s, instruction set %s", products,
	    cpu->few_packed ? ", of packed weights with few rows by integers" : "",
	    fc_isa_name(fc_isa()));
}

static void cpu_close(struct fc_nn *nn)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	for (int i = 0; i < FC_SCRATCH_N; i++)
		free(cpu->scratch[i].p);
	free(cpu);
}

static const struct fc_nn_ops cpu_ops = {
    .alloc = cpu_alloc,
    .release = cpu_release,
    .put = cpu_copy,
    .get = cpu_copy,
    .copy = cpu_copy,
    .copies = cpu_copies,
    .zero = cpu_zero,
    .keep = cpu_keep,
    .check = cpu_check,
    .memory = cpu_memory,
    .few_rows = fc_cpu_few_rows,
    .linear_fwd = fc_cpu_linear_fwd,
    .linears_fwd = fc_cpu_linears_fwd,
    .linear_glu_fwd = fc_cpu_linear_glu_fwd,
    .linear_bwd_x = fc_cpu_linear_bwd_x,
    .linear_bwd_w = fc_cpu_linear_bwd_w,
    .bias_fwd = fc_cpu_bias_fwd,
    .bias_bwd = fc_cpu_bias_bwd,
    .gain_fwd = fc_cpu_gain_fwd,
    .gain_bwd = fc_cpu_gain_bwd,
    .rmsnorm_fwd = fc_cpu_rmsnorm_fwd,
    .rmsnorm_bwd = fc_cpu_rmsnorm_bwd,
    .layernorm_fwd = fc_cpu_layernorm_fwd,
    .layernorm_bwd = fc_cpu_layernorm_bwd,
    .rope_apply = fc_cpu_rope_apply,
    .attn_fwd = fc_cpu_attn_fwd,
    .attn_bwd = fc_cpu_attn_bwd,
    .glu_fwd = fc_cpu_glu_fwd,
    .glu_bwd = fc_cpu_glu_bwd,
    .act_fwd = fc_cpu_act_fwd,
    .act_bwd = fc_cpu_act_bwd,
    .clip = fc_cpu_clip,
    .clip_bwd = fc_cpu_clip_bwd,
    .add = fc_cpu_add,
    .scale = fc_cpu_scale,
    .split = fc_cpu_split,
    .concat = fc_cpu_concat,
    .route_logits = fc_cpu_route_logits,
    .gather_rows = fc_cpu_gather_rows,
    .scatter_rows = fc_cpu_scatter_rows,
    .dot_rows = fc_cpu_dot_rows,
    .embed_fwd = fc_cpu_embed_fwd,
    .embed_add = fc_cpu_embed_add,
    .embed_bwd = fc_cpu_embed_bwd,
    .head_topk = fc_cpu_head_topk,
    .head_draw = fc_cpu_head_draw,
    .head_logits = fc_cpu_head_logits,
    .head_loss = fc_cpu_head_loss,
    .sum_squares = fc_cpu_sum_squares,
    .adamw = fc_cpu_adamw,
    .to_bf16 = fc_cpu_to_bf16,
    .describe = cpu_describe,
    .close = cpu_close,
};

/* AVX512-BF16 is twice as fast as float32 on AMD's Zen 4, but half as fast on Intel's server cores,
 * where the instruction has half the rate. */
static const struct fc_products *products(void)
{
#if defined(__x86_64__)
	if (fc_isa() >= FC_ISA_AMX && fc_few_amx_open())
		return &fc_products_amx;
	if (fc_isa() >= FC_ISA_AVX512_BF16 && __builtin_cpu_is("amd"))
		return &fc_products_avx512_bf16;
#endif
	return NULL;
}

struct fc_nn *fc_cpu_open(enum fc_compute compute)
{
	struct fc_cpu *cpu = FC_NEW(struct fc_cpu);
	cpu->nn.ops = &cpu_ops;
	cpu->kern = fc_kern();
	cpu->few = fc_few();
	cpu->few_packed = compute == FC_COMPUTE_F32 ? NULL : fc_few_packed();
	cpu->products = compute == FC_COMPUTE_F32 ? NULL : products();
	cpu->nn.compute = compute != FC_COMPUTE_AUTO ? compute
	    : cpu->products                          ? FC_COMPUTE_BF16
						     : FC_COMPUTE_F32;
	fc_sgemm_init();
	return &cpu->nn;
}
