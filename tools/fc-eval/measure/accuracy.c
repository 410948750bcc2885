/* SPDX-License-Identifier: Apache-2.0 */
#include "base/die.h"
#include "base/opt.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/bootstrap.h"
#include "fc-eval/measure/grade.h"
#include "fc-eval/measure/groups.h"

static struct fc_table *tabulate(const struct eval_grades *a)
{
	struct eval_groups groups = {0};
	struct fc_table *t = fc_table_new();
	for (size_t i = 0; i < a->n; i++)
		eval_groups_add(&groups, a->v[i].category);
	fc_table_column(t, "group", 0);
	fc_table_column(t, "conversations", 0);
	fc_table_column(t, "right", 0);
	fc_table_column(t, "accuracy", 3);
	fc_table_column(t, "accuracy_low", 3);
	fc_table_column(t, "accuracy_high", 3);
	for (size_t i = 0; i < eval_groups_count(&groups); i++) {
		const char *name;
		const struct eval_group *g = eval_groups_at(&groups, i, &name);
		uint64_t right = 0, n = g->n;
		for (size_t k = 0; k < n; k++)
			right += a->v[g->item[k]].right;
		struct eval_interval w = eval_bootstrap_wilson(right, n);
		fc_table_text(t, name);
		fc_table_int(t, n);
		fc_table_int(t, right);
		fc_table_real(t, (double)right / (double)n);
		fc_table_real(t, w.low);
		fc_table_real(t, w.high);
	}
	eval_groups_release(&groups);
	return t;
}

void eval_command_accuracy(int argc, char **argv)
{
	struct eval_grading o = {.choice = -1};
	int format = 0, match = 0;
	const char *output = NULL;
	const struct fc_opt opts[] = {
	    EVAL_COMMAND_BY_OPT(&o.by),
	    {FC_OPT_CHOICE, 0, "match", &match, EVAL_ANSWER_MATCHES, "what counts as right", 0, 0},
	    {FC_OPT_FLAG, 0, "ignore-case", &o.ignore_case, NULL, "of ASCII letters", 0, 0},
	    {FC_OPT_INT, 0, "choice", &o.choice, "N",
		"of several answers to a conversation, the one that counts", 0, 1023},
	    EVAL_COMMAND_TABLE_OPTS(&format, &output),
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... [ANSWERS [REFERENCES]]",
	    .summary = "Reads answered conversations, writes how many answers are right.",
	};
	fc_prog = "fc-eval accuracy";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	if (argc - first > 2)
		fc_die_usage("at most two files: answers and references");
	struct eval_grades answers = {0}, refs = {0};
	struct fc_err e;
	o.match = (enum eval_answer_match)match;
	if (eval_grades_read(first < argc ? argv[first] : "-", &o, &answers, &e) < 0 ||
	    eval_grades_judge(&answers, first + 1 < argc ? argv[first + 1] : NULL, &o, &refs, &e) <
		0)
		fc_die("%s", e.msg);
	eval_command_print(tabulate(&answers), (enum fc_table_format)format, output);
	eval_grades_release(&answers);
	eval_grades_release(&refs);
	fc_finish();
}
