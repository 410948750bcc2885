/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes as structures, and the values of their parameters. */
#include "base/mem.h"
#include "fc-varm/source/layername.h"
#include "fc-varm/request/assign.h"
#include "t.h"

static struct fc_err e;
static struct yaml_file file;

static int read(struct recipe *r, const char *text)
{
	if (varm_yaml_parse(&file, text, strlen(text), "r.yml", &e) < 0) {
		*r = (struct recipe){.file = "r.yml"};
		return -1;
	}
	return varm_recipe_read(r, file.doc[0], "r.yml", NULL, &e);
}

static void done(struct recipe *r)
{
	varm_recipe_release(r);
	varm_yaml_release(&file);
}

/* The text must be refused, with the message; as a recipe or for its parameters. */
static void refuses(const char *text, const char *message)
{
	struct recipe r;
	int ret = read(&r, text);
	const struct method *m = ret < 0 ? NULL : varm_method_find_recipe(r.method);
	if (m)
		ret = varm_assign_check(&r, m, &e);
	if (!T_OK(ret < 0 && strstr(e.msg, message), "refused: %s", message))
		printf("# %s\n", ret < 0 ? e.msg : "accepted");
	done(&r);
}

static void test_structure(void)
{
	struct recipe r;
	int ret = read(&r,
	    "slices:\n"
	    "  - sources:\n"
	    "      - model: org/a@main\n"
	    "        layer_range: [0, 8]\n"
	    "      - {model: {model: {path: org/b}, lora: ./l}, layer_range: [4, 12]}\n"
	    "  - sources: [{model: org/b+./l, layer_range: [1, 3]}]\n"
	    "    base_model: org/a@main\n"
	    "merge_method: linear\n"
	    "base_model: org/c\n"
	    "tokenizer: {source: union, pad_to_multiple_of: 8}\n"
	    "random_seed: 7\n");
	if (!T_OK(ret == 0, "slices"))
		printf("# %s\n", e.msg);
	T_EQ(r.n_model, 3, "a model is counted once, however it is written");
	T_STR(r.model[0].path, "org/a", "path");
	T_STR(r.model[0].revision, "main", "revision");
	T_STR(r.model[1].lora, "./l", "adapter");
	T_EQ(r.slice[1].source[0].model, 1, "the same model again");
	T_EQ(r.slice[1].base, 0, "a slice's base");
	T_EQ(r.slice[0].base, -1, "none of its own");
	T_EQ(r.base, 2, "the recipe's");
	T_EQ(r.slice[0].source[1].from, 4, "first layer");
	T_EQ(r.vocabulary, VOCABULARY_UNION, "vocabulary");
	T_EQ(r.pad_to_multiple_of, 8, "padding");
	T_EQ(r.seed, 7, "seed");
	T_OK(!r.whole, "not whole models");
	done(&r);
	T_OK(read(&r,
		 "modules: {default: {models: [{model: a}], parameters: {weight: 1}}}\n"
		 "merge_method: linear\ntokenizer_source: null\n") == 0 &&
		r.whole && r.module,
	    "modules with one");
	done(&r);
}

static void test_refusals(void)
{
#define M "merge_method: linear\n"
	refuses("models: [{model: a}]\n", "no merge_method");
	refuses(M, "expected either models or slices");
	refuses(M "models: [{model: a}]\nslices: []\n", "expected either models or slices");
	refuses(M "models: []\n", "r.yml:2: an empty list");
	refuses(M "models:\n- model: a\n  wieght: 1\n",
	    "r.yml:4: an entry of models does not know 'wieght'");
	refuses(M "models:\n- model: a\n  density: 1\n", "does not know 'density'");
	refuses(M "models: [{model: a}]\nembed_slerp: true\n", "r.yml:3: a recipe does not know");
	refuses(M "models: [{model: a}, {model: b}, {model: a}]\n", "the model of line 2 again");
	refuses(M "models: [{model: a+b+c}]\n", "more than one adapter");
	refuses(M "models: [{model: a@b@c}]\n", "two '@'");
	refuses(M "models: [{model: ''}]\n", "is empty");
	refuses(M "slices: [{sources: [{model: a}]}]\n", "without layer_range");
	refuses(M "slices: [{sources: [{model: a, layer_range: [3, 1]}]}]\n", "layer_range");
	refuses(M "slices: [{sources: [{model: a, layer_range: [-1, 1]}]}]\n", "layer_range");
	refuses(M "slices: [{sources: [{model: a, layer_range: [0, 2]},"
		  " {model: b, layer_range: [0, 3]}]}]\n",
	    "3 layers, in line 2 there are 2");
	refuses(M "modules: {a: {models: [{model: a}]}, b: {models: [{model: a}]}}\n", "2 modules");
	refuses(M "models: [{model: a}]\ntokenizer: {source: base}\ntokenizer_source: base\n",
	    "beside");
	refuses(M "models: [{model: a}]\ntokenizer: {pad_to_multiple_of: 0}\n", "above 0");
	refuses(M "models: [{model: a}]\nrandom_seed: x\n", "random_seed");
	refuses(M "models: [{model: a}]\nparameters: 3\n", "expected a map");
	refuses(M "- a\n", "r.yml:2:");
	refuses("- merge_method\n", "expected a map");
	/* parameters */
	refuses(M "models: [{model: a}]\nparameters: {int_space: cs}\n",
	    "r.yml:3: no method takes a parameter 'int_space'");
	refuses(
	    M "models: [{model: a, parameters: {weight: much}}]\n", "expected a number, not much");
	refuses(M "models: [{model: a, parameters: {weight: [1, x]}}]\n", "not x");
	refuses(
	    M "models: [{model: a, parameters: {weight: [{value: 1}, 2]}}]\n", "a filtered value");
	refuses(M "models: [{model: a, parameters: {weight: [{filter: mlp}]}}]\n", "without value");
	refuses(M "models: [{model: a, parameters: {weight: {value: 1, filtre: x}}}]\n", "filtre");
	refuses(M "models: [{model: a}]\nparameters: {normalize: maybe}\n", "true or false");
	refuses("merge_method: varm\nmodels: [{model: a}]\nparameters: {granularity: big}\n",
	    "granularity: expected");
#undef M
}

static double value(
    const struct recipe *r, int source, const char *name, const char *tensor, double t)
{
	struct setting_place at = {
	    &r->slice[0], source < 0 ? NULL : &r->slice[0].source[source], tensor, t};
	struct parameter real = {.name = name, .kind = PARAMETER_REAL};
	double x = NAN;
	int line;
	if (varm_setting_find(r, &at, &real, &x, &line, &e) < 0 || !line)
		return NAN;
	return x;
}

/* By hand from mergekit's rules; the agreement of whole merges is tested elsewhere. */
static void test_settings(void)
{
	struct recipe r;
	T_OK(read(&r,
		 "merge_method: ties\n"
		 "models:\n"
		 "  - model: a\n"
		 "    parameters:\n"
		 "      density: [1, 0.7, 0.1]\n"
		 "      weight: [{filter: mlp, value: [0, 2]}, {filter: q_proj, value: 0.5}]\n"
		 "  - model: b\n"
		 "    parameters: {density: {filter: '*', value: 0.25}, lambda: []}\n"
		 "parameters:\n"
		 "  weight: [{filter: self_attn, value: 3}, {value: '1e-1'}, {value: 9}]\n"
		 "  lambda: 2\n") == 0,
	    "settings");
	const char *mlp = "model.layers.0.mlp.up_proj.weight";
	T_NEAR(value(&r, 0, "density", mlp, 0), 1, 0, "a gradient's beginning");
	T_NEAR(value(&r, 0, "density", mlp, 0.5), 0.7, 1e-15, "middle");
	T_NEAR(value(&r, 0, "density", mlp, 0.75), 0.4, 1e-15, "between");
	T_NEAR(value(&r, 0, "density", mlp, 1), 0.1, 1e-15, "end");
	T_NEAR(value(&r, 0, "weight", mlp, 0.25), 0.5, 0, "a gradient behind a filter");
	T_NEAR(value(&r, 0, "weight", "x.q_proj.weight", 0), 0.5, 0, "the second filter");
	T_NEAR(value(&r, 0, "weight", "self_attn.k_proj", 0), 3, 0, "no filter: the wider scope");
	T_NEAR(value(&r, 0, "weight", "lm_head.weight", 0), 0.1, 1e-15,
	    "without filter; text as number");
	T_NEAR(value(&r, 1, "density", mlp, 0.3), 0.25, 0, "a filter for everything");
	T_NEAR(value(&r, 1, "lambda", mlp, 0), 2, 0, "an empty list says nothing");
	T_NEAR(value(&r, -1, "lambda", mlp, 0), 2, 0, "shared");
	T_OK(isnan(value(&r, 1, "gamma", mlp, 0)), "not given");
	done(&r);
}

static void test_parameters(void)
{
	struct recipe r;
	T_OK(read(&r,
		 "merge_method: ties\nmodels: [{model: a, parameters: {weight: 2}}, {model: b}]\n"
		 "base_model: c\nparameters: {normalize: [true, false], density: 1.5}\n") == 0,
	    "parameters");
	const struct method *m = varm_method_find_recipe("ties");
	struct setting_place at = {&r.slice[0], NULL, "x", 0.5};
	struct settings s = {.normalize = false};
	struct target_params t = {.weight = 1, .density = 1};
	T_OK(varm_assign_settings(&r, m, &at, &s, &e) == 0 && s.normalize,
	    "a truth of two, before the last");
	at.t = 1;
	T_OK(varm_assign_settings(&r, m, &at, &s, &e) == 0 && !s.normalize, "and the last");
	at.source = &r.slice[0].source[0];
	T_OK(varm_assign_target(&r, m, &at, &t, &e) < 0 &&
		strstr(e.msg, "density is 1.5 for tensor x"),
	    "out of range");
	at.source = &r.slice[0].source[1];
	T_OK(varm_assign_target(&r, m, &at, &t, &e) < 0 &&
		strstr(e.msg, "r.yml:2: ties needs a value of 'weight'"),
	    "required");
	done(&r);
}

static void test_layers(void)
{
	size_t at, n;
	struct fc_buf b = FC_BUF_INIT;
	T_EQ(varm_layername_find("model.layers.12.mlp.up_proj.weight", &at, &n), 12, "layer");
	T_EQ(varm_layername_find("model.layers.3.mlp.experts.7.w1", &at, &n), 3, "not the expert");
	T_EQ(varm_layername_find("model.norm.weight", &at, &n), -1, "no layer");
	T_EQ(varm_layername_find("h.0.attn", &at, &n), 0, "zero");
	T_EQ(varm_layername_find("model.layers.12", &at, &n), -1, "a number at the end");
	T_EQ(varm_layername_find("a.9999999.b", &at, &n), -1, "too large");
	T_EQ(varm_layername_find("", &at, &n), -1, "empty");
	varm_layername_set(&b, "model.layers.9.x.weight", 10);
	T_STR(b.p, "model.layers.10.x.weight", "another layer");
	varm_layername_set(&b, "lm_head.weight", 10);
	T_STR(b.p, "lm_head.weight", "no layer");
	fc_buf_release(&b);
}

int main(void)
{
	test_structure();
	test_refusals();
	test_settings();
	test_parameters();
	test_layers();
	return t_done();
}
