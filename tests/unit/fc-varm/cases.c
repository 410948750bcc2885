/* SPDX-License-Identifier: Apache-2.0 */
/* The worked cases of VaRM, SCE and linear merging, as models on disk. */
#include "models.h"

static json_t *load(const char *name)
{
	struct fc_err e;
	char *path = fc_path_join(t_shared(), name);
	json_t *v = fc_json_file(path, &e);
	if (!v)
		printf("Bail out! %s\n", e.msg);
	free(path);
	return v;
}

/* Largest difference of the result's tensor from nested arrays. */
static double difference(const struct fc_store *s, const char *name, const json_t *want)
{
	double v[64], got[64], worst = 0;
	struct fc_tensor shape = {.n_dim = 0};
	const struct fc_tensor *t = fc_store_find(s, name);
	size_t n = json_values(want, v, &shape, 0);
	if (!t || !fc_tensor_same_shape(t, &shape))
		return INFINITY;
	fc_to_f64(got, t->data, t->dtype, n);
	for (size_t i = 0; i < n; i++)
		worst = fmax(worst, fabs(got[i] - v[i]));
	return worst;
}

static double weight_difference(const double *w, const json_t *want)
{
	double worst = 0;
	for (size_t k = 0; k < json_array_size(want); k++)
		worst = fmax(worst, fabs(w[k] - json_number_value(json_array_get(want, k))));
	return worst;
}

/* Weights of tensors that a target leaves alone are 1/K in the case's reference, and 0 for that
 * target in VaRM as it should be: the merged values of those follow from the pivot. */
static void check_varm_tensor(
    const struct trial *m, const struct fc_store *out, size_t i, const json_t *c)
{
	const char *name = m->plan.item[i].out.name;
	const double *row = m->verdicts.item[i].weight;
	const json_t *weights = json_object_get(json_object_get(c, "weights_A_B"), name);
	if (row[0] > 0 && row[1] > 0) {
		double d = weight_difference(row, weights);
		T_OK(d < 1e-12, "varm %s: weights (off by %g)", name, d);
		d = difference(
		    out, name, json_object_get(json_object_get(c, "merged_exact"), name));
		T_OK(d < 1e-6, "varm %s: merged (off by %g)", name, d);
	} else {
		T_OK(row[0] + row[1] == 1, "varm %s: the target that moved it has all the weight",
		    name);
	}
}

static void check_varm_case(const json_t *meta, const json_t *c)
{
	struct trial m = {.method = &method_varm};
	struct fc_store *out;
	struct fc_err e = {""};
	model_from_object("base", json_object_get(meta, "base"), FC_F32);
	model_from_object("t0", json_object_get(meta, "A"), FC_F32);
	model_from_object("t1", json_object_get(meta, "B"), FC_F32);
	T_OK(trial_run(&m, 2, &e) == 0, "varm merges %s", e.msg);
	T_OK(fc_store_open(&out, scratch_path("out"), &e) == 0, "the result opens %s", e.msg);
	for (size_t i = 0; i < m.plan.n; i++)
		check_varm_tensor(&m, out, i, c);
	/* by hand: only A moved it, and only B */
	const struct fc_tensor *t = fc_store_find(out, "model.layers.0.self_attn.o_proj.weight");
	float f[4];
	fc_to_f32(f, t->data, t->dtype, 4);
	T_OK(f[0] == 1.25f && f[1] == 0.25f && f[2] == 0.25f && f[3] == 1.25f,
	    "varm: o_proj is A's");
	t = fc_store_find(out, "model.layers.1.mlp.up_proj.weight");
	fc_to_f32(f, t->data, t->dtype, 4);
	T_OK(f[0] == 3 && f[1] == 0 && f[2] == 0 && f[3] == 1, "varm: layer 1's up_proj is B's");
	fc_store_close(out);
	trial_release(&m);
	models_remove();
}

static void test_varm(void)
{
	json_t *cases = load("cases/10_varm.json"), *c;
	size_t i, n = 0;
	json_array_foreach(json_object_get(cases, "cases"), i, c)
	{
		const char *kind = json_string_value(json_object_get(c, "kind"));
		const char *by = json_string_value(json_object_get(c, "granularity"));
		const char *type = json_string_value(json_object_get(c, "merge_type"));
		if (strcmp(kind, "intended") || strcmp(by, "matrix") || strcmp(type, "square"))
			continue;
		check_varm_case(json_object_get(cases, "meta"), c);
		n++;
	}
	T_OK(n > 0, "varm: there are cases");
	json_decref(cases);
}

static void write_targets(const json_t *c, const json_t *base, enum fc_dtype dtype, int *n)
{
	json_t *target;
	size_t k;
	model_from_array("base", base, dtype);
	*n = 0;
	json_array_foreach(json_object_get(c, "targets"), k, target)
	{
		char name[8];
		snprintf(name, sizeof name, "t%d", (*n)++);
		model_from_array(name, target, dtype);
	}
}

static void check_sce_case(const json_t *c)
{
	const char *name = json_string_value(json_object_get(c, "name"));
	bool bf16 = !strcmp(json_string_value(json_object_get(c, "dtype")), "bfloat16");
	const json_t *weights = json_object_get(c, "weights");
	struct trial m = {.method = &method_sce};
	struct fc_store *out;
	struct fc_err e = {""};
	int n;
	m.select_topk = json_number_value(json_object_get(c, "select_topk"));
	write_targets(c, json_object_get(c, "base"), bf16 ? FC_BF16 : FC_F32, &n);
	int ret = trial_run(&m, n, &e);
	if (json_is_null(weights)) { /* the reference skips a target of another size, we refuse */
		T_OK(ret < 0 && strstr(e.msg, "shape"), "sce %s: %s", name, e.msg);
	} else {
		T_OK(ret == 0 && fc_store_open(&out, scratch_path("out"), &e) == 0, "sce merges %s",
		    e.msg);
		double d = weight_difference(m.verdicts.item[0].weight, weights);
		T_OK(d < 1e-7, "sce %s: weights (off by %g)", name, d);
		d = difference(out, "w", json_object_get(c, "merged"));
		T_OK(d < (bf16 ? 1.0 / 256 + 1e-9 : 1e-6), "sce %s: merged (off by %g)", name, d);
		fc_store_close(out);
	}
	trial_release(&m);
	models_remove();
}

static void check_linear_case(const json_t *c)
{
	struct trial m = {.method = &method_linear};
	struct fc_store *out;
	struct fc_err e = {""};
	double given[16];
	struct fc_tensor shape = {.n_dim = 0};
	int n;
	json_values(json_object_get(c, "weights"), given, &shape, 0);
	m.weight = given;
	m.no_normalize = !json_is_true(json_object_get(c, "normalize"));
	/* the base plays no part: any model of that shape */
	write_targets(c, json_array_get(json_object_get(c, "targets"), 1), FC_F32, &n);
	T_OK(trial_run(&m, n, &e) == 0 && fc_store_open(&out, scratch_path("out"), &e) == 0,
	    "linear merges %s", e.msg);
	double d = difference(out, "w", json_object_get(c, "merged"));
	T_OK(d < 1e-6, "linear: merged (off by %g)", d);
	fc_store_close(out);
	trial_release(&m);
	models_remove();
}

static void test_baselines(void)
{
	json_t *cases = load("cases/11_sce_and_merge_baselines.json"), *c;
	size_t i, n_sce = 0, n_linear = 0;
	json_array_foreach(json_object_get(cases, "cases"), i, c)
	{
		const char *kind = json_string_value(json_object_get(c, "kind"));
		if (!strcmp(kind, "sce")) {
			check_sce_case(c);
			n_sce++;
		} else if (!strcmp(kind, "linear")) {
			check_linear_case(c);
			n_linear++;
		}
	}
	T_OK(n_sce > 0 && n_linear > 0, "%zu cases of sce, %zu of linear", n_sce, n_linear);
	json_decref(cases);
}

int main(void)
{
	if (!t_shared()) {
		t_skip("no shared inputs");
		return t_done();
	}
	scratch_make();
	test_varm();
	test_baselines();
	scratch_remove();
	return t_done();
}
