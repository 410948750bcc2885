/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/comparison.h"

#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/comparison_table.h"

/* Fills in what all streams have of item i; false if nothing. */
static bool take_item(struct eval_compared *c, const struct eval_joined *match,
    const struct eval_items *items, size_t i)
{
	const size_t S = c->arms->n_stream, *at = match->at + i * S;
	const struct eval_scored **scored = FC_ARRAY(const struct eval_scored *, S);
	bool all = true, any = !c->measure->of_bytes;
	for (size_t k = 0; k < S; k++) {
		all = all && at[k] != SIZE_MAX;
		if (at[k] == SIZE_MAX)
			continue;
		scored[k] = &items[k].v[at[k]].scored;
		c->left_bytes[i * S + k] = scored[k]->bytes;
		any = any || scored[k]->bytes;
	}
	if (all && c->measure->of_bytes) {
		const uint64_t bytes = eval_scored_common(scored, S, c->num + i * S);
		c->den[i] = (double)bytes;
		for (size_t k = 0; k < S; k++) {
			c->num[i * S + k] *= c->measure->scale;
			c->left_bytes[i * S + k] -= bytes;
		}
	} else if (all) {
		c->den[i] = 1;
		for (size_t k = 0; k < S; k++)
			c->num[i * S + k] = items[k].v[at[k]].value;
	}
	c->left_out[i] = any && c->den[i] == 0;
	free(scored);
	return c->den[i] > 0;
}

static const char *category_of(
    const struct eval_joined *match, const struct eval_items *items, size_t i, size_t n_stream)
{
	size_t k = 0;
	while (match->at[i * n_stream + k] == SIZE_MAX)
		k++;
	return items[k].v[match->at[i * n_stream + k]].category;
}

static _Noreturn void die_uncommon(const struct eval_compared *c, size_t n_common)
{
	const struct eval_arms *a = c->arms;
	const char *const more = a->n_stream > 2 ? " and the others" : "";
	if (n_common == 0)
		fc_die("%s, %s%s have no %s in common by their ids: nothing to compare", a->path[0],
		    a->path[1], more, c->measure->items);
	fc_die("%s, %s%s have scored no byte in common: their labels stand elsewhere, or are "
	       "another tokenizer's (--from rows compares what the rows say)",
	    a->path[0], a->path[1], more);
}

void eval_comparison(const struct eval_measure *m, const struct eval_arms *arms,
    struct eval_items *items, const struct eval_comparison_options *o)
{
	struct eval_joined match;
	struct fc_err e;
	const size_t S = arms->n_stream;
	size_t n_common = 0;
	bool any = false;
	if (eval_items_join(&match, items, arms->path, S, m->differs, &e) < 0)
		fc_die("%s", e.msg);
	struct eval_comparison_options own = *o;
	if (own.n_resample < 0)
		own.n_resample = EVAL_COMMAND_N_COMPARE;
	struct eval_compared c = {.measure = m, .arms = arms, .options = &own, .n = match.n};
	c.den = FC_ARRAY(double, match.n);
	c.num = FC_ARRAY(double, match.n *S);
	c.left_bytes = FC_ARRAY(uint64_t, match.n * S);
	c.left_out = FC_ARRAY(bool, match.n);
	for (size_t i = 0; i < match.n; i++) {
		bool all = true;
		for (size_t k = 0; k < S; k++)
			all = all && match.at[i * S + k] != SIZE_MAX;
		n_common += all;
		any = take_item(&c, &match, items, i) || any;
		eval_groups_add(&c.groups, category_of(&match, items, i, S));
	}
	if (!any)
		die_uncommon(&c, n_common);
	eval_compared_print(&c);
	eval_joined_release(&match);
	eval_groups_release(&c.groups);
	free(c.den);
	free(c.num);
	free(c.left_bytes);
	free(c.left_out);
}

struct eval_comparison_options eval_comparison_asked = {.n_resample = -1};

const struct fc_opt eval_comparison_opts[] = {
    EVAL_OPT_BASELINE(&eval_comparison_asked.baseline),
    FC_OPT_FLAG(0, "each", FC_OPT_DECIDES, &eval_comparison_asked.each,
	"of several streams, every one by itself: compare nothing"),
    EVAL_OPT_RESAMPLES(&eval_comparison_asked.n_resample,
	"draws of the bootstrap; 0: no intervals [1000, to compare 10000]"),
    EVAL_OPT_SEED(&eval_comparison_asked.seed),
    EVAL_OPT_FORMAT(&eval_comparison_asked.format),
    EVAL_OPT_OUTPUT(&eval_comparison_asked.out),
    FC_OPT_END,
};

void eval_comparison_run(int n, char *const *operand, void (*compare)(const struct eval_arms *),
    void (*each)(const struct eval_arms *))
{
	struct eval_arms arms;
	struct eval_comparison_options *o = &eval_comparison_asked;
	eval_arms_parse(&arms, operand, (size_t)n, o->baseline, o->each);
	const bool compares = eval_arms_several(&arms) && !o->each;
	if (!compares && o->n_resample < 0)
		o->n_resample = EVAL_COMMAND_N_RESAMPLE;
	(compares ? compare : each)(&arms);
	eval_arms_release(&arms);
	fc_finish();
}
