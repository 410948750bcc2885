/* SPDX-License-Identifier: Apache-2.0 */
#include "model/block_acts.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct fc_block_acts *fc_block_acts_new(const struct fc_config *c)
{
	struct fc_block_acts *a = FC_NEW(struct fc_block_acts);
	a->C = c->n_embd;
	a->F = c->n_ff > c->n_ff_dense ? c->n_ff : c->n_ff_dense;
	a->F = a->F > c->n_ff_shared ? a->F : c->n_ff_shared;
	a->H = c->n_head;
	a->HD = c->n_head * c->head_dim;
	a->GD = c->n_head_kv * c->head_dim;
	if (fc_ropespec_by_length(&c->rope) || fc_ropespec_by_length(&c->rope_sliding))
		a->freq = FC_ARRAY(float, c->rope.n_rot / 2);
	return a;
}

void fc_block_acts_free(struct fc_nn *nn, struct fc_block_acts *a)
{
	if (!a)
		return;
	fc_nn_free(nn, a->mem);
	if (a->cap_pos) /* not borrowed */
		fc_nn_free(nn, a->pos);
	free(a->host_pos);
	free(a->seq);
	free(a->copy);
	free(a->grad);
	free(a->route);
	free(a->route_weight);
	free(a->one_row);
	free(a->one_weight);
	free(a->one_place);
	free(a->row_number);
	free(a->head_row);
	free(a->route_dot);
	free(a->one_dot);
	free(a->host_dlogit);
	free(a->freq);
	free(a);
}

/* Host arrays of N tokens that go to experts. */
static void reserve_routes(struct fc_block_acts *a, const struct fc_config *c, size_t N, bool keep)
{
	const size_t K = c->n_expert_used;
	if (N > a->cap_route) {
		a->route = fc_realloc(a->route, N, K * sizeof *a->route);
		a->route_weight = fc_realloc(a->route_weight, N, K * sizeof *a->route_weight);
		a->one_row = fc_realloc(a->one_row, N, sizeof *a->one_row);
		a->one_weight = fc_realloc(a->one_weight, N, sizeof *a->one_weight);
		a->one_place = fc_realloc(a->one_place, N, sizeof *a->one_place);
		a->cap_route = N;
	}
	if (!keep || N <= a->cap_dot)
		return;
	a->row_number = fc_realloc(a->row_number, N, sizeof *a->row_number);
	a->route_dot = fc_realloc(a->route_dot, N, K * sizeof *a->route_dot);
	a->one_dot = fc_realloc(a->one_dot, N, sizeof *a->one_dot);
	a->host_dlogit = fc_realloc(a->host_dlogit, N, c->n_expert * sizeof *a->host_dlogit);
	for (size_t n = 0; n < N; n++)
		a->row_number[n] = (uint32_t)n;
	a->cap_dot = N;
}

static void reserve_head_rows(struct fc_block_acts *a, size_t N)
{
	if (N <= a->cap_head_row)
		return;
	a->head_row = fc_realloc(a->head_row, N, a->H * sizeof *a->head_row);
	for (size_t i = 0; i < N * a->H; i++)
		a->head_row[i] = (uint32_t)(i / a->H);
	a->cap_head_row = N;
}

void fc_block_acts_reserve(struct fc_nn *nn, struct fc_block_acts *a, const struct fc_config *c,
    size_t N, size_t n_seq, bool keep)
{
	const size_t kept = keep, raw = c->qk_norm, fused = c->qkv != FC_QKV_SPLIT;
	const size_t post = c->post_norm, K = c->n_expert_used, dK = K ? kept : 0;
	const size_t drawn = post || c->residual_scale > 0;
	const size_t R = c->n_latent, DR = c->head_rotary, D = c->head_dim, DV = c->head_value;
	const size_t heads = R ? a->H : 0;
	const struct {
		float **p;
		size_t width;
	} part[] = {{&a->norm1, a->C}, {&a->norm2, c->shared_norm ? 0 : a->C}, {&a->out, a->C},
	    {&a->q, a->HD}, {&a->k, a->GD}, {&a->v, a->GD}, {&a->q_raw, raw * a->HD},
	    {&a->k_raw, raw * a->GD}, {&a->qkv, fused * (a->HD + 2 * a->GD)}, {&a->att, a->HD},
	    {&a->gate, c->gated * a->F}, {&a->up, a->F}, {&a->glu, a->F},
	    {&a->gate_up, c->gate_up * 2 * a->F}, {&a->attn_raw, post * a->C},
	    {&a->ffn_raw, post * a->C}, {&a->expert_x, K ? a->C : 0},
	    {&a->q_latent, c->n_query_latent}, {&a->kv_down, R + DR}, {&a->latent, R},
	    {&a->key, DR}, {&a->kv_up, heads * (D - DR + DV)}, {&a->plain, heads * (D - DR)},
	    {&a->value, heads * DV}, {&a->keys, heads * DR}, {&a->pad, heads * (D - DV)},
	    {&a->mid, kept * a->C}, {&a->lse, kept * a->H}, {&a->dq, kept * a->HD},
	    {&a->dk, kept * a->GD}, {&a->dv, kept * a->GD}, {&a->datt, kept * a->HD},
	    {&a->draw, kept * drawn * a->C}, {&a->dsum, kept * c->parallel * a->C},
	    {&a->expert_dy, dK * a->C}, {&a->expert_scaled, dK * a->C}, {&a->expert_dx, dK * a->C},
	    {&a->expert_dglu, dK * a->F}, {&a->dlogit, dK * c->n_expert}};
	const size_t rows = (N + 15) & ~(size_t)15; /* every part starts on a cache line */
	size_t width = 0, n, at = 0;
	for (size_t i = 0; i < FC_LEN(part); i++)
		width += part[i].width;
	if (!fc_size_mul(rows, width, &n))
		n = SIZE_MAX; /* ends in fc_nn_alloc() */
	if (n > a->n_mem) {
		fc_nn_free(nn, a->mem);
		a->mem = fc_nn_alloc_for(nn, FC_USE_LAYER, n, sizeof *a->mem);
		a->n_mem = n;
	}
	for (size_t i = 0; i < FC_LEN(part); i++) {
		*part[i].p = part[i].width ? a->mem + at : NULL;
		at += rows * part[i].width;
	}
	if (c->shared_norm)
		a->norm2 = a->norm1;
	FC_GROW(a->seq, a->cap_seq, n_seq);
	FC_GROW(a->copy, a->cap_copy, 2 * n_seq);
	if (keep)
		FC_GROW(a->grad, a->cap_grad, n_seq);
	if (K)
		reserve_routes(a, c, N, keep);
	if (R)
		reserve_head_rows(a, N);
}

void fc_block_acts_borrow_positions(struct fc_block_acts *a, const struct fc_block_acts *of)
{
	a->pos = of->pos;
}

const uint32_t *fc_block_host_positions(const struct fc_block_acts *a)
{
	return a->host_pos;
}

/* Tokens whose places give the same factor follow each other. */
void fc_block_grow_queries(struct fc_nn *nn, const struct fc_config *c, float *q,
    const struct fc_batch *b, const struct fc_kv_seq *kv)
{
	const size_t HD = c->n_head * c->head_dim;
	for (size_t s = 0; c->query_log > 0 && s < b->n_seq; s++) {
		const size_t past = kv ? kv[s].n_past : 0, end = past + b->off[s + 1] - b->off[s];
		const size_t step = (size_t)c->rope.n_ctx_before;
		for (size_t at = past, to; at < end; at = to) {
			const size_t turn = at / step;
			to = (turn + 1) * step < end ? (turn + 1) * step : end;
			fc_scale(nn, q + (b->off[s] + at - past) * HD,
			    (float)(1 + (double)c->query_log * log(1 + (double)turn)),
			    (to - at) * HD);
		}
	}
}

struct fc_split fc_block_split_qkv(const struct fc_config *c)
{
	const size_t groups = c->qkv == FC_QKV_GROUPED ? c->n_head_kv : 1;
	const size_t kv = c->n_head_kv * c->head_dim / groups;
	return (struct fc_split){groups, 3, {c->n_head * c->head_dim / groups, kv, kv}};
}

struct fc_split fc_block_split_gate_up(const struct fc_config *c)
{
	return (struct fc_split){1, 2, {c->n_ff, c->n_ff, 0}};
}

const uint32_t *fc_block_positions(
    struct fc_nn *nn, struct fc_block_acts *a, const struct fc_batch *b, const struct fc_kv_seq *kv)
{
	const size_t N = b->off[b->n_seq];
	if (N > a->cap_pos) {
		fc_nn_free(nn, a->pos);
		a->pos = fc_nn_alloc_for(nn, FC_USE_LAYER, N, sizeof *a->pos);
		a->host_pos = fc_realloc(a->host_pos, N, sizeof *a->host_pos);
		a->cap_pos = N;
	}
	for (size_t s = 0; s < b->n_seq; s++)
		for (size_t n = b->off[s]; n < b->off[s + 1]; n++)
			a->host_pos[n] = (uint32_t)(n - b->off[s] + (kv ? kv[s].n_past : 0));
	fc_nn_put(nn, a->pos, a->host_pos, N * sizeof *a->pos);
	return a->pos;
}

void fc_block_rope(struct fc_nn *nn, const struct fc_layer *l, float *x, const struct fc_batch *b,
    const struct fc_kv_seq *kv, size_t heads, size_t D, bool inverse, struct fc_block_acts *a)
{
	if (!l->ropespec)
		return;
	if (!fc_ropespec_by_length(l->ropespec)) {
		fc_rope_apply(nn, x, a->pos, b->off[b->n_seq], heads, D, l->rope, inverse);
		return;
	}
	for (size_t s = 0; s < b->n_seq; s++) {
		const size_t at = b->off[s], n = b->off[s + 1] - at;
		if (!n)
			continue;
		const struct fc_rope r =
		    fc_ropespec_rope(l->ropespec, n + (kv ? kv[s].n_past : 0), a->freq);
		fc_rope_apply(nn, x + at * heads * D, a->pos + at, n, heads, D, &r, inverse);
	}
}

struct fc_attn fc_block_attn(const struct fc_model *m, const struct fc_layer *l)
{
	const struct fc_config *c = &m->cfg;
	return (struct fc_attn){c->n_head, c->n_head_kv, c->head_dim, l->attn_scale,
	    c->attn_softcap, l->window, m->alibi, l->sink};
}

size_t fc_block_gather(
    struct fc_nn *nn, struct fc_block_acts *a, const struct fc_batch *b, const struct fc_kv_seq *kv)
{
	size_t n = 0, n_copy = 0;
	for (size_t s = 0; s < b->n_seq; s++) {
		const size_t at = b->off[s], n_q = b->off[s + 1] - at;
		if (!n_q)
			continue;
		struct fc_attn_seq *q = &a->seq[n++];
		*q = (struct fc_attn_seq){a->q + at * a->HD, a->k + at * a->GD, a->v + at * a->GD,
		    a->att + at * a->HD, a->lse ? a->lse + at * a->H : NULL, n_q, n_q};
		if (!kv)
			continue;
		const size_t past = kv[s].n_past * a->GD, n_new = n_q * a->GD;
		a->copy[n_copy++] = (struct fc_copy){kv[s].k + past, q->k, n_new};
		a->copy[n_copy++] = (struct fc_copy){kv[s].v + past, q->v, n_new};
		q->k = kv[s].k;
		q->v = kv[s].v;
		q->n_k += kv[s].n_past;
	}
	fc_nn_copies(nn, a->copy, n_copy);
	return n;
}
