/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/adapter_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/store.h"
#include "text/json_write.h"

#define CONFIG_FILE "adapter_config.json"
#define WEIGHTS_FILE "adapter_model.safetensors"

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

struct fc_tensor train_adapter_tensor(const struct fc_param *v, enum fc_dtype dtype)
{
	const int first = is_transposed(v);
	return (struct fc_tensor){.name = v->name,
	    .dtype = dtype,
	    .n_dim = v->n_dim,
	    .dim = {v->dim[first], v->dim[!first]},
	    .n_bytes = v->n * fc_dtype_size(dtype)};
}

void train_adapter_turn(const struct fc_param *v, float *to, const float *from, bool out)
{
	if (!is_transposed(v)) {
		memcpy(to, from, v->n * sizeof *to);
		return;
	}
	const size_t rows = (size_t)v->dim[out], cols = (size_t)v->dim[!out];
	for (size_t r = 0; r < rows; r++)
		for (size_t c = 0; c < cols; c++)
			to[r * cols + c] = from[c * rows + r];
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
		train_adapter_turn(v, turned, x, true);
		fc_round_f32(saved, dtype, turned, v->n, how, v->name, 0);
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
	struct fc_tensor *t = FC_ARRAY(struct fc_tensor, p->n);
	struct fc_store_writer *w = NULL;
	for (size_t i = 0; i < p->n; i++)
		t[i] = train_adapter_tensor(&p->v[i], dtype);
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
