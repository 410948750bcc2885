/* SPDX-License-Identifier: Apache-2.0 */
#include "model/block.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Dimension letters as in nn.h; HD = H*D, GD = G*D. */
struct fc_block_acts {
	size_t C, F, HD, GD, H;
	bool qk_norm;
	float *mem; /* everything below */
	size_t n_mem;
	float *norm1, *norm2;   /* [N,C] input of q, k, v; of gate, up */
	float *out;             /* [N,C] what is added to the residual stream; backward: d norm */
	float *q, *k, *v;       /* [N,HD] [N,GD] [N,GD] as attention takes them */
	float *q_raw, *k_raw;   /* before the norm of heads */
	float *att;             /* [N,HD] output of attention */
	float *gate, *up, *glu; /* [N,F] */
	float *mid;             /* [N,C] x after attention */
	float *lse;             /* [N,H] */
	float *dq, *dk, *dv, *datt;
	struct fc_attn_seq *seq; /* [n_seq] */
	struct fc_attn_grad *grad;
	size_t cap_seq, cap_grad;
};

struct fc_block_acts *fc_block_acts_new(const struct fc_config *c)
{
	struct fc_block_acts *a = FC_NEW(struct fc_block_acts);
	a->C = c->n_embd;
	a->F = c->n_ff;
	a->H = c->n_head;
	a->HD = c->n_head * c->head_dim;
	a->GD = c->n_head_kv * c->head_dim;
	a->qk_norm = c->qk_norm;
	return a;
}

void fc_block_acts_free(struct fc_block_acts *a)
{
	if (!a)
		return;
	free(a->mem);
	free(a->seq);
	free(a->grad);
	free(a);
}

/* Room for N tokens; what was there is lost. */
static void reserve(struct fc_block_acts *a, size_t N, size_t n_seq, bool keep)
{
	const size_t kept = keep, raw = a->qk_norm;
	const struct {
		float **p;
		size_t width;
	} part[] = {{&a->norm1, a->C}, {&a->norm2, a->C}, {&a->out, a->C}, {&a->q, a->HD},
	    {&a->k, a->GD}, {&a->v, a->GD}, {&a->q_raw, raw * a->HD}, {&a->k_raw, raw * a->GD},
	    {&a->att, a->HD}, {&a->gate, a->F}, {&a->up, a->F}, {&a->glu, a->F},
	    {&a->mid, kept * a->C}, {&a->lse, kept * a->H}, {&a->dq, kept * a->HD},
	    {&a->dk, kept * a->GD}, {&a->dv, kept * a->GD}, {&a->datt, kept * a->HD}};
	const size_t rows = (N + 15) & ~(size_t)15; /* every part starts on a cache line */
	size_t width = 0, n, at = 0;
	for (size_t i = 0; i < FC_LEN(part); i++)
		width += part[i].width;
	if (!fc_size_mul(rows, width, &n))
		n = SIZE_MAX; /* ends in fc_malloc_aligned() */
	if (n > a->n_mem) {
		free(a->mem);
		a->mem = fc_malloc_aligned(n, sizeof *a->mem);
		a->n_mem = n;
	}
	for (size_t i = 0; i < FC_LEN(part); i++) {
		*part[i].p = part[i].width ? a->mem + at : NULL;
		at += rows * part[i].width;
	}
	FC_GROW(a->seq, a->cap_seq, n_seq);
	if (keep)
		FC_GROW(a->grad, a->cap_grad, n_seq);
}

static void linear(struct fc_nn *nn, float *y, const float *x, const struct fc_weight *w,
    const float *bias, size_t N)
{
	fc_linear_fwd(nn, y, x, w, N);
	if (bias)
		fc_bias_fwd(y, bias, N, w->n_out);
}

/* Queries or keys of heads heads: x W^T + b, norm, rotary embedding, into y. */
static void project_heads(struct fc_nn *nn, const struct fc_model *m, const struct fc_weight *w,
    const float *bias, const float *norm, float *raw, float *y, const float *x, const uint32_t *pos,
    size_t N)
{
	const size_t D = m->cfg.head_dim, heads = w->n_out / D;
	linear(nn, norm ? raw : y, x, w, bias, N);
	if (norm)
		fc_rmsnorm_fwd(y, raw, norm, N * heads, D, m->cfg.norm_eps, m->cfg.norm_plus_one);
	fc_rope_apply(y, pos, N, heads, D, &m->rope, false);
}

static struct fc_attn attention_of(const struct fc_config *c, const struct fc_layer *l)
{
	return (struct fc_attn){c->n_head, c->n_head_kv, c->head_dim,
	    (float)(1 / sqrt((double)c->head_dim)), c->attn_softcap, l->window};
}

/* Describes the sequences that have tokens to attention; appends new keys and values to kv. */
static size_t gather(struct fc_block_acts *a, const struct fc_batch *b, const struct fc_kv_seq *kv)
{
	size_t n = 0;
	for (size_t s = 0; s < b->n_seq; s++) {
		const size_t at = b->off[s], n_q = b->off[s + 1] - at;
		if (!n_q)
			continue;
		struct fc_attn_seq *q = &a->seq[n++];
		*q = (struct fc_attn_seq){a->q + at * a->HD, a->k + at * a->GD, a->v + at * a->GD,
		    a->att + at * a->HD, a->lse ? a->lse + at * a->H : NULL, n_q, n_q};
		if (!kv)
			continue;
		const size_t past = kv[s].n_past * a->GD, bytes = n_q * a->GD * sizeof(float);
		memcpy(kv[s].k + past, q->k, bytes);
		memcpy(kv[s].v + past, q->v, bytes);
		q->k = kv[s].k;
		q->v = kv[s].v;
		q->n_k += kv[s].n_past;
	}
	return n;
}

void fc_block_fwd(struct fc_nn *nn, const struct fc_model *m, size_t layer, float *x,
    const struct fc_batch *b, const uint32_t *pos, const struct fc_kv_seq *kv, enum fc_pass pass,
    struct fc_block_acts *a)
{
	const struct fc_config *c = &m->cfg;
	const struct fc_layer *l = &m->layer[layer];
	const struct fc_attn attn = attention_of(c, l);
	const size_t N = b->off[b->n_seq], C = a->C;
	reserve(a, N, b->n_seq, pass != FC_PASS_ONLY);

	fc_rmsnorm_fwd(a->norm1, x, l->attn_norm, N, C, c->norm_eps, c->norm_plus_one);
	project_heads(nn, m, &l->q, l->q_bias, l->q_norm, a->q_raw, a->q, a->norm1, pos, N);
	project_heads(nn, m, &l->k, l->k_bias, l->k_norm, a->k_raw, a->k, a->norm1, pos, N);
	linear(nn, a->v, a->norm1, &l->v, l->v_bias, N);
	fc_attn_fwd(nn, &attn, a->seq, gather(a, b, kv));
	linear(nn, a->out, a->att, &l->o, l->o_bias, N);
	fc_add(x, a->out, N * C);
	if (pass != FC_PASS_ONLY)
		memcpy(a->mid, x, N * C * sizeof *x);

	fc_rmsnorm_fwd(a->norm2, x, l->ffn_norm, N, C, c->norm_eps, c->norm_plus_one);
	linear(nn, a->gate, a->norm2, &l->gate, l->gate_bias, N);
	linear(nn, a->up, a->norm2, &l->up, l->up_bias, N);
	fc_glu_fwd(a->glu, a->gate, a->up, c->act, N, a->F);
	if (pass == FC_PASS_AGAIN)
		return;
	linear(nn, a->out, a->glu, &l->down, l->down_bias, N);
	fc_add(x, a->out, N * C);
}

/* dw += dy^T x, dbias += sum dy */
static void linear_bwd_w(struct fc_nn *nn, float *dw, float *dbias, const float *dy, const float *x,
    const struct fc_weight *w, size_t N)
{
	fc_linear_bwd_w(nn, dw, dy, x, N, w->n_out, w->n_in);
	if (dbias)
		fc_bias_bwd(dbias, dy, N, w->n_out);
}

/* The way back through project_heads(): dy, the gradient of its result, becomes that of the linear
 * map's.  spare: the forward result, overwritten.  Returns where the gradient is. */
static float *heads_bwd(const struct fc_model *m, const float *norm, float *dnorm, float *dy,
    const float *raw, float *spare, const uint32_t *pos, size_t N, size_t heads)
{
	const size_t D = m->cfg.head_dim;
	fc_rope_apply(dy, pos, N, heads, D, &m->rope, true);
	if (!norm)
		return dy;
	memset(spare, 0, N * heads * D * sizeof *spare);
	fc_rmsnorm_bwd(
	    spare, dnorm, dy, raw, norm, N * heads, D, m->cfg.norm_eps, m->cfg.norm_plus_one);
	return spare;
}

static void ffn_bwd(struct fc_nn *nn, const struct fc_model *m, const struct fc_layer *l, float *dx,
    size_t N, struct fc_block_acts *a, const struct fc_layer_grad *g)
{
	const struct fc_config *c = &m->cfg;
	float *dglu = a->glu, *dgate = a->gate, *dup = a->up, *dnorm = a->out;
	linear_bwd_w(nn, g->down, g->down_bias, dx, a->glu, &l->down, N);
	fc_linear_bwd_x(nn, dglu, dx, &l->down, N, false);
	fc_glu_bwd(dgate, dup, dglu, a->gate, a->up, c->act, N, a->F);
	linear_bwd_w(nn, g->gate, g->gate_bias, dgate, a->norm2, &l->gate, N);
	linear_bwd_w(nn, g->up, g->up_bias, dup, a->norm2, &l->up, N);
	fc_linear_bwd_x(nn, dnorm, dgate, &l->gate, N, false);
	fc_linear_bwd_x(nn, dnorm, dup, &l->up, N, true);
	fc_rmsnorm_bwd(
	    dx, g->ffn_norm, dnorm, a->mid, l->ffn_norm, N, a->C, c->norm_eps, c->norm_plus_one);
}

static void attention_bwd(struct fc_nn *nn, const struct fc_model *m, const struct fc_layer *l,
    const struct fc_batch *b, struct fc_block_acts *a)
{
	const struct fc_attn attn = attention_of(&m->cfg, l);
	const size_t n = gather(a, b, NULL);
	for (size_t i = 0; i < n; i++) {
		const size_t at = (size_t)(a->seq[i].q - a->q) / a->HD;
		a->grad[i] = (struct fc_attn_grad){a->datt + at * a->HD, a->dq + at * a->HD,
		    a->dk + at * a->GD, a->dv + at * a->GD};
	}
	fc_attn_bwd(nn, &attn, a->seq, a->grad, n);
}

void fc_block_bwd(struct fc_nn *nn, const struct fc_model *m, size_t layer, float *dx,
    const float *x, const struct fc_batch *b, const uint32_t *pos, struct fc_block_acts *a,
    const struct fc_layer_grad *g)
{
	const struct fc_config *c = &m->cfg;
	const struct fc_layer *l = &m->layer[layer];
	const size_t N = b->off[b->n_seq];
	ffn_bwd(nn, m, l, dx, N, a, g);

	linear_bwd_w(nn, g->o, g->o_bias, dx, a->att, &l->o, N);
	fc_linear_bwd_x(nn, a->datt, dx, &l->o, N, false);
	attention_bwd(nn, m, l, b, a);
	float *dq = heads_bwd(m, l->q_norm, g->q_norm, a->dq, a->q_raw, a->q, pos, N, c->n_head);
	float *dk = heads_bwd(m, l->k_norm, g->k_norm, a->dk, a->k_raw, a->k, pos, N, c->n_head_kv);
	linear_bwd_w(nn, g->q, g->q_bias, dq, a->norm1, &l->q, N);
	linear_bwd_w(nn, g->k, g->k_bias, dk, a->norm1, &l->k, N);
	linear_bwd_w(nn, g->v, g->v_bias, a->dv, a->norm1, &l->v, N);
	float *dnorm = a->out;
	fc_linear_bwd_x(nn, dnorm, dq, &l->q, N, false);
	fc_linear_bwd_x(nn, dnorm, dk, &l->k, N, true);
	fc_linear_bwd_x(nn, dnorm, a->dv, &l->v, N, true);
	fc_rmsnorm_bwd(
	    dx, g->attn_norm, dnorm, x, l->attn_norm, N, a->C, c->norm_eps, c->norm_plus_one);
}
