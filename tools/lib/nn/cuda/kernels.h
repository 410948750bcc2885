/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_KERNELS_H
#define FC_NN_CUDA_KERNELS_H

#include "nn/cuda/cuda.h"

/* The operations of ops.h on this device, by their names there, and what they share. */

/* Parts of sums over rows at most. */
enum { FC_CUDA_PARTS_MOST = 64 };

/* ---- memory.cu ---- */
void *fc_cuda_alloc(struct fc_nn *nn, size_t n_bytes);
void fc_cuda_release(struct fc_nn *nn, void *p);
void fc_cuda_put(struct fc_nn *nn, void *to, const void *host, size_t n_bytes);
void fc_cuda_get(struct fc_nn *nn, void *host, const void *from, size_t n_bytes);
void fc_cuda_copy(struct fc_nn *nn, void *to, const void *from, size_t n_bytes);
void fc_cuda_zero(struct fc_nn *nn, void *p, size_t n_bytes);
const void *fc_cuda_keep(struct fc_nn *nn, const void *host, size_t n_bytes);
void fc_cuda_memory(const struct fc_nn *nn, size_t *n_free, size_t *n_total);

/* ---- dry.cu ---- */
struct fc_nn *fc_cuda_dry_open(const struct fc_nn *of);
void fc_cuda_dry_close(struct fc_cuda *cu);
void *fc_cuda_dry_alloc(struct fc_cuda *cu, size_t n_bytes);
void fc_cuda_dry_release(struct fc_cuda *cu, void *p);

/* ---- sums.cu ---- */
/* to[i] += sum_p part[p,i], p < n_part, in order */
void fc_cuda_add_parts(struct fc_cuda *cu, float *to, const double *part, size_t n_part, size_t C);
void fc_cuda_bias_bwd(struct fc_nn *nn, float *dbias, const float *dy, size_t N, size_t O);
void fc_cuda_gain_bwd(
    struct fc_nn *nn, float *dgain, const float *dy, const float *x, size_t N, size_t C);
void fc_cuda_dot_rows(
    struct fc_nn *nn, const float *a, const float *b, size_t n, size_t C, float *dot);
void fc_cuda_sum_squares(struct fc_nn *nn, const float *x, size_t n, double *sum);

/* ---- convert.cu ---- */
void fc_cuda_to_bf16(struct fc_nn *nn, uint16_t *y, const float *x, size_t n);
const uint8_t *fc_cuda_weight_row(const struct fc_weight *w, size_t row);
/*
 * x [N,C] as bfloat16, for products, written by what writes x: begin() gives where to, or NULL
 * where no product will want it, and end() says that it is there.  It is, until something else is
 * written that may be x: any kernel does away with it, unless its caller keeps cu->rounded.
 */
uint16_t *fc_cuda_rounded_begin(struct fc_cuda *cu, size_t N, size_t C);
void fc_cuda_rounded_end(
    struct fc_cuda *cu, const uint16_t *narrow, const float *x, size_t N, size_t C);
/* x as bfloat16, by a pass over x where it was not written beside it; zeros from row N to n_all. */
const uint16_t *fc_cuda_rounded(
    struct fc_cuda *cu, const float *x, size_t N, size_t C, size_t n_all);
/* Rows [row, row + n_row) of w as bfloat16, or as floats where narrow is NULL. */
void fc_cuda_convert(struct fc_cuda *cu, uint16_t *narrow, float *wide, const struct fc_weight *w,
    size_t row, size_t n_row);

/* ---- few_rows.cu ---- */
size_t fc_cuda_few_rows(const struct fc_nn *nn);
/* y = x w^T for any N; rounds: both to bfloat16 first */
void fc_cuda_few_fwd(
    struct fc_cuda *cu, float *y, const float *x, const struct fc_weight *w, size_t N, bool rounds);

/* ---- linear.cu ---- */
void fc_cuda_linear_fwd(
    struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N);
void fc_cuda_linear_bwd_x(struct fc_nn *nn, float *dx, const float *dy, const struct fc_weight *w,
    size_t N, bool accumulate);
void fc_cuda_linear_bwd_w(
    struct fc_nn *nn, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I);

/* ---- elementwise.cu ---- */
void fc_cuda_copies(struct fc_nn *nn, const struct fc_copy *c, size_t n);
void fc_cuda_bias_fwd(struct fc_nn *nn, float *y, const float *bias, size_t N, size_t O);
void fc_cuda_gain_fwd(
    struct fc_nn *nn, float *y, const float *x, const float *gain, size_t N, size_t C);
void fc_cuda_glu_fwd(struct fc_nn *nn, float *y, const float *gate, const float *up,
    enum fc_act act, size_t N, size_t F);
void fc_cuda_glu_bwd(struct fc_nn *nn, float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t N, size_t F);
void fc_cuda_act_fwd(
    struct fc_nn *nn, float *y, const float *x, enum fc_act act, size_t N, size_t F);
void fc_cuda_act_bwd(struct fc_nn *nn, float *dx, const float *dy, const float *x, enum fc_act act,
    size_t N, size_t F);
void fc_cuda_clip_bwd(struct fc_nn *nn, float *dx, const float *x, float limit, size_t n);
void fc_cuda_clip(struct fc_nn *nn, float *x, float limit, size_t n);
void fc_cuda_add(struct fc_nn *nn, float *y, const float *x, size_t n);
void fc_cuda_scale(struct fc_nn *nn, float *x, float factor, size_t n);
void fc_cuda_split(
    struct fc_nn *nn, float *const part[], const float *x, const struct fc_split *c, size_t N);
void fc_cuda_concat(
    struct fc_nn *nn, float *x, const float *const part[], const struct fc_split *c, size_t N);
void fc_cuda_gather_rows(
    struct fc_nn *nn, float *to, const float *from, const uint32_t *row, size_t n, size_t C);
void fc_cuda_scatter_rows(struct fc_nn *nn, float *to, const float *from, const uint32_t *row,
    const float *scale, size_t n, size_t C);
void fc_cuda_adamw(struct fc_nn *nn, float *w, float *m, float *v, const float *g, size_t n,
    const struct fc_adamw *a);

/* ---- rope.cu, route.cu, embed.cu ---- */
void fc_cuda_rope_apply(struct fc_nn *nn, float *x, const uint32_t *pos, size_t N, size_t heads,
    size_t D, const struct fc_rope *r, bool inverse);
void fc_cuda_route_logits(struct fc_nn *nn, const struct fc_weight *w, const float *bias,
    const float *x, size_t N, float *logit);
void fc_cuda_embed_fwd(struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *tok,
    size_t N, float scale);
void fc_cuda_embed_add(
    struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *pos, size_t N);
void fc_cuda_embed_bwd(struct fc_nn *nn, float *dw, const float *dx, const uint32_t *tok, size_t N,
    size_t C, float scale);

/* ---- norm.cu ---- */
void fc_cuda_rmsnorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w, size_t N,
    size_t C, float eps, bool plus_one);
void fc_cuda_rmsnorm_bwd(struct fc_nn *nn, float *dx, float *dw, const float *dy, const float *x,
    const float *w, size_t N, size_t C, float eps, bool plus_one);
void fc_cuda_layernorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w,
    const float *bias, size_t N, size_t C, float eps);

void fc_cuda_layernorm_bwd(struct fc_nn *nn, float *dx, float *dw, float *dbias, const float *dy,
    const float *x, const float *w, size_t N, size_t C, float eps);

/* ---- attention.cu, attention_bwd.cu ---- */
void fc_cuda_attn_fwd(
    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq);
void fc_cuda_attn_bwd(struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq,
    const struct fc_attn_grad *grad, size_t n_seq);

/* ---- head.cu, head_topk.cu, head_draw.cu, head_loss.cu ---- */
void fc_cuda_head_logits(
    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits);
void fc_cuda_head_topk(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, size_t K, uint32_t *id, float *logprob, float *true_logprob);
void fc_cuda_head_draw(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, const struct fc_draws *d, struct fc_rng *rng,
    uint32_t *n_entry, uint32_t *id, float *logprob, float *true_logprob);
void fc_cuda_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, const float *sft_weight, const float *kd_weight,
    const struct fc_teacher *teacher, size_t N, float *dx, float *dw, struct fc_loss *loss);

#endif
