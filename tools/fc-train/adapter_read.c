/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "fc-train/adapter_folder.h"
#include "store/adapter_config.h"
#include "store/store.h"

#define WEIGHTS_FILE "adapter_model.safetensors"

/* What --lora has no word for: it would be lost. */
static int check_config(const struct fc_adapter_config *c, struct fc_err *e)
{
	static const char *const patterns[] = {"alpha_pattern", "rank_pattern"};
	double dropout;
	for (size_t i = 0; i < FC_LEN(patterns); i++)
		if (json_object_size(json_object_get(c->json, patterns[i])))
			return fc_fail(e, "%s: %s: adapters of one rank and scale are trained here",
			    c->path, patterns[i]);
	if (c->olora)
		return fc_fail(e,
		    "%s: init_lora_weights \"olora\": the adapter is on what is left of the "
		    "model's weights; convert it with PEFT",
		    c->path);
	if (fc_json_real(c->json, "lora_dropout", 0, &dropout, c->path, e) < 0)
		return -1;
	if (dropout > 0) /* of training alone */
		fc_warn("%s: lora_dropout %g: the adapters are gone on with without dropout",
		    c->path, dropout);
	return 0;
}

/* As --lora would have it. */
static int add_spec(struct fc_buf *b, const struct fc_adapter_config *c, struct fc_err *e)
{
	const json_t *targets = json_object_get(c->json, "target_modules");
	int64_t r;
	double alpha;
	if (fc_json_int(c->json, "r", -1, &r, c->path, e) < 0 ||
	    fc_json_real(c->json, "lora_alpha", NAN, &alpha, c->path, e) < 0)
		return -1;
	if (!json_array_size(targets))
		return fc_fail(e, "%s: target_modules is no list of names", c->path);
	fc_buf_addf(b, "r=%lld,alpha=%.17g,targets=", (long long)r, alpha);
	for (size_t i = 0; i < json_array_size(targets); i++) {
		const char *name = json_string_value(json_array_get(targets, i));
		if (!name || !*name || strpbrk(name, ",="))
			return fc_fail(e, "%s: target_modules: not a module's name", c->path);
		fc_buf_addf(b, "%s%s", i ? "," : "", name);
	}
	fc_buf_adds(b, c->dora ? ",dora" : "");
	fc_buf_adds(b, c->root ? ",rslora" : "");
	return 0;
}

static int read_fingerprint(struct train_adapter *a, const char *dir, struct fc_err *e)
{
	char *path = fc_path_join(dir, WEIGHTS_FILE);
	struct fc_store *s;
	const int ret = fc_store_open(&s, path, e);
	if (ret == 0)
		a->start = fc_store_fingerprint(s);
	fc_store_close(s);
	free(path);
	return ret;
}

int train_adapter_read(struct train_adapter *a, const char *dir, struct fc_err *e)
{
	struct fc_adapter_config c;
	struct fc_buf b = FC_BUF_INIT;
	struct fc_err why;
	int ret = fc_adapter_config_read(&c, dir, e);
	if (ret == 0)
		ret = check_config(&c, e);
	if (ret == 0)
		ret = add_spec(&b, &c, e);
	if (ret == 0 && train_adapter_parse(a, b.p, &why) < 0)
		ret = fc_fail(e, "%s: %s", c.path, why.msg);
	if (ret == 0)
		ret = read_fingerprint(a, dir, e);
	a->spelled = fc_buf_detach(&b);
	fc_adapter_config_release(&c);
	return ret;
}

/* PEFT writes magnitudes with this ending or without. */
static const struct fc_tensor *find(const struct fc_store *s, const struct fc_param *v)
{
	const struct fc_tensor *t = fc_store_find(s, v->name);
	if (t || v->n_dim != 1)
		return t;
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s.weight", v->name);
	char *name = fc_buf_detach(&b);
	t = fc_store_find(s, name);
	free(name);
	return t;
}

static int load_param(struct fc_nn *nn, const struct fc_param *v, const struct fc_store *s,
    const char *path, struct fc_err *e)
{
	const struct fc_tensor want = train_adapter_tensor(v, FC_F32), *t = find(s, v);
	char should[192], is[192];
	if (!t)
		return fc_fail(e, "%s: tensor %s %s is missing", path, v->name,
		    fc_tensor_shape_text(&want, should));
	if (!fc_tensor_same_shape(t, &want) || !fc_dtype_is_real(t->dtype) ||
	    fc_dtype_is_packed(t->dtype))
		return fc_fail(e, "%s: tensor %s is %s %s, expected numbers of shape %s", path,
		    t->name, fc_dtype_name(t->dtype), fc_tensor_shape_text(t, is),
		    fc_tensor_shape_text(&want, should));
	float *x = FC_ARRAY(float, v->n), *turned = FC_ARRAY(float, v->n);
	fc_tensor_to_f32(t, 0, v->n, x);
	train_adapter_turn(v, turned, x, false);
	fc_nn_put(nn, v->w, turned, v->n * sizeof *turned);
	free(turned);
	free(x);
	return 0;
}

/* What is in the file and is not trained here would be lost. */
static int check_surplus(
    const struct fc_store *s, const struct fc_params *p, const char *path, struct fc_err *e)
{
	for (size_t i = 0; i < fc_store_count(s); i++) {
		const struct fc_tensor *t = fc_store_at(s, i);
		bool known = false;
		for (size_t k = 0; k < p->n && !known; k++)
			known = find(s, &p->v[k]) == t;
		if (!known)
			return fc_fail(e,
			    "%s: tensor %s is not of the adapters that are trained here", path,
			    t->name);
	}
	return 0;
}

int train_adapter_load(const char *dir, struct fc_params *p, struct fc_err *e)
{
	char *path = fc_path_join(dir, WEIGHTS_FILE);
	struct fc_store *s;
	int ret = fc_store_open(&s, path, e);
	for (size_t i = 0; ret == 0 && i < p->n; i++)
		ret = load_param(p->model.nn, &p->v[i], s, path, e);
	if (ret == 0)
		ret = check_surplus(s, p, path, e);
	if (ret == 0) {
		fc_params_refresh(p);
		ret = fc_nn_check(p->model.nn, e);
	}
	fc_store_close(s);
	free(path);
	return ret;
}
