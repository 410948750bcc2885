/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/method.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/inner_products.h"

const struct parameter varm_weight =
    VARM_PARAMETER(REAL, "weight", VARM_OF_TARGET(weight), 1, -INFINITY, INFINITY, "W",
	"a weight for each target, or one for all", .must = PARAMETER_RECIPE_MUST);
const struct parameter varm_normalize = VARM_PARAMETER(
    TRUTH, "normalize", VARM_SHARED(normalize), 0, 0, 1, NULL, "divide by the sum of the weights");

static const struct method **known;
static size_t n_known, cap_known;

void varm_method_add(const struct method *m)
{
	size_t i = n_known++;
	FC_GROW(known, cap_known, n_known);
	for (; i && strcmp(known[i - 1]->name, m->name) > 0; i--)
		known[i] = known[i - 1];
	known[i] = m;
}

size_t varm_method_count(void)
{
	return n_known;
}

const struct method *varm_method_at(size_t i)
{
	return known[i];
}

const struct method *varm_method_find(const char *name)
{
	for (size_t i = 0; i < n_known; i++)
		if (!strcmp(known[i]->name, name))
			return known[i];
	return NULL;
}

const struct method *varm_method_find_recipe(const char *name)
{
	for (size_t i = 0; i < n_known; i++)
		if (known[i]->mergekit && !strcmp(known[i]->mergekit, name))
			return known[i];
	return varm_method_find(name);
}

const struct take *varm_method_take(const struct method *m, const char *name)
{
	for (const struct take *t = m->takes; t->parameter; t++)
		if (varm_parameter_is_called(t->parameter, name))
			return t;
	return NULL;
}

double varm_take_usual(const struct take *t)
{
	return t->has_usual ? t->usual : t->parameter->usual;
}

static void put_usual(const struct method *m, enum parameter_scope scope, void *into)
{
	for (const struct take *t = m->takes; t->parameter; t++)
		if (t->parameter->scope == scope)
			varm_parameter_put(t->parameter, into, varm_take_usual(t));
}

struct settings varm_method_settings(const struct method *m)
{
	struct settings s = {.seed = 0};
	put_usual(m, PARAMETER_SHARED, &s);
	return s;
}

struct target_params varm_method_target_params(const struct method *m)
{
	struct target_params t = {.weight = 1};
	put_usual(m, PARAMETER_OF_TARGET, &t);
	return t;
}

int varm_method_check_count(const struct method *m, int n_target, struct fc_err *e)
{
	if (n_target >= m->least && (!m->most || n_target <= m->most))
		return 0;
	return fc_fail(e, "%s merges %s%d models%s, here are %d", m->name,
	    m->most == m->least ? "" : "at least ", m->least,
	    m->base == BASE_NEEDED ? " into the base" : "", n_target);
}

static int check_target(
    const struct method *m, const struct target_params *t, int k, struct fc_err *e)
{
	struct fc_err why;
	if (!m->check || m->check(t, &why) == 0)
		return 0;
	return fc_fail(e, "target %d: %s", k + 1, why.msg);
}

int varm_method_check(const struct method *m, const struct settings *s,
    const struct target_params *params, int n_target, struct fc_err *e)
{
	double sum = 0;
	if (varm_method_check_count(m, n_target, e) < 0)
		return -1;
	for (int k = 0; k < n_target; k++) {
		sum += params[k].weight;
		if (check_target(m, &params[k], k, e) < 0)
			return -1;
	}
	return m->divides && s->normalize && sum == 0 ? fc_fail(e, "the weights add up to 0") : 0;
}

int varm_method_measure(
    const struct method *m, const struct views *v, struct measured *r, struct fc_err *e)
{
	bool changes = m->products == PRODUCTS_OF_CHANGES && v->base;
	int ret = 0;
	if (m->products)
		ret = varm_inner_products(v, changes, &r->products, &r->n_product, e);
	if (ret == 0)
		ret = m->measure(v, r, e);
	free(r->products);
	r->products = NULL;
	return ret;
}

void varm_measured_trim(struct measured *r)
{
	free(r->number);
	free(r->threshold);
	free(r->drawn.bits);
	r->number = NULL;
	r->threshold = NULL;
	r->drawn = (struct drawn){0};
}

void varm_measured_clear(struct measured *r)
{
	varm_measured_trim(r);
	free(r->weight);
	r->weight = NULL;
}
