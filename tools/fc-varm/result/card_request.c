/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/card_request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/recipe/yamlwrite.h"
#include "fc-varm/request/parameter.h"
#include "fc-varm/request/recipe_plan.h"
#include "fc-varm/result/card.h"

/* The pivot and the targets. */
static const struct ingredient *model_at(const struct inputs *in, int i)
{
	return i ? &in->target[i - 1] : &in->base;
}

/* Models whose paths end alike are told apart by their number. */
static char **make_names(const struct inputs *in, bool with_adapter)
{
	char **name = FC_ARRAY(char *, (size_t)in->n_target + 1);
	for (int i = 0; i <= in->n_target; i++) {
		const struct ingredient *g = model_at(in, i);
		bool taken = false;
		name[i] = with_adapter ? fc_strdup(g->name) : varm_ingredient_name(g->path);
		for (int j = 0; j < i && with_adapter; j++)
			taken = taken || !strcmp(name[j], name[i]);
		if (taken) {
			struct fc_buf b = FC_BUF_INIT;
			fc_buf_addf(&b, "%s#%d", name[i], i);
			free(name[i]);
			name[i] = fc_buf_detach(&b);
		}
	}
	return name;
}

static void free_names(char **name, int n)
{
	for (int i = 0; i < n; i++)
		free(name[i]);
	free(name);
}

/* The one type of all merged tensors, or NULL. */
static const char *type_of_result(const struct plan *p)
{
	const struct plan_item *first = NULL;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_item *it = &p->item[i];
		if (!it->method)
			continue;
		if (first && first->out.dtype != it->out.dtype)
			return NULL;
		first = it;
	}
	return first ? varm_recipe_dtype_name(first->out.dtype) : NULL;
}

static void add_entry(struct fc_buf *b, const char *key, const char *text)
{
	struct yaml v = {.kind = YAML_TEXT, .plain = true, .text = (char *)(uintptr_t)text};
	fc_buf_addf(b, "%s: ", key);
	varm_yaml_write(b, &v, NULL, NULL);
}

/* Linear merges weigh the pivot with 0, to have its configuration. */
static char *recipe_text(const struct inputs *in, const struct request *q, const struct plan *p,
    const struct recipe_method *m, char *const *name)
{
	struct fc_buf b = FC_BUF_INIT;
	bool is_linear = q->method == &varm_method_linear;
	const char *type = type_of_result(p);
	fc_buf_adds(&b, "models:\n");
	if (is_linear) {
		add_entry(&b, "  - model", name[0]);
		fc_buf_adds(&b, "    parameters:\n      weight: 0\n");
	}
	for (int k = 0; k < in->n_target; k++) {
		add_entry(&b, "  - model", name[k + 1]);
		varm_parameter_write_term(&b, m, &q->term[k]);
	}
	add_entry(&b, "merge_method", m->name);
	if (m->base != BASE_IS_TARGET || is_linear)
		add_entry(&b, "base_model", name[0]);
	varm_parameter_write_settings(&b, m, &q->settings);
	if (type)
		add_entry(&b, "dtype", type);
	if (varm_method_takes(q->method) & TAKES_SEED)
		fc_buf_addf(&b, "random_seed: %" PRIu64 "\n", q->settings.seed);
	return fc_buf_detach(&b);
}

int varm_card_request_write(const char *dir, const struct inputs *in, const struct request *q,
    const struct plan *p, const struct verdicts *r, struct fc_err *e)
{
	int n = in->n_target + 1;
	const struct recipe_method *m = varm_recipe_method_of(q->method);
	char **name = make_names(in, true), **hub = make_names(in, false);
	char *text = recipe_text(in, q, p, m, name);
	struct card c = {.method = m->name,
	    .donor = "base",
	    .model = FC_ARRAY(struct card_model, (size_t)n),
	    .n_model = (size_t)n,
	    .recipe = text};
	for (int i = 0; i < n; i++)
		c.model[i] = (struct card_model){
		    name[i], hub[i], i ? "merged" : "base", model_at(in, i)->fingerprint};
	int ret = varm_card_write(dir, &c, p, r, e);
	free_names(name, n);
	free_names(hub, n);
	free(c.model);
	free(text);
	return ret;
}
