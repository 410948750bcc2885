/* SPDX-License-Identifier: Apache-2.0 */
#include "model/step.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/params.h"

struct fc_step {
	float *mem; /* the device's, of all below */
	size_t n_mem;
	float *x;    /* [n_layer + 1, N, C] input of every layer, output of the last */
	float *work; /* [N,C] a layer's input in the second pass, where it gets overwritten */
	float *dx;   /* [N,C] */
	float *row, *norm, *drow,
	    *dnorm; /* [R,C] the rows with a loss, before and after the norm */
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
	free(s);
}

/* Room for N tokens and R rows.  A pass forward keeps one input, not n_layer. */
static void reserve_step(struct fc_nn *nn, struct fc_step *s, const struct fc_config *c, size_t N,
    size_t R, bool backward)
{
	const struct {
		float **p;
		size_t rows;
	} part[] = {{&s->x, backward ? (c->n_layer + 1) * N : N}, {&s->work, backward ? N : 0},
	    {&s->dx, backward ? N : 0}, {&s->row, R}, {&s->norm, R}, {&s->drow, backward ? R : 0},
	    {&s->dnorm, backward ? R : 0}};
	size_t n = 0, at = 0;
	for (size_t i = 0; i < FC_LEN(part); i++)
		n += part[i].rows;
	if (!fc_size_mul(n, c->n_embd, &n))
		n = SIZE_MAX; /* ends in fc_nn_alloc() */
	if (n > s->n_mem) {
		fc_nn_free(nn, s->mem);
		s->mem = fc_nn_alloc(nn, n, sizeof *s->mem);
		s->n_mem = n;
	}
	for (size_t i = 0; i < FC_LEN(part); i++) {
		*part[i].p = part[i].rows ? s->mem + at : NULL;
		at += part[i].rows * c->n_embd;
	}
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

/* Returns the output of the last layer.  Backward keeps the inputs of all, and of the last layer
 * all activations, so that only the others run twice. */
static float *run_forward(
    struct fc_nn *nn, struct fc_params *p, const struct fc_batch *b, bool backward)
{
	const struct fc_model *m = &p->model;
	const size_t N = b->off[b->n_seq], NC = N * m->cfg.n_embd;
	float *x = p->step->x;
	fc_model_embed(nn, m, b->tok, fc_block_positions(nn, m->acts, b, NULL), N, x);
	for (size_t i = 0; i < m->cfg.n_layer; i++) {
		if (backward) {
			fc_nn_copy(nn, x + NC, x, NC * sizeof *x);
			x += NC;
		}
		const bool keep = backward && i + 1 == m->cfg.n_layer;
		fc_block_fwd(nn, m, i, x, b, NULL, keep ? FC_PASS_KEEP : FC_PASS_ONLY, m->acts);
	}
	return x;
}

/* From s->dx, the gradient of the last layer's output, to the gradient of the embedding. */
static void run_backward(struct fc_nn *nn, struct fc_params *p, const struct fc_batch *b)
{
	const struct fc_model *m = &p->model;
	const struct fc_step *s = p->step;
	const size_t N = b->off[b->n_seq], NC = N * m->cfg.n_embd;
	for (size_t i = m->cfg.n_layer; i-- > 0;) {
		const float *x = s->x + i * NC;
		if (i + 1 < m->cfg.n_layer) {
			fc_nn_copy(nn, s->work, x, NC * sizeof *x);
			fc_block_fwd(nn, m, i, s->work, b, NULL, FC_PASS_AGAIN, m->acts);
		}
		fc_block_bwd(nn, m, i, s->dx, x, b, m->acts, &p->layer_grad[i]);
	}
	fc_embed_bwd(nn, p->embed_grad, s->dx, b->tok, N, m->cfg.n_embd, m->cfg.embed_scale);
}

int fc_params_step(struct fc_nn *nn, struct fc_params *p, const struct fc_batch *b,
    const struct fc_targets *t, bool backward, struct fc_loss *loss, struct fc_err *e)
{
	const struct fc_model *m = &p->model;
	const struct fc_config *c = &m->cfg;
	const struct fc_head head = fc_model_head(m);
	struct fc_step *s = p->step;
	const size_t N = b->off[b->n_seq], C = c->n_embd, R = t->n;
	if (fc_batch_check(b, m, e) < 0 || check_rows(t, m, N, e) < 0)
		return -1;
	if (!R)
		return 0;
	reserve_step(nn, s, c, N, R, backward);
	const float *x = run_forward(nn, p, b, backward);
	fc_gather_rows(nn, s->row, x, t->row_pos, R, C);
	fc_model_final_norm(nn, m, s->norm, s->row, R);
	fc_head_loss(nn, &head, s->norm, t->target, t->sft_weight, t->kd_weight, t->teacher, R,
	    s->dnorm, backward ? p->head_grad : NULL, loss);
	if (!backward)
		return 0;
	fc_nn_zero(nn, s->drow, R * C * sizeof *s->drow);
	fc_rmsnorm_bwd(nn, s->drow, p->final_norm_grad, s->dnorm, s->row, m->final_norm, R, C,
	    c->norm_eps, c->norm_plus_one);
	fc_nn_zero(nn, s->dx, N * C * sizeof *s->dx);
	fc_scatter_rows(nn, s->dx, s->drow, t->row_pos, NULL, R, C);
	run_backward(nn, p, b);
	return 0;
}
