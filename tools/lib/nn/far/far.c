/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/far/far.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char fc_version[];

struct fc_far *fc_far_begin(struct fc_nn *nn, const char *doing)
{
	struct fc_far *f = (struct fc_far *)nn;
	f->doing = doing;
	return f;
}

struct fc_weight fc_far_weight(struct fc_far *f, const struct fc_weight *w)
{
	return (struct fc_weight){fc_far_at(f, w->p), w->dtype, w->n_out, w->n_in};
}

static void far_release(struct fc_nn *nn, void *p)
{
	fc_far_begin(nn, "release");
	fc_far_release(nn, p);
}

static void far_put(struct fc_nn *nn, void *to, const void *host, size_t n_bytes)
{
	struct fc_far *f = fc_far_begin(nn, "put");
	to = fc_far_at(f, to);
	if (!f->failed)
		memcpy(to, host, n_bytes);
}

static void far_get(struct fc_nn *nn, void *host, const void *from, size_t n_bytes)
{
	struct fc_far *f = fc_far_begin(nn, "get");
	from = fc_far_at(f, from);
	if (!f->failed)
		memcpy(host, from, n_bytes);
}

static void far_copy(struct fc_nn *nn, void *to, const void *from, size_t n_bytes)
{
	struct fc_far *f = fc_far_begin(nn, "copy");
	to = fc_far_at(f, to);
	from = fc_far_at(f, from);
	if (!f->failed)
		memcpy(to, from, n_bytes);
}

static void far_zero(struct fc_nn *nn, void *p, size_t n_bytes)
{
	struct fc_far *f = fc_far_begin(nn, "zero");
	p = fc_far_at(f, p);
	if (!f->failed)
		memset(p, 0, n_bytes);
}

static int far_check(struct fc_nn *nn, struct fc_err *e)
{
	const struct fc_far *f = (const struct fc_far *)nn;
	if (f->failed)
		*e = f->first;
	return f->failed ? -1 : 0;
}

static size_t far_few_rows(const struct fc_nn *nn)
{
	const struct fc_far *f = (const struct fc_far *)nn;
	return f->cpu->ops->few_rows(f->cpu);
}

/* The sequences of a call, in f->seq and f->grad. */
static void place_sequences(
    struct fc_far *f, const struct fc_attn_seq *seq, const struct fc_attn_grad *grad, size_t n_seq)
{
	if (n_seq > f->cap_seq) {
		free(f->seq);
		free(f->grad);
		f->seq = calloc(n_seq, sizeof *f->seq);
		f->grad = calloc(n_seq, sizeof *f->grad);
		f->cap_seq = f->seq && f->grad ? n_seq : 0;
		if (!f->cap_seq) {
			fc_far_fail(f, "out of the host's memory", NULL);
			return;
		}
	}
	for (size_t s = 0; s < n_seq; s++) {
		const struct fc_attn_seq *q = &seq[s];
		f->seq[s] = (struct fc_attn_seq){fc_far_at(f, q->q), fc_far_at(f, q->k),
		    fc_far_at(f, q->v), fc_far_at(f, q->o), fc_far_at(f, q->lse), q->n_q, q->n_k};
		if (grad)
			f->grad[s] = (struct fc_attn_grad){fc_far_at(f, grad[s].dout),
			    fc_far_at(f, grad[s].dq), fc_far_at(f, grad[s].dk),
			    fc_far_at(f, grad[s].dv)};
	}
}

static void far_attn_fwd(
    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
	struct fc_far *f = fc_far_begin(nn, "attn_fwd");
	struct fc_attn at = *a;
	place_sequences(f, seq, NULL, n_seq);
	at.sink = fc_far_at(f, a->sink);
	if (!f->failed)
		f->cpu->ops->attn_fwd(f->cpu, &at, f->seq, n_seq);
}

static void far_attn_bwd(struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq,
    const struct fc_attn_grad *grad, size_t n_seq)
{
	struct fc_far *f = fc_far_begin(nn, "attn_bwd");
	place_sequences(f, seq, grad, n_seq);
	if (!f->failed)
		f->cpu->ops->attn_bwd(f->cpu, a, f->seq, f->grad, n_seq);
}

static void far_split(
    struct fc_nn *nn, float *const part[], const float *x, const struct fc_split *c, size_t N)
{
	struct fc_far *f = fc_far_begin(nn, "split");
	float *to[3];
	for (size_t p = 0; p < c->n_part; p++)
		to[p] = fc_far_at(f, part[p]);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->split(f->cpu, to, x, c, N);
}

static void far_concat(
    struct fc_nn *nn, float *x, const float *const part[], const struct fc_split *c, size_t N)
{
	struct fc_far *f = fc_far_begin(nn, "concat");
	const float *from[3];
	for (size_t p = 0; p < c->n_part; p++)
		from[p] = fc_far_at(f, part[p]);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->concat(f->cpu, x, from, c, N);
}

static void far_linear_fwd(
    struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	struct fc_far *f = fc_far_begin(nn, "linear_fwd");
	const struct fc_weight at = fc_far_weight(f, w);
	y = fc_far_at(f, y);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->linear_fwd(f->cpu, y, x, &at, N);
}

static void far_linear_bwd_x(struct fc_nn *nn, float *dx, const float *dy,
    const struct fc_weight *w, size_t N, bool accumulate)
{
	struct fc_far *f = fc_far_begin(nn, "linear_bwd_x");
	const struct fc_weight at = fc_far_weight(f, w);
	dx = fc_far_at(f, dx);
	dy = fc_far_at(f, dy);
	if (!f->failed)
		f->cpu->ops->linear_bwd_x(f->cpu, dx, dy, &at, N, accumulate);
}

static void far_linear_bwd_w(
    struct fc_nn *nn, float *dw, const float *dy, const float *x, size_t N, size_t O, size_t I)
{
	struct fc_far *f = fc_far_begin(nn, "linear_bwd_w");
	dw = fc_far_at(f, dw);
	dy = fc_far_at(f, dy);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->linear_bwd_w(f->cpu, dw, dy, x, N, O, I);
}

static void far_bias_fwd(struct fc_nn *nn, float *y, const float *bias, size_t N, size_t O)
{
	struct fc_far *f = fc_far_begin(nn, "bias_fwd");
	y = fc_far_at(f, y);
	bias = fc_far_at(f, bias);
	if (!f->failed)
		f->cpu->ops->bias_fwd(f->cpu, y, bias, N, O);
}

static void far_bias_bwd(struct fc_nn *nn, float *dbias, const float *dy, size_t N, size_t O)
{
	struct fc_far *f = fc_far_begin(nn, "bias_bwd");
	dbias = fc_far_at(f, dbias);
	dy = fc_far_at(f, dy);
	if (!f->failed)
		f->cpu->ops->bias_bwd(f->cpu, dbias, dy, N, O);
}

static void far_gain_fwd(
    struct fc_nn *nn, float *y, const float *x, const float *gain, size_t N, size_t C)
{
	struct fc_far *f = fc_far_begin(nn, "gain_fwd");
	y = fc_far_at(f, y);
	x = fc_far_at(f, x);
	gain = fc_far_at(f, gain);
	if (!f->failed)
		f->cpu->ops->gain_fwd(f->cpu, y, x, gain, N, C);
}

static void far_gain_bwd(
    struct fc_nn *nn, float *dgain, const float *dy, const float *x, size_t N, size_t C)
{
	struct fc_far *f = fc_far_begin(nn, "gain_bwd");
	dgain = fc_far_at(f, dgain);
	dy = fc_far_at(f, dy);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->gain_bwd(f->cpu, dgain, dy, x, N, C);
}

static void far_rmsnorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w, size_t N,
    size_t C, float eps, bool plus_one)
{
	struct fc_far *f = fc_far_begin(nn, "rmsnorm_fwd");
	y = fc_far_at(f, y);
	x = fc_far_at(f, x);
	w = fc_far_at(f, w);
	if (!f->failed)
		f->cpu->ops->rmsnorm_fwd(f->cpu, y, x, w, N, C, eps, plus_one);
}

static void far_rmsnorm_bwd(struct fc_nn *nn, float *dx, float *dw, const float *dy, const float *x,
    const float *w, size_t N, size_t C, float eps, bool plus_one)
{
	struct fc_far *f = fc_far_begin(nn, "rmsnorm_bwd");
	dx = fc_far_at(f, dx);
	dw = fc_far_at(f, dw);
	dy = fc_far_at(f, dy);
	x = fc_far_at(f, x);
	w = fc_far_at(f, w);
	if (!f->failed)
		f->cpu->ops->rmsnorm_bwd(f->cpu, dx, dw, dy, x, w, N, C, eps, plus_one);
}

static void far_layernorm_fwd(struct fc_nn *nn, float *y, const float *x, const float *w,
    const float *bias, size_t N, size_t C, float eps)
{
	struct fc_far *f = fc_far_begin(nn, "layernorm_fwd");
	y = fc_far_at(f, y);
	x = fc_far_at(f, x);
	w = fc_far_at(f, w);
	bias = fc_far_at(f, bias);
	if (!f->failed)
		f->cpu->ops->layernorm_fwd(f->cpu, y, x, w, bias, N, C, eps);
}

static void far_layernorm_bwd(struct fc_nn *nn, float *dx, float *dw, float *dbias, const float *dy,
    const float *x, const float *w, size_t N, size_t C, float eps)
{
	struct fc_far *f = fc_far_begin(nn, "layernorm_bwd");
	dx = fc_far_at(f, dx);
	dw = fc_far_at(f, dw);
	dbias = fc_far_at(f, dbias);
	dy = fc_far_at(f, dy);
	x = fc_far_at(f, x);
	w = fc_far_at(f, w);
	if (!f->failed)
		f->cpu->ops->layernorm_bwd(f->cpu, dx, dw, dbias, dy, x, w, N, C, eps);
}

static void far_rope_apply(struct fc_nn *nn, float *x, const uint32_t *pos, size_t N, size_t heads,
    size_t D, const struct fc_rope *r, bool inverse)
{
	struct fc_far *f = fc_far_begin(nn, "rope_apply");
	x = fc_far_at(f, x);
	pos = fc_far_at(f, pos);
	if (!f->failed)
		f->cpu->ops->rope_apply(f->cpu, x, pos, N, heads, D, r, inverse);
}

static void far_glu_fwd(struct fc_nn *nn, float *y, const float *gate, const float *up,
    enum fc_act act, size_t N, size_t F)
{
	struct fc_far *f = fc_far_begin(nn, "glu_fwd");
	y = fc_far_at(f, y);
	gate = fc_far_at(f, gate);
	up = fc_far_at(f, up);
	if (!f->failed)
		f->cpu->ops->glu_fwd(f->cpu, y, gate, up, act, N, F);
}

static void far_glu_bwd(struct fc_nn *nn, float *dgate, float *dup, const float *dy,
    const float *gate, const float *up, enum fc_act act, size_t N, size_t F)
{
	struct fc_far *f = fc_far_begin(nn, "glu_bwd");
	dgate = fc_far_at(f, dgate);
	dup = fc_far_at(f, dup);
	dy = fc_far_at(f, dy);
	gate = fc_far_at(f, gate);
	up = fc_far_at(f, up);
	if (!f->failed)
		f->cpu->ops->glu_bwd(f->cpu, dgate, dup, dy, gate, up, act, N, F);
}

static void far_act_fwd(
    struct fc_nn *nn, float *y, const float *x, enum fc_act act, size_t N, size_t F)
{
	struct fc_far *f = fc_far_begin(nn, "act_fwd");
	y = fc_far_at(f, y);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->act_fwd(f->cpu, y, x, act, N, F);
}

static void far_act_bwd(struct fc_nn *nn, float *dx, const float *dy, const float *x,
    enum fc_act act, size_t N, size_t F)
{
	struct fc_far *f = fc_far_begin(nn, "act_bwd");
	dx = fc_far_at(f, dx);
	dy = fc_far_at(f, dy);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->act_bwd(f->cpu, dx, dy, x, act, N, F);
}

static void far_clip_bwd(struct fc_nn *nn, float *dx, const float *x, float limit, size_t n)
{
	struct fc_far *f = fc_far_begin(nn, "clip_bwd");
	dx = fc_far_at(f, dx);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->clip_bwd(f->cpu, dx, x, limit, n);
}

static void far_clip(struct fc_nn *nn, float *x, float limit, size_t n)
{
	struct fc_far *f = fc_far_begin(nn, "clip");
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->clip(f->cpu, x, limit, n);
}

static void far_add(struct fc_nn *nn, float *y, const float *x, size_t n)
{
	struct fc_far *f = fc_far_begin(nn, "add");
	y = fc_far_at(f, y);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->add(f->cpu, y, x, n);
}

static void far_scale(struct fc_nn *nn, float *x, float factor, size_t n)
{
	struct fc_far *f = fc_far_begin(nn, "scale");
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->scale(f->cpu, x, factor, n);
}

static void far_route_logits(struct fc_nn *nn, const struct fc_weight *w, const float *bias,
    const float *x, size_t N, float *logit)
{
	struct fc_far *f = fc_far_begin(nn, "route_logits");
	const struct fc_weight at = fc_far_weight(f, w);
	x = fc_far_at(f, x);
	bias = fc_far_at(f, bias);
	if (!f->failed)
		f->cpu->ops->route_logits(f->cpu, &at, bias, x, N, logit);
}

static void far_gather_rows(
    struct fc_nn *nn, float *to, const float *from, const uint32_t *row, size_t n, size_t C)
{
	struct fc_far *f = fc_far_begin(nn, "gather_rows");
	to = fc_far_at(f, to);
	from = fc_far_at(f, from);
	if (!f->failed)
		f->cpu->ops->gather_rows(f->cpu, to, from, row, n, C);
}

static void far_scatter_rows(struct fc_nn *nn, float *to, const float *from, const uint32_t *row,
    const float *scale, size_t n, size_t C)
{
	struct fc_far *f = fc_far_begin(nn, "scatter_rows");
	to = fc_far_at(f, to);
	from = fc_far_at(f, from);
	if (!f->failed)
		f->cpu->ops->scatter_rows(f->cpu, to, from, row, scale, n, C);
}

static void far_dot_rows(
    struct fc_nn *nn, const float *a, const float *b, size_t n, size_t C, float *dot)
{
	struct fc_far *f = fc_far_begin(nn, "dot_rows");
	a = fc_far_at(f, a);
	b = fc_far_at(f, b);
	if (!f->failed)
		f->cpu->ops->dot_rows(f->cpu, a, b, n, C, dot);
}

static void far_embed_fwd(struct fc_nn *nn, float *x, const struct fc_weight *w,
    const uint32_t *tok, size_t N, float scale)
{
	struct fc_far *f = fc_far_begin(nn, "embed_fwd");
	const struct fc_weight at = fc_far_weight(f, w);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->embed_fwd(f->cpu, x, &at, tok, N, scale);
}

static void far_embed_add(
    struct fc_nn *nn, float *x, const struct fc_weight *w, const uint32_t *pos, size_t N)
{
	struct fc_far *f = fc_far_begin(nn, "embed_add");
	const struct fc_weight at = fc_far_weight(f, w);
	x = fc_far_at(f, x);
	pos = fc_far_at(f, pos);
	if (!f->failed)
		f->cpu->ops->embed_add(f->cpu, x, &at, pos, N);
}

static void far_embed_bwd(struct fc_nn *nn, float *dw, const float *dx, const uint32_t *tok,
    size_t N, size_t C, float scale)
{
	struct fc_far *f = fc_far_begin(nn, "embed_bwd");
	dw = fc_far_at(f, dw);
	dx = fc_far_at(f, dx);
	if (!f->failed)
		f->cpu->ops->embed_bwd(f->cpu, dw, dx, tok, N, C, scale);
}

static void far_sum_squares(struct fc_nn *nn, const float *x, size_t n, double *sum)
{
	struct fc_far *f = fc_far_begin(nn, "sum_squares");
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->sum_squares(f->cpu, x, n, sum);
}

static void far_adamw(struct fc_nn *nn, float *w, float *m, float *v, const float *g, size_t n,
    const struct fc_adamw *a)
{
	struct fc_far *f = fc_far_begin(nn, "adamw");
	w = fc_far_at(f, w);
	m = fc_far_at(f, m);
	v = fc_far_at(f, v);
	g = fc_far_at(f, g);
	if (!f->failed)
		f->cpu->ops->adamw(f->cpu, w, m, v, g, n, a);
}

static void far_to_bf16(struct fc_nn *nn, uint16_t *y, const float *x, size_t n)
{
	struct fc_far *f = fc_far_begin(nn, "to_bf16");
	y = fc_far_at(f, y);
	x = fc_far_at(f, x);
	if (!f->failed)
		f->cpu->ops->to_bf16(f->cpu, y, x, n);
}

static void far_describe(const struct fc_nn *nn, char *text, size_t size)
{
	const struct fc_far *f = (const struct fc_far *)nn;
	char cpu[160];
	f->cpu->ops->describe(f->cpu, cpu, sizeof cpu);
	snprintf(text, size, "far, a test of what a program does to a device's memory: %s", cpu);
}

/* For tests: bytes at most and at the end, in the file that the environment names. */
static void tell_memory(const struct fc_far *f)
{
	const char *path = getenv("FC_FAR_TELL");
	FILE *to = path ? fopen(path, "w") : NULL;
	if (to) {
		fprintf(to, "%zu %zu\n", f->n_most, f->n_used);
		fclose(to);
	}
}

static void far_close(struct fc_nn *nn)
{
	struct fc_far *f = (struct fc_far *)nn;
	tell_memory(f);
	fc_far_unmap(f);
	free(f->seq);
	free(f->grad);
	free(f);
}

static const struct fc_nn_ops far_ops = {
    .alloc = fc_far_alloc,
    .release = far_release,
    .put = far_put,
    .get = far_get,
    .copy = far_copy,
    .zero = far_zero,
    .keep = fc_far_keep,
    .check = far_check,
    .memory = fc_far_memory,
    .few_rows = far_few_rows,
    .linear_fwd = far_linear_fwd,
    .linear_bwd_x = far_linear_bwd_x,
    .linear_bwd_w = far_linear_bwd_w,
    .bias_fwd = far_bias_fwd,
    .bias_bwd = far_bias_bwd,
    .gain_fwd = far_gain_fwd,
    .gain_bwd = far_gain_bwd,
    .rmsnorm_fwd = far_rmsnorm_fwd,
    .rmsnorm_bwd = far_rmsnorm_bwd,
    .layernorm_fwd = far_layernorm_fwd,
    .layernorm_bwd = far_layernorm_bwd,
    .rope_apply = far_rope_apply,
    .attn_fwd = far_attn_fwd,
    .attn_bwd = far_attn_bwd,
    .glu_fwd = far_glu_fwd,
    .glu_bwd = far_glu_bwd,
    .act_fwd = far_act_fwd,
    .act_bwd = far_act_bwd,
    .clip = far_clip,
    .clip_bwd = far_clip_bwd,
    .add = far_add,
    .scale = far_scale,
    .split = far_split,
    .concat = far_concat,
    .route_logits = far_route_logits,
    .gather_rows = far_gather_rows,
    .scatter_rows = far_scatter_rows,
    .dot_rows = far_dot_rows,
    .embed_fwd = far_embed_fwd,
    .embed_add = far_embed_add,
    .embed_bwd = far_embed_bwd,
    .head_topk = fc_far_head_topk,
    .head_draw = fc_far_head_draw,
    .head_logits = fc_far_head_logits,
    .head_loss = fc_far_head_loss,
    .sum_squares = far_sum_squares,
    .adamw = far_adamw,
    .to_bf16 = far_to_bf16,
    .describe = far_describe,
    .close = far_close,
};

static int far_count(struct fc_err *e)
{
	(void)e;
	return 1;
}

static int far_open(
    struct fc_nn **nn, int index, enum fc_compute compute, struct fc_nn *cpu, struct fc_err *e)
{
	struct fc_far *f = calloc(1, sizeof *f);
	(void)index;
	(void)compute;
	if (!f)
		return fc_fail(e, "device far: out of memory");
	f->nn.ops = &far_ops;
	f->nn.compute = cpu->compute;
	f->cpu = cpu;
	if (fc_far_map(f, e) < 0) {
		free(f);
		return -1;
	}
	*nn = &f->nn;
	return 0;
}

extern const struct fc_device_module fc_device_module;
__attribute__((visibility("default"))) const struct fc_device_module fc_device_module = {
    FC_DEVICE_ABI, sizeof(struct fc_nn_ops), fc_version, "far", far_count, far_open};
