/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/recipe_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-varm/source/layername.h"

/* A tensor of the result before it is a plan's item. */
struct place {
	char *name;
	const struct fc_tensor *like; /* the leading source's */
	const struct recipe_slice *slice;
	int index; /* of the layer in the slice; -1: of no layer */
};

struct places {
	struct place *v;
	size_t n, cap;
};

static const struct {
	const char *name;
	enum fc_dtype t;
} types[] = {{"float32", FC_F32}, {"float16", FC_F16}, {"bfloat16", FC_BF16}, {"float64", FC_F64}};

const char *varm_recipe_dtype_name(enum fc_dtype t)
{
	for (size_t i = 0; i < FC_LEN(types); i++)
		if (types[i].t == t)
			return types[i].name;
	return NULL;
}

/* "bfloat16", with or without "torch."; *torch is the name without. */
static bool parse_dtype(const char *name, enum fc_dtype *t, const char **torch)
{
	const char *bare = strncmp(name, "torch.", 6) ? name : name + 6;
	for (size_t i = 0; i < FC_LEN(types); i++) {
		if (!strcmp(types[i].name, bare)) {
			*t = types[i].t;
			*torch = types[i].name;
			return true;
		}
	}
	return false;
}

/* The smallest type that holds the values of both. */
static enum fc_dtype promote(enum fc_dtype a, enum fc_dtype b)
{
	if (a == b)
		return a;
	return a == FC_F64 || b == FC_F64 ? FC_F64 : FC_F32;
}

static int read_dtype(struct recipe_plan *rp, struct fc_err *e)
{
	const struct recipe *r = rp->recipe;
	const struct yaml *asked[] = {r->dtype, r->out_dtype};
	for (size_t i = 0; i < FC_LEN(asked); i++) {
		if (!asked[i])
			continue;
		if (!parse_dtype(asked[i]->text, &rp->dtype, &rp->torch_dtype))
			return varm_recipe_fail(r, asked[i]->line, e,
			    "type '%.64s': expected float32, float16, bfloat16 or float64",
			    asked[i]->text);
		rp->has_dtype = true;
	}
	return 0;
}

/* The base of a slice, or -1 where none matters to the method. */
static int slice_base(const struct recipe_plan *rp, const struct recipe_slice *s)
{
	if (rp->method->base == BASE_NONE && !rp->recipe->said_by)
		return -1;
	return s->base >= 0 ? s->base : rp->recipe->base;
}

/* The source that says which tensors there are: the base, else the first. */
static const struct recipe_source *lead(const struct recipe_plan *rp, const struct recipe_slice *s)
{
	int base = slice_base(rp, s);
	for (size_t k = 0; k < s->n && base >= 0; k++)
		if (s->source[k].model == (size_t)base)
			return &s->source[k];
	return &s->source[0];
}

static const struct source_model *model_of(
    const struct recipe_plan *rp, const struct recipe_source *s)
{
	return &rp->model[s->model];
}

/* `models`: the base is one of them, and each has all its layers. */
static void complete_whole(struct recipe_plan *rp)
{
	struct recipe *r = rp->recipe;
	struct recipe_slice *s = &r->slice[0];
	bool there = r->base < 0;
	for (size_t k = 0; k < s->n; k++)
		there = there || s->source[k].model == (size_t)r->base;
	if (!there) {
		s->source = fc_realloc(s->source, s->n + 1, sizeof *s->source);
		s->source[s->n++] =
		    (struct recipe_source){.model = (size_t)r->base, .line = r->base_line};
	}
	for (size_t k = 0; k < s->n; k++)
		s->source[k].to = model_of(rp, &s->source[k])->n_layer;
}

static int check_slice(const struct recipe_plan *rp, const struct recipe_slice *s, struct fc_err *e)
{
	const struct recipe *r = rp->recipe;
	const struct method *m = rp->method;
	struct fc_err why;
	int base = slice_base(rp, s), n_target = 0;
	for (size_t k = 0; k < s->n; k++) {
		const struct recipe_source *c = &s->source[k], *first = &s->source[0];
		n_target += base < 0 || c->model != (size_t)base;
		if (c->to > model_of(rp, c)->n_layer)
			return varm_recipe_fail(r, c->line, e, "layers up to %d, but %s has %d",
			    c->to, model_of(rp, c)->path, model_of(rp, c)->n_layer);
		if (c->to - c->from != first->to - first->from)
			return varm_recipe_fail(r, c->line, e, "%s has %d layers, %s has %d",
			    model_of(rp, c)->path, c->to - c->from, model_of(rp, first)->path,
			    first->to - first->from);
	}
	if (base < 0 && m->base == BASE_NEEDED)
		return varm_recipe_fail(r, r->method_line, e, "%s needs a base_model", m->name);
	if (base >= 0 && n_target == (int)s->n)
		return varm_recipe_fail(r, s->line, e,
		    "the base_model of line %d is not among the sources", r->base_line);
	if (varm_method_check_count(m, n_target, &why) < 0)
		return varm_recipe_fail(r, s->line, e, "%s", why.msg);
	return 0;
}

static void add_place(struct places *ps, char *name, const struct fc_tensor *like,
    const struct recipe_slice *s, int index)
{
	FC_GROW(ps->v, ps->cap, ps->n + 1);
	ps->v[ps->n++] = (struct place){name, like, s, index};
}

/* Of the tensors of no layer, those before the layers come from the first slice, the others from
 * the last. */
static void add_outer(const struct recipe_plan *rp, struct places *ps)
{
	const struct recipe *r = rp->recipe;
	const struct recipe_slice *end[] = {&r->slice[0], &r->slice[r->n_slice - 1]};
	for (int last = 0; last < 2; last++) {
		const struct source_model *g = model_of(rp, lead(rp, end[last]));
		for (size_t i = 0; i < fc_store_count(varm_source_model_store(g)); i++) {
			const struct fc_tensor *t = fc_store_at(varm_source_model_store(g), i);
			size_t at, n;
			if (varm_layername_find(t->name, &at, &n) < 0 &&
			    varm_layername_is_embedding(t->name) == !last)
				add_place(ps, fc_strdup(t->name), t, end[last], -1);
		}
	}
}

/* A model that uses its embedding as head, where the result shall have a head of its own. */
static void add_untied_head(const struct recipe_plan *rp, struct places *ps)
{
	const struct recipe_slice *last = &rp->recipe->slice[rp->recipe->n_slice - 1];
	const struct source_model *g = model_of(rp, lead(rp, last));
	const struct fc_tensor *t = varm_source_model_find(g, HEAD);
	if (!rp->tied && t && !fc_store_find(varm_source_model_store(g), HEAD))
		add_place(ps, fc_strdup(HEAD), t, last, -1);
}

/* Numbers that programs compute for themselves are merged where the pivot of a command line has
 * them, and nowhere else. */
static bool is_left_out(const struct recipe_plan *rp, const char *name)
{
	return !rp->recipe->said_by && varm_source_model_is_derived(name);
}

/* Each layer of the slice, as layers of the result from first on. */
static void add_layers(
    const struct recipe_plan *rp, const struct recipe_slice *s, int first, struct places *ps)
{
	const struct recipe_source *from = lead(rp, s);
	const struct source_model *g = model_of(rp, from);
	struct fc_buf name = FC_BUF_INIT;
	for (size_t i = 0; i < fc_store_count(varm_source_model_store(g)); i++) {
		const struct fc_tensor *t = fc_store_at(varm_source_model_store(g), i);
		size_t at, n;
		int layer = varm_layername_find(t->name, &at, &n);
		if (layer < from->from || layer >= from->to || is_left_out(rp, t->name))
			continue;
		varm_layername_set(&name, t->name, first + layer - from->from);
		add_place(ps, fc_strdup(name.p), t, s, layer - from->from);
	}
	fc_buf_release(&name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->name, ((const struct place *)b)->name);
}

static int add_places(struct recipe_plan *rp, struct places *ps, struct fc_err *e)
{
	const struct recipe *r = rp->recipe;
	add_outer(rp, ps);
	add_untied_head(rp, ps);
	for (size_t i = 0; i < r->n_slice; i++) {
		const struct recipe_slice *s = &r->slice[i];
		add_layers(rp, s, rp->n_layer, ps);
		rp->n_layer += s->source[0].to - s->source[0].from;
	}
	qsort(ps->v, ps->n, sizeof *ps->v, by_name);
	for (size_t i = 1; i < ps->n; i++)
		if (!strcmp(ps->v[i - 1].name, ps->v[i].name))
			return varm_recipe_fail(r, r->line, e,
			    "two tensors %s: the models hold two stacks of "
			    "layers, which are not sliced",
			    ps->v[i].name);
	return 0;
}

/* What the source calls the place. */
static void source_name(const struct place *at, const struct recipe_source *s, struct fc_buf *name)
{
	varm_layername_set(name, at->index < 0 ? at->name : at->like->name, s->from + at->index);
}

/* Whether the place's rows are tokens of a vocabulary that is made. */
static bool is_mapped(const struct recipe_plan *rp, const struct place *at)
{
	return rp->has_vocabulary && at->index < 0 && varm_layername_is_vocabulary(at->name);
}

/* What the source has for the place; its own name for it in *name. */
static int find_tensor(const struct recipe_plan *rp, const struct place *at,
    const struct recipe_source *s, struct fc_buf *name, const struct fc_tensor **found,
    struct fc_err *e)
{
	const struct source_model *g = model_of(rp, s), *first = model_of(rp, lead(rp, at->slice));
	char have[192], want[192];
	source_name(at, s, name);
	const struct fc_tensor *t = *found = varm_source_model_find(g, name->p);
	if (!t)
		return fc_fail(
		    e, "%s: tensor %s is missing; %s has it", g->path, name->p, first->path);
	if (!is_mapped(rp, at) && !fc_tensor_same_shape(t, at->like))
		return fc_fail(e, "%s: tensor %s has shape %s, in %s it is %s%s", g->path, name->p,
		    fc_tensor_shape_text(t, have), first->path,
		    fc_tensor_shape_text(at->like, want),
		    varm_layername_is_vocabulary(name->p) ? "; see tokenizer_source in fc-recipe(5)"
							  : "");
	if ((!fc_dtype_is_real(t->dtype) || !fc_dtype_is_real(at->like->dtype)) &&
	    !varm_source_model_same_bytes(t, at->like))
		return fc_fail(e, "%s: tensor %s is %s, which is not merged, and differs from %s's",
		    g->path, name->p, fc_dtype_name(t->dtype), first->path);
	return 0;
}

/* A result whose head is its embedding cannot take a source's head of its own. */
static int check_head(const struct recipe_plan *rp, const struct source_model *g, struct fc_err *e)
{
	if (rp->tied && varm_source_model_has_head(g))
		return fc_fail(e,
		    "%s: tensor " HEAD " differs from " EMBEDDING ", but %s has them tied", g->path,
		    rp->model[rp->donor].path);
	return 0;
}

/* Of the layers used, a source has nothing that the leading one lacks. */
static int check_surplus(const struct recipe_plan *rp, const struct recipe_slice *s,
    const struct recipe_source *c, struct fc_err *e)
{
	const struct recipe_source *first = lead(rp, s);
	const struct source_model *g = model_of(rp, c), *of = model_of(rp, first);
	struct fc_buf name = FC_BUF_INIT;
	int ret = 0;
	for (size_t i = 0; i < fc_store_count(varm_source_model_store(g)) && ret == 0; i++) {
		const char *has = fc_store_at(varm_source_model_store(g), i)->name;
		size_t at, n;
		int layer = varm_layername_find(has, &at, &n);
		if (is_left_out(rp, has) ||
		    (layer < 0 ? rp->recipe->n_slice > 1 : layer < c->from || layer >= c->to))
			continue;
		varm_layername_set(&name, has, layer - c->from + first->from);
		if (!varm_source_model_find(of, name.p))
			ret = fc_fail(
			    e, "%s: tensor %s: %s has no %s", g->path, has, of->path, name.p);
	}
	fc_buf_release(&name);
	return ret;
}

static int check_sources(const struct recipe_plan *rp, struct fc_err *e)
{
	const struct recipe *r = rp->recipe;
	for (size_t i = 0; i < r->n_slice; i++) {
		const struct recipe_slice *s = &r->slice[i];
		for (size_t k = 0; k < s->n; k++)
			if (check_surplus(rp, s, &s->source[k], e) < 0 ||
			    (i + 1 == r->n_slice &&
				check_head(rp, model_of(rp, &s->source[k]), e) < 0))
				return -1;
	}
	return 0;
}

/* 0 at the first layer, 1 at the last. */
static double layer_position(const struct place *at)
{
	int n = at->slice->source[0].to - at->slice->source[0].from;
	return at->index < 0 ? 0 : n > 1 ? (double)at->index / (n - 1) : 1;
}

/* The values of all sources, as they are merged. */
static int gather(struct recipe_plan *rp, const struct place *at, const int *column,
    struct values *values, struct fc_err *e)
{
	const struct recipe_slice *s = at->slice;
	size_t *model = FC_ARRAY(size_t, s->n + 1);
	struct fc_buf name = FC_BUF_INIT;
	int ret = 0;
	for (size_t i = 0; i < s->n && ret == 0; i++) {
		const struct fc_tensor *t;
		ret = find_tensor(rp, at, &s->source[i], &name, &t, e);
		model[i] = s->source[i].model;
		if (ret == 0)
			values[i] = varm_source_model_values(
			    model_of(rp, &s->source[i]), name.p, column[model[i]]);
	}
	if (ret == 0 && is_mapped(rp, at))
		ret =
		    varm_vocabulary_map(&rp->vocabulary, values, model, s->n, slice_base(rp, s), e);
	fc_buf_release(&name);
	free(model);
	return ret;
}

/* What only values together can be wrong about. */
static int check_values(const struct recipe *r, const struct method *m, const char *tensor,
    const struct settings *s, const struct target_params *t, int n_target, struct fc_err *e)
{
	struct fc_err why;
	if (varm_method_check(m, s, t, n_target, &why) == 0)
		return 0;
	return varm_recipe_fail(r, r->method_line, e, "%s%s%s%s", *tensor ? "tensor " : "", tensor,
	    *tensor ? ": " : "", why.msg);
}

/* The settings of the place, and which of the values are of targets. */
static int fill_item(struct recipe_plan *rp, const struct place *at, struct plan_item *it,
    const struct values *values, struct fc_err *e)
{
	const struct recipe *r = rp->recipe;
	struct setting_place where = {at->slice, NULL, at->name, layer_position(at)};
	struct fc_buf name = FC_BUF_INIT;
	int base = slice_base(rp, at->slice), k = 0;
	enum fc_dtype dtype = varm_values_dtype(values[0].t.dtype);
	int ret = it->method ? varm_assign_settings(r, rp->method, &where, &it->set, e) : 0;
	for (size_t i = 0; i < at->slice->n && ret == 0; i++) {
		const struct recipe_source *s = &at->slice->source[i];
		dtype = promote(dtype, varm_values_dtype(values[i].t.dtype));
		if (s == lead(rp, at->slice) && (base >= 0 || !it->method)) {
			it->has_base = true;
			it->base = values[i];
		}
		if (base >= 0 && s->model == (size_t)base)
			continue;
		it->target[k] = values[i];
		source_name(at, s, &name);
		where.source = s;
		where.tensor = name.p;
		if (it->method)
			ret = varm_assign_target(r, rp->method, &where, &it->target_params[k], e);
		k++;
	}
	if (ret == 0 && it->method)
		ret = check_values(
		    r, it->method, it->out.name, &it->set, it->target_params, it->n_target, e);
	/* the pivot of a command line says the types */
	if (r->said_by)
		dtype = varm_values_dtype(it->base.t.dtype);
	it->out.dim[0] = is_mapped(rp, at) ? (int64_t)rp->vocabulary.n_row : it->out.dim[0];
	if (it->method)
		it->out.dtype = rp->has_dtype ? rp->dtype : dtype;
	fc_buf_release(&name);
	return ret;
}

/* For tables and messages: what the command line says, or a recipe without its paths. */
static const char *shown_name(const struct recipe_plan *rp, size_t model)
{
	const struct source_model *g = &rp->model[model];
	return rp->recipe->said_by && !g->adapter ? g->path : g->name;
}

/* The targets' columns in tables, in the order of the recipe; column[] is -1 for the others. */
static void name_models(struct recipe_plan *rp, size_t n_item, int *column)
{
	const struct recipe *r = rp->recipe;
	int n = 0;
	for (size_t i = 0; i < r->n_model; i++)
		column[i] = -1;
	for (size_t i = 0; i < r->n_slice; i++) {
		const struct recipe_slice *s = &r->slice[i];
		for (size_t k = 0; k < s->n; k++)
			if (slice_base(rp, s) != (int)s->source[k].model &&
			    column[s->source[k].model] < 0)
				column[s->source[k].model] = n++;
	}
	varm_plan_init(&rp->plan, n_item, n);
	for (size_t i = 0; i < r->n_model; i++)
		if (column[i] >= 0)
			varm_plan_name_model(
			    &rp->plan, column[i], shown_name(rp, i), rp->model[i].fingerprint);
	int base = slice_base(rp, &r->slice[0]);
	if (base >= 0)
		rp->plan.base = (struct plan_model){
		    shown_name(rp, (size_t)base), NULL, rp->model[base].fingerprint};
}

static int fill_plan(struct recipe_plan *rp, const struct places *ps, struct fc_err *e)
{
	int *column = FC_ARRAY(int, rp->recipe->n_model + 1), ret = 0;
	name_models(rp, ps->n, column);
	for (size_t i = 0; i < ps->n && ret == 0; i++) {
		const struct place *at = &ps->v[i];
		struct fc_tensor out = *at->like;
		bool carried = !fc_dtype_is_real(out.dtype);
		int n = (int)at->slice->n - (slice_base(rp, at->slice) >= 0);
		out.name = at->name;
		out.order = FC_ORDER_ROWS;
		struct plan_item *it =
		    varm_plan_place(&rp->plan, i, &out, carried ? NULL : rp->method, n);
		struct values *values = FC_ARRAY(struct values, at->slice->n + 1);
		ret = gather(rp, at, column, values, e);
		if (ret == 0)
			ret = fill_item(rp, at, it, values, e);
		free(values);
	}
	free(column);
	return ret;
}

static int open_models(struct recipe_plan *rp, const struct models *where, struct fc_err *e)
{
	const struct recipe *r = rp->recipe;
	rp->model = FC_ARRAY(struct source_model, r->n_model);
	for (size_t i = 0; i < r->n_model; i++)
		if (varm_source_model_open(&rp->model[i], r, &r->model[i], where, e) < 0)
			return -1;
	for (size_t i = 0; i < r->n_model; i++)
		if (varm_source_model_attach(
			&rp->model[i], r->base >= 0 ? &rp->model[r->base] : NULL, e) < 0)
			return -1;
	rp->donor = r->base >= 0 ? (size_t)r->base : r->slice[0].source[0].model;
	if (r->vocabulary != VOCABULARY_KEPT) {
		rp->has_vocabulary = true;
		if (varm_vocabulary_open(&rp->vocabulary, r, rp->model, rp->donor, e) < 0)
			return -1;
	}
	return varm_source_model_is_tied(&rp->model[rp->donor], &rp->tied, e);
}

/* A command line says the same of every tensor: what is wrong with its values is wrong at once. */
static int check_asked(const struct recipe *r, const struct method *m, struct fc_err *e)
{
	const struct recipe_slice *s = &r->slice[0];
	struct setting_place at = {s, NULL, "", 0};
	struct settings set = varm_method_settings(m);
	struct target_params *params = FC_ARRAY(struct target_params, s->n + 1);
	int ret = varm_assign_settings(r, m, &at, &set, e);
	for (size_t k = 0; k < s->n && ret == 0; k++) {
		params[k] = varm_method_target_params(m);
		at.source = &s->source[k];
		ret = varm_assign_target(r, m, &at, &params[k], e);
	}
	if (ret == 0)
		ret = check_values(r, m, "", &set, params, (int)s->n, e);
	free(params);
	return ret;
}

static int check_recipe(struct recipe_plan *rp, struct recipe *r, struct fc_err *e)
{
	*rp = (struct recipe_plan){.recipe = r, .method = varm_method_find_recipe(r->method)};
	if (!rp->method)
		return varm_recipe_fail(r, r->method_line, e, "no merge_method '%.64s'", r->method);
	return varm_assign_check(r, rp->method, e) < 0 ? -1 : read_dtype(rp, e);
}

int varm_recipe_plan_check(struct recipe *r, struct fc_err *e)
{
	struct recipe_plan rp;
	return check_recipe(&rp, r, e) < 0 ? -1 : check_asked(r, rp.method, e);
}

int varm_recipe_plan_make(
    struct recipe_plan *rp, struct recipe *r, const struct models *where, struct fc_err *e)
{
	struct places ps = {0};
	if (check_recipe(rp, r, e) < 0 || open_models(rp, where, e) < 0)
		return -1;
	if (r->whole)
		complete_whole(rp);
	for (size_t i = 0; i < r->n_slice; i++)
		if (check_slice(rp, &r->slice[i], e) < 0)
			return -1;
	int ret = add_places(rp, &ps, e);
	if (ret == 0)
		ret = check_sources(rp, e);
	if (ret == 0)
		ret = fill_plan(rp, &ps, e);
	for (size_t i = 0; i < ps.n; i++)
		free(ps.v[i].name);
	free(ps.v);
	return ret;
}

void varm_recipe_plan_release(struct recipe_plan *rp)
{
	varm_plan_release(&rp->plan);
	if (rp->has_vocabulary)
		varm_vocabulary_release(&rp->vocabulary);
	for (size_t i = 0; rp->model && i < rp->recipe->n_model; i++)
		varm_source_model_close(&rp->model[i]);
	free(rp->model);
}
