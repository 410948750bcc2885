/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/method.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/sparse.h"

static const struct method *const methods[] = {&varm_method_varm, &varm_method_sce,
    &varm_method_sce_mergekit, &varm_method_linear, &varm_method_task_arithmetic, &varm_method_ties,
    &varm_method_dare_linear, &varm_method_dare_ties, &varm_method_della, &varm_method_della_linear,
    &varm_method_breadcrumbs, &varm_method_breadcrumbs_ties, &varm_method_slerp,
    &varm_method_nuslerp, &varm_method_multislerp, &varm_method_karcher, &varm_method_model_stock,
    &varm_method_nearswap, &varm_method_arcee_fusion, &varm_method_ram, &varm_method_ramplus_tl,
    &varm_method_dare_linear_paper, &varm_method_dare_ties_paper, &varm_method_della_paper,
    &varm_method_della_linear_paper};

const struct method *varm_method_find(const char *name)
{
	for (size_t i = 0; i < FC_LEN(methods); i++)
		if (!strcmp(methods[i]->name, name))
			return methods[i];
	return NULL;
}

unsigned varm_method_takes(const struct method *m)
{
	unsigned takes = 0;
	if (m->sparse || m == &varm_method_task_arithmetic)
		takes = TAKES_WEIGHT | TAKES_NORMALIZE | TAKES_LAMBDA;
	if (m->sparse)
		takes |= TAKES_DENSITY | TAKES_RESCALE | m->sparse->takes;
	if (m == &varm_method_linear || m == &varm_method_multislerp)
		takes = TAKES_WEIGHT | TAKES_NORMALIZE;
	if (m == &varm_method_nuslerp)
		takes = TAKES_WEIGHT | TAKES_NUSLERP;
	if (m == &varm_method_sce || m == &varm_method_sce_mergekit)
		takes = TAKES_TOPK;
	if (m == &varm_method_slerp || m == &varm_method_nearswap)
		takes = TAKES_T;
	if (m == &varm_method_varm)
		takes = TAKES_GRANULARITY;
	if (m == &varm_method_model_stock)
		takes = TAKES_FILTER_WISE;
	if (m == &varm_method_karcher)
		takes = TAKES_STEPS;
	return takes;
}

void varm_verdict_trim(struct verdict *r)
{
	free(r->number);
	free(r->cut);
	r->number = NULL;
	r->cut = NULL;
}

void varm_verdict_clear(struct verdict *r)
{
	varm_verdict_trim(r);
	free(r->weight);
	r->weight = NULL;
}

struct settings varm_method_settings(const struct method *m)
{
	bool ram = m == &varm_method_ram || m == &varm_method_ramplus_tl;
	return (struct settings){
	    .normalize = m->normalize,
	    .rescale = m->rescale,
	    .lambda = 1,
	    .t = 0.5,
	    .select_topk = m == &varm_method_sce ? 0.1 : 1,
	    .flatten = true,
	    .tol = 1e-5,
	    .max_iter = 10,
	    .eps = ram ? 1e-5 : 1e-8,
	    .reward = 0.1,
	    .most_shared = 0.2,
	};
}

struct term varm_method_term(const struct method *m)
{
	(void)m;
	return (struct term){.weight = 1, .density = 1, .gamma = 0.01, .epsilon = 0.15};
}

/* Names one parameter of a target that is out of range. */
static int check_term(
    const struct method *m, const struct term *t, int k, const char *place, struct fc_err *e)
{
	double low = t->density - t->epsilon, high = t->density + t->epsilon;
	if (m->sparse && !(t->density >= 0 && t->density <= 1))
		return fc_fail(e, "%s: target %d: density %g is not between 0 and 1", place, k + 1,
		    t->density);
	if (m->sparse && m->sparse->takes & TAKES_GAMMA && !(t->gamma >= 0 && t->gamma <= 1))
		return fc_fail(
		    e, "%s: target %d: gamma %g is not between 0 and 1", place, k + 1, t->gamma);
	if (m->sparse && m->sparse->takes & TAKES_EPSILON && t->density > 0 && t->density < 1 &&
	    !(t->epsilon >= 0 && low > 0 && high < 1))
		return fc_fail(e,
		    "%s: target %d: density %g with epsilon %g: their sum and difference must be "
		    "between 0 and 1",
		    place, k + 1, t->density, t->epsilon);
	return 0;
}

int varm_method_check(const struct method *m, const struct settings *s, const struct term *term,
    int n_target, const char *place, struct fc_err *e)
{
	if (n_target < m->least || (m->most && n_target > m->most))
		return fc_fail(e, "%s: %s takes %s%d target%s, not %d", place, m->name,
		    m->most == m->least ? "" : "at least ", m->least, m->least == 1 ? "" : "s",
		    n_target);
	if (!(s->select_topk >= 0 && s->select_topk <= 1))
		return fc_fail(
		    e, "%s: select_topk %g is not between 0 and 1", place, s->select_topk);
	for (int k = 0; k < n_target; k++)
		if (check_term(m, &term[k], k, place, e) < 0)
			return -1;
	return 0;
}
