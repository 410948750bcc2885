/* SPDX-License-Identifier: Apache-2.0 */
/* fc-varm: merges models of one shape in parameter space. */
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-varm/recipe_run.h"
#include "fc-varm/request/recipe_plan.h"
#include "fc-varm/request/request.h"
#include "fc-varm/result/card_request.h"
#include "fc-varm/result/merge_record.h"
#include "fc-varm/result/outline.h"
#include "fc-varm/result/product.h"
#include "fc-varm/result/sidecar.h"
#include "fc-varm/result/weight_table.h"
#include "fc-varm/source/tokens.h"

enum { KEEP, F32, F16, BF16 };
static const enum fc_dtype dtypes[] = {[F32] = FC_F32, [F16] = FC_F16, [BF16] = FC_BF16};

static const char *base, *out, *report, *recipe, *models;
static int dtype = KEEP, rounding; /* 0: nearest, 1: stochastic */
static bool force, resume, dry_run, any_tokenizer;
static uint64_t shard_bytes = 5000000000;

static const struct fc_opt opts[] = {
    {FC_OPT_IN, 'b', "base", &base, "DIR", "the pivot: every change is measured against it", 0, 0},
    {FC_OPT_IN, 0, "recipe", &recipe, "FILE", "do what a merge recipe in mergekit's format says", 0,
	0},
    {FC_OPT_PLACE, 0, "models", &models, "DIR",
	"--recipe: where models are that the recipe names by their hub names", 0, 0},
    {FC_OPT_OUT_DIR, 'o', "output", &out, "DIR",
	"folder to write the merged model to; -: its tensors as a stream, to standard output", 0,
	0},
    {FC_OPT_CHOICE, 0, "method", &varm_asked.method, REQUEST_METHODS, "how to merge", 0, 0},
    {FC_OPT_OUT_TEXT, 0, "report", &report, "FILE",
	"write weights, norms of the changes and their likeness as TSV", 0, 0},
    {FC_OPT_FLAG, 0, "dry-run", &dry_run, NULL,
	"print what would be done with each tensor, as TSV, and do nothing", 0, 0},
    {FC_OPT_FLAG, 0, "any-tokenizer", &any_tokenizer, NULL,
	"merge also where vocabularies differ in names or order", 0, 0},
    {FC_OPT_CHOICE, 0, "dtype", &dtype, "keep|f32|f16|bf16",
	"type of the result; keep: the pivot's", 0, 0},
    {FC_OPT_CHOICE, 0, "rounding", &rounding, "nearest|stochastic",
	"of the result's f16 and bf16; stochastic is right on average", 0, 0},
    {FC_OPT_U64, 0, "shard-bytes", &shard_bytes, "N",
	"begin a new file after N bytes of tensors; 0: never", 0, 0},
    {FC_OPT_FLAG, 0, "resume", &resume, NULL, "go on with a merge that was interrupted", 0, 0},
    {FC_OPT_FLAG, 'f', "force", &force, NULL, "replace an existing output folder", 0, 0},
    REQUEST_OPTIONS,
    FC_OPT_COMMON,
    {0},
};

static const struct fc_usage usage = {
    .synopsis = "-b PIVOT -o DIR [OPTION]... TARGET...\n"
		"--recipe FILE -o DIR [OPTION]...",
    .summary = "Merges models fine-tuned from one pivot into one model, tensor by tensor.",
    .more = "Models are folders with safetensors.  Exit status: 0 done, 1 failed, 2 usage.",
};

static void check_output(void)
{
	if (dry_run)
		return;
	if (!out)
		fc_die_usage("no output folder: use -o");
	if (!strcmp(out, "-") && report && !strcmp(report, "-"))
		fc_die_usage("-o - and --report -: standard output takes one of them");
	if (!strcmp(out, "-"))
		fc_opt_check_output("output", out, FC_OUT_STREAM);
	else if (!force && fc_file_exists(out))
		fc_die("%s: exists already; --force replaces it", out);
}

static void check_options(int n_target)
{
	if (!base)
		fc_die_usage("no pivot: use -b");
	if (n_target < 1)
		fc_die_usage("no targets");
	check_output();
}

static void write_report(struct fc_out *o, const struct plan *p, const struct verdicts *r)
{
	struct fc_err e;
	struct fc_buf b = FC_BUF_INIT;
	varm_weight_table_print(&b, p, r);
	if (fc_out_write(o, b.p, b.n, &e) < 0 || fc_out_commit(o, &e) < 0)
		fc_die("%s", e.msg);
	fc_buf_release(&b);
}

static void write_model(
    const struct inputs *in, const struct request *q, struct plan *p, struct verdicts *r)
{
	struct fc_err e;
	struct product x;
	if (varm_product_open(&x, out, force, resume, &e) < 0)
		fc_die("%s", e.msg);
	struct merge_options o = {shard_bytes, x.resumed, report != NULL};
	const char *tmp = varm_product_folder(&x);
	if (varm_sidecar_copy(in->base.path, tmp,
		q->keep_dtype ? NULL : varm_recipe_dtype_name(q->dtype), &e) < 0 ||
	    varm_merge_run(p, &o, tmp, r, &e) < 0 || varm_merge_record_write(tmp, p, r, &e) < 0 ||
	    varm_card_request_write(tmp, in, q, p, r, &e) < 0 || varm_product_commit(&x, &e) < 0)
		fc_die("%s", e.msg);
}

/* The recipe says everything that the other options and operands would. */
static void run_recipe(int n_target)
{
	struct fc_err e;
	struct recipe_job job = {.file = recipe,
	    .models = models,
	    .out = out,
	    .report = report,
	    .force = force,
	    .resume = resume,
	    .dry_run = dry_run,
	    .any_tokenizer = any_tokenizer,
	    .rounding = {rounding == 1, varm_asked.seed},
	    .shard_bytes = shard_bytes};
	if (n_target || base)
		fc_die_usage("--recipe names the models; no pivot and no targets beside it");
	if (varm_request_is_given() || dtype != KEEP)
		fc_die_usage("--recipe says the method, its parameters and the type");
	if (rounding != 1 && strstr(fc_opt_given(), "--seed"))
		fc_die_usage("--recipe says random_seed; --seed is of --rounding stochastic");
	check_output();
	if (varm_recipe_run(&job, &e) < 0)
		fc_die("%s", e.msg);
	fc_finish();
}

int main(int argc, char **argv)
{
	fc_prog = "fc-varm";
	int first = fc_opt_parse(opts, &usage, argc, argv), n_target = argc - first;
	varm_ingredient_tell(base);
	for (int k = 0; k < n_target; k++)
		varm_ingredient_tell(argv[first + k]);
	if (recipe)
		run_recipe(n_target);
	check_options(n_target);
	struct request q = varm_request_make(n_target);
	q.keep_dtype = dtype == KEEP;
	q.dtype = dtypes[dtype];

	struct fc_err e;
	if (!dry_run && varm_product_check(out, &e) < 0)
		fc_die("%s", e.msg);
	struct inputs in;
	struct plan p;
	struct verdicts r;
	if (varm_inputs_open(&in, base, (const char *const *)argv + first, n_target, &e) < 0)
		fc_die("%s", e.msg);
	for (int k = 0; k < n_target; k++)
		if (!any_tokenizer && varm_tokens_check(in.base.path, in.target[k].path, &e) < 0)
			fc_die("%s", e.msg);
	varm_inputs_plan(&in, &q, &p);
	p.rounding = (struct fc_rounding){rounding == 1, varm_asked.seed};
	if (varm_plan_check_rounding(&p, &e) < 0)
		fc_die("%s", e.msg);
	if (dry_run) {
		varm_outline_show(&p, shard_bytes);
		fc_finish();
	}
	struct fc_out *table = NULL;
	if (report && fc_out_open(&table, report, FC_OUT_TEXT, &e) < 0)
		fc_die("%s", e.msg);
	write_model(&in, &q, &p, &r);
	varm_weight_table_summarize(&p, &r);
	varm_weight_table_warn(&p, &r);
	if (table)
		write_report(table, &p, &r);

	varm_verdicts_release(&r);
	varm_plan_release(&p);
	varm_inputs_close(&in);
	free((void *)(uintptr_t)q.term);
	fc_finish();
}
