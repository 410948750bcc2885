/* SPDX-License-Identifier: Apache-2.0 */
/* fc-varm: merges models of one shape in parameter space. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-varm/jobs.h"
#include "fc-varm/request/method_table.h"
#include "fc-varm/request/parameter_option.h"
#include "fc-varm/request/renamed.h"
#include "fc-varm/source/source_model.h"

enum { KEEP, F32, F16, BF16 };
/* as recipes call them */
static const char *const dtypes[] = {[F32] = "float32", [F16] = "float16", [BF16] = "bfloat16"};

static const char *base, *recipe, *method = "varm";
static int dtype = KEEP, rounding; /* 0: nearest, 1: stochastic */
static uint64_t seed = 1;
static struct run_options run = {.shard_bytes = 5000000000};

/* The rows before those of the methods' parameters, and the rows after them. */
static const struct fc_opt first[] = {
    {FC_OPT_IN, 'b', "base", &base, "DIR", "the pivot: every change is measured against it", 0, 0},
    {FC_OPT_IN, 0, "recipe", &recipe, "FILE", "do what a merge recipe in mergekit's format says", 0,
	0},
    {FC_OPT_PLACE, 0, "models", &run.models, "DIR",
	"where models are that are given by their hub names", 0, 0},
    {FC_OPT_OUT_DIR, 'o', "output", &run.out, "DIR",
	"folder to write the merged model to; -: its tensors as a stream, to standard output", 0,
	0},
    {FC_OPT_OUT_TEXT, 0, "report", &run.report, "FILE",
	"write weights, norms of the changes and their similarity as TSV", 0, 0},
    {FC_OPT_FLAG, 0, "dry-run", &run.dry_run, NULL,
	"print what would be done with each tensor, as TSV, and do nothing", 0, 0},
    {FC_OPT_FLAG, 0, "any-tokenizer", &run.any_tokenizer, NULL,
	"merge also where vocabularies differ in names or order", 0, 0},
    {FC_OPT_CHOICE, 0, "dtype", &dtype, "keep|f32|f16|bf16",
	"type of the result; keep: the pivot's", 0, 0},
    {FC_OPT_CHOICE, 0, "rounding", &rounding, "nearest|stochastic",
	"of the result's f16 and bf16; stochastic is right on average", 0, 0},
    {FC_OPT_U64, 0, "shard-bytes", &run.shard_bytes, "N",
	"begin a new file after N bytes of tensors; 0: never", 0, 0},
    {FC_OPT_FLAG, 0, "resume", &run.resume, NULL, "go on with a merge that was interrupted", 0, 0},
    {FC_OPT_FLAG, 'f', "force", &run.force, NULL, "replace an existing output folder", 0, 0},
    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "How to merge", 0, 0},
    {FC_OPT_STR, 0, "method", &method, "NAME", "one of the methods below", 0, 0},
    {FC_OPT_U64, 0, "seed", &seed, "N", "of random numbers: what methods draw, stochastic rounding",
	0, 0},
    {0},
};
static const struct fc_opt last[] = {FC_OPT_COMMON, {0}};

static struct fc_usage usage = {
    .synopsis = "-b PIVOT -o DIR [OPTION]... TARGET...\n"
		"--recipe FILE -o DIR [OPTION]...",
    .summary = "Merges models fine-tuned from one pivot into one model, tensor by tensor.",
    .more = "Models are folders with safetensors.  Exit status: 0 done, 1 failed, 2 usage.",
};

static void check_output(void)
{
	if (run.dry_run)
		return;
	if (!run.out)
		fc_die_usage("no output folder: use -o");
	if (!strcmp(run.out, "-") && run.report && !strcmp(run.report, "-"))
		fc_die_usage("-o - and --report -: standard output takes one of them");
	if (!strcmp(run.out, "-"))
		fc_opt_check_output("output", run.out, FC_OUT_STREAM);
	else if (!run.force && fc_file_exists(run.out))
		fc_die("%s: exists already; --force replaces it", run.out);
}

/* A recipe says everything that the other options and operands would. */
static int run_recipe(int n_target, struct fc_err *e)
{
	const char *given = fc_opt_given();
	if (n_target || base)
		fc_die_usage("--recipe names the models; no pivot and no targets beside it");
	if (strstr(given, "--method ") || varm_parameter_options_given() || dtype != KEEP)
		fc_die_usage("--recipe says the method, its parameters and the type");
	if (rounding != 1 && strstr(given, "--seed "))
		fc_die_usage("--recipe says random_seed; --seed is of --rounding stochastic");
	check_output();
	return varm_run_recipe(recipe, &run, e);
}

static int run_options(char **target, int n_target, struct fc_err *e)
{
	if (!base)
		fc_die_usage("no pivot: use -b");
	if (n_target < 1)
		fc_die_usage("no targets");
	check_output();
	struct asked a = {.method = varm_method_find(method),
	    .base = base,
	    .target = (const char *const *)target,
	    .n_target = n_target,
	    .target_params = FC_ARRAY(struct target_params, (size_t)n_target),
	    .dtype = dtypes[dtype]};
	if (!a.method)
		fc_die_usage("--method: there is no method '%.64s'; --help lists them", method);
	a.settings = varm_method_settings(a.method);
	a.settings.seed = seed;
	for (int k = 0; k < n_target; k++)
		a.target_params[k] = varm_method_target_params(a.method);
	varm_parameter_options_get(&a);
	int ret = varm_run_asked(&a, &run, e);
	free(a.target_params);
	return ret;
}

/* Of tests, for the man pages: a table printed from the declarations. */
static void print_mdoc(const char *name)
{
	struct fc_buf b = FC_BUF_INIT;
	if (varm_method_table_mdoc(&b, name) < 0)
		fc_die_usage("there is no table '%.64s'", name);
	fputs(b.p, stdout);
	fc_buf_release(&b);
	fc_finish();
}

int main(int argc, char **argv)
{
	struct fc_err e;
	struct fc_buf more = FC_BUF_INIT;
	fc_prog = "fc-varm";
	struct fc_opt *table = varm_parameter_option_table(first, last);
	varm_method_table_help(&more);
	fc_buf_addf(&more, "\n%s", usage.more);
	usage.more = more.p;
	if (argc == 3 && !strcmp(argv[1], "--print-mdoc"))
		print_mdoc(argv[2]);
	argv = varm_renamed_options(&argc, argv);
	int operand = fc_opt_parse(table, &usage, argc, argv);
	int n_target = argc - operand;
	varm_renamed_note();
	run.rounding = (struct fc_rounding){rounding == 1, seed};
	int ret = recipe ? run_recipe(n_target, &e) : run_options(argv + operand, n_target, &e);
	if (ret < 0)
		fc_die("%s", e.msg);
	fc_finish();
}
