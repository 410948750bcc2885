/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_MODELS_H
#define FC_TESTS_MODELS_H

/* Small model folders in the scratch folder, from JSON or from arrays, and merges of them. */

#include "base/mem.h"
#include "fc-varm/request/asked.h"
#include "fc-varm/request/recipe_plan.h"
#include "fc-varm/merge/merge.h"
#include "store_files.h"
#include "t.h"
#include "text/json.h"

/* Flattens nested arrays into v and fills the shape.  Returns the number of values. */
__attribute__((unused)) static size_t json_values(
    const json_t *a, double *v, struct fc_tensor *shape, int depth)
{
	if (!json_is_array(a)) {
		*v = json_number_value(a);
		return 1;
	}
	size_t n = 0;
	if (shape->n_dim <= depth) {
		shape->n_dim = depth + 1;
		shape->dim[depth] = (int64_t)json_array_size(a);
	}
	for (size_t i = 0; i < json_array_size(a); i++)
		n += json_values(json_array_get(a, i), v + n, shape, depth + 1);
	return n;
}

__attribute__((unused)) static void model_remove(const char *name)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", scratch, name);
	DIR *d = opendir(path);
	struct dirent *entry;
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}

/* A folder "SCRATCH/name" with the tensors; value[i] has the elements of plan[i]. */
__attribute__((unused)) static void model_write(
    const char *name, const struct fc_tensor *plan, double *const *value, size_t n)
{
	struct fc_store_writer *w;
	struct fc_err e;
	model_remove(name);
	mkdir(scratch_path(name), 0777);
	int ret = fc_store_writer_open(&w, scratch_path(name), plan, n, 0, &e);
	for (size_t i = 0; i < n && ret == 0; i++) {
		size_t count;
		fc_tensor_count(&plan[i], &count);
		char *bytes = fc_malloc(8 * count + 1);
		fc_from_f64(bytes, plan[i].dtype, value[i], count);
		ret = fc_store_writer_put(w, i, 0, bytes, count * fc_dtype_size(plan[i].dtype), &e);
		free(bytes);
	}
	if (ret < 0 || fc_store_writer_close(w, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
}

/* One tensor "w" from nested arrays. */
__attribute__((unused)) static void model_from_array(
    const char *name, const json_t *a, enum fc_dtype dtype)
{
	double v[64], *value = v;
	struct fc_tensor t = {.name = "w", .dtype = dtype};
	json_values(a, v, &t, 0);
	model_write(name, &t, &value, 1);
}

/* Every member of an object is a tensor. */
__attribute__((unused)) static void model_from_object(
    const char *name, const json_t *o, enum fc_dtype dtype)
{
	size_t n = json_object_size(o), i = 0;
	struct fc_tensor *plan = FC_ARRAY(struct fc_tensor, n);
	double **value = FC_ARRAY(double *, n);
	const char *key;
	json_t *a;
	json_object_foreach((json_t *)(uintptr_t)o, key, a)
	{
		value[i] = FC_ARRAY(double, 64);
		plan[i] = (struct fc_tensor){.name = key, .dtype = dtype};
		json_values(a, value[i], &plan[i], 0);
		i++;
	}
	model_write(name, plan, value, n);
	for (i = 0; i < n; i++)
		free(value[i]);
	free(plan);
	free(value);
}

/* A merge as the command line asks for it, with what it borrows from; the same for all tensors. */
struct trial {
	const char *method;
	const double *weight;  /* one a target, or NULL */
	const double *density; /* one a target, or NULL */
	int normalize;         /* 0: as the method does; 1, -1: yes, no */
	double select_topk;
	double t;
	enum granularity by;
	bool absolute;
	const char *dtype; /* as recipes call it, or NULL */
	/* results */
	struct asked asked;
	struct asked_recipe text;
	struct yaml_file yaml;
	struct recipe recipe;
	struct recipe_plan rp;
	struct all_measured all_measured;
};

static void trial_ask(struct trial *t, const char *base, const char *const *target, int n)
{
	const struct method *m = varm_method_find(t->method);
	struct asked *a = &t->asked;
	*a = (struct asked){m, base, target, n, varm_method_settings(m),
	    FC_ARRAY(struct target_params, (size_t)n + 1), t->dtype};
	a->settings.normalize = t->normalize ? t->normalize > 0 : a->settings.normalize;
	a->settings.select_topk = t->select_topk;
	a->settings.t = t->t;
	a->settings.granularity = (int)t->by;
	a->settings.absolute = t->absolute;
	for (int k = 0; k < n; k++) {
		a->target_params[k] = varm_method_target_params(m);
		a->target_params[k].weight = t->weight ? t->weight[k] : a->target_params[k].weight;
		a->target_params[k].density =
		    t->density ? t->density[k] : a->target_params[k].density;
	}
}

/* Merges SCRATCH/base and the targets SCRATCH/t0, t1... into SCRATCH/out.  trial_release() is due
 * also after a failure. */
__attribute__((unused)) static int trial_run(struct trial *t, int n_target, struct fc_err *e)
{
	static const struct models nowhere;
	static char path[17][300];
	static const char *target[16];
	t->rp = (struct recipe_plan){.recipe = &t->recipe};
	t->all_measured = (struct all_measured){.n = 0};
	t->text = (struct asked_recipe){.n_line = 0};
	snprintf(path[16], sizeof path[16], "%s/base", scratch);
	for (int k = 0; k < n_target; k++) {
		snprintf(path[k], sizeof path[k], "%s/t%d", scratch, k);
		target[k] = path[k];
	}
	model_remove("out");
	mkdir(scratch_path("out"), 0777);
	trial_ask(t, path[16], target, n_target);
	varm_asked_write(&t->text, &t->asked);
	if (varm_yaml_parse(&t->yaml, t->text.text.p, t->text.text.n, "options", e) < 0 ||
	    varm_recipe_read(&t->recipe, t->yaml.doc[0], NULL, t->text.said_by, e) < 0 ||
	    varm_recipe_plan_make(&t->rp, &t->recipe, &nowhere, e) < 0)
		return -1;
	struct merge_options o = {.shard_bytes = 0};
	if (varm_merge_run(&t->rp.plan, &o, scratch_path("out"), &t->all_measured, e) < 0)
		return -1;
	return varm_merge_finish(scratch_path("out"), e);
}

__attribute__((unused)) static void trial_release(struct trial *t)
{
	varm_all_measured_release(&t->all_measured);
	varm_recipe_plan_release(&t->rp);
	varm_recipe_release(&t->recipe);
	varm_yaml_release(&t->yaml);
	varm_asked_recipe_release(&t->text);
	free(t->asked.target_params);
}

__attribute__((unused)) static void models_remove(void)
{
	static const char *const names[] = {"base", "out", "keep"};
	for (size_t i = 0; i < FC_LEN(names); i++)
		model_remove(names[i]);
	for (int k = 0; k < 16; k++) {
		char name[16];
		snprintf(name, sizeof name, "t%d", k);
		model_remove(name);
	}
}

#endif
