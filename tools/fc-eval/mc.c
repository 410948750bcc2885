/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-eval/bootstrap.h"
#include "fc-eval/choices.h"
#include "fc-eval/commands.h"
#include "fc-eval/forced.h"
#include "fc-eval/groups.h"
#include "stream/reader.h"
#include "text/json.h"

#define CHOICES_MAX 1000000

struct options {
	const char *by, *out;
	int format, n_resample;
	uint64_t seed;
};

static const char *const columns[FC_MC_COUNT][3] = {
    [FC_MC_ACC] = {"acc", "acc_low", "acc_high"},
    [FC_MC_ACC_NORM] = {"acc_norm", "acc_norm_low", "acc_norm_high"},
    [FC_MC_ACC_BYTES] = {"acc_bytes", "acc_bytes_low", "acc_bytes_high"},
    [FC_MC_MUTUAL] = {"acc_mutual_info", "acc_mutual_info_low", "acc_mutual_info_high"},
    [FC_MC_EXACT] = {"exact_match", "exact_match_low", "exact_match_high"},
    [FC_MC_BRIER] = {"brier_score", "brier_score_low", "brier_score_high"},
};

/* The task whose choices are coming. */
struct open_task {
	char *id, *category;
	size_t gold, n, n_seen;
	struct fc_mc_choice *choice; /* [n] */
};

struct results {
	struct fc_groups groups;
	double (*measure)[FC_MC_COUNT]; /* [n] */
	size_t n, cap;
};

static int finish_task(struct open_task *t, struct results *r, const char *name, struct fc_err *e)
{
	int ret = 0;
	if (!t->id)
		return 0;
	for (size_t i = 0; i < t->n && ret == 0; i++)
		if (isnan(t->choice[i].ll))
			ret = fc_fail(e,
			    "%s: task '%s': choice %zu of %zu is missing (was it left out as too "
			    "long?)",
			    name, t->id, i, t->n);
	if (ret == 0) {
		FC_GROW(r->measure, r->cap, r->n + 1);
		fc_mc_measure(t->choice, t->n, t->gold, r->measure[r->n]);
		fc_groups_add(&r->groups, r->n++, t->category);
	}
	free(t->id);
	free(t->category);
	free(t->choice);
	*t = (struct open_task){0};
	return ret;
}

/* A choice of what "mc" says, into the task that is open; begins another where it is of another. */
static int take_choice(struct open_task *t, struct results *r, const struct fc_example *x,
    const json_t *line, const struct options *o, const char *name, struct fc_err *e)
{
	const json_t *mc = json_object_get(line, "mc");
	const char *id = json_string_value(json_object_get(mc, "task"));
	const json_int_t choice = json_integer_value(json_object_get(mc, "choice")),
			 n = json_integer_value(json_object_get(mc, "choices")),
			 gold = json_integer_value(json_object_get(mc, "gold"));
	if (!id || n < 1 || n > CHOICES_MAX || choice < 0 || choice >= n || gold < 0 || gold >= n)
		return fc_fail(e,
		    "%s: conversation '%s' is no choice of a task; fc-eval mc-questions makes them",
		    name, x->id.p);
	if (t->id && strcmp(t->id, id) != 0 && finish_task(t, r, name, e) < 0)
		return -1;
	if (!t->id) {
		t->id = fc_strdup(id);
		t->category = o->by ? fc_category_name(line, o->by) : NULL;
		t->n = (size_t)n;
		t->gold = (size_t)gold;
		t->choice = FC_ARRAY(struct fc_mc_choice, t->n);
		for (size_t i = 0; i < t->n; i++)
			t->choice[i] = (struct fc_mc_choice){NAN, NAN, 0, 0, -1};
	}
	struct fc_mc_choice *c = &t->choice[choice];
	const bool alone = json_is_true(json_object_get(mc, "alone"));
	if ((size_t)n != t->n || (size_t)gold != t->gold || !isnan(alone ? c->ll_alone : c->ll))
		return fc_fail(e, "%s: conversation '%s' does not fit to others of task '%s'", name,
		    x->id.p, id);
	if (alone) {
		c->ll_alone = fc_mc_likelihood(x);
		return 0;
	}
	enum fc_forced v;
	if (fc_forced_of(&v, x, FC_ANSWER_EXACT, name, e) < 0)
		return -1;
	c->ll = fc_mc_likelihood(x);
	c->greedy = v == FC_FORCED_UNKNOWN ? -1 : v == FC_FORCED_RIGHT;
	c->n_chars = json_number_value(json_object_get(mc, "chars"));
	c->n_bytes = json_number_value(json_object_get(mc, "bytes"));
	return 0;
}

static int read_stream(
    const char *path, const struct options *o, struct results *out, struct fc_err *e)
{
	struct fc_reader *r;
	struct fc_example x;
	struct open_task t = {0};
	enum fc_read got;
	int ret = 0;
	if (fc_reader_open(&r, path, FC_KIND_DISTS, e) < 0)
		return -1;
	fc_example_init(&x);
	while (ret == 0 && (got = fc_reader_example(r, &x, e)) != FC_READ_END) {
		json_t *line = NULL;
		ret = got == FC_READ_ERROR ? -1 : 0;
		if (ret == 0 && x.meta.n) {
			line = fc_json_text(x.meta.p, x.meta.n, fc_reader_name(r), e);
			ret = line ? 0 : -1;
		}
		if (ret == 0)
			ret = take_choice(&t, out, &x, line, o, fc_reader_name(r), e);
		json_decref(line);
	}
	if (ret == 0)
		ret = finish_task(&t, out, fc_reader_name(r), e);
	fc_example_release(&x);
	fc_reader_close(r);
	return ret;
}

static void put_group(struct fc_table *t, const struct options *o, const char *path,
    const struct results *r, size_t number)
{
	const char *name;
	const struct fc_group *g = fc_groups_at(&r->groups, number, &name);
	struct fc_share *share = fc_calloc(g->n, FC_MC_COUNT * sizeof *share);
	struct fc_interval interval[FC_MC_COUNT];
	double sum[FC_MC_COUNT] = {0};
	for (size_t k = 0; k < g->n; k++)
		for (size_t m = 0; m < FC_MC_COUNT; m++) {
			const double v = r->measure[g->item[k]][m];
			share[k * FC_MC_COUNT + m] = (struct fc_share){v, 1};
			sum[m] += v;
		}
	fc_bootstrap(share, g->n, FC_MC_COUNT, o->seed, (size_t)o->n_resample, interval);
	free(share);
	fc_table_text(t, path);
	fc_table_text(t, name);
	fc_table_int(t, g->n);
	for (size_t m = 0; m < FC_MC_COUNT; m++)
		if (o->format != FC_TABLE_TEXT || m <= FC_MC_ACC_NORM)
			fc_command_measure(t, (enum fc_table_format)o->format,
			    sum[m] / (double)g->n, interval[m], 3);
		else
			fc_table_real(t, sum[m] / (double)g->n);
}

static void put_stream(struct fc_table *t, const struct options *o, const char *path)
{
	struct fc_err e;
	struct results r = {0};
	if (read_stream(path, o, &r, &e) < 0)
		fc_die("%s", e.msg);
	for (size_t i = 0; i < fc_groups_count(&r.groups); i++)
		put_group(t, o, path, &r, i);
	fc_groups_release(&r.groups);
	free(r.measure);
}

void fc_command_mc(int argc, char **argv)
{
	struct options o = {.n_resample = 1000};
	const struct fc_opt opts[] = {
	    {FC_OPT_STR, 0, "by", &o.by, "FIELD", "also by this member of the tasks' lines", 0, 0},
	    {FC_OPT_INT, 0, "resamples", &o.n_resample, "N",
		"draws of the bootstrap; 0: no intervals", 0, 1000000},
	    {FC_OPT_U64, 0, "seed", &o.seed, "N", "of the bootstrap", 0, 0},
	    {FC_OPT_CHOICE, 0, "format", &o.format, FC_TABLE_FORMATS, "of the output", 0, 0},
	    {FC_OPT_FILE, 'o', "output", &o.out, "FILE", "instead of standard output", 0, 0},
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... [STREAM]...",
	    .summary = "Reads distributions of multiple-choice tasks, writes how often the right "
		       "choice is the\nlikeliest.",
	};
	fc_prog = "fc-eval mc";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	struct fc_table *t = fc_table_new();
	fc_table_column(t, "stream", 0);
	fc_table_column(t, "group", 0);
	fc_table_column(t, "tasks", 0);
	for (size_t m = 0; m < FC_MC_COUNT; m++)
		if (o.format != FC_TABLE_TEXT || m <= FC_MC_ACC_NORM)
			fc_command_measure_columns(
			    t, (enum fc_table_format)o.format, columns[m], 3);
		else
			fc_table_column(t, columns[m][0], 3);
	if (first == argc)
		put_stream(t, &o, "-");
	for (int i = first; i < argc; i++)
		put_stream(t, &o, argv[i]);
	fc_command_print(t, (enum fc_table_format)o.format, o.out);
	fc_finish();
}
