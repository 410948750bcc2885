/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/adapter.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/store.h"
#include "text/json_write.h"

#define CONFIG_FILE "adapter_config.json"
#define WEIGHTS_FILE "adapter_model.safetensors"
#define ALL_LINEAR "all-linear"
enum { RANK_MOST = 65536 };

/* ---- the option ---- */

static int read_number(
    const char *key, const char *text, double least, double most, double *out, struct fc_err *e)
{
	char *end;
	errno = 0;
	*out = strtod(text, &end);
	if (errno || end == text || *end || !(*out >= least && *out <= most))
		return fc_fail(
		    e, "%s=%.64s: expected a number from %g to %g", key, text, least, most);
	return 0;
}

static int read_rank(struct fc_lora_spec *s, const char *text, struct fc_err *e)
{
	double r;
	if (read_number("r", text, 1, RANK_MOST, &r, e) < 0)
		return -1;
	if (r != floor(r))
		return fc_fail(e, "r=%.64s: a rank is a whole number", text);
	s->r = (size_t)r;
	return 0;
}

static int read_dropout(const char *text, struct fc_err *e)
{
	double x;
	if (read_number("dropout", text, 0, 1, &x, e) < 0)
		return -1;
	return x > 0 ? fc_fail(e, "dropout=%.64s: adapters are trained without dropout here", text)
		     : 0;
}

static int read_flag(bool *flag, const char *word, struct fc_err *e)
{
	if (*flag)
		return fc_fail(e, "%s is there twice", word);
	*flag = true;
	return 0;
}

static int add_target(struct train_adapter *a, const char *name, size_t *cap, struct fc_err *e)
{
	if (!*name)
		return fc_fail(e, "a module without a name among the targets");
	FC_GROW(a->target, *cap, a->spec.n_target + 1);
	a->target[a->spec.n_target++] = name;
	return 0;
}

/* One member; *targets: whether a bare word is a module. */
static int read_member(
    struct train_adapter *a, char *member, bool *targets, size_t *cap, struct fc_err *e)
{
	char *value = strchr(member, '=');
	if (!value) {
		if (!strcmp(member, "dora"))
			return read_flag(&a->spec.dora, member, e);
		if (!strcmp(member, "rslora"))
			return read_flag(&a->spec.rslora, member, e);
		if (*targets)
			return add_target(a, member, cap, e);
		return fc_fail(e,
		    "'%.64s' is neither r=, alpha=, targets=, dropout=, dora nor rslora", member);
	}
	*value++ = 0;
	*targets = !strcmp(member, "targets");
	if (*targets)
		return add_target(a, value, cap, e);
	if (!strcmp(member, "r"))
		return read_rank(&a->spec, value, e);
	if (!strcmp(member, "alpha"))
		return read_number("alpha", value, 1e-6, 1e6, &a->spec.alpha, e);
	if (!strcmp(member, "dropout"))
		return read_dropout(value, e);
	return fc_fail(e, "'%.64s=' is neither r=, alpha=, targets= nor dropout=", member);
}

/* All linears are no list of them. */
static int settle_targets(struct train_adapter *a, struct fc_err *e)
{
	for (size_t i = 0; i < a->spec.n_target; i++) {
		if (strcmp(a->target[i], ALL_LINEAR) != 0)
			continue;
		if (a->spec.n_target > 1)
			return fc_fail(e, "targets: " ALL_LINEAR " stands alone");
		a->spec.n_target = 0;
	}
	a->spec.target = a->target;
	return 0;
}

int train_adapter_parse(struct train_adapter *a, const char *text, struct fc_err *e)
{
	size_t cap = 0;
	bool targets = false;
	*a = (struct train_adapter){.spec = {.r = 16, .alpha = 32}, .text = fc_strdup(text)};
	for (char *p = a->text, *next; p; p = next) {
		next = strchr(p, ',');
		if (next)
			*next++ = 0;
		if (read_member(a, p, &targets, &cap, e) < 0)
			return -1;
	}
	return settle_targets(a, e);
}

void train_adapter_release(struct train_adapter *a)
{
	free(a->target);
	free(a->text);
	*a = (struct train_adapter){.text = NULL};
}

/* ---- the folder ---- */

/* Members that PEFT has known since DoRA (0.9); those that came later have defaults there. */
static json_t *make_config(
    const struct train_adapter *a, const struct fc_params *p, const char *base)
{
	const struct fc_lora_spec *s = &a->spec;
	const bool whole = s->alpha == floor(s->alpha);
	json_t *targets = json_array();
	for (size_t i = 0; i < p->lora->n_module && !s->n_target; i++)
		json_array_append_new(targets, json_string(p->lora->module[i]));
	for (size_t i = 0; i < s->n_target; i++)
		json_array_append_new(targets, json_string(s->target[i]));
	return json_pack("{s:{}, s:n, s:s, s:s, s:b, s:b, s:b, s:n, s:n, s:o, s:f, s:n, s:s, s:I, "
			 "s:{}, s:n, s:o, s:s, s:b, s:b}",
	    "alpha_pattern", "auto_mapping", "base_model_name_or_path", base, "bias", "none",
	    "fan_in_fan_out", (int)p->model.cfg.conv1d, "inference_mode", 1, "init_lora_weights", 1,
	    "layers_pattern", "layers_to_transform", "lora_alpha",
	    whole ? json_integer((json_int_t)s->alpha) : json_real(s->alpha), "lora_dropout", 0.0,
	    "modules_to_save", "peft_type", "LORA", "r", (json_int_t)s->r, "rank_pattern",
	    "revision", "target_modules", targets, "task_type", "CAUSAL_LM", "use_dora",
	    (int)s->dora, "use_rslora", (int)s->rslora);
}

/* B is kept transposed, see model/lora.h. */
static bool is_transposed(const struct fc_param *v)
{
	return fc_ends_with(v->name, ".lora_B.weight");
}

static struct fc_tensor *plan(const struct fc_params *p, enum fc_dtype dtype)
{
	struct fc_tensor *t = FC_ARRAY(struct fc_tensor, p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct fc_param *v = &p->v[i];
		const int first = is_transposed(v);
		t[i] = (struct fc_tensor){.name = v->name,
		    .dtype = dtype,
		    .n_dim = v->n_dim,
		    .dim = {v->dim[first], v->dim[!first]},
		    .n_bytes = v->n * fc_dtype_size(dtype)};
	}
	return t;
}

/* [rows, cols] as [cols, rows] */
static void transpose(float *to, const float *from, size_t rows, size_t cols)
{
	for (size_t r = 0; r < rows; r++)
		for (size_t c = 0; c < cols; c++)
			to[c * rows + r] = from[r * cols + c];
}

static int put_param(struct fc_store_writer *w, size_t i, const struct fc_params *p,
    enum fc_dtype dtype, const struct fc_rounding *how, struct fc_err *e)
{
	const struct fc_param *v = &p->v[i];
	float *x = FC_ARRAY(float, v->n), *turned = FC_ARRAY(float, v->n);
	void *saved = fc_malloc(v->n * fc_dtype_size(dtype));
	fc_nn_get(p->model.nn, x, v->w, v->n * sizeof *x);
	int ret = fc_nn_check(p->model.nn, e);
	if (ret == 0) {
		if (is_transposed(v))
			transpose(turned, x, (size_t)v->dim[0], (size_t)v->dim[1]);
		fc_round_f32(saved, dtype, is_transposed(v) ? turned : x, v->n, how, v->name, 0);
		ret = fc_store_writer_put(w, i, 0, saved, v->n * fc_dtype_size(dtype), e);
	}
	free(saved);
	free(turned);
	free(x);
	return ret;
}

static int write_weights(const char *dir, const struct fc_params *p, enum fc_dtype dtype,
    const struct fc_rounding *how, struct fc_err *e)
{
	struct fc_tensor *t = plan(p, dtype);
	struct fc_store_writer *w = NULL;
	int ret = fc_store_writer_open(&w, dir, t, p->n, SIZE_MAX, e);
	for (size_t i = 0; ret == 0 && i < p->n; i++)
		ret = put_param(w, i, p, dtype, how, e);
	if (w) {
		struct fc_err closing;
		if (fc_store_writer_close(w, ret == 0 ? e : &closing) < 0)
			ret = -1;
	}
	free(t);
	return ret;
}

int train_adapter_write(const char *dir, const struct train_adapter *a, const struct fc_params *p,
    const char *base, enum fc_dtype dtype, const struct fc_rounding *how, struct fc_err *e)
{
	char *model = fc_path_join(dir, "model.safetensors");
	char *weights = fc_path_join(dir, WEIGHTS_FILE), *config = fc_path_join(dir, CONFIG_FILE);
	json_t *o = make_config(a, p, base);
	int ret = write_weights(dir, p, dtype, how, e);
	if (ret == 0 && rename(model, weights) < 0)
		ret = fc_fail(e, "rename %s:", model);
	if (ret == 0)
		ret = fc_json_write(config, o, e);
	json_decref(o);
	free(config);
	free(weights);
	free(model);
	return ret;
}
