/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/resample.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/choices.h"
#include "fc-eval/measure/comparison.h"
#include "fc-eval/measure/forced.h"
#include "fc-eval/measure/scan.h"
#include "text/json.h"

#define CHOICES_MAX 1000000

struct options {
	const char *by;
	enum eval_mc measure;
};
static struct options asked;

static const char *const measure_words[] = {[EVAL_MC_ACC] = "acc",
    [EVAL_MC_ACC_NORM] = "acc_norm",
    [EVAL_MC_ACC_BYTES] = "acc_bytes",
    [EVAL_MC_MUTUAL] = "acc_mutual_info",
    [EVAL_MC_EXACT] = "exact_match",
    [EVAL_MC_BRIER] = "brier_score",
    NULL};
_Static_assert(FC_LEN(measure_words) == EVAL_MC_COUNT + 1, "a word each");
static const struct fc_column columns[] = {FC_COLUMN("stream"), FC_COLUMN("group"),
    FC_COLUMN("tasks"), FC_COLUMN("acc", .decimals = 3, .interval = FC_INTERVAL_BRACKETS),
    FC_COLUMN("acc_norm", .decimals = 3, .interval = FC_INTERVAL_BRACKETS),
    FC_COLUMN("acc_bytes", .decimals = 3, .interval = FC_INTERVAL_PROGRAMS),
    FC_COLUMN("acc_mutual_info", .decimals = 3, .interval = FC_INTERVAL_PROGRAMS),
    FC_COLUMN("exact_match", .decimals = 3, .interval = FC_INTERVAL_PROGRAMS),
    FC_COLUMN("brier_score", .decimals = 3, .interval = FC_INTERVAL_PROGRAMS)};
enum { COLUMN_MEASURE = FC_LEN(columns) - EVAL_MC_COUNT /* the first, enum eval_mc 0 */ };

/* The task whose choices are being read. */
struct open_task {
	char *id, *category;
	size_t gold, n;
	struct eval_mc_choice *choice; /* [n] */
};

struct results {
	const struct options *opt;
	struct fc_table table;
	struct open_task open;
	double (*measure)[EVAL_MC_COUNT]; /* [cap] by the number of the stream's task */
	size_t cap;
};

/* Adds the finished task to a comparison's items, which take its category. */
static int add_item(struct eval_scan *scan, struct open_task *t, const char *name, struct fc_err *e)
{
	const struct results *r = scan->ctx;
	const size_t same[] = {t->n, t->gold};
	double v[EVAL_MC_COUNT];
	eval_mc_measure(t->choice, t->n, t->gold, v);
	if (isnan(v[r->opt->measure]))
		return fc_fail(e, "%s: task '%s': its %s is not known%s", name, t->id,
		    columns[COLUMN_MEASURE + r->opt->measure].name,
		    r->opt->measure == EVAL_MC_MUTUAL ? "; fc-eval mc-questions --unconditional "
							"asks for it"
						      : "");
	eval_items_add(scan->items, t->id, t->category, fc_hash(same, sizeof same, 0))->value =
	    v[r->opt->measure];
	t->category = NULL;
	return 0;
}

static int finish_task(struct eval_scan *scan, const char *name, struct fc_err *e)
{
	struct results *r = scan->ctx;
	struct open_task *t = &r->open;
	const size_t n = scan->groups.all.n;
	int ret = 0;
	if (!t->id)
		return 0;
	for (size_t i = 0; i < t->n && ret == 0; i++)
		if (isnan(t->choice[i].ll))
			ret = fc_fail(e,
			    "%s: task '%s': choice %zu of %zu is missing (was it left out as too "
			    "long?)",
			    name, t->id, i, t->n);
	if (ret == 0 && scan->items) {
		ret = add_item(scan, t, name, e);
	} else if (ret == 0) {
		FC_GROW(r->measure, r->cap, n + 1);
		eval_mc_measure(t->choice, t->n, t->gold, r->measure[n]);
		eval_groups_add(&scan->groups, t->category);
	}
	free(t->id);
	free(t->category);
	free(t->choice);
	*t = (struct open_task){0};
	return ret;
}

/* Files the choice that the line's "mc" describes under the open task; a choice of another task
 * finishes that and opens its own. */
static int take_choice(struct eval_scan *scan, const struct fc_example *x, const json_t *line,
    const char *name, struct fc_err *e)
{
	struct results *r = scan->ctx;
	struct open_task *t = &r->open;
	const char *by = r->opt->by;
	const json_t *mc = json_object_get(line, "mc");
	const char *id = json_string_value(json_object_get(mc, "task"));
	const json_int_t choice = json_integer_value(json_object_get(mc, "choice")),
			 n = json_integer_value(json_object_get(mc, "choices")),
			 gold = json_integer_value(json_object_get(mc, "gold"));
	if (!id || n < 1 || n > CHOICES_MAX || choice < 0 || choice >= n || gold < 0 || gold >= n)
		return fc_fail(e,
		    "%s: conversation '%s' is no choice of a task; fc-eval mc-questions makes them",
		    name, x->id.p);
	if (t->id && strcmp(t->id, id) != 0 && finish_task(scan, name, e) < 0)
		return -1;
	if (!t->id) {
		if (by && fc_category_name(line, by, name, &t->category, e) < 0)
			return -1;
		t->id = fc_strdup(id);
		t->n = (size_t)n;
		t->gold = (size_t)gold;
		t->choice = FC_ARRAY(struct eval_mc_choice, t->n);
		for (size_t i = 0; i < t->n; i++)
			t->choice[i] = (struct eval_mc_choice){NAN, NAN, 0, 0, -1};
	}
	struct eval_mc_choice *c = &t->choice[choice];
	const bool alone = json_is_true(json_object_get(mc, "alone"));
	const double ll = eval_mc_likelihood(x);
	if ((size_t)n != t->n || (size_t)gold != t->gold || !isnan(alone ? c->ll_alone : c->ll))
		return fc_fail(e, "%s: conversation '%s' does not fit to others of task '%s'", name,
		    x->id.p, id);
	if (isnan(ll))
		return fc_fail(e,
		    "%s: conversation '%s': tokens of the choice have no row, so its likelihood is "
		    "not known; rows with more entries (-k of fc-infer and fc-align) have more",
		    name, x->id.p);
	if (alone) {
		c->ll_alone = ll;
		return 0;
	}
	enum eval_forced v;
	if (eval_forced_of(&v, x, scan->n_vocab, EVAL_ANSWER_EXACT, name, e) < 0)
		return -1;
	c->ll = ll;
	c->greedy = v == EVAL_FORCED_UNKNOWN ? -1 : v == EVAL_FORCED_RIGHT;
	c->n_chars = json_number_value(json_object_get(mc, "chars"));
	c->n_bytes = json_number_value(json_object_get(mc, "bytes"));
	return 0;
}

static int take_line(
    struct eval_scan *scan, const struct fc_example *x, const char *name, struct fc_err *e)
{
	json_t *line = NULL;
	if (x->meta.n && !(line = fc_json_text(x->meta.p, x->meta.n, name, e)))
		return -1;
	int ret = take_choice(scan, x, line, name, e);
	json_decref(line);
	return ret;
}

static void put_group(
    struct eval_scan *scan, const char *path, const char *name, const struct eval_group *g)
{
	struct results *r = scan->ctx;
	const struct eval_comparison_options *o = &eval_comparison_asked;
	struct fc_share *share = fc_calloc(g->n, EVAL_MC_COUNT * sizeof *share);
	struct fc_cell cell[FC_LEN(columns)] = {
	    fc_cell_text(path), fc_cell_text(name), fc_cell_count(g->n)};
	for (size_t k = 0; k < g->n; k++)
		for (size_t m = 0; m < EVAL_MC_COUNT; m++)
			share[k * EVAL_MC_COUNT + m] =
			    (struct fc_share){r->measure[g->item[k]][m], 1};
	eval_group_ratios(
	    share, g->n, EVAL_MC_COUNT, o->seed, o->n_resample, cell + COLUMN_MEASURE);
	free(share);
	fc_table_add(&r->table, cell, FC_LEN(cell));
}

static void show_each(const struct eval_arms *arms)
{
	const struct eval_comparison_options *o = &eval_comparison_asked;
	struct results r = {.opt = &asked, .table = FC_TABLE(columns)};
	struct eval_scan scan = {
	    .ctx = &r, .take = take_line, .end = finish_task, .put = put_group};
	eval_scan_streams(&scan, arms);
	free(r.measure);
	eval_print(&r.table, o->format, o->out);
}

static void compare_arms(const struct eval_arms *arms)
{
	const char *name = columns[COLUMN_MEASURE + asked.measure].name;
	char unit[64];
	snprintf(unit, sizeof unit, " in %s", name);
	const struct eval_measure m = {.name = name,
	    .heading = name,
	    .unit = unit,
	    .items = "tasks",
	    .differs = "other choices",
	    .decimals = 3,
	    .less_is_better = asked.measure == EVAL_MC_BRIER,
	    .right_wrong = asked.measure != EVAL_MC_BRIER};
	struct results r = {.opt = &asked};
	struct eval_scan scan = {.ctx = &r, .take = take_line, .end = finish_task};
	struct eval_items *items = eval_scan_items(&scan, arms);
	eval_comparison(&m, arms, items, &eval_comparison_asked);
	eval_scan_release(items, arms);
}

static const struct fc_opt own[] = {
    FC_OPT_TEXT(
	0, "by", FC_OPT_DECIDES, &asked.by, "FIELD", "also by this member of the tasks' lines"),
    FC_OPT_WORD(0, "measure", FC_OPT_DECIDES, &asked.measure, measure_words, "what is compared"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, eval_comparison_opts, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = EVAL_COMMAND_ARMS,
    .summary = "Reads distributions of multiple-choice tasks, writes how often the right "
	       "choice is the likeliest; of several, how they differ in that.",
    .more = EVAL_COMMAND_ARMS_HELP,
};

static void run(int argc, char **argv)
{
	eval_comparison_run(argc, argv, compare_arms, show_each);
}

EVAL_COMMAND(50) = {"mc", tables, &usage, run};
