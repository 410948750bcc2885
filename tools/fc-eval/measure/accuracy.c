/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/die.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/opt.h"
#include "chat/invalid.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/comparison.h"
#include "fc-eval/measure/grade.h"
#include "fc-eval/measure/groups.h"
#include "fc-eval/measure/scan.h"
#include "fc-eval/measure/significance.h"

static void add_rows(struct fc_table *t, const struct eval_grades *a)
{
	struct eval_groups groups = {0};
	for (size_t i = 0; i < a->n; i++)
		eval_groups_add(&groups, a->v[i].category);
	for (size_t i = 0; i < eval_groups_count(&groups); i++) {
		const char *name;
		const struct eval_group *g = eval_groups_at(&groups, i, &name);
		uint64_t right = 0;
		for (size_t k = 0; k < g->n; k++)
			right += a->v[g->item[k]].right;
		FC_TABLE_ROW(t, fc_cell_text(name), fc_cell_count(g->n), fc_cell_count(right),
		    eval_significance_share(right, g->n));
	}
	eval_groups_release(&groups);
}

static const char *references; /* of a comparison */
static bool compares;

static void compare_arms(const struct eval_arms *arms)
{
	static const struct eval_measure m = {.name = "accuracy",
	    .heading = "accuracy",
	    .unit = " in accuracy",
	    .items = "conversations",
	    .differs = "another question or reference",
	    .decimals = 3,
	    .right_wrong = true};
	struct eval_items *items = FC_ARRAY(struct eval_items, arms->n_stream);
	struct fc_err e;
	for (size_t k = 0; k < arms->n_stream; k++) {
		struct eval_grades a = {0};
		if (eval_grades_read(arms->path[k], references, &eval_grading_asked, &a, &e) < 0)
			fc_die("%s", e.msg);
		for (size_t i = 0; i < a.n; i++) {
			struct eval_grade *g = &a.v[i];
			uint64_t same = g->asked;
			if (!references && g->reference)
				same = fc_hash(g->reference, strlen(g->reference), same);
			eval_items_add(&items[k], g->id, g->category, same)->value = g->right;
			g->category = NULL; /* the item's now */
		}
		eval_grades_release(&a);
	}
	if (fc_invalid_finish(&e) < 0)
		fc_die("%s", e.msg);
	eval_comparison(&m, arms, items, &eval_comparison_asked);
	eval_scan_release(items, arms);
}

static void show_one(const char *answers, const char *right)
{
	static const struct fc_column columns[] = {FC_COLUMN("group"), FC_COLUMN("conversations"),
	    FC_COLUMN("right"),
	    FC_COLUMN("accuracy", .decimals = 3, .interval = FC_INTERVAL_COLUMNS)};
	struct fc_table t = FC_TABLE(columns);
	struct eval_grades a = {0};
	struct fc_err e;
	if (eval_grades_read(answers, right, &eval_grading_asked, &a, &e) < 0 ||
	    fc_invalid_finish(&e) < 0)
		fc_die("%s", e.msg);
	add_rows(&t, &a);
	eval_print(&t, eval_comparison_asked.format, eval_comparison_asked.out);
	eval_grades_release(&a);
}

static const struct fc_opt own[] = {
    FC_OPT_FLAG(0, "compare", FC_OPT_DECIDES, &compares,
	"all operands are ANSWERS of models, which are compared"),
    FC_OPT_TEXT(0, "references", FC_OPT_IN, &references, "FILE",
	"of a comparison: conversations with the right answers"),
    EVAL_OPT_BASELINE(&eval_comparison_asked.baseline),
    EVAL_OPT_RESAMPLES(&eval_comparison_asked.n_resample,
	"draws of the bootstrap, where a model has several files [10000]"),
    EVAL_OPT_SEED(&eval_comparison_asked.seed),
    EVAL_OPT_FORMAT(&eval_comparison_asked.format),
    EVAL_OPT_OUTPUT(&eval_comparison_asked.out),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {
    own, eval_grading_opts, fc_invalid_options, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... [ANSWERS [REFERENCES]]\n"
		"--compare [OPTION]... [NAME=]ANSWERS[,ANSWERS]...",
    .summary = "Reads answered conversations, writes how many answers are right; of "
	       "several files with --compare, how they differ in that.",
    .more = EVAL_COMMAND_ARMS_HELP,
};

static void run(int argc, char **argv)
{
	const char *baseline = eval_comparison_asked.baseline;
	fc_invalid_check();
	eval_grading_check();
	if (!compares && (references || baseline))
		fc_die_usage("--%s goes with --compare", references ? "references" : "baseline");
	if (compares) {
		struct eval_arms arms;
		eval_arms_parse(&arms, argv, (size_t)argc, baseline, false);
		if (!eval_arms_several(&arms))
			fc_die_usage("--compare needs two files of answers or more");
		compare_arms(&arms);
		eval_arms_release(&arms);
	} else {
		if (argc > 2)
			fc_die_usage("at most two files: answers and references; --compare takes "
				     "several models' answers");
		show_one(argc ? argv[0] : "-", argc > 1 ? argv[1] : NULL);
	}
	fc_finish();
}

EVAL_COMMAND(20) = {"accuracy", tables, &usage, run};
