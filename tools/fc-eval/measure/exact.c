/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/comparison.h"
#include "fc-eval/measure/forced.h"
#include "fc-eval/measure/scan.h"
#include "fc-eval/measure/significance.h"

static const char *const match_words[] = {
    [EVAL_ANSWER_EXACT] = "exact", [EVAL_ANSWER_LAST_WORD] = "last-word", NULL};
_Static_assert(FC_LEN(match_words) == EVAL_ANSWER_LAST_NUMBER + 1, "a word each");

struct options {
	const char *by;
	enum eval_answer_match match; /* of the first two */
};
static struct options asked;

struct results {
	const struct options *opt;
	struct fc_table table;
	enum eval_forced *forced; /* [cap] by the number of the stream's conversation */
	size_t cap;
};

static int take_forced(
    struct eval_scan *scan, const struct fc_example *x, const char *name, struct fc_err *e)
{
	struct results *r = scan->ctx;
	const size_t n = scan->groups.all.n;
	FC_GROW(r->forced, r->cap, n + 1);
	if (eval_forced_of(&r->forced[n], x, scan->n_vocab, r->opt->match, name, e) < 0)
		return -1;
	return eval_groups_file(&scan->groups, x, r->opt->by, name, e);
}

static int take_item(
    struct eval_scan *scan, const struct fc_example *x, const char *name, struct fc_err *e)
{
	const struct results *r = scan->ctx;
	enum eval_forced forced;
	if (eval_forced_of(&forced, x, scan->n_vocab, r->opt->match, name, e) < 0)
		return -1;
	struct eval_item *item = eval_scan_add(scan, x, r->opt->by, name, e);
	if (!item)
		return -1;
	item->value = forced == EVAL_FORCED_RIGHT;
	return 0;
}

static void compare_arms(const struct eval_arms *arms)
{
	const struct eval_measure m = {.name = "accuracy",
	    .heading = "accuracy",
	    .unit = " in accuracy",
	    .items = "conversations",
	    .differs = "another text (of another chat template? fc-infer -p takes one model's)",
	    .decimals = 3,
	    .right_wrong = true};
	struct results r = {.opt = &asked};
	struct eval_scan scan = {.ctx = &r, .likeliest = true, .take = take_item};
	struct eval_items *items = eval_scan_items(&scan, arms);
	eval_comparison(&m, arms, items, &eval_comparison_asked);
	eval_scan_release(items, arms);
}

static void put_group(
    struct eval_scan *scan, const char *path, const char *name, const struct eval_group *g)
{
	struct results *r = scan->ctx;
	uint64_t count[3] = {0};
	for (size_t i = 0; i < g->n; i++)
		count[r->forced[g->item[i]]]++;
	const uint64_t right = count[EVAL_FORCED_RIGHT], unknown = count[EVAL_FORCED_UNKNOWN];
	FC_TABLE_ROW(&r->table, fc_cell_text(path), fc_cell_text(name), fc_cell_count(g->n),
	    fc_cell_count(right), fc_cell_count(count[EVAL_FORCED_WRONG]), fc_cell_count(unknown),
	    eval_significance_share(right, g->n), fc_cell_share(right + unknown, g->n));
}

static void show_each(const struct eval_arms *arms)
{
	static const struct fc_column columns[] = {FC_COLUMN("stream"), FC_COLUMN("group"),
	    FC_COLUMN("conversations"), FC_COLUMN("right"), FC_COLUMN("wrong"),
	    FC_COLUMN("unknown"),
	    FC_COLUMN("accuracy", .decimals = 3, .interval = FC_INTERVAL_COLUMNS),
	    FC_COLUMN("at_most", .decimals = 3)};
	struct results r = {.opt = &asked, .table = FC_TABLE(columns)};
	struct eval_scan scan = {
	    .ctx = &r, .likeliest = true, .take = take_forced, .put = put_group};
	eval_scan_streams(&scan, arms);
	free(r.forced);
	eval_print(&r.table, eval_comparison_asked.format, eval_comparison_asked.out);
}

static const struct fc_opt own[] = {
    EVAL_OPT_BY(&asked.by),
    FC_OPT_WORD(0, "match", FC_OPT_DECIDES, &asked.match, match_words, "what has to be right"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, eval_comparison_opts, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = EVAL_COMMAND_ARMS,
    .summary = "Reads distribution streams, writes how often the likeliest tokens are the "
	       "answer; of several, how they differ in that.",
    .more = EVAL_COMMAND_ARMS_HELP,
};

static void run(int argc, char **argv)
{
	eval_comparison_run(argc, argv, compare_arms, show_each);
}

EVAL_COMMAND(30) = {"exact", tables, &usage, run};
