/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/show_input.h"

#include <string.h>

#include "base/die.h"
#include "base/mem.h"

struct eval_show_input_options eval_show_input_asked = {.n_resample = 10000};

static const char *const scores_words[] = {[EVAL_SHOW_STORED] = "stored",
    [EVAL_SHOW_FASTCHAT] = "fastchat",
    [EVAL_SHOW_STRICT] = "strict",
    NULL};
_Static_assert(FC_LEN(scores_words) == EVAL_SHOW_N + 1, "a word each");

const struct fc_opt eval_show_input_table[] = {
    FC_OPT_TEXT(0, "questions", FC_OPT_IN, &eval_show_input_asked.questions, "FILE",
	"gives the categories"),
    FC_OPT_TEXTS(
	0, "model", FC_OPT_DECIDES, &eval_show_input_asked.models, "NAME", "only these models"),
    FC_OPT_TEXTS(
	0, "judge", FC_OPT_DECIDES, &eval_show_input_asked.judges, "NAME", "only these judges"),
    FC_OPT_WORD(0, "verdict", FC_OPT_DECIDES, &eval_show_input_asked.scores, scores_words,
	"take scores as stored, or anew from the judges' texts"),
    FC_OPT_END,
};
const struct fc_opt eval_show_draw_table[] = {
    FC_OPT_INT(0, "resamples", FC_OPT_DECIDES, &eval_show_input_asked.n_resample, "N", 0, 1000000,
	"draws of the bootstrap (0: none)"),
    FC_OPT_U64(0, "seed", FC_OPT_DECIDES, &eval_show_input_asked.seed, "N", "of the draws"),
    FC_OPT_END,
};

static bool is_listed(const struct fc_strs *list, const char *name)
{
	for (int i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], name))
			return true;
	return list->n == 0;
}

/* A pair counts if one of its models is listed: the other is what it is compared with. */
static bool is_wanted(const struct eval_show_input_options *o, const struct eval_judgment *x)
{
	return is_listed(&o->judges, x->judge) &&
	    (is_listed(&o->models, x->model[0]) ||
		(x->model[1] && is_listed(&o->models, x->model[1])));
}

static void select_rows(struct eval_judgments *j, const struct eval_show_input_options *o)
{
	size_t n = 0;
	for (size_t i = 0; i < j->n; i++) {
		if (is_wanted(o, &j->v[i]))
			j->v[n++] = j->v[i];
		else
			eval_judgment_release(&j->v[i]);
	}
	j->n = n;
}

int eval_show_input_open(struct eval_show_input *j, const struct eval_show_input_options *o,
    const char *const *paths, int n_paths, bool keep, struct fc_err *e)
{
	static const enum eval_verdict_rule rules[EVAL_SHOW_N] = {
	    [EVAL_SHOW_FASTCHAT] = EVAL_VERDICT_FASTCHAT, [EVAL_SHOW_STRICT] = EVAL_VERDICT_STRICT};
	static const char *const standard_input[] = {"-"};
	*j = (struct eval_show_input){0};
	if (n_paths == 0) {
		paths = standard_input;
		n_paths = 1;
	}
	for (int i = 0; i < n_paths; i++) {
		bool torn;
		if (eval_judgments_read(&j->all, paths[i], keep || o->scores, &torn, e) < 0)
			return -1;
		if (torn)
			fc_warn("%s: the last line is cut off, it does not count", paths[i]);
	}
	select_rows(&j->all, o);
	if (!j->all.n)
		return fc_fail(e, "no judgment%s",
		    o->models.n || o->judges.n ? " of these models and judges" : "");
	for (size_t i = 0; o->scores && i < j->all.n; i++)
		eval_judgment_reread(&j->all.v[i], rules[o->scores]);
	eval_judgments_count_duplicates(&j->all);
	if (j->all.n_duplicate)
		fc_warn("%zu of %zu judgments come again for the same model, question, turn, judge "
			"and prompt; all of them count, as with FastChat",
		    j->all.n_duplicate, j->all.n);
	if (!o->questions)
		return 0;
	j->has_bench = true;
	return eval_bench_read(&j->bench, o->questions, e);
}

void eval_show_input_close(struct eval_show_input *j)
{
	eval_judgments_release(&j->all);
	eval_bench_release(&j->bench);
}

const struct eval_bench *eval_show_input_bench(const struct eval_show_input *j)
{
	return j->has_bench ? &j->bench : NULL;
}
