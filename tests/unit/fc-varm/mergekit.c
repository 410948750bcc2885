/* SPDX-License-Identifier: Apache-2.0 */
/* Every method that is not random against mergekit's, in float32 (tests/data/merge/make.py). */
#include "models.h"

#define N_MODEL 4 /* the base is the last */

/* The tensors of one name. */
struct named_values {
	float v[N_MODEL][64];
	struct fc_tensor shape;
	size_t n;
};

static void load(struct named_values *x, const json_t *all, const char *name)
{
	double v[64];
	for (int k = 0; k < N_MODEL; k++) {
		const json_t *model = k < N_MODEL - 1
		    ? json_array_get(json_object_get(all, "models"), (size_t)k)
		    : json_object_get(all, "base");
		x->shape = (struct fc_tensor){.name = name, .dtype = FC_F32};
		x->n = json_values(json_object_get(model, name), v, &x->shape, 0);
		for (size_t i = 0; i < x->n; i++)
			x->v[k][i] = (float)v[i];
	}
}

static struct values make_values(const struct named_values *x, int k)
{
	struct values f = {.t = x->shape, .model = k};
	f.t.data = x->v[k];
	return f;
}

/* A parameter by its name in recipes; numbers of targets are arrays. */
static void set_parameter(struct plan_item *it, const char *name, const json_t *value)
{
	const struct take *take = varm_method_take(it->method, name);
	const struct parameter *p = take ? take->parameter : NULL;
	if (!p)
		printf("Bail out! parameter %s\n", name);
	for (int k = 0; p && json_is_array(value) && k < it->n_target; k++)
		varm_parameter_put(
		    p, &it->target_params[k], json_number_value(json_array_get(value, (size_t)k)));
	if (p && !json_is_array(value))
		varm_parameter_put(p, &it->set,
		    json_is_boolean(value) ? json_is_true(value) : json_number_value(value));
}

static void place(struct plan *p, size_t i, const struct named_values *x, const json_t *c)
{
	const char *name = json_string_value(json_object_get(c, "method")), *key;
	const struct method *m = varm_method_find_recipe(name);
	int n = (int)json_integer_value(json_object_get(c, "targets"));
	struct plan_item *it = varm_plan_place(p, i, &x->shape, m, n);
	json_t *parameters = json_object_get(c, "parameters"), *value;
	it->has_base = json_is_true(json_object_get(c, "base"));
	it->base = make_values(x, N_MODEL - 1);
	for (int k = 0; k < n; k++)
		it->target[k] = make_values(x, k);
	json_object_foreach(parameters, key, value)
	{
		set_parameter(it, key, value);
	}
}

/* The largest difference from what mergekit gives. */
static double difference(
    const json_t *merged, const struct named_values *x, const struct fc_store *s)
{
	double want[64], worst = 0;
	struct fc_tensor shape = {.n_dim = 0};
	const struct fc_tensor *t = fc_store_find(s, x->shape.name);
	size_t n = json_values(json_object_get(merged, x->shape.name), want, &shape, 0);
	if (!t || n != x->n)
		return INFINITY;
	for (size_t i = 0; i < n; i++) {
		float got;
		memcpy(&got, (const char *)t->data + 4 * i, 4);
		worst = fmax(worst, fabs(got - want[i]));
	}
	return worst;
}

static void check(const struct named_values *x, const json_t *c)
{
	struct plan p;
	struct all_measured r;
	struct fc_store *s = NULL;
	struct fc_err e = {""};
	char *parameters = json_dumps(json_object_get(c, "parameters"), JSON_COMPACT);
	const char *name = json_string_value(json_object_get(c, "method"));
	varm_plan_init(&p, 2, N_MODEL);
	for (int k = 0; k < N_MODEL; k++)
		varm_plan_name_model(&p, k, "model", 0);
	for (size_t i = 0; i < 2; i++)
		place(&p, i, &x[i], c);
	model_remove("out");
	mkdir(scratch_path("out"), 0777);
	struct merge_options o = {.shard_bytes = 0};
	int ret = varm_merge_run(&p, &o, scratch_path("out"), &r, &e);
	if (ret == 0)
		ret = varm_merge_finish(scratch_path("out"), &e);
	T_OK(ret == 0 && fc_store_open(&s, scratch_path("out"), &e) == 0, "%s %s %s", name,
	    parameters, e.msg);
	for (size_t i = 0; i < 2 && s; i++) {
		double d = difference(json_object_get(c, "merged"), &x[i], s);
		T_OK(d < 1e-6, "%s %s: %s (off by %g)", name, parameters, x[i].shape.name, d);
	}
	free(parameters);
	fc_store_close(s);
	varm_all_measured_release(&r);
	varm_plan_release(&p);
}

int main(void)
{
	static struct named_values x[2];
	struct fc_err e;
	const char *root = getenv("FC_ROOT");
	char *path = fc_path_join(root ? root : ".", "tests/data/merge/mergekit.json");
	json_t *all = fc_json_file(path, &e), *c;
	size_t i;
	if (!all)
		printf("Bail out! %s\n", e.msg);
	free(path);
	load(&x[0], all, "matrix");
	load(&x[1], all, "vector");
	scratch_make();
	json_array_foreach(json_object_get(all, "cases"), i, c)
	{
		check(x, c);
	}
	models_remove();
	scratch_remove();
	json_decref(all);
	return t_done();
}
