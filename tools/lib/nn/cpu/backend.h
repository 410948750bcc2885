/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_BACKEND_H
#define FC_NN_BACKEND_H

#include "nn/cpu/kern.h"
#include "nn/ops.h"
#include "nn/cpu/sgemm.h"

/*
 * cpu/: computation by the processor.  Each group of functions of nn.h has a file (linear with
 * column_gain, split, rmsnorm, layernorm, rope, attention, glu, route, embed, head
 * with head_loss; *_bwd where the way back is long; alike, where rows are to be; optimizer), cpu is
 * the table of them with memory and handle, backend what they share with their scratch, sgemm is
 * the door to OpenBLAS, and kern lists the inner loops on one thread: kern_* compiles the bodies
 * kern_*_body for one instruction set each; few are products of few rows, few_* for one set each,
 * few_packed_* with packed weights (their bodies on vectors of one width each), narrow rounds to
 * bfloat16; product_* are products of many rows by tiles (tile_shape), with the door product,
 * product_body for one set each, linear_tiles is linear by them.  head_draw is rows by draws
 * instead of the likeliest; head_row is a teacher's row against a row of logits, head_objective the
 * divergences.  attention_amx are attention's tiles by AMX, attention_softmax what both ways share,
 * tile_pack_body is how numbers are packed into tiles, and tile_amx_config_body how AMX is told
 * their shape.
 */

/* Scratch that survives between calls.  A slot's contents last until it is asked for again. */
enum fc_scratch {
	FC_SCRATCH_PANEL,  /* linear, few: widened or rounded weights */
	FC_SCRATCH_ROWS,   /* linear, few, product: rounded activations, or a packed left factor */
	FC_SCRATCH_TAIL,   /* linear: the second rounded activations; a gated network between its
			      halves */
	FC_SCRATCH_ATTN,   /* attention: tiles of scores of every thread */
	FC_SCRATCH_TASKS,  /* attention: the work list */
	FC_SCRATCH_LOGITS, /* head: one tile */
	FC_SCRATCH_ROW,    /* head: a tile's rows */
	FC_SCRATCH_PACKS,  /* alike: every thread's copies; product: packed right factors */
	FC_SCRATCH_N
};

struct fc_products;
struct fc_cpu {
	struct fc_nn nn;
	const struct fc_kern *kern;
	/* products of few rows: in BF16; with packed weights, NULL where they are done in float32
	 */
	const struct fc_few *few, *few_packed;
	const struct fc_products *products; /* of many rows, in BF16; NULL: by sgemm */
	struct {
		void *p;
		size_t n_bytes;
	} scratch[FC_SCRATCH_N];
};
struct fc_nn *fc_cpu_open(enum fc_compute compute);

static inline struct fc_cpu *fc_cpu_of(struct fc_nn *nn)
{
	return (struct fc_cpu *)nn;
}

/* 64-byte aligned, contents undefined. */
void *fc_cpu_scratch(struct fc_cpu *cpu, enum fc_scratch slot, size_t n, size_t size_bytes);

static inline size_t fc_min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What is behind the functions of nn.h. */
size_t fc_cpu_few_rows(const struct fc_nn *nn);
void fc_cpu_linear_fwd(
    struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N);
bool fc_cpu_linears_fwd(struct fc_nn *nn, float *const y[], const float *x,
    const struct fc_weight *const w[], size_t n, size_t N);
bool fc_cpu_linear_glu_fwd(struct fc_nn *nn, float *y, const float *x, const struct fc_weight *gate,
    const struct fc_weight *up, const struct fc_weight *down, enum fc_act act, size_t N);
void fc_cpu_linear_bwd_x(struct fc_nn *nn, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate);
void fc_cpu_linear_bwd_w(
    struct fc_nn *nn, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I);
void fc_cpu_bias_fwd(struct fc_nn *nn, float *y, const float *bias, size_t N, size_t O);
void fc_cpu_bias_bwd(struct fc_nn *nn, float *dbias, const float *dy, size_t N, size_t O);
void fc_cpu_gain_fwd(
    struct fc_nn *nn, float *y, const float *x, const float *gain, size_t N, size_t C);
void fc_cpu_gain_bwd(
    struct fc_nn *nn, float *dgain, const float *dy, const float *x, size_t N, size_t C);
void fc_cpu_rmsnorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w, size_t N,
    size_t C, float eps, bool plus_one);
void fc_cpu_rmsnorm_bwd(struct fc_nn *nn, float *dx, float *dw, const float *dy, const float *x,
    const float *w, size_t N, size_t C, float eps, bool plus_one);
void fc_cpu_layernorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w,
    const float *bias, size_t N, size_t C, float eps);
void fc_cpu_layernorm_bwd(struct fc_nn *nn, float *dx, float *dw, float *dbias, const float *dy,
    const float *x, const float *w, size_t N, size_t C, float eps);
void fc_cpu_rope_apply(struct fc_nn *nn, float *x, const uint32_t *pos, size_t N, size_t heads,
    size_t D, const struct fc_rope *r, bool inverse);
void fc_cpu_attn_fwd(
    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq);
void fc_cpu_attn_bwd(struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq,
    const struct fc_attn_grad *grad, size_t n_seq);
void fc_cpu_glu_fwd(struct fc_nn *nn, float *y, const float *gate, const float *up, enum fc_act act,
    size_t N, size_t F);
void fc_cpu_glu_bwd(struct fc_nn *nn, float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t N, size_t F);
void fc_cpu_act_fwd(
    struct fc_nn *nn, float *y, const float *x, enum fc_act act, size_t N, size_t F);
void fc_cpu_act_bwd(struct fc_nn *nn, float *dx, const float *dy, const float *x, enum fc_act act,
    size_t N, size_t F);
void fc_cpu_clip_bwd(struct fc_nn *nn, float *dx, const float *x, float limit, size_t n);
void fc_cpu_clip(struct fc_nn *nn, float *x, float limit, size_t n);
void fc_cpu_add(struct fc_nn *nn, float *y, const float *x, size_t n);
void fc_cpu_scale(struct fc_nn *nn, float *x, float factor, size_t n);
void fc_cpu_split(
    struct fc_nn *nn, float *const part[], const float *x, const struct fc_split *c, size_t N);
void fc_cpu_concat(
    struct fc_nn *nn, float *x, const float *const part[], const struct fc_split *c, size_t N);
void fc_cpu_route_logits(struct fc_nn *nn, const struct fc_weight *w, const float *bias,
    const float *x, size_t N, float *logit);
void fc_cpu_gather_rows(
    struct fc_nn *nn, float *to, const float *from, const uint32_t *row, size_t n, size_t C);
void fc_cpu_scatter_rows(struct fc_nn *nn, float *to, const float *from, const uint32_t *row,
    const float *scale /* NULL: 1 */, size_t n, size_t C);
void fc_cpu_dot_rows(
    struct fc_nn *nn, const float *a, const float *b, size_t n, size_t C, float *dot);
void fc_cpu_embed_fwd(struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *tok,
    size_t N, float scale);
void fc_cpu_embed_add(
    struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *pos, size_t N);
void fc_cpu_embed_bwd(struct fc_nn *nn, float *dw, const float *dx, const uint32_t *tok, size_t N,
    size_t C, float scale);
void fc_cpu_head_topk(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, size_t K, uint32_t *id, float *logprob, float *true_logprob);
void fc_cpu_head_draw(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, const struct fc_draws *d, struct fc_rng *rng,
    uint32_t *n_entry, uint32_t *id, float *logprob, float *true_logprob);
void fc_cpu_head_logits(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits);
void fc_cpu_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, const float *sft_weight, const float *kd_weight,
    const struct fc_teacher *teacher, size_t N, float *dx, float *dw, struct fc_loss *loss);
void fc_cpu_sum_squares(struct fc_nn *nn, const float *x, size_t n, double *sum);
void fc_cpu_adamw(struct fc_nn *nn, float *w, float *m, float *v, const float *g, size_t n,
    const struct fc_adamw *a);
void fc_cpu_to_bf16(struct fc_nn *nn, uint16_t *y, const float *x, size_t n);

#endif
