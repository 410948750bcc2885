/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "fc-varm/result/card.h"
#include "fc-varm/result/chat_template.h"
#include "fc-varm/result/config_adapt.h"
#include "fc-varm/result/merge_record.h"
#include "fc-varm/result/dry_run.h"
#include "fc-varm/result/output.h"
#include "fc-varm/result/model_files.h"
#include "fc-varm/result/weight_table.h"
#include "fc-varm/source/tokens.h"

enum state { WAITING, IN_WORK, MADE };

/* A document of the file. */
struct job {
	struct recipe recipe;
	const struct yaml *doc;
	enum state state;
	struct fc_outdir *dir; /* of an intermediate result; never committed */
};

struct jobs {
	const struct run_options *o;
	const char *file;          /* of the recipe, or NULL */
	const struct asked *asked; /* by the command line, or NULL */
	const char *const *said_by;
	struct yaml_file yaml;
	struct job *job;
	size_t n;
	struct models models;
	struct fc_out *report;
};

static int write_report(
    struct jobs *k, const struct plan *p, const struct all_measured *r, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_out *o = k->report;
	varm_weight_table_print(&b, p, r);
	int ret = fc_out_write(o, b.p, b.n, e);
	fc_buf_release(&b);
	k->report = NULL;
	if (ret == 0)
		return fc_out_commit(o, e);
	fc_out_abort(o);
	return -1;
}

/* Where no vocabulary is made, rows are merged by their number: in models that give embedding or
 * head, a number must mean one token. */
static int check_tokens(const struct recipe_plan *rp, struct fc_err *e)
{
	const struct recipe *r = rp->recipe;
	const struct recipe_slice *end[] = {&r->slice[0], &r->slice[r->n_slice - 1]};
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < end[i]->n; k++)
			if (varm_tokens_check(rp->model[rp->donor].path,
				rp->model[end[i]->source[k].model].path, e) < 0)
				return -1;
	return 0;
}

static int make_plan(
    const struct jobs *k, struct recipe_plan *rp, struct recipe *r, struct fc_err *e)
{
	int ret = varm_recipe_plan_make(rp, r, &k->models, e);
	rp->plan.rounding = k->o->rounding;
	return ret || rp->has_vocabulary || k->o->any_tokenizer ? ret : check_tokens(rp, e);
}

/* Everything in the folder. */
static int fill_folder(
    struct jobs *k, struct job *d, const char *dir, bool last, bool resume, struct fc_err *e)
{
	struct recipe_plan rp;
	struct all_measured r = {0};
	int ret = make_plan(k, &rp, &d->recipe, e);
	if (ret == 0 && last)
		ret = varm_plan_check_rounding(&rp.plan, e);
	if (ret == 0)
		ret = varm_model_files_copy(rp.model[rp.donor].path, dir, e);
	if (ret == 0)
		ret = varm_config_adapt(dir, &rp, e);
	if (ret == 0 && rp.has_vocabulary)
		ret = varm_vocabulary_write(&rp.vocabulary, rp.model, dir, e);
	if (ret == 0)
		ret = varm_chat_template_write(dir, &rp, e);
	if (ret == 0)
		ret = varm_merge_run(&rp.plan,
		    &(struct merge_options){k->o->shard_bytes, resume, last && k->report}, dir, &r,
		    e);
	if (ret == 0)
		ret = varm_merge_record_write(dir, &rp.plan, &r, e);
	if (ret == 0)
		ret = varm_card_write(dir, &rp, d->doc, k->asked, &r, e);
	if (ret == 0) {
		varm_weight_table_summarize(&rp.plan, &r);
		varm_weight_table_warn(&rp.plan, &r);
	}
	if (ret == 0 && last && k->report)
		ret = write_report(k, &rp.plan, &r, e);
	varm_all_measured_release(&r);
	varm_recipe_plan_release(&rp);
	return ret;
}

static int make_needed(struct jobs *k, const struct job *d, struct fc_err *e);

static int make_intermediate(struct jobs *k, struct job *d, struct fc_err *e)
{
	const char *name = d->recipe.name;
	char *path;
	if (d->state == MADE)
		return 0;
	if (d->state == IN_WORK)
		return varm_recipe_fail(
		    &d->recipe, d->recipe.line, e, "recipe '%s' needs its own result", name);
	d->state = IN_WORK;
	if (make_needed(k, d, e) < 0)
		return -1;
	fc_note("making %s", name);
	path = varm_output_beside(k->o->out, (int)(d - k->job) + 1);
	int ret = fc_outdir_open(&d->dir, path, NULL, e);
	if (ret == 0)
		ret = fill_folder(k, d, fc_outdir_tmp(d->dir), false, false, e);
	if (ret == 0)
		varm_models_add(&k->models, name, fc_outdir_tmp(d->dir));
	d->state = MADE;
	free(path);
	return ret;
}

/* The results of other documents that this one refers to by name. */
static int make_needed(struct jobs *k, const struct job *d, struct fc_err *e)
{
	for (size_t i = 0; i < d->recipe.n_model; i++)
		for (size_t j = 0; j < k->n; j++)
			if (k->job[j].recipe.name &&
			    !strcmp(k->job[j].recipe.name, d->recipe.model[i].path) &&
			    make_intermediate(k, &k->job[j], e) < 0)
				return -1;
	return 0;
}

static int read_jobs(struct jobs *k, struct job **last, struct fc_err *e)
{
	k->job = FC_ARRAY(struct job, k->yaml.n_doc + 1);
	*last = NULL;
	for (size_t i = 0; i < k->yaml.n_doc; i++) {
		struct job *d = &k->job[k->n++];
		d->doc = k->yaml.doc[i];
		if (varm_recipe_read(&d->recipe, d->doc, k->file, k->said_by, e) < 0)
			return -1;
		for (size_t j = 0; j < d->recipe.n_model; j++)
			varm_source_model_tell(&d->recipe.model[j], &k->models);
		for (size_t j = 0; j < i; j++) {
			const char *a = d->recipe.name, *b = k->job[j].recipe.name;
			if (a == b || (a && b && !strcmp(a, b)))
				return varm_recipe_fail(&d->recipe, d->recipe.line, e,
				    "the recipe of line %d has %s%s too", k->job[j].recipe.line,
				    a ? "the name " : "no name", a ? a : "");
		}
		if (!d->recipe.name)
			*last = d;
	}
	if (!k->n)
		return fc_fail(e, "%s: no recipe in it", k->file);
	*last = *last ? *last : &k->job[k->n - 1];
	return 0;
}

/* Another recipe's result cannot be looked into before it is made. */
static int show_last(struct jobs *k, struct job *d, struct fc_err *e)
{
	struct recipe_plan rp;
	for (size_t i = 0; i < d->recipe.n_model; i++)
		for (size_t j = 0; j < k->n; j++)
			if (k->job[j].recipe.name &&
			    !strcmp(k->job[j].recipe.name, d->recipe.model[i].path))
				return varm_recipe_fail(&d->recipe, d->recipe.line, e,
				    "needs the result of recipe '%s': --dry-run makes none",
				    d->recipe.model[i].path);
	int ret = make_plan(k, &rp, &d->recipe, e);
	if (ret == 0)
		varm_dry_run_show(&rp.plan, k->o->shard_bytes);
	varm_recipe_plan_release(&rp);
	return ret;
}

static int make_last(struct jobs *k, struct job *d, struct fc_err *e)
{
	struct output x = {.dir = NULL};
	d->state = IN_WORK;
	if (make_needed(k, d, e) < 0 ||
	    varm_output_open(&x, k->o->out, k->o->force, k->o->resume, e) < 0)
		return -1;
	if (fill_folder(k, d, varm_output_folder(&x), true, x.resumed, e) == 0)
		return varm_output_commit(&x, e);
	varm_output_abort(&x);
	return -1;
}

/* text: the recipe.  Everything that the command line's asks for is checked before a model is
 * opened, and wrong usage. */
static int run(struct jobs *k, const struct fc_buf *text, struct fc_err *e)
{
	const struct run_options *o = k->o;
	struct job *last = NULL;
	int ret = varm_yaml_parse(
	    &k->yaml, text->p ? text->p : "", text->n, k->file ? k->file : "options", e);
	if (ret == 0)
		ret = read_jobs(k, &last, e);
	if (k->asked && (ret < 0 || varm_recipe_plan_check(&last->recipe, e) < 0))
		fc_die_usage("%s", e->msg);
	if (ret == 0 && !o->dry_run)
		ret = varm_output_check(o->out, e);
	if (ret == 0 && !o->dry_run && o->report)
		ret = fc_out_open(&k->report, o->report, FC_OUT_TEXT, e);
	if (ret == 0)
		ret = o->dry_run ? show_last(k, last, e) : make_last(k, last, e);
	if (k->report)
		fc_out_abort(k->report);
	for (size_t i = 0; i < k->n; i++) {
		fc_outdir_abort(k->job[i].dir);
		varm_recipe_release(&k->job[i].recipe);
	}
	free(k->job);
	varm_yaml_release(&k->yaml);
	varm_models_release(&k->models);
	return ret;
}

int varm_run_recipe(const char *file, const struct run_options *o, struct fc_err *e)
{
	struct jobs k = {.o = o, .file = file, .models = {.dir = o->models}};
	struct fc_buf text = FC_BUF_INIT;
	int ret = fc_file_read_any(file, YAML_MAX_BYTES, &text, e);
	if (ret == 0)
		ret = run(&k, &text, e);
	fc_buf_release(&text);
	return ret;
}

int varm_run_asked(const struct asked *a, const struct run_options *o, struct fc_err *e)
{
	struct asked_recipe w = {.n_line = 0};
	varm_asked_write(&w, a);
	struct jobs k = {.o = o, .asked = a, .said_by = w.said_by, .models = {.dir = o->models}};
	int ret = run(&k, &w.text, e);
	varm_asked_recipe_release(&w);
	return ret;
}
