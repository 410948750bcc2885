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

/* The case's reference has equal weights where a target leaves a unit alone; as it should be, that
 * target has 0 there, and the merged values are those of the one that moved it. */
static void check_varm_tensor(const struct trial *m, const struct fc_store *out, size_t i,
    const json_t *c, const json_t *meta)
{
	static const char *const targets[] = {"A", "B"};
	const char *name = m->rp.plan.item[i].out.name;
	const double *row = m->all_measured.item[i].weight;
	const json_t *weights = json_object_get(json_object_get(c, "weights_A_B"), name);
	const json_t *merged = json_object_get(json_object_get(c, "merged_exact"), name);
	if (row[0] > 0 && row[1] > 0) {
		double d = weight_difference(row, weights);
		T_OK(d < 1e-12, "varm %s: weights (off by %g)", name, d);
	} else {
		T_OK(row[0] + row[1] == 1, "varm %s: the target that moved it has all the weight",
		    name);
		merged = json_object_get(json_object_get(meta, targets[row[1] == 1]), name);
	}
	double d = difference(out, name, merged);
	T_OK(d < 1e-6, "varm %s: merged (off by %g)", name, d);
}

static void check_varm_case(const json_t *meta, const json_t *c, enum granularity by, bool absolute)
{
	struct trial m = {.method = "varm", .by = by, .absolute = absolute};
	struct fc_store *out = NULL;
	struct fc_err e = {""};
	model_from_object("base", json_object_get(meta, "base"), FC_F32);
	model_from_object("t0", json_object_get(meta, "A"), FC_F32);
	model_from_object("t1", json_object_get(meta, "B"), FC_F32);
	T_OK(trial_run(&m, 2, &e) == 0, "varm by %s merges %s",
	    json_string_value(json_object_get(c, "granularity")), e.msg);
	T_OK(fc_store_open(&out, scratch_path("out"), &e) == 0, "the result opens %s", e.msg);
	for (size_t i = 0; i < m.rp.plan.n; i++)
		check_varm_tensor(&m, out, i, c, meta);
	fc_store_close(out);
	trial_release(&m);
	models_remove();
}

static void test_varm(void)
{
	static const char *const by_name[] = {"matrix", "module", "layer", "model"};
	json_t *cases = load("cases/10_varm.json"), *c;
	size_t i, n = 0;
	json_array_foreach(json_object_get(cases, "cases"), i, c)
	{
		const char *kind = json_string_value(json_object_get(c, "kind"));
		const char *by = json_string_value(json_object_get(c, "granularity"));
		const char *type = json_string_value(json_object_get(c, "merge_type"));
		for (size_t g = 0; g < FC_LEN(by_name) && !strcmp(kind, "intended"); g++) {
			if (strcmp(by, by_name[g]) != 0)
				continue;
			check_varm_case(json_object_get(cases, "meta"), c, (enum granularity)g,
			    !strcmp(type, "abs"));
			n++;
		}
	}
	T_EQ(n, 6, "varm: cases by matrix, module, layer and model");
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
	struct trial m = {.method = "fusechat-sce"};
	struct fc_store *out = NULL;
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
		double d = weight_difference(m.all_measured.item[0].weight, weights);
		T_OK(d < 1e-7, "sce %s: weights (off by %g)", name, d);
		d = difference(out, "w", json_object_get(c, "merged"));
		T_OK(d < (bf16 ? 1.0 / 256 + 1e-9 : 1e-6), "sce %s: merged (off by %g)", name, d);
		fc_store_close(out);
	}
	trial_release(&m);
	models_remove();
}

/* linear, task arithmetic, TIES, DARE without dropping. */
static void check_weighted_case(const json_t *c, const char *method)
{
	struct trial m = {.method = method};
	struct fc_store *out = NULL;
	struct fc_err e = {""};
	double weight[16], density[16];
	struct fc_tensor shape = {.n_dim = 0};
	const json_t *base = json_object_get(c, "base");
	int n;
	json_values(json_object_get(c, "weights"), weight, &shape, 0);
	if (json_values(json_object_get(c, "density"), density, &shape, 0) > 1)
		m.density = density;
	m.weight = weight;
	m.normalize = json_is_true(json_object_get(c, "normalize")) ? 1 : -1;
	/* the base plays no part in linear: any model of that shape */
	write_targets(
	    c, base ? base : json_array_get(json_object_get(c, "targets"), 1), FC_F32, &n);
	T_OK(trial_run(&m, n, &e) == 0 && fc_store_open(&out, scratch_path("out"), &e) == 0,
	    "%s merges %s", method, e.msg);
	double d = difference(out, "w", json_object_get(c, "merged"));
	T_OK(d < 1e-6, "%s: merged (off by %g)", json_string_value(json_object_get(c, "kind")), d);
	fc_store_close(out);
	trial_release(&m);
	models_remove();
}

static void check_slerp_case(const json_t *c)
{
	struct trial m = {.method = "slerp"};
	struct fc_store *out = NULL;
	struct fc_err e = {""};
	m.t = json_number_value(json_object_get(c, "t"));
	model_from_array("base", json_object_get(c, "a"), FC_F32);
	model_from_array("t0", json_object_get(c, "b"), FC_F32);
	T_OK(trial_run(&m, 1, &e) == 0 && fc_store_open(&out, scratch_path("out"), &e) == 0,
	    "slerp merges %s", e.msg);
	double d = difference(out, "w", json_object_get(c, "merged"));
	T_OK(d < 1e-6, "slerp: merged (off by %g)", d);
	fc_store_close(out);
	trial_release(&m);
	models_remove();
}

static void check_stock_case(const json_t *c)
{
	struct trial m = {.method = "model_stock"};
	struct fc_store *out = NULL;
	struct fc_err e = {""};
	int n;
	write_targets(c, json_object_get(c, "base"), FC_F32, &n);
	T_OK(trial_run(&m, n, &e) == 0 && fc_store_open(&out, scratch_path("out"), &e) == 0,
	    "model stock merges %s", e.msg);
	double d = difference(out, "w", json_object_get(c, "merged"));
	T_OK(d < 1e-6, "model stock: merged (off by %g)", d);
	fc_store_close(out);
	trial_release(&m);
	models_remove();
}

static void check_baseline(const json_t *c, size_t *n)
{
	static const struct {
		const char *kind;
		const char *method;
	} weighted[] = {{"linear", "linear"}, {"task_arithmetic_normalized", "task_arithmetic"},
	    {"ties", "ties"}, {"ties_density_0.6", "ties"},
	    {"dare_linear_density_1 (no drop)", "dare_linear"}};
	const char *kind = json_string_value(json_object_get(c, "kind"));
	(*n)++;
	for (size_t i = 0; i < FC_LEN(weighted); i++) {
		if (!strcmp(kind, weighted[i].kind)) {
			check_weighted_case(c, weighted[i].method);
			return;
		}
	}
	if (!strcmp(kind, "sce"))
		check_sce_case(c);
	else if (!strcmp(kind, "slerp"))
		check_slerp_case(c);
	else if (!strcmp(kind, "model_stock"))
		check_stock_case(c);
	else
		(*n)--; /* rules of a sparsifier alone: sparse.c */
}

static void test_baselines(void)
{
	json_t *cases = load("cases/11_sce_and_merge_baselines.json"), *c;
	size_t i, n = 0;
	json_array_foreach(json_object_get(cases, "cases"), i, c)
	{
		check_baseline(c, &n);
	}
	T_EQ(n, 24, "cases of SCE and the baselines");
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
