/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/recipe_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "fc-varm/result/card_recipe.h"
#include "fc-varm/result/chat_template.h"
#include "fc-varm/result/config_adapt.h"
#include "fc-varm/result/merge_record.h"
#include "fc-varm/result/outline.h"
#include "fc-varm/result/product.h"
#include "fc-varm/result/sidecar.h"
#include "fc-varm/result/weight_table.h"
#include "fc-varm/source/tokens.h"

enum state { WAITING, IN_WORK, MADE };

/* A document of the file. */
struct dish {
	struct recipe recipe;
	const struct yaml *doc;
	enum state state;
	struct fc_outdir *dir; /* of an intermediate result; never committed */
};

struct kitchen {
	const struct recipe_job *job;
	struct yaml_file yaml;
	struct dish *dish;
	size_t n;
	struct pantry pantry;
};

static int write_report(
    const struct recipe_job *job, const struct plan *p, const struct verdicts *r, struct fc_err *e)
{
	struct fc_out *o;
	struct fc_buf b = FC_BUF_INIT;
	if (fc_out_open(&o, job->report, FC_OUT_TEXT, e) < 0)
		return -1;
	varm_weight_table_print(&b, p, r);
	int ret = fc_out_write(o, b.p, b.n, e);
	if (ret == 0)
		ret = fc_out_commit(o, e);
	else
		fc_out_abort(o);
	fc_buf_release(&b);
	return ret;
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
    const struct kitchen *k, struct recipe_plan *rp, struct recipe *r, struct fc_err *e)
{
	int ret = varm_recipe_plan_make(rp, r, &k->pantry, e);
	rp->plan.rounding = k->job->rounding;
	return ret || rp->has_vocabulary || k->job->any_tokenizer ? ret : check_tokens(rp, e);
}

/* Everything in the folder. */
static int fill_folder(const struct kitchen *k, struct dish *d, const char *dir, bool last,
    bool resume, struct fc_err *e)
{
	struct recipe_plan rp;
	struct verdicts r = {0};
	int ret = make_plan(k, &rp, &d->recipe, e);
	if (ret == 0 && last)
		ret = varm_plan_check_rounding(&rp.plan, e);
	if (ret == 0)
		ret = varm_sidecar_copy(rp.model[rp.donor].path, dir, NULL, e);
	if (ret == 0)
		ret = varm_config_adapt(dir, &rp, e);
	if (ret == 0 && rp.has_vocabulary)
		ret = varm_vocabulary_write(&rp.vocabulary, rp.model, dir, e);
	if (ret == 0)
		ret = varm_chat_template_write(dir, &rp, e);
	if (ret == 0)
		ret = varm_merge_run(&rp.plan,
		    &(struct merge_options){k->job->shard_bytes, resume, last && k->job->report},
		    dir, &r, e);
	if (ret == 0)
		ret = varm_merge_record_write(dir, &rp.plan, &r, e);
	if (ret == 0)
		ret = varm_card_recipe_write(dir, &rp, d->doc, &r, e);
	if (ret == 0) {
		varm_weight_table_summarize(&rp.plan, &r);
		varm_weight_table_warn(&rp.plan, &r);
	}
	if (ret == 0 && last && k->job->report)
		ret = write_report(k->job, &rp.plan, &r, e);
	varm_verdicts_release(&r);
	varm_recipe_plan_release(&rp);
	return ret;
}

static int make_needed(struct kitchen *k, const struct dish *d, struct fc_err *e);

static int make_intermediate(struct kitchen *k, struct dish *d, struct fc_err *e)
{
	const char *name = d->recipe.name;
	char *path;
	if (d->state == MADE)
		return 0;
	if (d->state == IN_WORK)
		return fc_fail(e, "%s:%d: recipe '%s' needs its own result", k->job->file,
		    d->recipe.line, name);
	d->state = IN_WORK;
	if (make_needed(k, d, e) < 0)
		return -1;
	fc_note("making %s", name);
	path = varm_product_beside(k->job->out, (int)(d - k->dish) + 1);
	int ret = fc_outdir_open(&d->dir, path, NULL, e);
	if (ret == 0)
		ret = fill_folder(k, d, fc_outdir_tmp(d->dir), false, false, e);
	if (ret == 0)
		varm_pantry_add(&k->pantry, name, fc_outdir_tmp(d->dir));
	d->state = MADE;
	free(path);
	return ret;
}

/* The results of other documents that this one refers to by name. */
static int make_needed(struct kitchen *k, const struct dish *d, struct fc_err *e)
{
	for (size_t i = 0; i < d->recipe.n_model; i++)
		for (size_t j = 0; j < k->n; j++)
			if (k->dish[j].recipe.name &&
			    !strcmp(k->dish[j].recipe.name, d->recipe.model[i].path) &&
			    make_intermediate(k, &k->dish[j], e) < 0)
				return -1;
	return 0;
}

static int read_dishes(struct kitchen *k, struct dish **last, struct fc_err *e)
{
	k->dish = FC_ARRAY(struct dish, k->yaml.n_doc + 1);
	*last = NULL;
	for (size_t i = 0; i < k->yaml.n_doc; i++) {
		struct dish *d = &k->dish[k->n++];
		d->doc = k->yaml.doc[i];
		if (varm_recipe_read(&d->recipe, d->doc, k->job->file, e) < 0)
			return -1;
		for (size_t j = 0; j < d->recipe.n_model; j++)
			varm_ingredient_tell_recipe(&d->recipe.model[j], &k->pantry);
		for (size_t j = 0; j < i; j++) {
			const char *a = d->recipe.name, *b = k->dish[j].recipe.name;
			if (a == b || (a && b && !strcmp(a, b)))
				return fc_fail(e, "%s:%d: the recipe of line %d has %s%s too",
				    k->job->file, d->recipe.line, k->dish[j].recipe.line,
				    a ? "the name " : "no name", a ? a : "");
		}
		if (!d->recipe.name)
			*last = d;
	}
	if (!k->n)
		return fc_fail(e, "%s: no recipe in it", k->job->file);
	*last = *last ? *last : &k->dish[k->n - 1];
	return 0;
}

/* Another recipe's result cannot be looked into before it is made. */
static int show_last(struct kitchen *k, struct dish *d, struct fc_err *e)
{
	struct recipe_plan rp;
	for (size_t i = 0; i < d->recipe.n_model; i++)
		for (size_t j = 0; j < k->n; j++)
			if (k->dish[j].recipe.name &&
			    !strcmp(k->dish[j].recipe.name, d->recipe.model[i].path))
				return fc_fail(e,
				    "%s:%d: needs the result of recipe '%s': --dry-run makes none",
				    k->job->file, d->recipe.line, d->recipe.model[i].path);
	int ret = make_plan(k, &rp, &d->recipe, e);
	if (ret == 0)
		varm_outline_show(&rp.plan, k->job->shard_bytes);
	varm_recipe_plan_release(&rp);
	return ret;
}

static int make_last(struct kitchen *k, struct dish *d, struct fc_err *e)
{
	struct product x = {.dir = NULL};
	d->state = IN_WORK;
	if (make_needed(k, d, e) < 0 ||
	    varm_product_open(&x, k->job->out, k->job->force, k->job->resume, e) < 0)
		return -1;
	if (fill_folder(k, d, varm_product_folder(&x), true, x.resumed, e) == 0)
		return varm_product_commit(&x, e);
	varm_product_abort(&x);
	return -1;
}

int varm_recipe_run(const struct recipe_job *job, struct fc_err *e)
{
	struct kitchen k = {.job = job, .pantry = {.dir = job->models}};
	struct fc_buf text = FC_BUF_INIT;
	struct dish *last;
	int ret = fc_file_read_any(job->file, YAML_MAX_BYTES, &text, e);
	if (ret == 0)
		ret = varm_yaml_parse(&k.yaml, text.p ? text.p : "", text.n, job->file, e);
	if (ret == 0)
		ret = read_dishes(&k, &last, e);
	if (ret == 0 && !job->dry_run)
		ret = varm_product_check(job->out, e);
	if (ret == 0)
		ret = job->dry_run ? show_last(&k, last, e) : make_last(&k, last, e);
	for (size_t i = 0; i < k.n; i++) {
		fc_outdir_abort(k.dish[i].dir);
		varm_recipe_release(&k.dish[i].recipe);
	}
	free(k.dish);
	varm_yaml_release(&k.yaml);
	varm_pantry_release(&k.pantry);
	fc_buf_release(&text);
	return ret;
}
