/* SPDX-License-Identifier: Apache-2.0 */
/* Adapters applied while reading, against the product written down; adapters that do not fit. */
#include "fc-varm/source/adapter.h"

#include "models.h"

static struct fc_err e;

static double noise(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (double)(int64_t)(*state >> 40) / (1 << 23) - 1; /* exact in float32 */
}

static double *noises(uint64_t seed, size_t n)
{
	double *v = FC_ARRAY(double, n + 1);
	for (size_t i = 0; i < n; i++)
		v[i] = noise(&seed);
	return v;
}

/* A model "m" with one matrix "x.weight" [rows, columns] and an adapter "l" for it. */
struct trial_lora {
	size_t rows, columns, r;
	bool transposed, zero; /* zero: the factors are zeros */
	const char *config;
	double *w, *a, *b;
	struct fc_store *store;
	struct adapter *adapter;
};

static void write_config(const char *text)
{
	write_file("l/adapter_config.json", text, strlen(text));
}

/* What model_write() has written in "l" becomes an adapter's. */
static void name_adapter(void)
{
	if (rename(scratch_path("l/model.safetensors"),
		scratch_path("l/adapter_model.safetensors")) < 0)
		perror("rename");
}

static void make(struct trial_lora *t)
{
	size_t in = t->transposed ? t->rows : t->columns,
	       out = t->transposed ? t->columns : t->rows;
	t->w = noises(1, t->rows * t->columns);
	t->a = t->zero ? FC_ARRAY(double, t->r *in) : noises(2, t->r * in);
	t->b = t->zero ? FC_ARRAY(double, out * t->r) : noises(3, out * t->r);
	struct fc_tensor w = {
	    "x.weight", FC_F32, 2, {(int64_t)t->rows, (int64_t)t->columns}, .data = NULL};
	struct fc_tensor l[] = {{"base_model.model.x.lora_A.weight", FC_F32, 2,
				    {(int64_t)t->r, (int64_t)in}, .data = NULL},
	    {"base_model.model.x.lora_B.weight", FC_F32, 2, {(int64_t)out, (int64_t)t->r},
		.data = NULL}};
	model_write("m", &w, &t->w, 1);
	model_write("l", l, (double *[]){t->a, t->b}, 2);
	name_adapter();
	write_config(t->config);
	if (fc_store_open(&t->store, scratch_path("m"), &e) < 0 ||
	    varm_adapter_open(&t->adapter, scratch_path("l"), t->store, VARM_LAYOUT_UNKNOWN, &e) <
		0)
		printf("Bail out! %s\n", e.msg);
}

static void drop(struct trial_lora *t)
{
	varm_adapter_close(t->adapter);
	fc_store_close(t->store);
	free(t->w);
	free(t->a);
	free(t->b);
	model_remove("m");
	model_remove("l");
}

/* W + scale * B A, or its transpose, written down. */
static double expected(const struct trial_lora *t, double scale, size_t i, size_t j)
{
	size_t in = t->transposed ? t->rows : t->columns;
	size_t row = t->transposed ? j : i, column = t->transposed ? i : j;
	double sum = 0;
	for (size_t k = 0; k < t->r; k++)
		sum += t->b[row * t->r + k] * t->a[k * in + column];
	return t->w[i * t->columns + j] + scale * sum;
}

static void test_product(struct trial_lora t, double scale, const char *what)
{
	static const size_t steps[] = {1, 7, 256, 1000000};
	size_t n = t.rows * t.columns;
	double *x = FC_ARRAY(double, n + 1), worst = 0;
	make(&t);
	struct values f = varm_adapter_values(
	    t.adapter, "x.weight", varm_values_mapped(fc_store_find(t.store, "x.weight"), 0));
	for (size_t s = 0; s < FC_LEN(steps); s++) {
		memset(x, 0xff, n * sizeof *x);
		for (size_t i = 0; i < n; i += steps[s])
			varm_values_read(&f, i, n - i < steps[s] ? n - i : steps[s], x + i);
		for (size_t i = 0; i < n; i++)
			worst = fmax(
			    worst, fabs(x[i] - expected(&t, scale, i / t.columns, i % t.columns)));
	}
	T_OK(worst < 1e-13 * (double)t.r, "%s: off by %.2g", what, worst);
	T_OK(varm_adapter_changes(t.adapter, "x.weight") &&
		!varm_adapter_changes(t.adapter, "y.weight"),
	    "%s: what it changes", what);
	drop(&t);
	free(x);
}

static void refuses(const char *config, const char *message)
{
	struct trial_lora t = {.rows = 3, .columns = 5, .r = 2, .config = "{\"lora_alpha\": 1}"};
	struct adapter *a = NULL;
	make(&t);
	write_config(config);
	int ret = varm_adapter_open(&a, scratch_path("l"), t.store, VARM_LAYOUT_UNKNOWN, &e);
	if (!T_OK(ret < 0 && strstr(e.msg, message), "refused: %s", message))
		printf("# %s\n", ret < 0 ? e.msg : "accepted");
	varm_adapter_close(a);
	drop(&t);
}

static void test_integers(void)
{
	struct trial_lora t = {.rows = 3, .columns = 5, .r = 2, .config = "{\"lora_alpha\": 1}"};
	struct adapter *a = NULL;
	make(&t);
	write_tensors("l/adapter_model.safetensors",
	    "{\"x.weight\":{\"dtype\":\"I32\",\"shape\":[3,5],\"data_offsets\":[0,60]}}", 60);
	T_OK(varm_adapter_open(&a, scratch_path("l"), t.store, VARM_LAYOUT_UNKNOWN, &e) < 0 &&
		strstr(e.msg, "tensor x.weight is I32"),
	    "refused: integers");
	varm_adapter_close(a);
	drop(&t);
}

/* An adapter of the tensors, with dimensions, for a model with x.weight [3, 5]. */
static void refuses_tensors(const struct fc_tensor *l, size_t n, const char *message)
{
	struct trial_lora t = {.rows = 3, .columns = 5, .r = 2, .config = "{\"lora_alpha\": 1}"};
	struct adapter *a = NULL;
	double *zeros = noises(0, 100);
	make(&t);
	model_write("l", l, (double *[]){zeros, zeros, zeros}, n);
	name_adapter();
	write_config(t.config);
	int ret = varm_adapter_open(&a, scratch_path("l"), t.store, VARM_LAYOUT_UNKNOWN, &e);
	if (!T_OK(ret < 0 && strstr(e.msg, message), "refused: %s", message))
		printf("# %s\n", ret < 0 ? e.msg : "accepted");
	varm_adapter_close(a);
	drop(&t);
	free(zeros);
}

static void test_refusals(void)
{
	refuses("{}", "no lora_alpha");
	refuses("{\"lora_alpha\": \"x\"}", "lora_alpha");
	refuses("[]", "not a JSON object");
	refuses("{\"peft_type\": \"IA3\", \"lora_alpha\": 1}", "type IA3");
	refuses("{\"lora_alpha\": 1, \"lora_bias\": true}", "\"lora_bias\": true is not done here");
	refuses("{\"lora_alpha\": 1, \"layer_replication\": [[0, 4]]}", "layer_replication");
	refuses("{\"lora_alpha\": 1, \"alpha_pattern\": {\"x\": null}}", "'x': expected a number");
	refuses("{\"lora_alpha\": 1, \"alpha_pattern\": {\"\\\\d\": 2}}", "Python and POSIX");
	refuses("{\"lora_alpha\": 1, \"alpha_pattern\": {\"(?:x)\": 2}}", "Python and POSIX");
	refuses("{\"lora_alpha\": 1, \"alpha_pattern\": {\"x+?\": 2}}", "Python and POSIX");
	refuses(
	    "{\"lora_alpha\": 1, \"alpha_pattern\": {\"(x{9,99}){9,99}\": 2}}", "Python and POSIX");
	refuses("{\"lora_alpha\": 1, \"alpha_pattern\": [1]}", "alpha_pattern: expected an object");
	refuses("{\"lora_alpha\": 1, \"r\": 3}", "rank 2, r and rank_pattern say 3");
	refuses("{\"lora_alpha\": 1, \"rank_pattern\": {\"x\": 8}}", "rank_pattern say 8");
	refuses("{\"lora_alpha\": 1, \"brand_new\": 3}", "\"brand_new\": 3 is not known");
	refuses("{\"lora_alpha\": 1, \"alpha_pattern\": {\"(\": 2}}", "no regular expression");
	refuses("{\"lora_alpha\": 1, \"fan_in_fan_out\": true}", "do not fit");
#define A(r, in) {"x.lora_A.weight", FC_F32, 2, {r, in}, .data = NULL}
#define B(out, r)                                                                                  \
	{                                                                                          \
		"x.lora_B.weight", FC_F32, 2, {out, r}, .data = NULL                               \
	}
	refuses_tensors(
	    (struct fc_tensor[]){A(2, 5)}, 1, "a factor for tensor x.weight is missing");
	refuses_tensors((struct fc_tensor[]){A(2, 4), B(3, 2)}, 2, "do not fit");
	refuses_tensors((struct fc_tensor[]){A(2, 5), B(3, 1)}, 2, "do not fit");
	refuses_tensors((struct fc_tensor[]){A(0, 5), B(3, 0)}, 2, "do not fit");
	refuses_tensors(
	    (struct fc_tensor[]){{"x.lora_A.weight", FC_F32, 1, {5}, .data = NULL}, B(3, 2)}, 2,
	    "do not fit");
	refuses_tensors((struct fc_tensor[]){{"y.weight", FC_F32, 1, {5}, .data = NULL}}, 1,
	    "tensor y.weight, which the model does not have");
	refuses_tensors((struct fc_tensor[]){{"x.weight", FC_F32, 1, {5}, .data = NULL}}, 1,
	    "tensor x.weight is [5], the model's is [3, 5]");
	refuses_tensors((struct fc_tensor[]){A(2, 5), B(3, 2),
			    {"base_model.model.x.lora_A.weight", FC_F32, 2, {2, 5}, .data = NULL}},
	    3, "changed twice");
	refuses_tensors((struct fc_tensor[]){A(2, 5), B(3, 2),
			    {"x.lora_magnitude_vector", FC_F32, 1, {4}, .data = NULL}},
	    3, "the magnitudes of x.weight are [4]");
}

/* Opens the adapter of a small model with a configuration. */
static int open_with(const json_t *config)
{
	struct trial_lora t = {.rows = 3, .columns = 5, .r = 8, .config = "{\"lora_alpha\": 1}"};
	struct adapter *a = NULL;
	char *text = json_dumps(config, JSON_ENCODE_ANY);
	make(&t);
	write_config(text);
	int ret = varm_adapter_open(&a, scratch_path("l"), t.store, VARM_LAYOUT_UNKNOWN, &e);
	varm_adapter_close(a);
	drop(&t);
	free(text);
	return ret;
}

/* Values that change what a member of PEFT's configuration means, by PEFT 0.21.2: whether the
 * merged weights of this adapter then stay those of W + alpha / r B A. */
static const struct {
	const char *key, *value;
	bool fine;
} changed_members[] = {
    {"alora_invocation_tokens", "[5]", false},
    {"alpha_pattern", "{\"x\": 2}", true},
    {"arrow_config", "{\"top_k\": 3}", false},
    {"auto_mapping", "{\"base_model_class\": \"M\"}", true},
    {"base_model_name_or_path", "\"other\"", true},
    {"bias", "\"all\"", true},
    {"corda_config", "{\"corda_method\": \"kpm\"}", true},
    {"ensure_weight_tying", "true", true}, /* no embedding is changed */
    {"eva_config", "{\"rho\": 2}", true},
    {"exclude_modules", "[\"y\"]", true},
    {"fan_in_fan_out", "true", false}, /* the factors do not fit then */
    {"inference_mode", "true", true},
    {"init_lora_weights", "false", true},
    {"init_lora_weights", "\"gaussian\"", true},
    {"init_lora_weights", "\"orthogonal\"", true},
    {"init_lora_weights", "\"eva\"", true},
    {"init_lora_weights", "\"mica\"", true},
    {"init_lora_weights", "\"olora\"", false}, /* the rank is above the model's */
    {"init_lora_weights", "\"pissa\"", false},
    {"init_lora_weights", "\"pissa_niter_16\"", false},
    {"init_lora_weights", "\"corda\"", false},
    {"init_lora_weights", "\"loftq\"", false},
    {"init_lora_weights", "\"lora_ga\"", false},
    {"init_lora_weights", "\"\"", false},
    {"kasa_config", "{\"beta\": 1}", false},
    {"layer_replication", "[[0, 4]]", false},
    {"layers_pattern", "\"layers\"", true},
    {"layers_to_transform", "[0]", true},
    {"loftq_config", "{\"loftq_bits\": 4}", true},
    {"lora_alpha", "16", true},
    {"lora_alpha", "null", false},
    {"lora_bias", "true", false},
    {"lora_dropout", "0.5", true},
    {"lora_ga_config", "{\"direction\": \"ArBr\"}", true},
    {"megatron_config", "{\"a\": 1}", false},
    {"megatron_core", "\"other\"", true},
    {"modules_to_save", "[\"lm_head\"]", true},
    {"monteclora_config", "{\"num_samples\": 8}", false},
    {"peft_type", "\"LOHA\"", false},
    {"peft_version", "\"9\"", true},
    {"qalora_group_size", "8", true},
    {"r", "4", false}, /* other than the factors' */
    {"rank_pattern", "{\"y\": 4}", true},
    {"revision", "\"main\"", true},
    {"target_modules", "[\"x\"]", true},
    {"target_parameters", "[\"x\"]", false},
    {"task_type", "\"CAUSAL_LM\"", true},
    {"trainable_token_indices", "[1]", false},
    {"use_bdlora", "{\"nblocks\": 2}", false},
    {"use_dora", "true", false}, /* the adapter has no magnitudes */
    {"use_qalora", "true", false},
    {"use_rslora", "true", true},
    {"velora_config", "{\"scale\": 2}", true},
};

static bool is_listed(const char *key)
{
	for (size_t i = 0; i < FC_LEN(changed_members); i++)
		if (!strcmp(changed_members[i].key, key))
			return true;
	return false;
}

/* Every member that PEFT saves: its default is taken, another value understood or refused. */
static void test_members(void)
{
	const char *root = getenv("FC_ROOT"), *key;
	char *path = fc_path_join(root ? root : ".", "tests/data/merge/lora_config.json");
	json_t *file = fc_json_file(path, &e), *v;
	const json_t *defaults = json_object_get(file, "defaults");
	T_OK(json_object_size(defaults) > 40 && open_with(defaults) == 0, "PEFT's defaults: %s",
	    e.msg);
	json_object_foreach((json_t *)(uintptr_t)defaults, key, v)
	    T_OK(is_listed(key), "another value of %s is tried", key);
	for (size_t i = 0; i < FC_LEN(changed_members); i++) {
		json_t *c = json_deep_copy(defaults);
		v = json_loads(changed_members[i].value, JSON_DECODE_ANY, NULL);
		json_object_set_new(c, changed_members[i].key, v);
		*e.msg = 0;
		int ret = open_with(c);
		bool right = changed_members[i].fine ? ret == 0
						     : ret < 0 &&
			(strstr(e.msg, changed_members[i].key) || strstr(e.msg, "LOHA") ||
			    strstr(e.msg, "do not fit"));
		if (!T_OK(right, "%s %s: %s", changed_members[i].key, changed_members[i].value,
			changed_members[i].fine ? "taken" : "refused"))
			printf("# %s\n", e.msg);
		json_decref(c);
	}
	json_decref(file);
	free(path);
}

/* The parts of W and of W + s (B A - start) that the first r columns of W span: for factors of
 * zeros, M = (W - result) / s is the projection of W onto them.  Two properties make it that: M's
 * first r columns are W's, and what is left of W is orthogonal to these. */
static void test_projection(size_t rows, size_t columns, size_t r)
{
	struct trial_lora t = {.rows = rows,
	    .columns = columns,
	    .r = r,
	    .zero = true,
	    .config =
		"{\"lora_alpha\": 3, \"use_rslora\": true, \"init_lora_weights\": \"OLoRA\"}"};
	size_t n = rows * columns;
	double *left = FC_ARRAY(double, n), s = 3 / sqrt((double)r), span = 0, across = 0;
	make(&t);
	struct values f = varm_adapter_values(
	    t.adapter, "x.weight", varm_values_mapped(fc_store_find(t.store, "x.weight"), 0));
	for (size_t i = 0; i < n; i += columns)
		varm_values_read(&f, i, columns, left + i);
	for (size_t i = 0; i < n; i++)
		left[i] = t.w[i] - (t.w[i] - left[i]) / s;
	for (size_t k = 0; k < r; k++) {
		for (size_t j = 0; j < columns; j++) {
			double sum = 0;
			for (size_t i = 0; i < rows; i++)
				sum += t.w[i * columns + k] * left[i * columns + j];
			across = fmax(across, fabs(sum));
		}
		for (size_t i = 0; i < rows; i++)
			span = fmax(span, fabs(left[i * columns + k]));
	}
	T_OK(span < 1e-12 && across < 1e-11,
	    "OLoRA takes the projection onto %zu columns of [%zu, %zu]: %.2g, %.2g", r, rows,
	    columns, span, across);
	drop(&t);
	free(left);
}

/* What PEFT makes of adapters that it has saved: tests/data/merge/olora.py. */
static void test_olora(void)
{
	const char *root = getenv("FC_ROOT");
	char *path = fc_path_join(root ? root : ".", "tests/data/merge/olora.json");
	json_t *file = fc_json_file(path, &e), *c;
	size_t at;
	T_OK(json_array_size(json_object_get(file, "cases")) > 6, "there are cases");
	json_array_foreach(json_object_get(file, "cases"), at, c)
	{
		const char *name = json_string_value(json_object_get(c, "tensor"));
		const char *title = json_string_value(json_object_get(c, "title"));
		struct fc_tensor shape = {.n_dim = 0};
		struct fc_store *store = NULL;
		struct adapter *a = NULL;
		double want[64], have[64], worst = INFINITY;
		size_t n = json_values(json_object_get(c, "merged"), want, &shape, 0);
		char *config = json_dumps(json_object_get(c, "config"), 0);
		model_from_object("m", json_object_get(c, "base"), FC_F32);
		model_from_object("l", json_object_get(c, "adapter"), FC_F32);
		name_adapter();
		write_config(config);
		*e.msg = 0;
		if (fc_store_open(&store, scratch_path("m"), &e) == 0 &&
		    varm_adapter_open(&a, scratch_path("l"), store, VARM_LAYOUT_UNKNOWN, &e) == 0) {
			const struct fc_tensor *own = varm_adapter_replacement(a, name);
			struct values f =
			    varm_values_mapped(own ? own : fc_store_find(store, name), 0);
			f = varm_adapter_values(a, name, f);
			varm_values_read(&f, 0, n, have);
			worst = 0;
			for (size_t i = 0; i < n; i++)
				worst = fmax(worst, fabs(have[i] - want[i]));
		}
		T_OK(worst < 3e-6, "OLoRA, %s: off by %.2g %s", title, worst, e.msg);
		varm_adapter_close(a);
		fc_store_close(store);
		model_remove("m");
		model_remove("l");
		free(config);
	}
	json_decref(file);
	free(path);
}

/* The first columns of W decide what is taken out; where they don't, PEFT's rounding does. */
static void refuses_start(const double *w, const char *more, const char *message)
{
	struct trial_lora t = {.rows = 3, .columns = 3, .r = 2, .config = "{\"lora_alpha\": 1}"};
	struct fc_tensor plan = {"x.weight", FC_F32, 2, {3, 3}, .data = NULL};
	struct fc_store *store;
	struct adapter *a = NULL;
	double values[9];
	char config[200];
	make(&t);
	memcpy(values, w, sizeof values);
	model_write("n", &plan, (double *[]){values}, 1);
	snprintf(
	    config, sizeof config, "{\"lora_alpha\": 1, \"init_lora_weights\": \"olora\"%s}", more);
	write_config(config);
	int ret = fc_store_open(&store, scratch_path("n"), &e);
	ret =
	    ret < 0 ? 0 : varm_adapter_open(&a, scratch_path("l"), store, VARM_LAYOUT_UNKNOWN, &e);
	bool right = *message ? ret < 0 && strstr(e.msg, message) : ret == 0;
	if (!T_OK(right, "OLoRA %s: %s", *message ? "refused" : "taken", message))
		printf("# %s\n", ret < 0 ? e.msg : "accepted");
	varm_adapter_close(a);
	fc_store_close(store);
	model_remove("n");
	drop(&t);
}

static void test_dependent_columns(void)
{
	static const double zero[] = {0, 1, 2, 0, 2, 5, 0, 3, 7},
			    twice[] = {1, 2, 3, 0.5, 1, 4, 0.25, 0.5, 5},
			    nearly[] = {1, 1, 0, 1, 1.0001, 0, 1, 1, 1},
			    apart[] = {1, 1, 0, 1, 1.001, 0, 1, 1, 1},
			    later[] = {1, 0, 0, 0, 1, 0, 0, 0, 0};
	refuses_start(zero, "", "for x.weight: column 0 of the model's tensor depends");
	refuses_start(twice, "", "for x.weight: column 1 of the model's tensor depends");
	refuses_start(nearly, "", "for x.weight: column 1 of the model's tensor depends");
	refuses_start(apart, "", "");
	refuses_start(later, "", "");
	refuses_start(
	    later, ", \"fan_in_fan_out\": true", "\"olora\" with fan_in_fan_out for x.weight");
}

/* Whether an adapter of the two tensors opens for a model with an embedding [4, 4] and, if it is
 * named, another one of that shape. */
static int open_for(const char *more, const struct fc_tensor *l, size_t n)
{
	struct fc_tensor m[] = {
	    {"model.embed_tokens.weight", FC_F32, 2, {4, 4}, .data = NULL}, {.name = more}};
	struct fc_store *store = NULL;
	struct adapter *a = NULL;
	double *v = noises(4, 16);
	m[1] = m[0];
	m[1].name = more;
	model_write("m", m, (double *[]){v, v}, more ? 2 : 1);
	model_write("l", l, (double *[]){v, v}, n);
	name_adapter();
	write_config("{\"lora_alpha\": 1}");
	*e.msg = 0;
	int ret = fc_store_open(&store, scratch_path("m"), &e);
	if (ret == 0)
		ret = varm_adapter_open(&a, scratch_path("l"), store, VARM_OUT_IN, &e);
	varm_adapter_close(a);
	fc_store_close(store);
	model_remove("m");
	model_remove("l");
	free(v);
	return ret;
}

/* PEFT leaves a head that is the embedding as it was (issue 2864 of PEFT has the table). */
static void test_tied(void)
{
	static const char *const heads[] = {"lm_head.weight", "embed_out.weight", "output.weight"};
	const struct fc_tensor whole = {
	    "base_model.model.model.embed_tokens.weight", FC_F32, 2, {4, 4}, .data = NULL};
	const struct fc_tensor factors[] = {{"base_model.model.model.embed_tokens.lora_embedding_A",
						FC_F32, 2, {2, 4}, .data = NULL},
	    {"base_model.model.model.embed_tokens.lora_embedding_B", FC_F32, 2, {4, 2},
		.data = NULL}};
	T_OK(open_for(NULL, &whole, 1) < 0 && strstr(e.msg, "the model's head is the same tensor"),
	    "refused: an embedding of its own for a tied model: %s", e.msg);
	T_OK(open_for(NULL, factors, 2) < 0 && strstr(e.msg, "the model's head is the same tensor"),
	    "refused: factors for the embedding of a tied model: %s", e.msg);
	for (size_t i = 0; i < FC_LEN(heads); i++)
		T_OK(open_for(heads[i], &whole, 1) == 0 && open_for(heads[i], factors, 2) == 0,
		    "taken: beside %s %s", heads[i], e.msg);
}

/* A square matrix fits either way. */
static void test_layout(enum varm_layout layout, const char *flag, bool transposed)
{
	struct trial_lora t = {.rows = 4, .columns = 4, .r = 2, .transposed = transposed};
	struct adapter *a = NULL;
	char config[80];
	double have = NAN, want;
	snprintf(config, sizeof config, "{\"lora_alpha\": 2, \"fan_in_fan_out\": %s}", flag);
	t.config = config;
	make(&t);
	want = expected(&t, 1, 1, 2);
	if (varm_adapter_open(&a, scratch_path("l"), t.store, layout, &e) == 0) {
		struct values f = varm_adapter_values(
		    a, "x.weight", varm_values_mapped(fc_store_find(t.store, "x.weight"), 0));
		varm_values_read(&f, 1 * t.columns + 2, 1, &have);
	}
	T_OK(fabs(have - want) < 1e-13, "fan_in_fan_out %s, layout %d: %g, should be %g", flag,
	    (int)layout, have, want);
	varm_adapter_close(a);
	drop(&t);
}

int main(void)
{
	scratch_make();
	test_tied();
	test_layout(VARM_LAYOUT_UNKNOWN, "false", false);
	test_layout(VARM_LAYOUT_UNKNOWN, "true", true);
	test_layout(VARM_OUT_IN, "true", false);
	test_layout(VARM_OUT_IN, "false", false);
	test_layout(VARM_IN_OUT, "false", true);
	test_layout(VARM_IN_OUT, "true", true);
	test_members();
	test_product(
	    (struct trial_lora){.rows = 3, .columns = 5, .r = 2, .config = "{\"lora_alpha\": 3}"},
	    1.5, "small");
	test_product((struct trial_lora){.rows = 7,
			 .columns = 1300,
			 .r = 1,
			 .config = "{\"lora_alpha\": 3, \"use_rslora\": true}"},
	    3, "rank 1, long rows");
	test_product((struct trial_lora){.rows = 13,
			 .columns = 33,
			 .r = 700,
			 .transposed = true,
			 .config = "{\"lora_alpha\": 7, \"fan_in_fan_out\": true}"},
	    0.01, "transposed, rank above a block");
	test_product((struct trial_lora){.rows = 1,
			 .columns = 1,
			 .r = 4,
			 .config = "{\"lora_alpha\": 1, \"alpha_pattern\": {\"y\": 5, \"^x\": 8}}"},
	    2, "alpha by pattern");
	test_product((struct trial_lora){.rows = 4,
			 .columns = 6,
			 .r = 4,
			 .config = "{\"lora_alpha\": 1, \"use_rslora\": true}"},
	    0.5, "rslora");
	test_refusals();
	test_integers();
	test_olora();
	test_projection(5, 7, 3);
	test_projection(300, 1, 1);
	test_projection(40, 900, 33);
	test_projection(400, 300, 280);
	test_dependent_columns();
	scratch_remove();
	return t_done();
}
