/* SPDX-License-Identifier: Apache-2.0 */
#include "model/step.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/block_acts.h"
#include "model/params.h"

/* A batch with rows that have a loss, and where its part of the memory begins. */
struct part {
	struct fc_step_batch v;
	size_t N, R;           /* tokens, rows */
	size_t at_tok, at_row; /* of those before */
};

struct fc_step {
	float *mem; /* the device's, of all below */
	size_t n_mem;
	/* Sums of N and R over all batches where it says so, else of the largest. */
	float *x;    /* [sum of N][n_layer + 1, C] input of every layer, output of the last */
	float *work; /* [N,C] a layer's input in the second pass, where it gets overwritten */
	float *dx;   /* [sum of N,C] */
	float *norm; /* [R,C] the rows after the norm; tied: [sum of R,C] */
	float *row, *drow, *dnorm; /* [R,C] the rows before the norm, and gradients */
	struct part *part;         /* [n_part] */
	size_t n_part, cap_part;
	/* [n_kept] what layers before the last computed, NULL where that is not kept */
	struct fc_block_acts **kept;
	size_t n_kept;
};

struct fc_step *fc_step_new(void)
{
	return FC_NEW(struct fc_step);
}

void fc_step_free(struct fc_nn *nn, struct fc_step *s)
{
	if (!s)
		return;
	fc_nn_free(nn, s->mem);
	for (size_t i = 0; i < s->n_kept; i++)
		fc_block_acts_free(nn, s->kept[i]);
	free(s->kept);
	free(s->part);
	free(s);
}

/* Room for all parts.  A pass forward is of one, and keeps one input, not n_layer. */
static void reserve_step(
    struct fc_nn *nn, struct fc_step *s, const struct fc_config *c, bool backward)
{
	size_t N = 0, R = 0;
	for (size_t k = 0; k < s->n_part; k++) {
		N = s->part[k].N > N ? s->part[k].N : N;
		R = s->part[k].R > R ? s->part[k].R : R;
	}
	const struct part *last = &s->part[s->n_part - 1];
	const size_t all_N = last->at_tok + last->N, all_R = last->at_row + last->R;
	const struct {
		float **p;
		size_t rows;
	} part[] = {{&s->x, backward ? (c->n_layer + 1) * all_N : N}, {&s->work, backward ? N : 0},
	    {&s->dx, backward ? all_N : 0}, {&s->row, R}, {&s->norm, c->tied ? all_R : R},
	    {&s->drow, backward ? R : 0}, {&s->dnorm, backward ? R : 0}};
	size_t n = 0, at = 0;
	for (size_t i = 0; i < FC_LEN(part); i++)
		n += part[i].rows;
	if (!fc_size_mul(n, c->n_embd, &n))
		n = SIZE_MAX; /* ends in fc_nn_alloc() */
	if (n > s->n_mem) {
		fc_nn_free(nn, s->mem);
		s->mem = fc_nn_alloc_for(nn, FC_USE_INPUTS, n, sizeof *s->mem);
		s->n_mem = n;
	}
	for (size_t i = 0; i < FC_LEN(part); i++) {
		*part[i].p = part[i].rows ? s->mem + at : NULL;
		at += part[i].rows * c->n_embd;
	}
}

/* Those of the layers before the last. */
static void reserve_kept(struct fc_nn *nn, struct fc_step *s, const struct fc_params *p)
{
	const struct fc_config *c = &p->model.cfg;
	if (!s->kept && p->n_keep > 1 && !p->lora) {
		s->n_kept = c->n_layer;
		s->kept = FC_ARRAY(struct fc_block_acts *, s->n_kept);
		for (size_t i = 0; i + 1 < c->n_layer; i++)
			s->kept[i] = i + p->n_keep >= c->n_layer ? fc_block_acts_new(c) : NULL;
	}
	for (size_t i = 0; i < s->n_kept; i++)
		if (s->kept[i])
			fc_block_acts_reserve(
			    nn, s->kept[i], c, s->part->N, s->part->v.b->n_seq, true);
}

/* The last layer keeps more than those before it, whose memory would be a gap below. */
static void reserve_acts(struct fc_nn *nn, const struct fc_step *s, const struct fc_model *m)
{
	size_t N = 0, n_seq = 0;
	for (size_t k = 0; k < s->n_part; k++) {
		const struct fc_batch *b = s->part[k].v.b;
		N = s->part[k].N > N ? s->part[k].N : N;
		n_seq = b->n_seq > n_seq ? b->n_seq : n_seq;
	}
	fc_block_acts_reserve(nn, m->acts, &m->cfg, N, n_seq, true);
}

static int check_rows(
    const struct fc_targets *t, const struct fc_model *m, size_t N, struct fc_err *e)
{
	for (size_t r = 0; r < t->n; r++) {
		if (t->row_pos[r] >= N || (r && t->row_pos[r] <= t->row_pos[r - 1]))
			return fc_fail(e,
			    "loss row %zu: position %u is not ascending within the batch of %zu", r,
			    t->row_pos[r], N);
		if (t->target[r] != FC_NO_TARGET && t->target[r] >= m->cfg.n_vocab)
			return fc_fail(e,
			    "loss row %zu: target %u is outside of the vocabulary of %zu", r,
			    t->target[r], m->cfg.n_vocab);
	}
	return 0;
}

/* The parts of s: the batches that have rows. */
static int take_batches(struct fc_step *s, const struct fc_model *m, const struct fc_step_batch *v,
    size_t n, struct fc_err *e)
{
	size_t at_tok = 0, at_row = 0;
	s->n_part = 0;
	for (size_t i = 0; i < n; i++) {
		const size_t N = v[i].b->off[v[i].b->n_seq], R = v[i].t->n;
		if (fc_batch_check(v[i].b, m, e) < 0 || check_rows(v[i].t, m, N, e) < 0)
			return -1;
		if (!R)
			continue;
		FC_GROW(s->part, s->cap_part, s->n_part + 1);
		s->part[s->n_part++] = (struct part){v[i], N, R, at_tok, at_row};
		at_tok += N;
		at_row += R;
	}
	return 0;
}

/* A pass over some batches. */
struct pass {
	struct fc_nn *nn;
	struct fc_params *p;
	const struct fc_step_watch *watch;
	bool backward;
};

static void pause_pass(const struct pass *a)
{
	if (a->watch && a->watch->pause)
		a->watch->pause(a->watch->arg);
}

static void begin_unit(const struct pass *a, size_t unit)
{
	if (a->watch && a->watch->begin)
		a->watch->begin(a->watch->arg, unit);
}

static void end_unit(const struct pass *a, size_t unit)
{
	if (a->watch && a->watch->end)
		a->watch->end(a->watch->arg, unit);
}

/* The input of a layer, [N,C]; n_layer: the output of the last. */
static float *input_of(const struct pass *a, const struct part *k, size_t layer)
{
	const struct fc_config *c = &a->p->model.cfg;
	if (!a->backward)
		return a->p->step->x;
	return a->p->step->x + ((c->n_layer + 1) * k->at_tok + layer * k->N) * c->n_embd;
}

/* Where a layer of a batch leaves what the way back needs; NULL: nowhere, it is computed again.
 * Only the first batch, which is the last one forward, finds it. */
static struct fc_block_acts *kept_of(const struct pass *a, const struct part *k, size_t layer)
{
	const struct fc_step *s = a->p->step;
	if (k > s->part)
		return NULL;
	return layer + 1 == a->p->model.cfg.n_layer ? a->p->model.acts
	    : s->kept                               ? s->kept[layer]
						    : NULL;
}

/* Backward keeps the inputs of all layers, and of some all activations, until the next forward
 * pass. */
static void run_forward(const struct pass *a, const struct part *k)
{
	struct fc_nn *nn = a->nn;
	const struct fc_model *m = &a->p->model;
	const struct fc_batch *b = k->v.b;
	float *x = input_of(a, k, 0);
	fc_model_embed(nn, m, b->tok, fc_block_positions(nn, m->acts, b, NULL), k->N, x);
	for (size_t i = 0; i < m->cfg.n_layer; i++) {
		if (a->backward) {
			float *next = input_of(a, k, i + 1);
			fc_nn_copy(nn, next, x, k->N * m->cfg.n_embd * sizeof *x);
			x = next;
		}
		struct fc_block_acts *kept = a->backward ? kept_of(a, k, i) : NULL;
		if (kept && kept != m->acts)
			fc_block_acts_borrow_positions(kept, m->acts);
		fc_block_fwd(nn, m, i, x, b, NULL, kept ? FC_PASS_KEEP : FC_PASS_ONLY,
		    kept ? kept : m->acts);
		pause_pass(a);
	}
}

/* The rows with a loss, after the last norm. */
static float *norm_of(const struct pass *a, const struct part *k)
{
	const struct fc_config *c = &a->p->model.cfg;
	return a->p->step->norm + (c->tied ? k->at_row * c->n_embd : 0);
}

/* A tied output layer's gradient is added to by every batch's output, then by its embedding, in the
 * order of batches: where there are several, that of the second output waits for the first
 * embedding, and its logits are computed again. */
static bool waits(const struct pass *a, const struct part *k)
{
	return a->p->model.cfg.tied && k > a->p->step->part;
}

/* s->drow += the gradient of s->row, from that of what the last norm gave */
static void final_norm_bwd(struct fc_nn *nn, struct fc_params *p, size_t R)
{
	const struct fc_model *m = &p->model;
	const struct fc_config *c = &m->cfg;
	const struct fc_step *s = p->step;
	if (c->logit_scale > 0)
		fc_scale(nn, s->dnorm, c->logit_scale, R * c->n_embd);
	if (c->layer_norm)
		fc_layernorm_bwd(nn, s->drow, p->final_norm_grad, p->final_norm_bias_grad, s->dnorm,
		    s->row, m->final_norm, R, c->n_embd, c->norm_eps);
	else
		fc_rmsnorm_bwd(nn, s->drow, p->final_norm_grad, s->dnorm, s->row, m->final_norm, R,
		    c->n_embd, c->norm_eps, c->norm_plus_one);
}

/* Losses, and what the last norm and the output layer leave in s->dx. */
static void run_head(const struct pass *a, const struct part *k)
{
	struct fc_nn *nn = a->nn;
	struct fc_params *p = a->p;
	const struct fc_model *m = &p->model;
	const struct fc_config *c = &m->cfg;
	const struct fc_targets *t = k->v.t;
	const struct fc_head head = fc_model_head(m);
	struct fc_step *s = p->step;
	const size_t N = k->N, C = c->n_embd, R = k->R;
	float *norm = norm_of(a, k), *dx = s->dx ? s->dx + k->at_tok * C : NULL;
	fc_gather_rows(nn, s->row, input_of(a, k, c->n_layer), t->row_pos, R, C);
	fc_model_final_norm(nn, m, norm, s->row, R);
	fc_head_loss(nn, &head, norm, t->target, t->sft_weight, t->kd_weight, t->teacher, R,
	    s->dnorm, a->backward && !waits(a, k) ? p->head_grad : NULL, k->v.loss);
	if (!a->backward)
		return;
	fc_nn_zero(nn, s->drow, R * C * sizeof *s->drow);
	final_norm_bwd(nn, p, R);
	fc_nn_zero(nn, dx, N * C * sizeof *dx);
	fc_scatter_rows(nn, dx, s->drow, t->row_pos, NULL, R, C);
}

/* s->dx, the gradient of the layer's output, becomes that of its input. */
static void run_layer(const struct pass *a, const struct part *k, size_t layer)
{
	struct fc_nn *nn = a->nn;
	const struct fc_model *m = &a->p->model;
	const struct fc_step *s = a->p->step;
	const struct fc_batch *b = k->v.b;
	const size_t C = m->cfg.n_embd;
	const float *x = input_of(a, k, layer);
	struct fc_block_acts *acts = kept_of(a, k, layer);
	if (s->n_part > 1 && acts != m->acts) {
		fc_block_positions(nn, m->acts, b, NULL);
		if (acts)
			fc_block_acts_borrow_positions(acts, m->acts);
	}
	if (!acts) {
		acts = m->acts;
		fc_nn_copy(nn, s->work, x, k->N * C * sizeof *x);
		fc_block_fwd(nn, m, layer, s->work, b, NULL, FC_PASS_AGAIN, m->acts);
		pause_pass(a);
	}
	fc_block_bwd(nn, m, layer, s->dx + k->at_tok * C, x, b, acts, &a->p->layer_grad[layer]);
	pause_pass(a);
}

static void run_embedding(const struct pass *a, const struct part *k)
{
	const struct fc_params *p = a->p;
	if (!p->embed_grad) /* of adapters alone */
		return;
	struct fc_nn *nn = a->nn;
	const struct fc_model *m = &p->model;
	const struct fc_config *c = &m->cfg;
	const struct fc_head head = fc_model_head(m);
	const struct fc_targets *t = k->v.t;
	const float *dx = p->step->dx + k->at_tok * c->n_embd;
	struct fc_loss counted = {0};
	if (waits(a, k))
		fc_head_loss(nn, &head, norm_of(a, k), t->target, t->sft_weight, t->kd_weight,
		    t->teacher, k->R, NULL, p->head_grad, &counted);
	fc_embed_bwd(nn, p->embed_grad, dx, k->v.b->tok, k->N, c->n_embd, c->embed_scale);
	if (!p->position_grad)
		return;
	if (p->step->n_part > 1)
		fc_block_positions(nn, m->acts, k->v.b, NULL);
	fc_embed_bwd(
	    nn, p->position_grad, dx, fc_block_host_positions(m->acts), k->N, c->n_embd, 1);
}

static void run_backward(const struct pass *a)
{
	const struct fc_step *s = a->p->step;
	const size_t n_layer = a->p->model.cfg.n_layer, n = s->n_part;
	/* the first batch is the last one forward: its last layer is still there */
	for (size_t k = n; k-- > 0;)
		run_forward(a, &s->part[k]);
	begin_unit(a, 0);
	for (size_t k = 0; k < n; k++)
		run_head(a, &s->part[k]);
	end_unit(a, 0);
	for (size_t i = n_layer; i-- > 0;) {
		begin_unit(a, n_layer - i);
		for (size_t k = 0; k < n; k++)
			run_layer(a, &s->part[k], i);
		end_unit(a, n_layer - i);
	}
	begin_unit(a, n_layer + 1);
	for (size_t k = 0; k < n; k++)
		run_embedding(a, &s->part[k]);
	end_unit(a, n_layer + 1);
}

size_t fc_params_units(const struct fc_params *p)
{
	return p->model.cfg.n_layer + 2;
}

int fc_params_steps(struct fc_nn *nn, struct fc_params *p, const struct fc_step_batch *v, size_t n,
    const struct fc_step_watch *watch, struct fc_err *e)
{
	const struct pass a = {nn, p, watch, true};
	if (take_batches(p->step, &p->model, v, n, e) < 0)
		return -1;
	if (p->step->n_part) {
		reserve_step(nn, p->step, &p->model.cfg, true);
		reserve_kept(nn, p->step, p);
		reserve_acts(nn, p->step, &p->model);
	}
	run_backward(&a);
	return 0;
}

int fc_params_step(struct fc_nn *nn, struct fc_params *p, const struct fc_batch *b,
    const struct fc_targets *t, bool backward, struct fc_loss *loss, struct fc_err *e)
{
	const struct fc_step_batch v = {b, t, loss};
	const struct pass a = {nn, p, NULL, false};
	if (backward)
		return fc_params_steps(nn, p, &v, 1, NULL, e);
	if (take_batches(p->step, &p->model, &v, 1, e) < 0)
		return -1;
	if (!p->step->n_part)
		return 0;
	reserve_step(nn, p->step, &p->model.cfg, false);
	run_forward(&a, p->step->part);
	run_head(&a, p->step->part);
	return 0;
}
