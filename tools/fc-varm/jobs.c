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
    struct jobs *jobs, const struct plan *p, const struct all_measured *r, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_out *o = jobs->report;
	varm_weight_table_print(&b, p, r);
	int ret = fc_out_write(o, b.p, b.n, e);
	fc_buf_release(&b);
	jobs->report = NULL;
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
    const struct jobs *jobs, struct recipe_plan *rp, struct recipe *r, struct fc_err *e)
{
	int ret = varm_recipe_plan_make(rp, r, &jobs->models, e);
	rp->plan.rounding = jobs->o->rounding;
	return ret || rp->has_vocabulary || jobs->o->any_tokenizer ? ret : check_tokens(rp, e);
}

/* Everything in the folder. */
static int fill_folder(
    struct jobs *jobs, struct job *job, const char *dir, bool last, bool resume, struct fc_err *e)
{
	struct recipe_plan rp;
	struct all_measured r = {0};
	int ret = make_plan(jobs, &rp, &job->recipe, e);
	if (ret == 0 && last)
		ret = varm_plan_check_rounding(&rp.plan, e);
	if (ret == 0 && last && jobs->o->report)
		ret = fc_out_open(&jobs->report, jobs->o->report, FC_OUT_TEXT, e);
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
		    &(struct merge_options){jobs->o->shard_bytes, resume, last && jobs->report},
		    dir, &r, e);
	if (ret == 0)
		ret = varm_merge_record_write(dir, &rp.plan, &r, e);
	if (ret == 0)
		ret = varm_card_write(dir, &rp, job->doc, jobs->asked, &r, e);
	if (ret == 0) {
		varm_weight_table_summarize(&rp.plan, &r);
		varm_weight_table_warn(&rp.plan, &r);
	}
	if (ret == 0 && last && jobs->report)
		ret = write_report(jobs, &rp.plan, &r, e);
	varm_all_measured_release(&r);
	varm_recipe_plan_release(&rp);
	return ret;
}

/* The document of that name, or NULL. */
static struct job *find_job(const struct jobs *jobs, const char *name)
{
	for (size_t i = 0; i < jobs->n; i++)
		if (jobs->job[i].recipe.name && !strcmp(jobs->job[i].recipe.name, name))
			return &jobs->job[i];
	return NULL;
}

static int make_needed(struct jobs *jobs, const struct job *job, struct fc_err *e);

static int make_intermediate(struct jobs *jobs, struct job *job, struct fc_err *e)
{
	const char *name = job->recipe.name;
	char *path;
	if (job->state == MADE)
		return 0;
	if (job->state == IN_WORK)
		return varm_recipe_fail(
		    &job->recipe, job->recipe.line, e, "recipe '%s' needs its own result", name);
	job->state = IN_WORK;
	if (make_needed(jobs, job, e) < 0)
		return -1;
	fc_note("making %s", name);
	path = varm_output_beside(jobs->o->out, (int)(job - jobs->job) + 1);
	int ret = fc_outdir_open(&job->dir, path, NULL, e);
	if (ret == 0)
		ret = fill_folder(jobs, job, fc_outdir_tmp(job->dir), false, false, e);
	if (ret == 0)
		varm_models_add(&jobs->models, name, fc_outdir_tmp(job->dir));
	job->state = MADE;
	free(path);
	return ret;
}

/* The results of other documents that this one refers to by name. */
static int make_needed(struct jobs *jobs, const struct job *job, struct fc_err *e)
{
	for (size_t i = 0; i < job->recipe.n_model; i++) {
		struct job *needed = find_job(jobs, job->recipe.model[i].path);
		if (needed && make_intermediate(jobs, needed, e) < 0)
			return -1;
	}
	return 0;
}

static int read_jobs(struct jobs *jobs, struct job **last, struct fc_err *e)
{
	jobs->job = FC_ARRAY(struct job, jobs->yaml.n_doc + 1);
	*last = NULL;
	for (size_t i = 0; i < jobs->yaml.n_doc; i++) {
		struct job *job = &jobs->job[jobs->n++];
		job->doc = jobs->yaml.doc[i];
		if (varm_recipe_read(&job->recipe, job->doc, jobs->file, jobs->said_by, e) < 0)
			return -1;
		for (size_t j = 0; j < job->recipe.n_model; j++)
			varm_source_model_tell(&job->recipe.model[j], &jobs->models);
		for (size_t j = 0; j < i; j++) {
			const char *a = job->recipe.name, *b = jobs->job[j].recipe.name;
			if (a == b || (a && b && !strcmp(a, b)))
				return varm_recipe_fail(&job->recipe, job->recipe.line, e,
				    "the recipe of line %d has %s%s too", jobs->job[j].recipe.line,
				    a ? "the name " : "no name", a ? a : "");
		}
		if (!job->recipe.name)
			*last = job;
	}
	if (!jobs->n)
		return fc_fail(e, "%s: no recipe in it", jobs->file);
	*last = *last ? *last : &jobs->job[jobs->n - 1];
	return 0;
}

/* Another recipe's result cannot be looked into before it is made. */
static int show_last(struct jobs *jobs, struct job *job, struct fc_err *e)
{
	struct recipe_plan rp;
	for (size_t i = 0; i < job->recipe.n_model; i++)
		if (find_job(jobs, job->recipe.model[i].path))
			return varm_recipe_fail(&job->recipe, job->recipe.line, e,
			    "needs the result of recipe '%s': --dry-run makes none",
			    job->recipe.model[i].path);
	int ret = make_plan(jobs, &rp, &job->recipe, e);
	if (ret == 0)
		ret = varm_plan_check_rounding(&rp.plan, e);
	if (ret == 0)
		varm_dry_run_show(&rp.plan, jobs->o->shard_bytes);
	varm_recipe_plan_release(&rp);
	return ret;
}

static int make_last(struct jobs *jobs, struct job *job, struct fc_err *e)
{
	struct output x = {.dir = NULL};
	job->state = IN_WORK;
	if (make_needed(jobs, job, e) < 0 ||
	    varm_output_open(&x, jobs->o->out, jobs->o->force, jobs->o->resume, e) < 0)
		return -1;
	if (fill_folder(jobs, job, varm_output_folder(&x), true, x.resumed, e) == 0)
		return varm_output_commit(&x, e);
	varm_output_abort(&x);
	return -1;
}

/* Carries out the recipe in text.  What is wrong with a command line before a model is opened is
 * wrong usage. */
static int run_jobs(struct jobs *jobs, const struct fc_buf *text, struct fc_err *e)
{
	const struct run_options *o = jobs->o;
	struct job *last = NULL;
	int ret = varm_yaml_parse(
	    &jobs->yaml, text->p ? text->p : "", text->n, jobs->file ? jobs->file : "options", e);
	if (ret == 0 && jobs->asked)
		varm_asked_restore(&jobs->yaml);
	if (ret == 0)
		ret = read_jobs(jobs, &last, e);
	if (jobs->asked && (ret < 0 || varm_recipe_plan_check(&last->recipe, e) < 0))
		fc_die_usage("%s", e->msg);
	if (ret == 0 && !o->dry_run)
		ret = varm_output_check(o->out, e);
	if (ret == 0)
		ret = o->dry_run ? show_last(jobs, last, e) : make_last(jobs, last, e);
	if (jobs->report)
		fc_out_abort(jobs->report);
	for (size_t i = 0; i < jobs->n; i++) {
		fc_outdir_abort(jobs->job[i].dir);
		varm_recipe_release(&jobs->job[i].recipe);
	}
	free(jobs->job);
	varm_yaml_release(&jobs->yaml);
	varm_models_release(&jobs->models);
	return ret;
}

int varm_run_recipe(const char *file, const struct run_options *o, struct fc_err *e)
{
	struct jobs jobs = {.o = o, .file = file, .models = {.dir = o->models}};
	struct fc_buf text = FC_BUF_INIT;
	int ret = fc_file_read_any(file, YAML_MAX_BYTES, &text, e);
	if (ret == 0)
		ret = run_jobs(&jobs, &text, e);
	fc_buf_release(&text);
	return ret;
}

int varm_run_asked(const struct asked *a, const struct run_options *o, struct fc_err *e)
{
	struct asked_recipe w = {.n_line = 0};
	varm_asked_write(&w, a);
	struct jobs jobs = {.o = o, .asked = a, .said_by = w.said_by, .models = {.dir = o->models}};
	int ret = run_jobs(&jobs, &w.text, e);
	varm_asked_recipe_release(&w);
	return ret;
}
