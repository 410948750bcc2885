/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/card_recipe.h"

#include <stdlib.h>

#include "base/mem.h"
#include "fc-varm/recipe/yamlwrite.h"
#include "fc-varm/result/card.h"

struct names {
	const struct recipe *recipe;
	char *last; /* returned last */
};

static const char *public_text(const struct yaml *node, void *ctx)
{
	struct names *names = ctx;
	for (size_t i = 0; i < names->recipe->n_reference; i++) {
		if (names->recipe->reference[i] == node) {
			free(names->last);
			return names->last = varm_ingredient_name(node->text);
		}
	}
	return NULL;
}

static char *recipe_text(const struct recipe *r, const struct yaml *doc)
{
	struct fc_buf b = FC_BUF_INIT;
	struct names names = {r, NULL};
	varm_yaml_write(&b, doc, public_text, &names);
	free(names.last);
	return fc_buf_detach(&b);
}

int varm_card_recipe_write(const char *dir, const struct recipe_plan *rp, const struct yaml *doc,
    const struct verdicts *r, struct fc_err *e)
{
	const struct recipe *recipe = rp->recipe;
	size_t n = recipe->n_model;
	char *text = recipe_text(recipe, doc), **hub = FC_ARRAY(char *, n + 1);
	struct card c = {.method = recipe->method,
	    .donor = recipe->base >= 0 ? "base" : "first",
	    .model = FC_ARRAY(struct card_model, n + 1),
	    .n_model = n,
	    .recipe = text};
	for (size_t i = 0; i < n; i++) {
		bool base = rp->method->base != BASE_IS_TARGET && (int)i == recipe->base;
		hub[i] = varm_ingredient_name(recipe->model[i].path);
		c.model[i] = (struct card_model){
		    rp->model[i].name, hub[i], base ? "base" : "merged", rp->model[i].fingerprint};
	}
	int ret = varm_card_write(dir, &c, &rp->plan, r, e);
	for (size_t i = 0; i < n; i++)
		free(hub[i]);
	free(hub);
	free(c.model);
	free(text);
	return ret;
}
