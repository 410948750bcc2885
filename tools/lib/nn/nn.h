/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_NN_H
#define FC_NN_NN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "tensor/dtype.h"

/*
 * nn/: computation.  nn.h is the one interface to it: nn opens a device, by loader where
 * that is a module; memory is what it keeps,
 * operation checks what it is asked to do and hands it on through the table in ops.h, and router
 * chooses experts on the host.  cpu/ is the processor; another device is a module, see device.h.
 * dry is one that computes nothing and counts the memory that is asked for, drycount how.
 *
 * Everything is row-major; activations and gradients are float32; weights are of the type that
 * struct fc_weight says.
 *
 *   N  tokens of a batch, all sequences one after the other, no padding
 *   C  width of the model        H  query heads        G  key/value heads, G divides H
 *   D  width of a head           F  feed-forward width V  vocabulary        K  top-k
 *   O, I  outputs and inputs of a linear map
 *
 * Memory: pointers to weights, activations, gradients, positions and moments are to the device's,
 * from fc_nn_alloc() or fc_nn_keep(), and mean nothing to the program but as arguments here.  What
 * is called a host array is the program's own memory.
 *
 * "+=" functions add to their result.  No function allocates in proportion to N * V.
 */
enum fc_compute { FC_COMPUTE_AUTO, FC_COMPUTE_F32, FC_COMPUTE_BF16, FC_COMPUTE_N };
extern const char *const fc_compute_words[]; /* of an option (base/opt.h) */

struct fc_nn;
/* -1 unless there is a device of this name, for the command line. */
int fc_nn_check_device(const char *device, struct fc_err *e);
/*
 * device: "cpu", a module's "NAME" or "NAME:INDEX", or "auto": cuda where there is one, else cpu.
 * "NAME" is the first of its kind; for processes that a launcher has started on this machine, one
 * after the other, and again from the first.
 *
 * On the processor.  F32: products in float32 (OpenBLAS), the reference.  BF16: both operands
 * rounded to bfloat16, sums in float32; by tiles of AMX, or of AVX512-BF16 where that is faster
 * than float32 (AMD's), elsewhere by OpenBLAS on rounded floats. AUTO: BF16 where it is not
 * OpenBLAS', else F32.  Few rows with packed weights are closer to float32 than BF16 is, see few.h,
 * unless F32 was asked for, where they are in float32.
 *
 * Thread count and bits: everything here gives the same bits for any number of threads.  Another
 * batch size (but see fc_nn_rows_alike()), instruction set (base/isa.h) or version of OpenBLAS may
 * change the last bits.
 */
int fc_nn_open(struct fc_nn **nn, const char *device, enum fc_compute compute, struct fc_err *e);
void fc_nn_close(struct fc_nn *nn);
/*
 * From now on the forward direction gives every row the bits that it has alone, of whatever batch.
 * Of cpu, in BF16 with as many threads; of cuda, with the same GPU and libraries.  Costs: products
 * are padded to blocks of 128 to 512 rows (cpu in BF16 without AMX) or 1024 (cuda), each expert's
 * too.
 */
void fc_nn_rows_alike(struct fc_nn *nn, bool alike);
enum fc_compute fc_nn_compute(const struct fc_nn *nn); /* never AUTO */
const char *fc_nn_device(const struct fc_nn *nn);      /* "cpu", "cuda": what "auto" came to */
/* What computes: "bf16 products by tiles of AMX, instruction set amx".  For a note. */
void fc_nn_describe(const struct fc_nn *nn, char *text, size_t size);

/* ---- memory of the device ---- */
/* What memory is for, by which dry.h adds it up. */
enum fc_use {
	FC_USE_WEIGHTS, /* as operations read them */
	FC_USE_MASTER,  /* trained weights in float32, where operations read copies of them */
	FC_USE_GRADIENTS,
	FC_USE_MOMENTS, /* of the optimizer */
	FC_USE_CACHE,   /* keys and values of tokens before */
	FC_USE_INPUTS,  /* of all layers, for the way back */
	FC_USE_LAYER,   /* what one layer computes */
	FC_USE_STATES,  /* what goes into the layers and comes out of them */
	FC_USE_SCRATCH, /* of operations, for their own moments */
	FC_USE_OTHER,
	FC_USE_GAPS, /* between what is given out: asked for by nobody */
	FC_USE_N
};
/* Aligned to 64 bytes, undefined.  Ends the program where there is not that much left, and says
 * what was asked for, what is free, and the options that help: advice, which must stay. */
void *fc_nn_alloc(struct fc_nn *nn, size_t n, size_t size_bytes); /* for FC_USE_OTHER */
void *fc_nn_alloc_for(struct fc_nn *nn, enum fc_use use, size_t n, size_t size_bytes);
void fc_nn_set_advice(struct fc_nn *nn, const char *advice);
/* Of fc_nn_alloc(), or of fc_nn_keep() where it is not the host's; NULL is nothing. */
void fc_nn_free(struct fc_nn *nn, const void *p);
void fc_nn_put(struct fc_nn *nn, void *to, const void *host, size_t n_bytes);
void fc_nn_get(struct fc_nn *nn, void *host, const void *from, size_t n_bytes);
void fc_nn_copy(struct fc_nn *nn, void *to, const void *from, size_t n_bytes);
/* Several at once, of places that do not meet: each takes a device longer to begin than to do. */
struct fc_copy {
	float *to;
	const float *from;
	size_t n; /* floats */
};
void fc_nn_copies(struct fc_nn *nn, const struct fc_copy *c, size_t n);
void fc_nn_zero(struct fc_nn *nn, void *p, size_t n_bytes);
/* Where a weight at host is for the device: a copy, or host itself, which must stay as it is. */
const void *fc_nn_keep(struct fc_nn *nn, const void *host, size_t n_bytes);
/* Waits for what was asked for.  Nothing fails where it is asked for: a device remembers its first
 * error and does nothing more, and this returns it. */
int fc_nn_check(struct fc_nn *nn, struct fc_err *e);
void fc_nn_memory(const struct fc_nn *nn, size_t *n_free, size_t *n_total); /* bytes */
/*
 * Where the weights that are trained and their moments are: the device itself, or, after
 * fc_nn_offload(), the processor, whose memory is the host's.  The device then has copies of the
 * weights that its operations read, and the gradients.  Before a model is opened.
 */
void fc_nn_offload(struct fc_nn *nn);
/*
 * After fc_nn_idle(nn, true) memory is given and taken back as ever, but nothing is computed or
 * moved, and results that leave the device are zeros.  Who does the largest work that is to come so
 * first has room for it that no smaller work before left gaps in, as in the dry run (dry.h). False:
 * this device leaves no gaps, and there is no need to.
 */
bool fc_nn_idle(struct fc_nn *nn, bool idle);
bool fc_nn_is_idle(const struct fc_nn *nn);
struct fc_nn *fc_nn_home(struct fc_nn *nn);
/* The processor beside the device, or the device where that is the processor. */
const struct fc_nn *fc_nn_host(const struct fc_nn *nn);

/* What has moved between host and device: by put, by get, and by host arrays. */
struct fc_nn_traffic {
	uint64_t n_put, n_get, n_bytes;
};
struct fc_nn_traffic fc_nn_traffic(const struct fc_nn *nn);

struct fc_weight { /* [n_out, n_in], borrowed */
	const void *p;
	enum fc_dtype dtype; /* F32, F16, BF16 or packed, with rows of whole blocks */
	size_t n_out, n_in;
};

/* ---- linear maps ---- */
/* y[n,o] = sum_i x[n,i] w[o,i] */
void fc_linear_fwd(struct fc_nn *nn, float *y /* [N,O] */, const float *x /* [N,I] */,
    const struct fc_weight *w, size_t N);
/* y[i] = x w[i]^T for i < n, as fc_linear_fwd() gives them one by one. */
enum { FC_LINEARS = 3 /* at most */ };
void fc_linears_fwd(struct fc_nn *nn, float *const y[], const float *x /* [N,I] */,
    const struct fc_weight *const w[], size_t n, size_t N);
/* Up to this N every row of y has the bits it has alone: whatever else is in the batch. */
size_t fc_linear_few_rows(const struct fc_nn *nn);
/* dx[n,i] (+)= sum_o dy[n,o] w[o,i] */
void fc_linear_bwd_x(struct fc_nn *nn, float *dx /* [N,I] */, const float *dy /* [N,O] */,
    const struct fc_weight *w, size_t N, bool accumulate);
/* dw[o,i] += sum_n dy[n,o] x[n,i] */
void fc_linear_bwd_w(struct fc_nn *nn, float *dw /* [O,I] */, const float *dy /* [N,O] */,
    const float *x /* [N,I] */, size_t N, size_t O, size_t I);
void fc_bias_fwd(struct fc_nn *nn, float *y /* [N,O] */, const float *bias /* [O] */, size_t N,
    size_t O); /* += */
void fc_bias_bwd(struct fc_nn *nn, float *dbias /* [O] */, const float *dy /* [N,O] */, size_t N,
    size_t O); /* += */

/* ---- a factor for each column ---- */
/* y[n,c] = x[n,c] gain[c]; y may be x. */
void fc_gain_fwd(struct fc_nn *nn, float *y, const float *x /* [N,C] */,
    const float *gain /* [C] */, size_t N, size_t C);
/* dgain[c] += sum_n dy[n,c] x[n,c] */
void fc_gain_bwd(struct fc_nn *nn, float *dgain /* [C] */, const float *dy /* [N,C] */,
    const float *x /* [N,C] */, size_t N, size_t C);

/* ---- root mean square norm: y = x / sqrt(mean(x^2) + eps) * (w + plus_one) (Zhang, Sennrich 2019)
 * ---- */
/* y may be x. */
void fc_rmsnorm_fwd(struct fc_nn *nn, float *y, const float *x /* [N,C] */,
    const float *w /* [C] */, size_t N, size_t C, float eps, bool plus_one);
/* dx += , dw += ; dw may be NULL */
void fc_rmsnorm_bwd(struct fc_nn *nn, float *dx, float *dw, const float *dy, const float *x,
    const float *w, size_t N, size_t C, float eps, bool plus_one);

/* ---- layer norm: y = (x - mean) / sqrt(variance + eps) * w + bias (Ba et al. 2016) ---- */
/* y may be x; bias may be NULL. */
void fc_layernorm_fwd(struct fc_nn *nn, float *y, const float *x /* [N,C] */, const float *w,
    const float *bias, size_t N, size_t C, float eps);
/* dx +=, dw +=, dbias += ; dw and dbias NULL: not wanted */
void fc_layernorm_bwd(struct fc_nn *nn, float *dx, float *dw, float *dbias, const float *dy,
    const float *x, const float *w, size_t N, size_t C, float eps);

/* ---- rotary position embedding of the pairs (i, i + R/2), or (2i, 2i + 1) ---- */
struct fc_rope {
	size_t n_rot;     /* R: rotated components of a head, even, R <= D */
	float *inv_freq;  /* host array [R/2], radians a position, scaling already applied */
	float scale;      /* multiplies cos and sin (yarn, longrope); 1 otherwise */
	bool interleaved; /* pairs are neighbours: GGUF files of the llama family, GPT-J */
};
/* In place on x [N, heads*D]; pos[n] (the device's) is the position in its own sequence.  inverse:
 * the transposed map, for the backward pass. */
void fc_rope_apply(struct fc_nn *nn, float *x, const uint32_t *pos, size_t N, size_t heads,
    size_t D, const struct fc_rope *r, bool inverse);

/* ---- causal attention of ragged sequences ---- */
struct fc_attn {
	size_t H, G, D;
	float scale;        /* of the scores, normally D^-1/2 */
	float softcap;      /* score = cap * tanh(score / cap); 0: none */
	uint32_t window;    /* a query sees its own and the window - 1 keys before; 0: all */
	const float *slope; /* host array [H], ALiBi: score += slope * (key - query); or NULL */
	const float *sink;  /* [H] exp(sink) is in the sum of a head's weights, in the forward pass
			     * only (gpt-oss); or NULL */
};
/* One sequence: n_q queries attend to n_k >= n_q keys; the last query is at the last key. */
struct fc_attn_seq {
	const float *q;     /* [n_q, H*D] */
	const float *k, *v; /* [n_k, G*D] */
	float *o;           /* [n_q, H*D] */
	float *lse;         /* [n_q, H] log-sum-exp of the scores, for the backward pass; or NULL */
	size_t n_q, n_k;
};
void fc_attn_fwd(
    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq);
struct fc_attn_grad {      /* of one sequence; dq, dk, dv are overwritten */
	const float *dout; /* [n_q, H*D] */
	float *dq;         /* [n_q, H*D] */
	float *dk, *dv;    /* [n_k, G*D] */
};
/* Needs o and lse of the forward pass.  n_q must equal n_k. */
void fc_attn_bwd(struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq,
    const struct fc_attn_grad *grad, size_t n_seq);

/* ---- gated unit: y = act(gate) * up ---- */
/* CLAMPED: gate at most 7, up within 7, gate sigmoid(1.702 gate) (up + 1), of fc_glu_fwd() only
 * (gpt-oss) */
enum fc_act { FC_ACT_SILU, FC_ACT_GELU_TANH, FC_ACT_GELU, FC_ACT_CLAMPED };
/* y = x w[0]^T and x w[1]^T by fc_glu_fwd(), times w[2]^T, with the bits that the functions give
 * one by one; part: three of [N,F], which may be left undefined. */
void fc_linear_glu_fwd(struct fc_nn *nn, float *y /* [N,O] */, const float *x /* [N,I] */,
    const struct fc_weight *const w[3], enum fc_act act, float *const part[3], size_t N);
void fc_glu_fwd(struct fc_nn *nn, float *y, const float *gate, const float *up /* [N,F] */,
    enum fc_act act, size_t N, size_t F);
/* dgate and dup are overwritten; they may be the same memory as gate and up. */
void fc_glu_bwd(struct fc_nn *nn, float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t N, size_t F);

/* y = act(x), without a gate.  y may be x. */
void fc_act_fwd(
    struct fc_nn *nn, float *y, const float *x /* [N,F] */, enum fc_act act, size_t N, size_t F);
/* dx = act'(x) dy; dx may be dy or x. */
void fc_act_bwd(struct fc_nn *nn, float *dx, const float *dy, const float *x /* [N,F] */,
    enum fc_act act, size_t N, size_t F);
/* x is clipped to [-limit, limit] */
void fc_clip(struct fc_nn *nn, float *x, float limit, size_t n);
/* dx becomes 0 where x, which has been clipped, is at a limit. */
void fc_clip_bwd(struct fc_nn *nn, float *dx, const float *x, float limit, size_t n);

/* ---- one product's columns are several results ---- */
/* A row of x is groups times the parts, one after the other; part p of all groups goes to a row of
 * part[p], groups * width[p] wide. */
struct fc_split {
	size_t groups, n_part;
	size_t width[3];
};
void fc_split(
    struct fc_nn *nn, float *const part[], const float *x, const struct fc_split *c, size_t N);
void fc_concat(
    struct fc_nn *nn, float *x, const float *const part[], const struct fc_split *c, size_t N);

/* ---- mixture of experts (Shazeer et al. 2017; arXiv 2401.04088) ---- */
/* What a token's logits become: the scores by which experts are chosen and weighted. */
enum fc_router_score {
	FC_ROUTER_LOGIT,   /* themselves; weights are the softmax over the K chosen */
	FC_ROUTER_SOFTMAX, /* the softmax over all E; weights are the scores */
	FC_ROUTER_SIGMOID, /* of each by itself; weights are the scores */
};
enum { FC_ROUTER_GROUPS = 512 };
struct fc_router {
	enum fc_router_score score;
	const float *choice; /* host array [E], added to scores for the choice alone; or NULL */
	/* Experts next to each other are a group: only those of the n_group_used best are chosen,
	 * by the sum of a group's n_group_best largest scores.  n_group 0: any expert. */
	size_t n_group, n_group_used, n_group_best; /* up to FC_ROUTER_GROUPS each */
	bool normalised;                            /* scores as weights are divided by their sum */
	float scale;                                /* of the weights; 0: 1 */
};
/*
 * Every token goes to the K experts with the largest scores (equal: the first).  Logits are
 * computed in float32 whatever nn computes in: a rounded one can change the choice.
 */
void fc_route(struct fc_nn *nn, const struct fc_router *r, const struct fc_weight *w /* [E,C] */,
    const float *bias /* [E] or NULL */, const float *x /* [N,C] */, size_t N, size_t K,
    uint32_t *expert /* [N,K] */, float *weight /* [N,K] */); /* host arrays */
/* to[i] = from[row[i]], rows of C; row: a host array */
void fc_gather_rows(
    struct fc_nn *nn, float *to, const float *from, const uint32_t *row, size_t n, size_t C);
/* to[row[i]] += scale[i] from[i]; no row twice; host arrays, scale NULL: 1 */
void fc_scatter_rows(struct fc_nn *nn, float *to, const float *from, const uint32_t *row,
    const float *scale, size_t n, size_t C);

/* dot[i] = a[i] . b[i], rows of C; dot: a host array */
void fc_dot_rows(
    struct fc_nn *nn, const float *a, const float *b, size_t n, size_t C, float *dot /* [n] */);

/* ---- embedding ---- */
/* x[n] = scale * w[tok[n]]; tok: a host array */
void fc_embed_fwd(struct fc_nn *nn, float *x /* [N,C] */, const struct fc_weight *w /* [V,C] */,
    const uint32_t *tok, size_t N, float scale);
/* x[n] += w[pos[n]]; pos: the device's */
void fc_embed_add(struct fc_nn *nn, float *x /* [N,C] */, const struct fc_weight *w,
    const uint32_t *pos, size_t N);
/* dw[tok[n]] += scale * dx[n]; the order of additions does not depend on threads */
void fc_embed_bwd(struct fc_nn *nn, float *dw /* [V,C] */, const float *dx, const uint32_t *tok,
    size_t N, size_t C, float scale);
void fc_add(struct fc_nn *nn, float *y, const float *x, size_t n); /* y += x */
void fc_scale(struct fc_nn *nn, float *x, float factor, size_t n); /* x *= factor */

/* ---- output layer in tiles of positions; logits exist for one tile only ---- */
struct fc_head {
	struct fc_weight w; /* [V', C]; V' >= n_vocab where embeddings are padded */
	size_t n_vocab;     /* ids at and above it get no probability */
	float softcap;      /* of the logits; 0: none */
};
#define FC_NO_TARGET UINT32_MAX
/* Host arrays are here: targets, all results of a row, weights of rows, teachers, generators. */
/*
 * For every row of x: the K most likely tokens with log-probabilities of the full softmax, sorted
 * descending (equal: by id), and the target's log-probability (0 where target is FC_NO_TARGET).
 * One pass over each tile.  K <= n_vocab, K may be 0.
 */
void fc_head_topk(struct fc_nn *nn, const struct fc_head *h, const float *x /* [N,C] */,
    const uint32_t *target /* [N] */, size_t N, size_t K, uint32_t *id /* [N,K] */,
    float *logprob /* [N,K] */, float *true_logprob /* [N] */);
/*
 * For every row of x, n ids drawn independently from the whole softmax at a
 * temperature, as counts: row i's n_entry[i] ids with log(count / n), sorted as above, at
 * [i * K] of id and logprob, K = fc_head_draw_most().  The target's log-probability is that of
 * fc_head_topk(), at temperature 1.  rng[i] makes row i's draws and none else.
 */
struct fc_draws {
	size_t n;           /* of a row, above 0 */
	double temperature; /* divides the logits, above 0 */
};
/* Different ids of a row at most. */
size_t fc_head_draw_most(const struct fc_head *h, const struct fc_draws *d);
void fc_head_draw(struct fc_nn *nn, const struct fc_head *h, const float *x /* [N,C] */,
    const uint32_t *target /* [N] */, size_t N, const struct fc_draws *d,
    struct fc_rng *rng /* [N] */, uint32_t *n_entry /* [N] */, uint32_t *id /* [N,K] */,
    float *logprob /* [N,K] */, float *true_logprob /* [N] */);
/* Plain logits for sampling; N is small. */
void fc_head_logits(struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N,
    float *logits /* [N,V'], a host array */);

/*
 * What is taken between a teacher's row and the model.  q and p: the teacher's and the model's
 * probabilities of the same categories; a: the skew.
 */
enum fc_loss_kind {
	FC_LOSS_KL,         /* sum q log(q / p), the forward divergence */
	FC_LOSS_CE,         /* sum -q log p: the same gradient */
	FC_LOSS_REVERSE_KL, /* sum p log(p / q) */
	FC_LOSS_JSD, /* a KL(q | m) + (1 - a) KL(p | m), m = a q + (1 - a) p: GKD, arXiv 2306.13649
		      */
	FC_LOSS_SKEW_KL,         /* KL(q | a q + (1 - a) p): DistiLLM, arXiv 2402.03898 */
	FC_LOSS_SKEW_REVERSE_KL, /* KL(p | a p + (1 - a) q) */
	FC_LOSS_N
};
extern const char *const fc_loss_words[]; /* of an option (base/opt.h) */

/* What a row says of the ids that it does not list. */
enum fc_row_rule {
	/* One category, the tail, has all the probability that is not listed.  Its gradient keeps
	 * the proportions that the model has among the ids in it. */
	FC_ROW_TAIL,
	/* Nothing: the row is divided by its sum, after division by the temperature, which the
	 * model is not divided by (FuseLLM, arXiv 2401.10491, eq. 6-8).  The loss is CE or KL;
	 * its optimum gives ids that are not listed no probability. */
	FC_ROW_RENORMALISED,
	/* Nothing: the entries are shares of ids that were drawn from the whole distribution, and
	 * the loss, CE, is right on average over draws (arXiv 2503.16870).  Temperature 1. */
	FC_ROW_SAMPLED,
};
extern const char *const fc_row_rule_words[]; /* of an option: those before FC_ROW_SAMPLED */

struct fc_objective {
	enum fc_loss_kind kind;
	enum fc_row_rule rule;
	double skew;        /* of JSD and the skewed divergences, in (0, 1) */
	double temperature; /* above 0 */
};

/*
 * Fused loss and gradient of the output layer:
 *   L = sum_n sft_weight[n] * -log p_n(target[n]) + sum_n kd_weight[n] * D(q_n, p_n)
 * q_n: the teacher's row n, entries [row_off[n], row_off[n+1]), every id once, with
 * log-probabilities; D: the objective.  A row without entries adds nothing.  The teacher costs K
 * gathers a row.  Weights already hold lambda and 1 / (number of labels of the whole step); one
 * below 0 makes a target less likely.
 *
 * A row's probabilities are known to 2^-12 of their logarithms (stream/example.h), its tail not
 * better: it is never taken for less than that, nor an entry for less than 2^-126.
 */
struct fc_teacher {
	const uint32_t *row_off; /* [N+1] */
	const uint32_t *id;
	const float *logprob;
	struct fc_objective objective;
};
struct fc_loss {
	double sft, kd;   /* the weighted sums above */
	double nll;       /* sum over rows with sft_weight != 0 of -log p(target), unweighted */
	size_t n_correct; /* rows where the target is the most likely token */
};
void fc_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x /* [N,C] */,
    const uint32_t *target, const float *sft_weight, const float *kd_weight,
    const struct fc_teacher *teacher /* NULL: none */, size_t N, float *dx /* [N,C] or NULL */,
    float *dw /* [V',C] +=, or NULL */, struct fc_loss *loss /* += */);

/* ---- optimizer ---- */
/* sum[b] = the sum of squares of block b of x, in double precision; a host array. */
enum { FC_SUM_BLOCK = 16384 }; /* elements */
void fc_sum_squares(
    struct fc_nn *nn, const float *x, size_t n, double *sum /* [ceil(n / FC_SUM_BLOCK)] */);
/* AdamW (Loshchilov, Hutter, arXiv 1711.05101) at step t, with x = grad_scale g:
 *   m = beta1 m + (1 - beta1) x,  v = beta2 v + (1 - beta2) x^2
 *   w -= step m / (sqrt(v) root_bias + eps) + decay w */
struct fc_adamw {
	float grad_scale, beta1, beta2;
	float step;       /* learning rate / (1 - beta1^t) */
	float root_bias;  /* 1 / sqrt(1 - beta2^t) */
	float eps, decay; /* decay: learning rate * weight decay */
};
void fc_adamw(struct fc_nn *nn, float *w, float *m, float *v, const float *g, size_t n,
    const struct fc_adamw *a);
void fc_to_bf16(struct fc_nn *nn, uint16_t *y, const float *x, size_t n); /* to nearest even */

#endif
