/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kvcache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct slot {
	size_t n, cap;  /* tokens */
	float **k, **v; /* [n_layer] of [cap, G*D], the device's */
	uint32_t *tok;  /* [cap] where the sequence may have to run again; else NULL */
};

struct fc_kvcache {
	struct fc_nn *nn;
	const struct fc_model *m;
	size_t n_slot, n_ctx;
	struct slot *slot;
	struct fc_kv_seq *seq; /* [cap_seq] of the batch */
	size_t cap_seq;
	float *x; /* [cap_x, C] the device's */
	size_t cap_x;
	uint32_t *last; /* [cap_last] rows of x: the last of each sequence */
	size_t cap_last;
	bool by_length; /* what the cache holds depends on the length of the sequence */
	uint32_t *tok;  /* the batch that is run where that is not the caller's */
	size_t *off;
	size_t cap_tok, cap_off;
};

struct fc_kvcache *fc_kvcache_new(
    struct fc_nn *nn, const struct fc_model *m, size_t n_slot, size_t n_ctx)
{
	struct fc_kvcache *c = FC_NEW(struct fc_kvcache);
	c->nn = nn;
	c->m = m;
	c->n_slot = n_slot;
	c->n_ctx = n_ctx;
	c->slot = FC_ARRAY(struct slot, n_slot);
	c->by_length =
	    fc_ropespec_by_length(&m->cfg.rope) || fc_ropespec_by_length(&m->cfg.rope_sliding);
	for (size_t s = 0; s < n_slot; s++) {
		c->slot[s].k = FC_ARRAY(float *, m->cfg.n_layer);
		c->slot[s].v = FC_ARRAY(float *, m->cfg.n_layer);
	}
	return c;
}

void fc_kvcache_free(struct fc_kvcache *c)
{
	if (!c)
		return;
	for (size_t s = 0; s < c->n_slot; s++) {
		for (size_t i = 0; i < c->m->cfg.n_layer; i++) {
			fc_nn_free(c->nn, c->slot[s].k[i]);
			fc_nn_free(c->nn, c->slot[s].v[i]);
		}
		free(c->slot[s].k);
		free(c->slot[s].v);
		free(c->slot[s].tok);
	}
	free(c->slot);
	free(c->seq);
	fc_nn_free(c->nn, c->x);
	free(c->last);
	free(c->tok);
	free(c->off);
	free(c);
}

size_t fc_kvcache_token_bytes(const struct fc_model *m)
{
	return m->cfg.n_layer * 2 * m->cfg.n_head_kv * m->cfg.head_dim * sizeof(float);
}

/* *p [n, width], of which the first n_used stay; NULL where n is 0. */
static void resize_rows(struct fc_nn *nn, float **p, size_t n_used, size_t n, size_t width)
{
	float *to = n ? fc_nn_alloc_for(nn, FC_USE_CACHE, n, width * sizeof *to) : NULL;
	fc_nn_copy(nn, to, *p, (n_used < n ? n_used : n) * width * sizeof *to);
	fc_nn_free(nn, *p);
	*p = to;
}

void fc_kvcache_reserve(struct fc_kvcache *c, size_t slot, size_t n)
{
	const struct fc_config *cfg = &c->m->cfg;
	struct slot *s = &c->slot[slot];
	if (n == s->cap)
		return;
	for (size_t i = 0; i < cfg->n_layer; i++) {
		resize_rows(c->nn, &s->k[i], s->n, n, cfg->n_head_kv * cfg->head_dim);
		resize_rows(c->nn, &s->v[i], s->n, n, cfg->n_head_kv * cfg->head_dim);
	}
	if (c->by_length && n) {
		s->tok = fc_realloc(s->tok, n, sizeof *s->tok);
	} else {
		free(s->tok);
		s->tok = NULL;
	}
	s->cap = n;
	if (s->n > n)
		s->n = n;
}

/* Memory follows the tokens: a long context that is not used costs nothing. */
static void grow_slot(struct fc_kvcache *c, size_t slot, size_t n)
{
	size_t cap = c->slot[slot].cap;
	if (n <= cap)
		return;
	cap = cap ? cap : 64;
	while (cap < n)
		cap *= 2;
	fc_kvcache_reserve(c, slot, cap < c->n_ctx ? cap : c->n_ctx);
}

static int check_batch(
    struct fc_kvcache *c, const struct fc_batch *b, const size_t *slot, struct fc_err *e)
{
	const struct fc_model *m = c->m;
	for (size_t s = 0; s < b->n_seq; s++) {
		const size_t past = c->slot[slot[s]].n, n = b->off[s + 1] - b->off[s];
		if (!n)
			return fc_fail(e, "batch: sequence %zu has no new token", s);
		if (n > c->n_ctx - past)
			return fc_fail(e, "sequence of %zu tokens is over the context of %zu",
			    past + n, c->n_ctx);
		if (m->position.p && n > m->cfg.n_ctx - past)
			return fc_fail(e,
			    "a sequence of %zu tokens is over the %zu positions that the model "
			    "has learned",
			    past + n, m->cfg.n_ctx);
	}
	return 0;
}

/*
 * Where a scaling goes by length, the next token can change the angles of all keys, and so what
 * every layer but the first makes of them: such a sequence runs again from its first token.
 * longrope does so once; dynamic scaling with every token beyond the context that the model was
 * made for.
 */
static struct fc_batch whole_sequences(
    struct fc_kvcache *c, const struct fc_batch *b, const size_t *slot)
{
	const struct fc_config *cfg = &c->m->cfg;
	size_t n_tok = 0;
	if (!c->by_length)
		return *b;
	FC_GROW(c->off, c->cap_off, b->n_seq + 1);
	for (size_t s = 0; s < b->n_seq; s++) {
		struct slot *to = &c->slot[slot[s]];
		const size_t past = to->n, all = past + b->off[s + 1] - b->off[s];
		memcpy(to->tok + past, b->tok + b->off[s], (all - past) * sizeof *to->tok);
		if (!fc_ropespec_same(&cfg->rope, past, all) ||
		    !fc_ropespec_same(&cfg->rope_sliding, past, all))
			to->n = 0;
		c->off[s] = n_tok;
		n_tok += all - to->n;
		FC_GROW(c->tok, c->cap_tok, n_tok);
		memcpy(c->tok + c->off[s], to->tok + to->n, (all - to->n) * sizeof *c->tok);
	}
	c->off[b->n_seq] = n_tok;
	return (struct fc_batch){c->tok, c->off, b->n_seq};
}

static struct fc_batch prepare_batch(
    struct fc_kvcache *c, const struct fc_batch *in, const size_t *slot)
{
	for (size_t s = 0; s < in->n_seq; s++)
		grow_slot(c, slot[s], c->slot[slot[s]].n + in->off[s + 1] - in->off[s]);
	const struct fc_batch b = whole_sequences(c, in, slot);
	const size_t N = b.off[b.n_seq];
	FC_GROW(c->seq, c->cap_seq, b.n_seq);
	FC_GROW(c->last, c->cap_last, b.n_seq);
	if (N > c->cap_x) {
		fc_nn_free(c->nn, c->x);
		c->x = fc_nn_alloc_for(c->nn, FC_USE_STATES, N, c->m->cfg.n_embd * sizeof *c->x);
		c->cap_x = N;
	}
	return b;
}

int fc_kvcache_forward(struct fc_nn *nn, const struct fc_model *m, struct fc_kvcache *c,
    const struct fc_batch *in, const size_t *slot, float *x, struct fc_err *e)
{
	const struct fc_config *cfg = &m->cfg;
	if (fc_batch_check(in, m, e) < 0 || check_batch(c, in, slot, e) < 0)
		return -1;
	const struct fc_batch whole = prepare_batch(c, in, slot), *b = &whole;
	for (size_t s = 0; s < b->n_seq; s++)
		c->seq[s].n_past = c->slot[slot[s]].n;
	const uint32_t *pos = fc_block_positions(nn, m->acts, b, c->seq);
	fc_model_embed(nn, m, b->tok, pos, b->off[b->n_seq], c->x);
	for (size_t i = 0; i < cfg->n_layer; i++) {
		for (size_t s = 0; s < b->n_seq; s++) {
			c->seq[s].k = c->slot[slot[s]].k[i];
			c->seq[s].v = c->slot[slot[s]].v[i];
		}
		fc_block_fwd(nn, m, i, c->x, b, c->seq, FC_PASS_ONLY, m->acts);
	}
	for (size_t s = 0; s < b->n_seq; s++) {
		c->last[s] = (uint32_t)(b->off[s + 1] - 1);
		c->slot[slot[s]].n += b->off[s + 1] - b->off[s];
	}
	fc_gather_rows(nn, x, c->x, c->last, b->n_seq, cfg->n_embd);
	fc_model_final_norm(nn, m, x, x, b->n_seq);
	return 0;
}
