/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/merge/group.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/source/layer.h"

/* The length of the name's part that items of a group have in common; 0: the item is alone. */
static size_t common_part(const char *name, int by)
{
	size_t layer = varm_layer_prefix(name);
	if (by == BY_MODULE && layer)
		return layer + 1 + strcspn(name + layer + 1, ".");
	return by == BY_LAYER ? layer : 0;
}

static bool is_shared(const struct plan_item *it)
{
	int by = it->set.granularity;
	return it->method && it->method->importance && it->n_target > 0 &&
	    (by == BY_MODULE || by == BY_LAYER || by == BY_MODEL);
}

static bool is_together(const struct plan_item *a, const struct plan_item *b)
{
	size_t n = common_part(a->out.name, a->set.granularity);
	if (a->set.granularity != b->set.granularity || a->n_target != b->n_target)
		return false;
	if (a->set.granularity == BY_MODEL)
		return true;
	return n && n == common_part(b->out.name, b->set.granularity) &&
	    !memcmp(a->out.name, b->out.name, n);
}

void varm_group_assign(struct plan *p)
{
	int last = 0;
	for (size_t i = 0; i < p->n; i++) {
		struct plan_item *it = &p->item[i];
		it->group = 0;
		if (!is_shared(it))
			continue;
		for (size_t j = 0; j < i && !it->group; j++)
			if (is_shared(&p->item[j]) && is_together(&p->item[j], it))
				it->group = p->item[j].group;
		if (!it->group)
			it->group = ++last;
	}
}

/* What an item's importances count in its group.  A model's are those of all its entries, a
 * module's and a layer's the plain sum over tensors, however large they are. */
static double share_of(const struct plan *p, const size_t *member, size_t n, size_t i)
{
	double all = 0;
	if (p->item[member[0]].set.granularity != BY_MODEL)
		return 1;
	for (size_t m = 0; m < n; m++)
		all += (double)varm_plan_views(&p->item[member[m]]).n;
	return all ? (double)varm_plan_views(&p->item[i]).n / all : 1;
}

/* importance -> weight, in place: softmax of importance / temperature, or the part of the sum */
static void normalize_weights(double *w, int n, double temperature)
{
	double sum = 0, most = -INFINITY;
	for (int k = 0; k < n; k++)
		most = fmax(most, w[k]);
	for (int k = 0; k < n && temperature > 0; k++)
		w[k] = exp((w[k] - most) / temperature);
	for (int k = 0; k < n; k++)
		sum += w[k];
	for (int k = 0; k < n; k++)
		w[k] = sum == 0 ? 1.0 / n : w[k] / sum;
}

void varm_group_weigh(const struct plan *p, const size_t *member, size_t n, struct all_measured *r)
{
	const struct plan_item *first = &p->item[member[0]];
	int K = first->n_target;
	double *w = FC_ARRAY(double, (size_t)K + 1), sum = 0;
	for (size_t m = 0; m < n; m++) {
		double share = share_of(p, member, n, member[m]);
		for (int k = 0; k < K; k++)
			w[k] += share * r->item[member[m]].weight[k];
	}
	for (int k = 0; k < K; k++)
		sum += w[k];
	/* as published: at the granularity of layers, what is in no layer is averaged */
	bool outside = first->set.granularity == BY_LAYER && !varm_layer_prefix(first->out.name);
	for (int k = 0; k < K && outside; k++)
		w[k] = 0;
	normalize_weights(w, K, sum == 0 ? 0 : first->set.temperature);
	for (size_t m = 0; m < n; m++) {
		r->item[member[m]].moved = sum != 0;
		memcpy(r->item[member[m]].weight, w, (size_t)K * sizeof *w);
	}
	for (int k = 0; k < K && first->set.granularity == BY_PARAMETER; k++)
		r->item[member[0]].weight[k] = NAN; /* every entry has its own */
	free(w);
}
