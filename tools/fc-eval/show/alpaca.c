/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/show/csv.h"
#include "fc-eval/show/winrate.h"

struct options {
	const char *difficulty, *gamed, *instructions, *out;
	enum fc_table_format format;
	uint64_t seed;
};

/* The order of instructions, from a file of outputs. */
static int read_instructions(struct fc_categories *c, const char *path, struct fc_err *e)
{
	json_t *file = fc_json_file(path, e), *o;
	size_t i;
	int ret = file ? 0 : -1;
	json_array_foreach(file, i, o)
	{
		const char *s = json_string_value(json_object_get(o, "instruction"));
		if (!s) {
			ret = fc_fail(e, "%s: output %zu: no instruction", path, i + 1);
			break;
		}
		fc_categories_number(c, s);
	}
	if (ret == 0 && !c->n)
		ret = fc_fail(e, "%s: expected an array of outputs", path);
	json_decref(file);
	return ret;
}

/* Rows in the order of instructions, or with their number in a column "index". */
static int read_difficulty(struct eval_length_control *l, const char *path, struct fc_err *e)
{
	struct eval_csv t;
	struct fc_err ignored;
	size_t column, index;
	if (eval_csv_read(&t, path, e) < 0 ||
	    eval_csv_column(&t, "instruction_difficulty", path, &column, e) < 0)
		return -1;
	bool indexed = eval_csv_column(&t, "index", path, &index, &ignored) == 0;
	l->difficulty = FC_ARRAY(double, t.n_row);
	l->n_instruction = t.n_row;
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < t.n_row; i++) {
		double at = indexed ? t.v[i * t.n_column + index] : (double)i;
		double v = t.v[i * t.n_column + column];
		if (!(at >= 0 && at < (double)t.n_row) || isnan(v))
			ret = fc_fail(e, "%s: row %zu: no index or difficulty", path, i + 1);
		else
			l->difficulty[(size_t)at] = v;
	}
	eval_csv_release(&t);
	return ret;
}

/* The two baselines that AlpacaEval trains beside every model; a tenth of a model's weight each. */
static int read_gamed(struct eval_length_control *l, const char *path, struct fc_err *e)
{
	static const char *const names[] = {
	    "preference", "std_delta_len", "instruction_difficulty", "not_gamed_baseline"};
	struct eval_csv t;
	size_t column[FC_LEN(names)];
	if (eval_csv_read(&t, path, e) < 0)
		return -1;
	for (size_t i = 0; i < FC_LEN(names); i++)
		if (eval_csv_column(&t, names[i], path, &column[i], e) < 0)
			return -1;
	l->gamed = FC_ARRAY(struct eval_logistic_row, t.n_row);
	for (size_t i = 0; i < t.n_row; i++) {
		const double *v = t.v + i * t.n_column;
		if (isnan(v[column[0]]))
			continue;
		l->gamed[l->n_gamed++] = (struct eval_logistic_row){
		    {tanh(v[column[1]]), v[column[2]], v[column[3]]}, v[column[0]] - 1, 0.1};
		const struct eval_logistic_row *x = &l->gamed[l->n_gamed - 1];
		if (!(x->y >= 0 && x->y <= 1) || isnan(x->x[0] + x->x[1] + x->x[2]))
			return fc_fail(e,
			    "%s: row %zu: a preference from 1 to 2 and three numbers "
			    "are expected",
			    path, i + 1);
	}
	eval_csv_release(&t);
	return 0;
}

/* AlpacaEval's own rule of when length control says suspiciously much. */
static void warn_of_difference(const char *model, const struct eval_winrate *w)
{
	double room = 0.25 * fmin(w->rate, 1 - w->rate);
	if (fabs(w->controlled - w->rate) > fmax(0.1, room))
		fc_warn("%s: %.1f %% with length control, %.1f %% without", model,
		    100 * w->controlled, 100 * w->rate);
}

static const struct fc_column columns[] = {FC_COLUMN("model"), FC_COLUMN("win_rate", .decimals = 2),
    FC_COLUMN("standard_error", .decimals = 2), FC_COLUMN("discrete_win_rate", .decimals = 2),
    FC_COLUMN("lc_win_rate", .decimals = 2), FC_COLUMN("annotations"), FC_COLUMN("dropped"),
    FC_COLUMN("length_weight", .decimals = 3), FC_COLUMN("difficulty_weight", .decimals = 3),
    FC_COLUMN("model_weight", .decimals = 3)};

static int add_rows(struct fc_table *t, const struct eval_preferences *p,
    const struct eval_length_control *l, const struct options *o, struct fc_err *e)
{
	for (size_t m = 0; m < p->model.n; m++) {
		struct eval_winrate w;
		if (eval_winrate_of(p, m, l, o->seed, &w, e) < 0)
			return -1;
		if (l)
			warn_of_difference(p->model.name[m], &w);
		FC_TABLE_ROW(t, fc_cell_text(p->model.name[m]), fc_cell_real(100 * w.rate),
		    fc_cell_real(100 * w.standard_error), fc_cell_real(100 * w.discrete),
		    fc_cell_real(100 * w.controlled), fc_cell_count(w.n),
		    fc_cell_count(w.n_dropped), fc_cell_real(w.weight[0]),
		    fc_cell_real(w.weight[1]), fc_cell_real(w.weight[2]));
	}
	return 0;
}

static struct options opt = {.seed = 123};
static const struct fc_opt own[] = {
    FC_OPT_TEXT(0, "difficulty", FC_OPT_IN, &opt.difficulty, "FILE",
	"CSV of the instructions' difficulty: length control"),
    FC_OPT_TEXT(
	0, "gamed", FC_OPT_IN, &opt.gamed, "FILE", "CSV of baselines to train beside the model"),
    FC_OPT_TEXT(0, "instructions", FC_OPT_IN, &opt.instructions, "FILE",
	"outputs (JSON) in the instructions' order"),
    FC_OPT_U64(0, "seed", FC_OPT_DECIDES, &opt.seed, "N", "of the cross-validation"),
    EVAL_OPT_FORMAT(&opt.format),
    EVAL_OPT_OUTPUT(&opt.out),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, fc_opt_common, NULL};
static const struct fc_usage usage = {
    .synopsis = "[OPTION]... ANNOTATIONS.json...",
    .summary = "Reads AlpacaEval's annotations, writes win rates.",
};

static void run(int argc, char **argv)
{
	struct fc_err e;
	struct eval_preferences p = {0};
	struct fc_categories instructions = {0};
	struct eval_length_control control = {0};
	if (argc == 0)
		fc_die_usage("which annotations?");
	if (opt.gamed && !opt.difficulty)
		fc_die_usage("--gamed is of length control, which needs --difficulty");
	if ((opt.instructions && read_instructions(&instructions, opt.instructions, &e) < 0) ||
	    (opt.difficulty && read_difficulty(&control, opt.difficulty, &e) < 0) ||
	    (opt.gamed && read_gamed(&control, opt.gamed, &e) < 0))
		fc_die("%s", e.msg);
	for (int i = 0; i < argc; i++)
		if (eval_preferences_read(
			&p, argv[i], opt.instructions ? &instructions : NULL, &e) < 0)
			fc_die("%s", e.msg);
	if (!p.n)
		fc_die("no annotation");
	struct fc_table t = FC_TABLE(columns);
	if (add_rows(&t, &p, opt.difficulty ? &control : NULL, &opt, &e) < 0)
		fc_die("%s", e.msg);
	eval_print(&t, opt.format, opt.out);
	free(control.difficulty);
	free(control.gamed);
	fc_categories_release(&instructions);
	eval_preferences_release(&p);
	fc_finish();
}

EVAL_COMMAND(130) = {"alpaca", tables, &usage, run};
