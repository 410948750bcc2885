/* SPDX-License-Identifier: Apache-2.0 */
/* What a recipe's `tokenizer: tokens:` says. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/recipe/recipe_parts.h"

/* {kind: model_token, model, token | token_id} or {kind: zero} */
static int read_kind(
    struct recipe *r, const struct yaml *v, struct recipe_token *t, struct fc_err *e)
{
	static const char *const known[] = {"kind", "model", "token", "token_id"};
	const struct yaml *kind = varm_yaml_get(v, "kind"), *model = varm_yaml_get(v, "model");
	const struct yaml *token = varm_yaml_get(v, "token"), *id = varm_yaml_get(v, "token_id");
	if (varm_recipe_known(r, v, "a token's source", known, FC_LEN(known), e) < 0)
		return -1;
	if (kind->kind == YAML_TEXT && !strcmp(kind->text, "zero")) {
		t->source = TOKEN_ZERO;
		return 0;
	}
	if (kind->kind != YAML_TEXT || strcmp(kind->text, "model_token") != 0)
		return varm_recipe_fail(r, kind->line, e, "kind: expected model_token or zero");
	if (!model || !token == !id || (token && token->kind != YAML_TEXT) ||
	    (id && (!varm_yaml_int(id, &t->id) || t->id < 0)))
		return varm_recipe_fail(
		    r, v->line, e, "model_token takes model and either token or token_id");
	t->source = TOKEN_OF_MODEL;
	t->other = token ? token->text : NULL;
	return varm_recipe_model(r, model, &t->model, e);
}

static int read_token(
    struct recipe *r, const struct yaml *v, struct recipe_token *t, struct fc_err *e)
{
	static const char *const known[] = {"source", "force"};
	if (varm_yaml_is_null(v))
		return varm_recipe_fail(
		    r, v->line, e, "token '%.64s': expected its source", t->token);
	if (varm_recipe_known(r, v, "a token", known, FC_LEN(known), e) < 0)
		return -1;
	const struct yaml *source = varm_yaml_get(v, "source"), *force = varm_yaml_get(v, "force");
	if (force && !varm_yaml_bool(force, &t->force))
		return varm_recipe_fail(r, force->line, e, "force: expected true or false");
	if (!source || varm_yaml_is_null(source))
		return varm_recipe_fail(r, v->line, e, "token '%.64s' without source", t->token);
	if (source->kind == YAML_MAP && varm_yaml_get(source, "kind"))
		return read_kind(r, source, t, e);
	t->source = TOKEN_SAME;
	return varm_recipe_model(r, source, &t->model, e);
}

int varm_recipe_read_tokens(struct recipe *r, const struct yaml *map, struct fc_err *e)
{
	r->token = FC_ARRAY(struct recipe_token, map->n + 1);
	for (size_t i = 0; i < map->n; i++) {
		struct recipe_token *t = &r->token[r->n_token++];
		t->token = map->key[i]->text;
		t->line = map->key[i]->line;
		if (read_token(r, map->item[i], t, e) < 0)
			return -1;
	}
	return 0;
}
