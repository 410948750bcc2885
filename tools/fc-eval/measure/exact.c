/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/resample.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/comparison.h"
#include "fc-eval/measure/forced.h"
#include "fc-eval/measure/scan.h"
#include "fc-eval/measure/significance.h"

struct options {
	const char *by, *out, *baseline;
	int format, match, n_resample;
	bool each;
	uint64_t seed;
};

struct verdicts {
	const struct options *opt;
	struct fc_table *table;
	enum eval_forced *verdict; /* [cap] by the number of the stream's conversation */
	size_t cap;
};

static int take(
    struct eval_scan *scan, const struct fc_example *x, const char *name, struct fc_err *e)
{
	struct verdicts *v = scan->ctx;
	const size_t n = scan->groups.all.n;
	FC_GROW(v->verdict, v->cap, n + 1);
	if (eval_forced_of(&v->verdict[n], x, scan->n_vocab, (enum eval_answer_match)v->opt->match,
		name, e) < 0)
		return -1;
	return eval_groups_file(&scan->groups, x, v->opt->by, name, e);
}

static int take_item(
    struct eval_scan *scan, const struct fc_example *x, const char *name, struct fc_err *e)
{
	const struct verdicts *v = scan->ctx;
	enum eval_forced verdict;
	if (eval_forced_of(
		&verdict, x, scan->n_vocab, (enum eval_answer_match)v->opt->match, name, e) < 0)
		return -1;
	struct eval_item *item = eval_scan_add(scan, x, v->opt->by, name, e);
	if (!item)
		return -1;
	item->value = verdict == EVAL_FORCED_RIGHT;
	return 0;
}

static void compare(const struct options *o, const struct eval_arms *arms)
{
	const struct eval_measure m = {.name = {"accuracy", "accuracy_low", "accuracy_high"},
	    .heading = "accuracy",
	    .unit = " in accuracy",
	    .items = "conversations",
	    .differs = "another text (of another chat template? fc-infer -p takes one model's)",
	    .decimals = 3,
	    .right_wrong = true};
	const struct eval_comparison_options how = {.seed = o->seed,
	    .n_resample = o->n_resample,
	    .format = (enum fc_table_format)o->format,
	    .out = o->out};
	struct verdicts v = {.opt = o};
	struct eval_scan scan = {.ctx = &v, .likeliest = true, .take = take_item};
	struct eval_items *items = eval_scan_items(&scan, arms);
	eval_comparison(&m, arms, items, &how);
	eval_scan_release(items, arms);
}

static void put_group(
    struct eval_scan *scan, const char *path, const char *name, const struct eval_group *g)
{
	const struct verdicts *v = scan->ctx;
	struct fc_table *t = v->table;
	uint64_t count[3] = {0}, n = g->n;
	for (size_t i = 0; i < g->n; i++)
		count[v->verdict[g->item[i]]]++;
	const uint64_t right = count[EVAL_FORCED_RIGHT], unknown = count[EVAL_FORCED_UNKNOWN];
	const struct fc_interval w = eval_significance_wilson(right, n);
	fc_table_text(t, path);
	fc_table_text(t, name);
	fc_table_int(t, n);
	fc_table_int(t, right);
	fc_table_int(t, count[EVAL_FORCED_WRONG]);
	fc_table_int(t, unknown);
	fc_table_real(t, (double)right / (double)n);
	fc_table_real(t, w.low);
	fc_table_real(t, w.high);
	fc_table_real(t, (double)(right + unknown) / (double)n);
}

static void show_each(const struct options *o, const struct eval_arms *arms)
{
	struct fc_table *t = fc_table_new();
	struct verdicts v = {.opt = o, .table = t};
	fc_table_column(t, "stream", 0);
	fc_table_column(t, "group", 0);
	fc_table_column(t, "conversations", 0);
	fc_table_column(t, "right", 0);
	fc_table_column(t, "wrong", 0);
	fc_table_column(t, "unknown", 0);
	fc_table_column(t, "accuracy", 3);
	fc_table_column(t, "accuracy_low", 3);
	fc_table_column(t, "accuracy_high", 3);
	fc_table_column(t, "at_most", 3);
	struct eval_scan scan = {.ctx = &v, .likeliest = true, .take = take, .put = put_group};
	eval_scan_streams(&scan, arms);
	free(v.verdict);
	eval_command_print(v.table, (enum fc_table_format)o->format, o->out);
}

void eval_command_exact(int argc, char **argv)
{
	struct options o = {.n_resample = -1};
	const struct fc_opt opts[] = {
	    EVAL_COMMAND_BY_OPT(&o.by),
	    EVAL_COMMAND_COMPARE_OPTS(&o.baseline, &o.each, &o.n_resample, &o.seed),
	    {FC_OPT_CHOICE, 0, "match", &o.match, "exact|last-word", "what has to be right", 0, 0},
	    EVAL_COMMAND_TABLE_OPTS(&o.format, &o.out),
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = EVAL_COMMAND_ARMS,
	    .summary = "Reads distribution streams, writes how often the likeliest tokens are the "
		       "answer; of several, how they differ in that.",
	    .more = EVAL_COMMAND_ARMS_HELP,
	};
	fc_prog = "fc-eval exact";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	struct eval_arms arms;
	eval_arms_parse(&arms, argv + first, (size_t)(argc - first), o.baseline, o.each);
	(eval_arms_several(&arms) && !o.each ? compare : show_each)(&o, &arms);
	eval_arms_release(&arms);
	fc_finish();
}
