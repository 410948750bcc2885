/* SPDX-License-Identifier: Apache-2.0 */
/* A merge recipe: parsed, its parameters evaluated, written and parsed again. */
#include "../input.h"

#include <string.h>

#include "fc-varm/recipe/setting.h"
#include "fc-varm/recipe/yamlwrite.h"

static const char *const tensors[] = {"lm_head.weight", "model.layers.3.mlp.up_proj.weight"};

/* A setting is looked for in wider scopes too; all are checked before any is used. */
static bool is_checked(
    const struct recipe *r, const struct recipe_slice *s, size_t source, const char *name)
{
	const struct yaml *scope[] = {
	    s->source[source].parameters, s->parameters, r->module, r->parameters};
	struct parameter real = {.name = name, .kind = PARAMETER_REAL};
	struct fc_err e;
	for (size_t i = 0; i < sizeof scope / sizeof *scope; i++) {
		const struct yaml *v = scope[i] ? varm_yaml_get(scope[i], name) : NULL;
		if (v && varm_setting_check(r, v, &real, &e) < 0)
			return false;
	}
	return true;
}

static void evaluate(const struct recipe *r, const struct recipe_slice *s, size_t source,
    const struct yaml *parameters)
{
	struct fc_err e;
	for (size_t i = 0; parameters && i < parameters->n; i++) {
		const char *name = parameters->key[i]->text;
		if (!is_checked(r, s, source, name))
			continue;
		for (int step = 0; step < 6; step++) {
			struct setting_place at = {
			    s, &s->source[source], tensors[step % 2], step / 5.0};
			struct parameter p = {.name = name, .kind = PARAMETER_REAL};
			double x;
			int line;
			varm_setting_find(r, &at, &p, &x, &line, &e);
			p.kind = PARAMETER_TRUTH;
			varm_setting_find(r, &at, &p, &x, &line, &e);
		}
	}
}

static void read_recipe(const struct yaml *doc)
{
	struct recipe r;
	struct fc_err e;
	if (varm_recipe_read(&r, doc, "recipe", NULL, &e) == 0)
		for (size_t i = 0; i < r.n_slice; i++)
			for (size_t k = 0; k < r.slice[i].n; k++)
				evaluate(&r, &r.slice[i], k, r.slice[i].source[k].parameters);
	varm_recipe_release(&r);
}

static void write_again(const struct yaml *doc)
{
	struct fc_buf b = FC_BUF_INIT, again = FC_BUF_INIT;
	struct yaml_file f;
	struct fc_err e;
	varm_yaml_write(&b, doc, NULL, NULL);
	/* Escapes may make the text longer than a file may be. */
	if (b.n <= YAML_MAX_BYTES) {
		if (varm_yaml_parse(&f, b.p, b.n, "written", &e) < 0 || f.n_doc != 1) {
			fprintf(stderr, "%s\n%s", e.msg, b.p);
			abort();
		}
		varm_yaml_write(&again, f.doc[0], NULL, NULL);
		if (again.n != b.n || memcmp(again.p, b.p, b.n) != 0)
			abort();
		varm_yaml_release(&f);
	}
	fc_buf_release(&b);
	fc_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct yaml_file f;
	struct fc_err e;
	if (varm_yaml_parse(&f, (const char *)p, n, "recipe", &e) == 0) {
		for (size_t i = 0; i < f.n_doc; i++) {
			read_recipe(f.doc[i]);
			write_again(f.doc[i]);
		}
	}
	varm_yaml_release(&f);
	return 0;
}
