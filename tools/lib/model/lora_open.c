/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/family.h"
#include "model/lora.h"
#include "model/slot.h"
#include "model/step.h"

/* That a layer has at most: q, k, v, o, qkv, gate, up, down, gate_up. */
enum { LINEARS = 9 };

/* A linear of a layer that can have an adapter: experts run over tokens of their own, and a router
 * chooses. */
static bool is_adaptable(const struct fc_slot *s)
{
	return s->n_dim == 2 && s->layer != FC_NO_LAYER && !s->of_expert &&
	    s->at != offsetof(struct fc_layer, router);
}

/* The module of a tensor, as PEFT knows it: without ".weight"; the caller's to free(). */
static char *module_of(const struct fc_slot *s)
{
	static const char end[] = ".weight";
	const size_t n = strlen(s->name);
	return fc_memdup0(s->name, fc_ends_with(s->name, end) ? n - (sizeof end - 1) : n);
}

static const char *last_part(const char *module)
{
	const char *dot = strrchr(module, '.');
	return dot ? dot + 1 : module;
}

/* As PEFT compares: the whole name, or what follows a dot in it. */
static bool is_named(const char *module, const char *target)
{
	const size_t n = strlen(module), m = strlen(target);
	return n >= m && !strcmp(module + n - m, target) && (n == m || module[n - m - 1] == '.');
}

static bool is_target(const struct fc_lora_spec *spec, const struct fc_slot *s)
{
	char *module = module_of(s);
	bool found = !spec->n_target;
	for (size_t i = 0; i < spec->n_target && !found; i++)
		found = is_named(module, spec->target[i]);
	free(module);
	return found && is_adaptable(s);
}

/* Names after the last dot of the modules that are wanted; each once, in the model's order. */
static size_t list_modules(
    char ***list, const struct fc_slot *slot, size_t n, const struct fc_lora_spec *spec)
{
	static const struct fc_lora_spec all;
	char **v = NULL;
	size_t n_v = 0, cap = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_target(spec ? spec : &all, &slot[i]))
			continue;
		char *module = module_of(&slot[i]);
		bool known = false;
		for (size_t k = 0; k < n_v; k++)
			known = known || !strcmp(v[k], last_part(module));
		if (!known) {
			FC_GROW(v, cap, n_v + 1);
			v[n_v++] = fc_strdup(last_part(module));
		}
		free(module);
	}
	*list = v;
	return n_v;
}

static int fail_target(const char *dir, const char *target, const char *problem,
    const struct fc_slot *slot, size_t n, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	char **list;
	const size_t n_list = list_modules(&list, slot, n, NULL);
	for (size_t i = 0; i < n_list; i++) {
		fc_buf_addf(&b, "%s%s", i ? ", " : "", list[i]);
		free(list[i]);
	}
	free(list);
	fc_fail(e, "%s: target %.64s: %s; linears that get adapters are %s", dir, target, problem,
	    b.p ? b.p : "none");
	fc_buf_release(&b);
	return -1;
}

/* Every target is met, and nothing else than linears of layers. */
static int check_target(
    const char *dir, const char *target, const struct fc_slot *slot, size_t n, struct fc_err *e)
{
	bool found = false;
	for (size_t i = 0; i < n; i++) {
		char *module = module_of(&slot[i]);
		const bool named = is_named(module, target);
		free(module);
		if (!named)
			continue;
		found = true;
		if (!is_adaptable(&slot[i]))
			return fail_target(dir, target,
			    slot[i].of_expert ? "experts get no adapters here"
				: slot[i].layer != FC_NO_LAYER
				? "it is no linear"
				: "the embedding, the output layer and the last norm get none here",
			    slot, n, e);
	}
	return found ? 0
		     : fail_target(dir, target, "the model has no module of that name", slot, n, e);
}

static int check_spec(
    const struct fc_config *c, const struct fc_lora_spec *spec, const char *dir, struct fc_err *e)
{
	struct fc_slot *slot;
	int ret = 0;
	if (c->text_part)
		return fc_fail(e,
		    "%s: adapters of a model that also sees images are not trained: versions of "
		    "Transformers do not agree on the names of its modules",
		    dir);
	if (spec->dora && c->conv1d)
		return fc_fail(e,
		    "%s: dora: a %s model has its matrices transposed, where PEFT and "
		    "fc-varm scale no rows",
		    dir, c->model_type);
	struct fc_config whole = *c;
	whole.tied =
	    false; /* an output layer that is the embedding is there by name all the same */
	const size_t n = fc_slots_new(&slot, &whole, NULL);
	for (size_t i = 0; i < spec->n_target && ret == 0; i++)
		ret = check_target(dir, spec->target[i], slot, n, e);
	fc_slots_free(slot, n);
	return ret;
}

int fc_lora_check(const char *dir, const struct fc_lora_spec *spec, struct fc_err *e)
{
	struct fc_model *m;
	if (fc_model_open(&m, dir, NULL, e) < 0)
		return -1;
	int ret = fc_params_check_family(&m->cfg, dir, e);
	if (ret == 0)
		ret = check_spec(&m->cfg, spec, dir, e);
	fc_model_close(m);
	return ret;
}

/* ---- parameters ---- */

/* unit: of the layer, see fc_params_steps(). */
static struct fc_param *add_param(struct fc_params *p, size_t unit, const char *module,
    const char *part, int64_t rows, int64_t cols)
{
	struct fc_nn *nn = p->model.nn;
	struct fc_param *v = &p->v[p->n++];
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, FC_LORA_PREFIX "%s.%s", module, part);
	*v = (struct fc_param){.name = fc_buf_detach(&b),
	    .n_dim = cols ? 2 : 1,
	    .dim = {rows, cols},
	    .n = (size_t)rows * (size_t)(cols ? cols : 1),
	    .decay = cols != 0};
	v->grad = &v->g;
	v->unit = unit;
	v->w = fc_nn_alloc_for(nn, FC_USE_MASTER, v->n, sizeof *v->w);
	fc_nn_zero(nn, v->w, v->n * sizeof *v->w);
	if (cols && fc_nn_compute(nn) == FC_COMPUTE_BF16)
		v->bf16 = fc_nn_alloc_for(nn, FC_USE_WEIGHTS, v->n, sizeof *v->bf16);
	return v;
}

/* Kaiming's uniform start with a = sqrt(5), as PEFT's: the bound is sqrt(6 / ((1 + a^2) I)). */
static void start_a(struct fc_nn *nn, struct fc_param *a, struct fc_rng *rng)
{
	const double bound = 1 / sqrt((double)a->dim[1]);
	float *w = FC_ARRAY(float, a->n);
	for (size_t i = 0; i < a->n; i++)
		w[i] = (float)(bound * (2 * fc_rng_unit(rng) - 1));
	fc_nn_put(nn, a->w, w, a->n * sizeof *w);
	free(w);
}

/* m = |W|, by rows, whose squares stay. */
static void start_m(struct fc_nn *nn, struct fc_lora *l, const struct fc_tensor *t)
{
	const size_t O = l->w->n_out, I = l->w->n_in;
	float *m = FC_ARRAY(float, O);
	l->square = FC_ARRAY(double, O);
#pragma omp parallel
	{
		float *row = FC_ARRAY(float, I);
#pragma omp for
		for (size_t o = 0; o < O; o++) {
			fc_tensor_to_f32(t, o * I, I, row);
			for (size_t i = 0; i < I; i++)
				l->square[o] += (double)row[i] * (double)row[i];
			m[o] = (float)sqrt(l->square[o]);
		}
		free(row);
	}
	fc_nn_put(nn, l->m->w, m, O * sizeof *m);
	free(m);
}

static double scale_of(const struct fc_lora_spec *spec)
{
	return spec->alpha / (spec->rslora ? sqrt((double)spec->r) : (double)spec->r);
}

/* The adapter of a slot's weight; t: the weight in the file. */
static void add_lora(struct fc_params *p, const struct fc_slot *s, const struct fc_tensor *t,
    const struct fc_lora_spec *spec, struct fc_rng *rng)
{
	struct fc_nn *nn = p->model.nn;
	struct fc_layer *layer = &p->model.layer[s->layer];
	struct fc_layer_loras *to = layer->lora;
	assert(to->n < LINEARS);
	struct fc_lora *l = &to->v[to->n++];
	const size_t unit = p->model.cfg.n_layer - s->layer;
	char *module = module_of(s);
	*l = (struct fc_lora){.w = (const struct fc_weight *)(const void *)((char *)layer + s->at),
	    .scale = scale_of(spec),
	    .whole = p->lora};
	l->a = add_param(p, unit, module, "lora_A.weight", (int64_t)spec->r, s->dim[1]);
	l->b = add_param(p, unit, module, "lora_B.weight", (int64_t)spec->r, s->dim[0]);
	start_a(nn, l->a, rng);
	if (spec->dora) {
		l->m = add_param(p, unit, module, "lora_magnitude_vector", s->dim[0], 0);
		l->gain = fc_nn_alloc(nn, (size_t)s->dim[0], sizeof *l->gain);
		l->inverse = fc_nn_alloc(nn, (size_t)s->dim[0], sizeof *l->inverse);
		start_m(nn, l, t);
	}
	free(module);
}

static void set_scales(struct fc_nn *nn, struct fc_loras *l, double scale)
{
	float *v = FC_ARRAY(float, l->r);
	for (size_t i = 0; i < l->r; i++)
		v[i] = (float)scale;
	l->scales = fc_nn_alloc(nn, l->r, sizeof *v);
	fc_nn_put(nn, l->scales, v, l->r * sizeof *v);
	free(v);
}

/* slot: by the family's own names; file: by those that the weights have in the file. */
static void add_loras(struct fc_params *p, const struct fc_slot *slot, const struct fc_slot *file,
    size_t n, const struct fc_lora_spec *spec, struct fc_rng *rng)
{
	struct fc_model *m = &p->model;
	struct fc_loras *l = p->lora;
	size_t n_lora = 0;
	for (size_t i = 0; i < n; i++) {
		l->n_base += fc_slot_tensor(&slot[i], FC_F32).n_bytes / sizeof(float);
		n_lora += is_target(spec, &slot[i]);
	}
	p->v = FC_ARRAY(struct fc_param, n_lora * (spec->dora ? 3 : 2));
	l->layer = FC_ARRAY(struct fc_layer_loras, m->cfg.n_layer);
	l->n_layer = m->cfg.n_layer;
	for (size_t i = 0; i < l->n_layer; i++) {
		l->layer[i].v = FC_ARRAY(struct fc_lora, LINEARS);
		m->layer[i].lora = &l->layer[i];
	}
	for (size_t i = 0; i < n; i++)
		if (is_target(spec, &slot[i]))
			add_lora(p, &slot[i], fc_store_find(m->store, file[i].name), spec, rng);
}

int fc_lora_open(struct fc_params **out, const char *dir, struct fc_nn *nn,
    const struct fc_lora_spec *spec, struct fc_rng *rng, struct fc_err *e)
{
	struct fc_params *p = FC_NEW(struct fc_params);
	struct fc_model *m = &p->model;
	struct fc_slot *slot, *file;
	*out = NULL;
	if (fc_model_read(m, dir, nn, SIZE_MAX, true, e) < 0 ||
	    fc_params_check_family(&m->cfg, dir, e) < 0 || check_spec(&m->cfg, spec, dir, e) < 0) {
		fc_model_release(m);
		free(p);
		return -1;
	}
	p->layer_grad = FC_ARRAY(struct fc_layer_grad, m->cfg.n_layer);
	p->lora = FC_NEW(struct fc_loras);
	p->lora->r = spec->r;
	p->lora->dora = spec->dora;
	const size_t n = fc_slots_new(&slot, &m->cfg, NULL);
	fc_slots_new(&file, &m->cfg, m->prefix);
	add_loras(p, slot, file, n, spec, rng);
	p->lora->n_module = list_modules(&p->lora->module, slot, n, spec);
	set_scales(nn, p->lora, scale_of(spec));
	fc_slots_free(slot, n);
	fc_slots_free(file, n);
	p->step = fc_step_new();
	fc_params_refresh(p);
	*out = p;
	return 0;
}
