/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gguf_rope.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PI 3.14159265358979323846

double fc_gguf_decimal(double v)
{
	char text[40];
	for (int digits = 1; digits <= 9; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if ((float)strtod(text, NULL) == (float)v)
			break;
	}
	return (double)(float)v == v ? strtod(text, NULL) : v;
}

/* A vector of F32 tensors; NULL: no such tensor, or another shape (with an error then). */
static float *read_vector(
    const struct fc_gguf *g, const char *name, size_t *n, bool *bad, struct fc_err *e)
{
	const struct fc_tensor *t = fc_gguf_tensor(g, name);
	*bad = t && (t->n_dim != 1 || t->dtype != FC_F32 || !fc_tensor_count(t, n) || !*n);
	if (*bad)
		fc_fail(e, "%s: tensor %s: expected one dimension of F32", fc_gguf_path(g), name);
	if (!t || *bad)
		return NULL;
	float *v = fc_malloc(*n * sizeof *v);
	fc_to_f32(v, t->data, FC_F32, *n);
	return v;
}

/* Llama 3's divisors by its formula, with low_freq_factor 1 and old_context / high_context as the
 * two others (transformers, modeling_rope_utils.py). */
static double llama3(double wave, double factor, double old, double high)
{
	if (wave < old / high)
		return 1;
	if (wave > old)
		return factor;
	const double s = (old / wave - 1) / (high - 1);
	return 1 / ((1 - s) / factor + s);
}

/* How far a file's divisors are from the formula, in parts of them. */
static double llama3_error(const float *by, size_t n, double theta, double old, double high)
{
	double worst = 0;
	for (size_t i = 0; i < n; i++) {
		const double wave = 2 * PI * pow(theta, (double)i / (double)n);
		const double is = (double)by[i];
		worst = fmax(worst, fabs(llama3(wave, (double)by[n - 1], old, high) - is) / is);
	}
	return worst;
}

/*
 * Between the bends 1 / divisor is a straight line over 1 / wave length: two points of it give old
 * and high, one gives high where old is known.  The usual numbers are tried first.
 */
static int solve_llama3(const float *by, size_t n, double theta, double *old, double *high)
{
	const double factor = (double)by[n - 1];
	double wave[2] = {0}, s[2] = {0};
	size_t points = 0;
	for (size_t i = 0; i < n; i++) {
		if (!(by[i] >= 1))
			return -1;
		if (by[i] == 1 || (double)by[i] >= factor)
			continue;
		const size_t k = points++ ? 1 : 0;
		wave[k] = 2 * PI * pow(theta, (double)i / (double)n);
		s[k] = (1 / (double)by[i] - 1 / factor) / (1 - 1 / factor);
	}
	const bool known = *old > 0;
	*old = known ? *old : 8192;
	*high = 4;
	if (llama3_error(by, n, theta, *old, *high) < 1e-5)
		return 0;
	if (points > 1 && !known) {
		const double slope = (s[0] - s[1]) / (1 / wave[0] - 1 / wave[1]);
		*high = 1 - 1 / (s[0] - slope / wave[0]);
		*old = rint(slope * (*high - 1));
	} else if (points && known) {
		*high = 1 + (*old / wave[0] - 1) / s[0];
	}
	*high = rint(*high * 256) / 256;
	return llama3_error(by, n, theta, *old, *high) < 1e-5 ? 0 : -1;
}

static int read_llama3(
    const struct fc_gguf *g, const struct fc_gguf_family *f, json_t *config, struct fc_err *e)
{
	size_t n;
	bool bad;
	double old, high;
	if (fc_gguf_arch_real(g, f, "rope.scaling.original_context_length", 0, &old, e) < 0)
		return -1;
	const double theta = json_number_value(json_object_get(config, "rope_theta"));
	float *by = read_vector(g, "rope_freqs.weight", &n, &bad, e);
	int ret = bad ? -1 : 0;
	if (!by)
		return ret;
	bool ones = true;
	for (size_t i = 0; i < n; i++)
		ones = ones && by[i] == 1;
	if (!ones && solve_llama3(by, n, theta, &old, &high) < 0)
		ret = fc_fail(e, "%s: tensor rope_freqs.weight is not the scaling of Llama 3",
		    fc_gguf_path(g));
	else if (!ones)
		json_object_set_new(config, "rope_scaling",
		    json_pack("{s:s, s:f, s:f, s:f, s:I}", "rope_type", "llama3", "factor",
			(double)by[n - 1], "low_freq_factor", 1.0, "high_freq_factor", high,
			"original_max_position_embeddings", (json_int_t)old));
	free(by);
	return ret;
}

static json_t *numbers(const float *v, size_t n)
{
	json_t *a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_real(fc_gguf_decimal((double)v[i])));
	return a;
}

/* Two lists of factors, and how much the context grew. */
static int read_longrope(
    const struct fc_gguf *g, const struct fc_gguf_family *f, json_t *config, struct fc_err *e)
{
	size_t n_long, n_short;
	bool bad_long, bad_short;
	int64_t old;
	double attn;
	const double n_ctx = json_number_value(json_object_get(config, "max_position_embeddings"));
	if (fc_gguf_arch_int(g, f, "rope.scaling.original_context_length", 0, &old, e) < 0 ||
	    fc_gguf_arch_real(g, f, "rope.scaling.attn_factor", 0, &attn, e) < 0)
		return -1;
	if (old > 0)
		json_object_set_new(config, "original_max_position_embeddings", json_integer(old));
	float *by_long = read_vector(g, "rope_factors_long.weight", &n_long, &bad_long, e);
	float *by_short = read_vector(g, "rope_factors_short.weight", &n_short, &bad_short, e);
	int ret = bad_long || bad_short ? -1 : 0;
	if (ret == 0 && (by_long || by_short)) {
		if (!by_long || !by_short || old < 2)
			ret = fc_fail(e,
			    "%s: expected rope_factors_long, rope_factors_short and "
			    "%s.rope.scaling.original_context_length together",
			    fc_gguf_path(g), f->arch);
		else {
			json_t *scaling = json_pack("{s:s, s:o, s:o}", "type", "longrope",
			    "long_factor", numbers(by_long, n_long), "short_factor",
			    numbers(by_short, n_short));
			const double grown = n_ctx / (double)old;
			const double usual =
			    grown > 1 ? sqrt(1 + log(grown) / log((double)old)) : 1;
			if (attn > 0 && fabs(attn - usual) > 1e-6 * usual)
				json_object_set_new(scaling, "attention_factor", json_real(attn));
			json_object_set_new(config, "rope_scaling", scaling);
		}
	}
	free(by_long);
	free(by_short);
	return ret;
}

/* DeepSeek's mscale_all_dim, a tenth of which is in the file; mscale is the same in all of them, so
 * that angles are not scaled. */
static int read_mscale(
    const struct fc_gguf *g, const struct fc_gguf_family *f, json_t *scaling, struct fc_err *e)
{
	double tenth = 0;
	if (strcmp(f->arch, "deepseek2"))
		return 0;
	if (fc_gguf_arch_real(g, f, "rope.scaling.yarn_log_multiplier", 0, &tenth, e) < 0)
		return -1;
	if (tenth > 0) {
		const double all_dim = fc_gguf_decimal((double)(float)(10 * tenth));
		json_object_set_new(scaling, "mscale", json_real(all_dim));
		json_object_set_new(scaling, "mscale_all_dim", json_real(all_dim));
	}
	return 0;
}

/* attn_factor multiplies the attention factor: the usual one, or what a converter took over from
 * config.json. */
static int read_yarn(
    const struct fc_gguf *g, const struct fc_gguf_family *f, json_t *scaling, struct fc_err *e)
{
	const double factor = json_number_value(json_object_get(scaling, "factor"));
	const double usual = factor > 1 ? 0.1 * log(factor) + 1 : 1;
	double attn, fast, slow, given;
	int64_t old;
	if (fc_gguf_arch_int(g, f, "rope.scaling.original_context_length", 0, &old, e) < 0 ||
	    fc_gguf_arch_real(g, f, "rope.scaling.attn_factor", 1, &attn, e) < 0 ||
	    fc_gguf_arch_real(g, f, "rope.scaling.yarn_attn_factor", 0, &given, e) < 0 ||
	    fc_gguf_arch_real(g, f, "rope.scaling.yarn_beta_fast", 32, &fast, e) < 0 ||
	    fc_gguf_arch_real(g, f, "rope.scaling.yarn_beta_slow", 1, &slow, e) < 0)
		return -1;
	if (old > 0)
		json_object_set_new(scaling, "original_max_position_embeddings", json_integer(old));
	json_object_set_new(scaling, "beta_fast", json_real(fc_gguf_decimal(fast)));
	json_object_set_new(scaling, "beta_slow", json_real(fc_gguf_decimal(slow)));
	if (given > 0)
		json_object_set_new(
		    scaling, "attention_factor", json_real(attn * fc_gguf_decimal(given)));
	else if (attn != 1)
		json_object_set_new(scaling, "attention_factor", json_real(attn * usual));
	return read_mscale(g, f, scaling, e);
}

/* rope.scaling.*: linear and yarn. */
static int read_scaling(
    const struct fc_gguf *g, const struct fc_gguf_family *f, json_t *config, struct fc_err *e)
{
	struct fc_gguf_str type;
	double factor, linear;
	if (fc_gguf_arch_string(g, f, "rope.scaling.type", &type, e) < 0 ||
	    fc_gguf_arch_real(g, f, "rope.scale_linear", 1, &linear, e) < 0 ||
	    fc_gguf_arch_real(g, f, "rope.scaling.factor", linear, &factor, e) < 0)
		return -1;
	char *name =
	    type.p ? fc_memdup0(type.p, type.n) : fc_strdup(linear > 1 ? "linear" : "none");
	const bool yarn = !strcmp(name, "yarn");
	int ret = 0;
	if (yarn || !strcmp(name, "linear")) {
		json_t *scaling =
		    json_pack("{s:s, s:f}", "rope_type", name, "factor", fc_gguf_decimal(factor));
		json_object_set_new(config, "rope_scaling", scaling);
		ret = yarn ? read_yarn(g, f, scaling, e) : 0;
	} else if (strcmp(name, "none")) {
		ret = fc_fail(e, "%s: key %s.rope.scaling.type: \"%.20s\" is not supported",
		    fc_gguf_path(g), f->arch, name);
	}
	free(name);
	return ret;
}

int fc_gguf_rope(
    const struct fc_gguf *g, const struct fc_gguf_family *f, json_t *config, struct fc_err *e)
{
	if (!strcmp(f->arch, "phi3"))
		return read_longrope(g, f, config, e);
	if (read_scaling(g, f, config, e) < 0)
		return -1;
	return read_llama3(g, f, config, e);
}
