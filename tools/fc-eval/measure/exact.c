/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/bootstrap.h"
#include "fc-eval/measure/forced.h"
#include "fc-eval/measure/scan.h"

struct options {
	const char *by, *out;
	int format, match;
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

static void put_group(
    struct eval_scan *scan, const char *path, const char *name, const struct eval_group *g)
{
	const struct verdicts *v = scan->ctx;
	struct fc_table *t = v->table;
	uint64_t count[3] = {0}, n = g->n;
	for (size_t i = 0; i < g->n; i++)
		count[v->verdict[g->item[i]]]++;
	const uint64_t right = count[EVAL_FORCED_RIGHT], unknown = count[EVAL_FORCED_UNKNOWN];
	const struct eval_interval w = eval_bootstrap_wilson(right, n);
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

void eval_command_exact(int argc, char **argv)
{
	struct options o = {0};
	const struct fc_opt opts[] = {
	    EVAL_COMMAND_BY_OPT(&o.by),
	    {FC_OPT_CHOICE, 0, "match", &o.match, "exact|last-word", "what has to be right", 0, 0},
	    EVAL_COMMAND_TABLE_OPTS(&o.format, &o.out),
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... [STREAM]...",
	    .summary = "Reads distribution streams, writes how often the likeliest tokens are the "
		       "answer.",
	};
	fc_prog = "fc-eval exact";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	struct fc_table *t = fc_table_new();
	struct verdicts v = {.opt = &o, .table = t};
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
	eval_scan_streams(&scan, argv + first, (size_t)(argc - first));
	free(v.verdict);
	eval_command_print(v.table, (enum fc_table_format)o.format, o.out);
	fc_finish();
}
