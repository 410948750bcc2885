/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ropespec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define PI 3.14159265358979323846

static int read_scaling(struct fc_ropespec *r, const struct fc_fields *s)
{
	static const struct {
		const char *name;
		enum fc_rope_scaling scaling;
	} known[] = {{"default", FC_ROPE_PLAIN}, {"linear", FC_ROPE_LINEAR},
	    {"dynamic", FC_ROPE_DYNAMIC}, {"llama3", FC_ROPE_LLAMA3}, {"yarn", FC_ROPE_YARN},
	    {"longrope", FC_ROPE_LONGROPE}, {"su", FC_ROPE_LONGROPE}};
	const char *key = fc_fields_has(s, "rope_type") ? "rope_type" : "type", *name;
	if (!fc_fields_has(s, key))
		return fc_fail(s->e, "%s: rope_type is missing", s->where);
	if (fc_json_str(s->o, key, NULL, &name, s->where, s->e) < 0)
		return -1;
	for (size_t i = 0; i < FC_LEN(known); i++)
		if (!strcmp(name, known[i].name)) {
			r->scaling = known[i].scaling;
			return 0;
		}
	return fc_fail(s->e, "%s: type \"%s\" is not supported", s->where, name);
}

/* The factor of each component: long_factor, short_factor. */
static int read_list(const struct fc_fields *s, const char *key, size_t n, double **out)
{
	const json_t *list = json_object_get(s->o, key);
	if (!list)
		return fc_fail(s->e, "%s: %s is missing", s->where, key);
	if (!json_is_array(list) || json_array_size(list) != n)
		return fc_fail(s->e, "%s: %s: expected %zu numbers", s->where, key, n);
	free(*out);
	*out = FC_ARRAY(double, n);
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);
		(*out)[i] = json_number_value(v);
		if (!((*out)[i] > 0 && (*out)[i] < 1e30))
			return fc_fail(
			    s->e, "%s: %s: number %zu is not positive", s->where, key, i);
	}
	return 0;
}

static double yarn_scale(double factor, double weight)
{
	return factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1;
}

static int read_yarn(struct fc_ropespec *r, const struct fc_fields *s)
{
	double mscale = 0, all_dim = 0;
	r->beta_fast = 32;
	r->beta_slow = 1;
	r->truncate = true;
	if (fc_fields_positive(s, "beta_fast", &r->beta_fast) < 0 ||
	    fc_fields_positive(s, "beta_slow", &r->beta_slow) < 0 ||
	    fc_fields_flag(s, "truncate", &r->truncate) < 0 ||
	    fc_json_real(s->o, "mscale", 0, &mscale, s->where, s->e) < 0 ||
	    fc_json_real(s->o, "mscale_all_dim", 0, &all_dim, s->where, s->e) < 0)
		return -1;
	r->attention_factor = yarn_scale(r->factor, 1);
	if (mscale > 0 && all_dim > 0)
		r->attention_factor =
		    yarn_scale(r->factor, mscale) / yarn_scale(r->factor, all_dim);
	return fc_fields_positive(s, "attention_factor", &r->attention_factor);
}

static int read_longrope(struct fc_ropespec *r, const struct fc_fields *s)
{
	if (read_list(s, "long_factor", r->n_rot / 2, &r->long_by) < 0 ||
	    read_list(s, "short_factor", r->n_rot / 2, &r->short_by) < 0)
		return -1;
	r->attention_factor = r->factor <= 1 ? 1 : sqrt(1 + log(r->factor) / log(r->n_ctx_before));
	return fc_fields_positive(s, "attention_factor", &r->attention_factor);
}

static int read_llama3(struct fc_ropespec *r, const struct fc_fields *s)
{
	r->low_freq = 1;
	r->high_freq = 4;
	if (fc_fields_positive(s, "low_freq_factor", &r->low_freq) < 0 ||
	    fc_fields_positive(s, "high_freq_factor", &r->high_freq) < 0)
		return -1;
	if (r->high_freq <= r->low_freq)
		return fc_fail(s->e, "%s: high_freq_factor is not above low_freq_factor", s->where);
	return 0;
}

static int read_object(struct fc_ropespec *r, const struct fc_fields *s)
{
	if (fc_fields_positive(s, "rope_theta", &r->theta) < 0 || read_scaling(r, s) < 0)
		return -1;
	if (r->scaling == FC_ROPE_PLAIN)
		return 0;
	if (!r->n_ctx_before)
		r->n_ctx_before = r->n_ctx;
	if (fc_fields_positive(s, "original_max_position_embeddings", &r->n_ctx_before) < 0)
		return -1;
	/* Phi-3 and DeepSeek leave the factor to the two contexts. */
	r->factor = r->n_ctx / r->n_ctx_before;
	if (!fc_fields_has(s, "factor") && r->scaling != FC_ROPE_LONGROPE &&
	    r->scaling != FC_ROPE_YARN)
		return fc_fail(s->e, "%s: factor is missing", s->where);
	if (fc_fields_positive(s, "factor", &r->factor) < 0)
		return -1;
	switch (r->scaling) {
	case FC_ROPE_DYNAMIC:
		return r->n_rot > 2 ? 0 : fc_fail(s->e, "%s: dynamic: nothing to scale", s->where);
	case FC_ROPE_LLAMA3:
		return read_llama3(r, s);
	case FC_ROPE_YARN:
		return read_yarn(r, s);
	case FC_ROPE_LONGROPE:
		return read_longrope(r, s);
	default:
		return 0;
	}
}

int fc_ropespec_read(struct fc_ropespec *r, const struct fc_fields *s, const char *key)
{
	r->attention_factor = 1;
	if (!key || !fc_fields_has(s, key))
		return 0;
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s: %s", s->where, key);
	char *where = fc_buf_detach(&b);
	const struct fc_fields o = {json_object_get(s->o, key), where, s->e};
	/* Transformers takes an empty object for none. */
	const int ret = json_is_object(o.o) && !json_object_size(o.o) ? 0
	    : json_is_object(o.o)                                     ? read_object(r, &o)
				  : fc_fail(s->e, "%s: expected an object", where);
	free(where);
	return ret;
}

void fc_ropespec_release(struct fc_ropespec *r)
{
	free(r->long_by);
	free(r->short_by);
	r->long_by = r->short_by = NULL;
}

bool fc_ropespec_by_length(const struct fc_ropespec *r)
{
	return r->scaling == FC_ROPE_DYNAMIC || r->scaling == FC_ROPE_LONGROPE;
}

bool fc_ropespec_same(const struct fc_ropespec *r, size_t a, size_t b)
{
	const double x = (double)a, y = (double)b;
	if (r->scaling == FC_ROPE_DYNAMIC)
		return fmax(x, r->n_ctx) == fmax(y, r->n_ctx);
	return r->scaling != FC_ROPE_LONGROPE || (x > r->n_ctx_before) == (y > r->n_ctx_before);
}

static double dynamic_theta(const struct fc_ropespec *r, size_t length)
{
	const double n = fmax((double)length, r->n_ctx), R = (double)r->n_rot;
	return r->theta * pow(r->factor * n / r->n_ctx - (r->factor - 1), R / (R - 2));
}

static double llama3(const struct fc_ropespec *r, double freq)
{
	const double wave = 2 * PI / freq;
	if (wave < r->n_ctx_before / r->high_freq)
		return freq;
	if (wave > r->n_ctx_before / r->low_freq)
		return freq / r->factor;
	const double keep = (r->n_ctx_before / wave - r->low_freq) / (r->high_freq - r->low_freq);
	return (1 - keep) * freq / r->factor + keep * freq;
}

/* The component, as a real number, that turns this often within the context before scaling. */
static double yarn_component(const struct fc_ropespec *r, double turns)
{
	return (double)r->n_rot * log(r->n_ctx_before / (turns * 2 * PI)) / (2 * log(r->theta));
}

static double yarn(const struct fc_ropespec *r, size_t i, double freq)
{
	double low = yarn_component(r, r->beta_fast), high = yarn_component(r, r->beta_slow);
	if (r->truncate) {
		low = floor(low);
		high = ceil(high);
	}
	low = fmax(low, 0);
	high = fmin(high, (double)r->n_rot - 1);
	if (low == high)
		high += 0.001;
	const double ramp = fmin(1, fmax(0, ((double)i - low) / (high - low)));
	return freq / r->factor * ramp + freq * (1 - ramp);
}

struct fc_rope fc_ropespec_rope(const struct fc_ropespec *r, size_t length, float *inv_freq)
{
	const bool dynamic = r->scaling == FC_ROPE_DYNAMIC;
	const double theta = dynamic ? dynamic_theta(r, length) : r->theta;
	const double *by = (double)length > r->n_ctx_before ? r->long_by : r->short_by;
	for (size_t i = 0; i < r->n_rot / 2; i++) {
		double freq = pow(theta, -2.0 * (double)i / (double)r->n_rot);
		if (r->scaling == FC_ROPE_LINEAR)
			freq /= r->factor;
		else if (r->scaling == FC_ROPE_LLAMA3)
			freq = llama3(r, freq);
		else if (r->scaling == FC_ROPE_YARN)
			freq = yarn(r, i, freq);
		else if (r->scaling == FC_ROPE_LONGROPE)
			freq /= by[i];
		inv_freq[i] = (float)freq;
	}
	return (struct fc_rope){r->n_rot, inv_freq, (float)r->attention_factor, r->interleaved};
}
