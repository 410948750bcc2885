/* SPDX-License-Identifier: Apache-2.0 */
#include "model/params.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/family.h"
#include "model/lora.h"
#include "model/slot.h"
#include "model/step.h"

/* What s->grad_at is an offset in. */
static char *grads_of(struct fc_params *p, const struct fc_slot *s)
{
	if (s->layer == FC_NO_LAYER)
		return (char *)p;
	struct fc_layer_grad *g = &p->layer_grad[s->layer];
	return s->of_expert ? (char *)&g->expert[s->expert] : (char *)g;
}

/* The unit of the backward pass that a tensor is of. */
static size_t unit_of(const struct fc_params *p, const struct fc_slot *s, float *const *grad)
{
	if (s->layer != FC_NO_LAYER)
		return p->model.cfg.n_layer - s->layer;
	const bool first = grad == &p->embed_grad || grad == &p->position_grad;
	return first ? fc_params_units(p) - 1 : 0;
}

void *fc_param_read(const struct fc_param *v, size_t *size_bytes)
{
	*size_bytes = v->bf16 ? sizeof *v->bf16 : sizeof *v->w;
	return v->bf16 ? (void *)v->bf16 : v->copy ? v->copy : v->w;
}

/* Weights are undefined. */
static void alloc_param(struct fc_nn *nn, struct fc_param *v)
{
	struct fc_nn *home = fc_nn_home(nn);
	const bool rounded = v->n_dim == 2 && fc_nn_compute(nn) == FC_COMPUTE_BF16;
	const bool copied = rounded || home != nn;
	v->w = fc_nn_alloc_for(home, copied ? FC_USE_MASTER : FC_USE_WEIGHTS, v->n, sizeof *v->w);
	if (rounded)
		v->bf16 = fc_nn_alloc_for(nn, FC_USE_WEIGHTS, v->n, sizeof *v->bf16);
	else if (copied)
		v->copy = fc_nn_alloc_for(nn, FC_USE_WEIGHTS, v->n, sizeof *v->copy);
}

/* The architecture of p->model.cfg with its parameters allocated; weights are undefined, and there
 * are no gradients.  Returns the slots, one a parameter. */
static struct fc_slot *prepare_slots(struct fc_params *p, struct fc_nn *nn)
{
	struct fc_model *m = &p->model;
	struct fc_slot *slot;
	size_t size;
	m->nn = nn;
	fc_model_prepare(m);
	p->layer_grad = FC_ARRAY(struct fc_layer_grad, m->cfg.n_layer);
	for (size_t i = 0; m->cfg.n_expert && i < m->cfg.n_layer; i++)
		p->layer_grad[i].expert = FC_ARRAY(struct fc_expert_grad, m->cfg.n_expert);
	p->n = fc_slots_new(&slot, &m->cfg, m->prefix);
	p->v = FC_ARRAY(struct fc_param, p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct fc_slot *s = &slot[i];
		const size_t n = fc_slot_tensor(s, FC_F32).n_bytes / sizeof(float);
		struct fc_param *v = &p->v[i];
		*v = (struct fc_param){.name = fc_strdup(s->name),
		    .n_dim = s->n_dim,
		    .dim = {s->dim[0], s->dim[1]},
		    .n = n,
		    .decay = s->n_dim == 2,
		    .transposed = s->transposed};
		alloc_param(nn, v);
		fc_slot_bind(s, m, fc_param_read(v, &size), v->bf16 ? FC_BF16 : FC_F32);
		assert(s->grad_at != FC_NO_GRAD);
		v->grad = (float **)(void *)(grads_of(p, s) + s->grad_at);
		v->unit = unit_of(p, s, v->grad);
	}
	p->step = fc_step_new();
	return slot;
}

static int check_new(const struct fc_config *c, const char *where, struct fc_err *e)
{
	if (c->text_part)
		return fc_fail(
		    e, "%s: a new model for images cannot be made, only its text part", where);
	return 0;
}

int fc_params_check_family(const struct fc_config *c, const char *where, struct fc_err *e)
{
	if (c->family->trains)
		return fc_config_check_whole(c, where, e);
	return fc_fail(e, "%s: a %s model can be a source, but training one is not supported",
	    where, c->model_type);
}

/* Takes the store over from the model that was opened, if p needs it. */
static void keep_rest(struct fc_params *p, struct fc_model *from)
{
	const size_t n = fc_store_count(from->store);
	if (!p->model.cfg.text_part)
		return;
	p->rest = FC_ARRAY(struct fc_tensor, n);
	for (size_t i = 0; i < n; i++) {
		const struct fc_tensor *t = fc_store_at(from->store, i);
		if (fc_slot_is_of_images(&p->model.cfg, t->name))
			p->rest[p->n_rest++] = *t;
	}
	p->store = from->store;
	from->store = NULL;
}

/* Elements of a tensor that are made on the host at a time. */
enum { PIECE = 1 << 18 };

/* [n_row, n_col] as [n_col, n_row] */
static void load_transposed(struct fc_nn *nn, const struct fc_param *v, const struct fc_tensor *t)
{
	float *file = FC_ARRAY(float, v->n), *w = FC_ARRAY(float, v->n);
	fc_tensor_to_f32(t, 0, v->n, file);
	fc_param_transpose(w, file, (size_t)v->dim[1], (size_t)v->dim[0]);
	fc_nn_put(nn, v->w, w, v->n * sizeof *w);
	free(file);
	free(w);
}

static void load_param(struct fc_nn *nn, const struct fc_param *v, const struct fc_tensor *t)
{
	if (v->transposed) {
		load_transposed(nn, v, t);
		return;
	}
	float *piece = FC_ARRAY(float, PIECE);
	for (size_t at = 0, n; at < v->n; at += n) {
		n = v->n - at < PIECE ? v->n - at : PIECE;
		fc_tensor_to_f32(t, at, n, piece);
		fc_nn_put(fc_nn_home(nn), v->w + at, piece, n * sizeof *piece);
	}
	free(piece);
}

int fc_params_open(struct fc_params **out, const char *dir, struct fc_nn *nn, struct fc_err *e)
{
	struct fc_model *from;
	*out = NULL;
	if (fc_model_open(&from, dir, NULL, e) < 0)
		return -1;
	if (fc_params_check_family(&from->cfg, dir, e) < 0) {
		fc_model_close(from);
		return -1;
	}
	struct fc_params *p = FC_NEW(struct fc_params);
	p->model.cfg = from->cfg;
	p->model.prefix = from->prefix;
	from->cfg = (struct fc_config){.json = NULL};
	if (fc_store_gguf(from->store)) /* its rows come in the order of Hugging Face here */
		p->model.cfg.rope.interleaved = p->model.cfg.family->preset.rope.interleaved;
	struct fc_slot *slot = prepare_slots(p, nn);
	for (size_t i = 0; i < p->n; i++) {
		const struct fc_tensor *t = fc_store_find(from->store, p->v[i].name);
		load_param(nn, &p->v[i], t);
	}
	fc_params_refresh(p);
	fc_slots_free(slot, p->n);
	keep_rest(p, from);
	fc_model_close(from);
	*out = p;
	return 0;
}

int fc_params_check(const char *dir, struct fc_err *e)
{
	struct fc_model *m;
	if (fc_model_open(&m, dir, NULL, e) < 0)
		return -1;
	int ret = fc_params_check_family(&m->cfg, dir, e);
	fc_model_close(m);
	return ret;
}

static void randomize_param(struct fc_nn *nn, const struct fc_slot *s, struct fc_param *v,
    const struct fc_config *c, struct fc_rng *rng)
{
	const float one = s->norm && !c->norm_plus_one ? 1 : 0;
	const double std = s->residual ? 0.02 / sqrt(2.0 * (double)c->n_layer) : 0.02;
	float *piece = FC_ARRAY(float, PIECE);
	for (size_t at = 0, n; at < v->n; at += n) {
		n = v->n - at < PIECE ? v->n - at : PIECE;
		for (size_t i = 0; i < n; i++)
			piece[i] = s->n_dim == 1 ? one : (float)(std * fc_rng_normal(rng));
		fc_nn_put(fc_nn_home(nn), v->w + at, piece, n * sizeof *piece);
	}
	free(piece);
}

int fc_params_init(struct fc_params **out, const char *config_path, struct fc_nn *nn,
    struct fc_rng *rng, struct fc_err *e)
{
	struct fc_params *p = FC_NEW(struct fc_params);
	*out = NULL;
	if (fc_config_load(&p->model.cfg, config_path, e) < 0 ||
	    fc_params_check_family(&p->model.cfg, config_path, e) < 0 ||
	    check_new(&p->model.cfg, config_path, e) < 0) {
		fc_config_release(&p->model.cfg);
		free(p);
		return -1;
	}
	struct fc_slot *slot = prepare_slots(p, nn);
	for (size_t i = 0; i < p->n; i++)
		randomize_param(nn, &slot[i], &p->v[i], &p->model.cfg, rng);
	fc_params_refresh(p);
	fc_slots_free(slot, p->n);
	*out = p;
	return 0;
}

int fc_params_blank(struct fc_params **out, const char *config, struct fc_nn *nn, struct fc_err *e)
{
	static const char where[] = "the model's config.json";
	struct fc_params *p = FC_NEW(struct fc_params);
	*out = NULL;
	json_t *o = fc_json_text(config, strlen(config), where, e);
	int ret = o ? fc_config_read(&p->model.cfg, o, where, e) : -1;
	json_decref(o);
	if (ret == 0)
		ret = fc_params_check_family(&p->model.cfg, where, e);
	if (ret < 0) {
		fc_config_release(&p->model.cfg);
		free(p);
		return -1;
	}
	struct fc_slot *slot = prepare_slots(p, nn);
	fc_slots_free(slot, p->n);
	*out = p;
	return 0;
}

void fc_params_free(struct fc_params *p)
{
	if (!p)
		return;
	struct fc_nn *nn = p->model.nn;
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].name);
		fc_nn_free(fc_nn_home(nn), p->v[i].w);
		if (!p->placed)
			fc_nn_free(nn, p->v[i].g);
		fc_nn_free(nn, p->v[i].bf16);
		fc_nn_free(nn, p->v[i].copy);
	}
	free(p->v);
	for (size_t i = 0; p->layer_grad && i < p->model.cfg.n_layer; i++)
		free(p->layer_grad[i].expert);
	free(p->layer_grad);
	free(p->rest);
	fc_store_close(p->store);
	fc_step_free(nn, p->step);
	fc_loras_free(nn, p->lora);
	fc_model_release(&p->model);
	free(p);
}

static void place_grad(struct fc_params *p, struct fc_param *v, float *g)
{
	*v->grad = v->g = g;
	if (p->model.cfg.tied && v->grad == &p->embed_grad)
		p->head_grad = g;
}

void fc_params_place_grad(struct fc_params *p, float *const *g)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!p->placed)
			fc_nn_free(p->model.nn, p->v[i].g);
		place_grad(p, &p->v[i], g[i]);
	}
	p->placed = true;
}

void fc_params_zero_grad(struct fc_params *p)
{
	struct fc_nn *nn = p->model.nn;
	for (size_t i = 0; i < p->n; i++) {
		struct fc_param *v = &p->v[i];
		if (!v->g)
			place_grad(p, v, fc_nn_alloc_for(nn, FC_USE_GRADIENTS, v->n, sizeof *v->g));
		fc_nn_zero(nn, v->g, v->n * sizeof *v->g);
	}
}

/* Elements that are rounded on their way to the device, at a time. */
enum { ROUND_PIECE = 1 << 20 };

void fc_params_refresh_part(struct fc_params *p, size_t i, size_t begin, size_t n)
{
	struct fc_nn *nn = p->model.nn, *home = fc_nn_home(nn);
	const struct fc_param *v = &p->v[i];
	if (v->copy)
		fc_nn_put(nn, v->copy + begin, v->w + begin, n * sizeof *v->w);
	if (!v->bf16)
		return;
	if (home == nn) {
		fc_to_bf16(nn, v->bf16 + begin, v->w + begin, n);
		return;
	}
	uint16_t *rounded = FC_ARRAY(uint16_t, n < ROUND_PIECE ? n : ROUND_PIECE);
	for (size_t at = begin, m; at < begin + n; at += m) {
		m = begin + n - at < ROUND_PIECE ? begin + n - at : ROUND_PIECE;
		fc_to_bf16(home, rounded, v->w + at, m);
		fc_nn_put(nn, v->bf16 + at, rounded, m * sizeof *rounded);
	}
	free(rounded);
}

void fc_params_refresh(struct fc_params *p)
{
	for (size_t i = 0; i < p->n; i++)
		fc_params_refresh_part(p, i, 0, p->v[i].n);
	fc_lora_refresh(p);
}
