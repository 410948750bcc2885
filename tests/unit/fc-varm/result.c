/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of whole merges on disk, bit for bit. */
#include "base/rng.h"
#include "models.h"

#define N_TENSOR 5
static const enum fc_dtype real_types[] = {FC_BF16, FC_F16, FC_F32, FC_F64};

/* 0 elements, a scalar, and sizes about a unit; the last is carried. */
static void make_plan(struct fc_tensor *plan, enum fc_dtype dtype)
{
	static const struct fc_tensor shapes[N_TENSOR] = {
	    {.name = "empty", .n_dim = 2, .dim = {0, 7}},
	    {.name = "scalar", .n_dim = 0},
	    {.name = "large", .n_dim = 3, .dim = {3, 1, 23001}},
	    {.name = "row", .n_dim = 2, .dim = {1, 2049}},
	    {.name = "one", .n_dim = 1, .dim = {1}},
	};
	for (int i = 0; i < N_TENSOR; i++) {
		plan[i] = shapes[i];
		plan[i].dtype = dtype;
	}
}

/* A model near the base of seed 1; moved is how far. */
static void write_model(const char *name, enum fc_dtype dtype, uint64_t seed, double moved)
{
	struct fc_tensor plan[N_TENSOR];
	double *value[N_TENSOR];
	struct fc_rng r, d;
	fc_rng_seed(&r, 1);
	fc_rng_seed(&d, seed);
	make_plan(plan, dtype);
	for (int i = 0; i < N_TENSOR; i++) {
		size_t n;
		fc_tensor_count(&plan[i], &n);
		value[i] = FC_ARRAY(double, n + 1);
		for (size_t j = 0; j < n; j++) {
			value[i][j] = fc_rng_below(&r, 50) ? fc_rng_normal(&r) : -0.0;
			value[i][j] += fc_rng_below(&d, 4) ? moved * fc_rng_normal(&d) : -0.0;
		}
	}
	model_write(name, plan, value, N_TENSOR);
	for (int i = 0; i < N_TENSOR; i++)
		free(value[i]);
}

static bool same_tensors(const char *a, const char *b)
{
	struct fc_store *x, *y;
	struct fc_err e;
	if (fc_store_open(&x, scratch_path(a), &e) < 0)
		return false;
	if (fc_store_open(&y, scratch_path(b), &e) < 0) {
		fc_store_close(x);
		return false;
	}
	bool same = fc_store_count(x) == fc_store_count(y);
	for (size_t i = 0; same && i < fc_store_count(x); i++) {
		const struct fc_tensor *t = fc_store_at(x, i), *u = fc_store_at(y, i);
		same = !strcmp(t->name, u->name) && t->dtype == u->dtype &&
		    fc_tensor_same_shape(t, u) && !memcmp(t->data, u->data, t->n_bytes);
	}
	fc_store_close(x);
	fc_store_close(y);
	return same;
}

static bool merges(struct trial *m, int n_target)
{
	struct fc_err e = {""};
	bool good = trial_run(m, n_target, &e) == 0;
	if (!good)
		printf("# %s\n", e.msg);
	trial_release(m);
	return good;
}

static const char *const methods[] = {"varm", "linear", "fusechat-sce"};

static void test_one_target(enum fc_dtype dtype)
{
	struct trial o = {.select_topk = 1};
	write_model("base", dtype, 1, 0);
	write_model("t0", dtype, 2, 0.01);
	for (size_t m = 0; m < FC_LEN(methods); m++) {
		o.method = methods[m];
		o.select_topk = 0.1;
		T_OK(merges(&o, 1) && same_tensors("out", "t0"), "%s, %s: one target is the result",
		    fc_dtype_name(dtype), o.method);
	}
	write_model("t0", dtype, 1, 0);
	write_model("t1", dtype, 1, 0);
	for (size_t m = 0; m < FC_LEN(methods); m++) {
		o.method = methods[m];
		T_OK(merges(&o, 2) && same_tensors("out", "base"),
		    "%s, %s: unmoved stays the pivot", fc_dtype_name(dtype), o.method);
	}
	write_model("t1", dtype, 3, 0.5);
	o.method = "varm";
	T_OK(merges(&o, 2) && same_tensors("out", "t1"), "%s: who alone moved is the result",
	    fc_dtype_name(dtype));
	models_remove();
}

static void keep_result(void)
{
	char from[300], to[300];
	model_remove("keep");
	snprintf(from, sizeof from, "%s", scratch_path("out"));
	snprintf(to, sizeof to, "%s", scratch_path("keep"));
	rename(from, to);
}

static void test_order(enum fc_dtype dtype)
{
	struct trial o = {.select_topk = 1};
	o.select_topk = 0.3;
	for (size_t m = 0; m < FC_LEN(methods); m++) {
		o.method = methods[m];
		write_model("base", dtype, 1, 0);
		write_model("t0", dtype, 2, 0.01);
		write_model("t1", dtype, 3, 0.02);
		bool good = merges(&o, 2);
		keep_result();
		write_model("t0", dtype, 3, 0.02);
		write_model("t1", dtype, 2, 0.01);
		good = good && merges(&o, 2) && same_tensors("out", "keep");
		T_OK(good && !same_tensors("out", "t0"),
		    "%s, %s: the order of two targets is nothing", fc_dtype_name(dtype), o.method);
		models_remove();
	}
}

static void test_linear_choice(enum fc_dtype dtype)
{
	double first[] = {1, 0}, second[] = {0, 3};
	struct trial o = {.method = "linear"};
	write_model("base", dtype, 1, 0);
	write_model("t0", dtype, 2, 1);
	write_model("t1", dtype, 3, 1);
	o.weight = first;
	T_OK(merges(&o, 2) && same_tensors("out", "t0"), "%s: weights 1,0 are the first model",
	    fc_dtype_name(dtype));
	o.weight = second;
	T_OK(merges(&o, 2) && same_tensors("out", "t1"), "%s: weights 0,3 are the second",
	    fc_dtype_name(dtype));
	models_remove();
}

/* Models of several types merge as their values do; the result has the type asked for. */
static void test_mixed_types(void)
{
	struct trial o = {.method = "varm"};
	write_model("base", FC_BF16, 1, 0);
	write_model("t0", FC_F32, 1, 0);
	write_model("t1", FC_F16, 2, 0);
	T_OK(merges(&o, 2), "a bfloat16 pivot merges with other types");
	struct fc_store *s;
	struct fc_err e;
	fc_store_open(&s, scratch_path("out"), &e);
	T_OK(fc_store_find(s, "large")->dtype == FC_BF16, "the result has the pivot's type");
	fc_store_close(s);
	o.dtype = "float32";
	o.method = "linear";
	T_OK(merges(&o, 1) && same_tensors("out", "t0"), "or the one asked for");
	models_remove();
}

static void carried_model(const char *name, double id)
{
	struct fc_tensor plan[] = {{.name = "ids", .dtype = FC_U8, .n_dim = 1, .dim = {3}},
	    {.name = "w", .dtype = FC_F32, .n_dim = 1, .dim = {2}}};
	struct fc_store_writer *w;
	struct fc_err e;
	unsigned char ids[] = {1, 2, (unsigned char)id};
	float value[] = {1, (float)id};
	model_remove(name);
	mkdir(scratch_path(name), 0777);
	if (fc_store_writer_open(&w, scratch_path(name), plan, 2, 0, &e) < 0 ||
	    fc_store_writer_put(w, 0, 0, ids, 3, &e) < 0 ||
	    fc_store_writer_put(w, 1, 0, value, 8, &e) < 0 || fc_store_writer_close(w, &e) < 0)
		printf("Bail out! %s\n", e.msg);
}

static void test_carried(void)
{
	struct trial o = {.method = "varm", .dtype = "float32"};
	struct fc_err e = {""};
	carried_model("base", 3);
	carried_model("t0", 3);
	T_OK(merges(&o, 1) && same_tensors("out", "base"),
	    "integers that all models share are kept");
	carried_model("t1", 4);
	T_OK(trial_run(&o, 2, &e) < 0 && strstr(e.msg, "tensor ids is U8"), "%s", e.msg);
	trial_release(&o);
	models_remove();
}

int main(void)
{
	scratch_make();
	for (size_t t = 0; t < FC_LEN(real_types); t++) {
		test_one_target(real_types[t]);
		test_order(real_types[t]);
		test_linear_choice(real_types[t]);
	}
	test_mixed_types();
	test_carried();
	scratch_remove();
	return t_done();
}
