/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_OPS_H
#define FC_NN_OPS_H

#include "nn/nn.h"

/*
 * What a device does: nn.c checks and counts what nn.h is asked for and hands it to this table.
 * Arguments, shapes and results are those of the function of the same name in nn.h.
 *
 * Where memory is: every pointer is to device memory (from alloc() or keep()), but for what nn.h
 * calls a host array: token ids, targets, weights of losses, a teacher's rows, row numbers of
 * gather and scatter, routes, the structs themselves, rotary frequencies, ALiBi slopes, and
 * results that leave the device.
 *
 * Nothing fails where it is asked for: a device remembers its first error, does nothing after it,
 * and check() tells it.
 */
struct fc_nn_ops {
	/* ---- memory ---- */
	/* Aligned to 64 bytes, undefined; NULL where there is not that much left. */
	void *(*alloc)(struct fc_nn *nn, size_t n_bytes);
	void (*release)(struct fc_nn *nn, void *p); /* of alloc() or keep(); p may be NULL */
	void (*put)(struct fc_nn *nn, void *to, const void *host, size_t n_bytes);
	void (*get)(struct fc_nn *nn, void *host, const void *from, size_t n_bytes);
	void (*copy)(struct fc_nn *nn, void *to, const void *from, size_t n_bytes);
	void (*copies)(struct fc_nn *nn, const struct fc_copy *c, size_t n); /* NULL: by copy() */
	void (*zero)(struct fc_nn *nn, void *p, size_t n_bytes);
	/* Where the operations find what is at host, which stays there until release(): host itself
	 * where the device reads the host's memory; NULL as alloc(). */
	const void *(*keep)(struct fc_nn *nn, const void *host, size_t n_bytes);
	/* Waits for what was asked for; -1: something of it failed. */
	int (*check)(struct fc_nn *nn, struct fc_err *e);
	void (*memory)(const struct fc_nn *nn, size_t *n_free, size_t *n_total); /* bytes */

	/* ---- linear maps ---- */
	size_t (*few_rows)(const struct fc_nn *nn);
	void (*linear_fwd)(
	    struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N);
	/* Several together, where a device gains by it: NULL, or false where it does nothing. */
	bool (*linears_fwd)(struct fc_nn *nn, float *const y[], const float *x,
	    const struct fc_weight *const w[], size_t n, size_t N);
	bool (*linear_glu_fwd)(struct fc_nn *nn, float *y, const float *x,
	    const struct fc_weight *gate, const struct fc_weight *up, const struct fc_weight *down,
	    enum fc_act act, size_t N);
	void (*linear_bwd_x)(struct fc_nn *nn, float *dx, const float *dy,
	    const struct fc_weight *w, size_t N, bool accumulate);
	void (*linear_bwd_w)(struct fc_nn *nn, float *dw, const float *dy, const float *x, size_t N,
	    size_t O, size_t I);
	void (*bias_fwd)(struct fc_nn *nn, float *y, const float *bias, size_t N, size_t O);
	void (*bias_bwd)(struct fc_nn *nn, float *dbias, const float *dy, size_t N, size_t O);
	void (*gain_fwd)(
	    struct fc_nn *nn, float *y, const float *x, const float *gain, size_t N, size_t C);
	void (*gain_bwd)(
	    struct fc_nn *nn, float *dgain, const float *dy, const float *x, size_t N, size_t C);

	/* ---- norms ---- */
	void (*rmsnorm_fwd)(struct fc_nn *nn, float *y, const float *x, const float *w, size_t N,
	    size_t C, float eps, bool plus_one);
	void (*rmsnorm_bwd)(struct fc_nn *nn, float *dx, float *dw, const float *dy, const float *x,
	    const float *w, size_t N, size_t C, float eps, bool plus_one);
	void (*layernorm_fwd)(struct fc_nn *nn, float *y, const float *x, const float *w,
	    const float *bias, size_t N, size_t C, float eps);
	void (*layernorm_bwd)(struct fc_nn *nn, float *dx, float *dw, float *dbias, const float *dy,
	    const float *x, const float *w, size_t N, size_t C, float eps);

	/* ---- attention ---- */
	void (*rope_apply)(struct fc_nn *nn, float *x, const uint32_t *pos, size_t N, size_t heads,
	    size_t D, const struct fc_rope *r, bool inverse);
	void (*attn_fwd)(
	    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq);
	void (*attn_bwd)(struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq,
	    const struct fc_attn_grad *grad, size_t n_seq);

	/* ---- elementwise, rows ---- */
	void (*glu_fwd)(struct fc_nn *nn, float *y, const float *gate, const float *up,
	    enum fc_act act, size_t N, size_t F);
	void (*glu_bwd)(struct fc_nn *nn, float *dgate, float *dup, const float *dy,
	    const float *gate, const float *up, enum fc_act act, size_t N, size_t F);
	void (*act_fwd)(
	    struct fc_nn *nn, float *y, const float *x, enum fc_act act, size_t N, size_t F);
	void (*act_bwd)(struct fc_nn *nn, float *dx, const float *dy, const float *x,
	    enum fc_act act, size_t N, size_t F);
	void (*clip)(struct fc_nn *nn, float *x, float limit, size_t n);
	void (*clip_bwd)(struct fc_nn *nn, float *dx, const float *x, float limit, size_t n);
	void (*add)(struct fc_nn *nn, float *y, const float *x, size_t n);
	void (*scale)(struct fc_nn *nn, float *x, float factor, size_t n);
	void (*split)(struct fc_nn *nn, float *const part[], const float *x,
	    const struct fc_split *c, size_t N);
	void (*concat)(struct fc_nn *nn, float *x, const float *const part[],
	    const struct fc_split *c, size_t N);
	/* What fc_route() chooses by, a host array [N,E]. */
	void (*route_logits)(struct fc_nn *nn, const struct fc_weight *w, const float *bias,
	    const float *x, size_t N, float *logit);
	void (*gather_rows)(struct fc_nn *nn, float *to, const float *from, const uint32_t *row,
	    size_t n, size_t C);
	void (*scatter_rows)(struct fc_nn *nn, float *to, const float *from, const uint32_t *row,
	    const float *scale /* NULL: 1 */, size_t n, size_t C);
	void (*dot_rows)(
	    struct fc_nn *nn, const float *a, const float *b, size_t n, size_t C, float *dot);
	void (*embed_fwd)(struct fc_nn *nn, float *x, const struct fc_weight *w,
	    const uint32_t *tok, size_t N, float scale);
	void (*embed_add)(
	    struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *pos, size_t N);
	void (*embed_bwd)(struct fc_nn *nn, float *dw, const float *dx, const uint32_t *tok,
	    size_t N, size_t C, float scale);

	/* ---- output layer ---- */
	void (*head_topk)(struct fc_nn *nn, const struct fc_head *h, const float *x,
	    const uint32_t *target, size_t N, size_t K, uint32_t *id, float *logprob,
	    float *true_logprob);
	void (*head_draw)(struct fc_nn *nn, const struct fc_head *h, const float *x,
	    const uint32_t *target, size_t N, const struct fc_draws *d, struct fc_rng *rng,
	    uint32_t *n_entry, uint32_t *id, float *logprob, float *true_logprob);
	void (*head_logits)(
	    struct fc_nn *nn, const struct fc_head *h, const float *x, size_t N, float *logits);
	void (*head_loss)(struct fc_nn *nn, const struct fc_head *h, const float *x,
	    const uint32_t *target, const float *sft_weight, const float *kd_weight,
	    const struct fc_teacher *teacher, size_t N, float *dx, float *dw, struct fc_loss *loss);

	/* ---- optimizer ---- */
	void (*sum_squares)(struct fc_nn *nn, const float *x, size_t n, double *sum);
	void (*adamw)(struct fc_nn *nn, float *w, float *m, float *v, const float *g, size_t n,
	    const struct fc_adamw *a);
	void (*to_bf16)(struct fc_nn *nn, uint16_t *y, const float *x, size_t n);

	/* A handle over which nothing is done and memory is counted, for dry.h; NULL where
	 * operations take none of it but what they are given.  Sets what open() sets, most, and
	 * idle, which such a device heeds: see fc_nn_idle(). */
	struct fc_nn *(*dry)(const struct fc_nn *of);
	void (*describe)(const struct fc_nn *nn, char *text, size_t size);
	void (*close)(struct fc_nn *nn);
};

/* The beginning of every device's own struct.  A device sets ops and compute, nn.c the rest, which
 * begins as zeros. */
struct fc_nn {
	const struct fc_nn_ops *ops;
	enum fc_compute compute; /* never AUTO */
	bool alike;              /* the forward direction gives a row the bits that it has alone */
	struct fc_nn_traffic traffic;
	const char *advice;
	enum fc_use use;    /* of what alloc() or keep() is asked for */
	bool offloaded;     /* see fc_nn_home() */
	bool idle;          /* see fc_nn_idle(); stays set in a dry device */
	const size_t *most; /* [FC_USE_N] of a dry device: bytes when there were most; else NULL */
	void *module;       /* of dlopen(); NULL: of the program */
	struct fc_nn *cpu;  /* what a module's open() got, to be closed after it */
	char *instead;      /* "auto": why this is no other device; NULL */
};

#endif
