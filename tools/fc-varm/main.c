/* SPDX-License-Identifier: Apache-2.0 */
/* fc-varm: merges models of one shape in parameter space. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/par.h"
#include "fc-varm/jobs.h"
#include "fc-varm/request/method_table.h"
#include "fc-varm/request/parameter_option.h"
#include "fc-varm/source/source_model.h"

enum saved { KEEP, F32, F16, BF16, SAVED_N };
static const char *const dtype_words[] = {
    [KEEP] = "keep", [F32] = "f32", [F16] = "f16", [BF16] = "bf16", NULL};
_Static_assert(FC_LEN(dtype_words) == SAVED_N + 1, "a word each");
/* as recipes call them */
static const char *const dtypes[] = {[F32] = "float32", [F16] = "float16", [BF16] = "bfloat16"};

static const char *base, *recipe;
static unsigned method; /* by its place among all */
static enum saved dtype;
static enum fc_round rounding;
static uint64_t seed = 1;
static struct run_options run = {.shard_bytes = 5000000000};

static const struct fc_opt own[] = {
    FC_OPT_TEXT(
	'b', "base", FC_OPT_IN, &base, "DIR", "the pivot: every change is measured against it"),
    FC_OPT_TEXT(0, "recipe", FC_OPT_IN, &recipe, "FILE",
	"do what a merge recipe in mergekit's format says"),
    FC_OPT_TEXT(0, "models", FC_OPT_PLACE, &run.models, "DIR",
	"where models are that are given by their hub names"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT_DIR, &run.out, "DIR",
	"folder to write the merged model to; -: its tensors as a stream, to standard output"),
    FC_OPT_TEXT(0, "report", FC_OPT_OUT_TEXT, &run.report, "FILE",
	"write weights, norms of the changes and their similarity as TSV"),
    FC_OPT_FLAG(0, "dry-run", FC_OPT_PASSES, &run.dry_run,
	"print what would be done with each tensor, as TSV, and do nothing"),
    FC_OPT_FLAG(0, "any-tokenizer", FC_OPT_DECIDES, &run.any_tokenizer,
	"merge also where vocabularies differ in names or order"),
    FC_OPT_WORD(
	0, "dtype", FC_OPT_FORM, &dtype, dtype_words, "type of the result; keep: the pivot's"),
    FC_OPT_WORD(0, "rounding", FC_OPT_FORM, &rounding, fc_round_words,
	"of the result's f16 and bf16; stochastic is right on average"),
    FC_OPT_U64(0, "shard-bytes", FC_OPT_FORM, &run.shard_bytes, "N",
	"begin a new file after N bytes of tensors; 0: never"),
    FC_OPT_FLAG(0, "resume", FC_OPT_PASSES, &run.resume, "go on with a merge that was interrupted"),
    FC_OPT_FLAG('f', "force", FC_OPT_PASSES, &run.force, "replace an existing output folder"),
    FC_OPT_END,
};
static struct fc_opt how[] = {
    FC_OPT_HEAD("How to merge"),
    FC_OPT_ROW(WORD, FC_OPT_DECIDES, 0, "method", {.word = &method}, "NAME", 0, 0, NULL,
	"one of the methods below"),
    FC_OPT_U64(0, "seed", FC_OPT_DECIDES, &seed, "N",
	"of random numbers: what methods draw, stochastic rounding"),
    FC_OPT_END,
};

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
	if (!strcmp(run.out, "-"))
		fc_opt_check_output("output", run.out, FC_OUT_STREAM);
	else if (!run.force && fc_file_exists(run.out))
		fc_die("%s: exists already; --force replaces it", run.out);
}

/* A recipe says everything that the other options and operands would. */
static int run_recipe(int n_target, struct fc_err *e)
{
	if (n_target || base)
		fc_die_usage("--recipe names the models; no pivot and no targets beside it");
	if (fc_opt_is_given("method") || varm_parameter_options_given() || dtype != KEEP)
		fc_die_usage("--recipe says the method, its parameters and the type");
	if (rounding != FC_ROUND_STOCHASTIC && fc_opt_is_given("seed"))
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
	struct asked a = {.method = varm_method_at(method),
	    .base = base,
	    .target = (const char *const *)target,
	    .n_target = n_target,
	    .target_params = FC_ARRAY(struct target_params, (size_t)n_target),
	    .dtype = dtypes[dtype]};
	a.settings = varm_method_settings(a.method);
	a.settings.seed = seed;
	for (int k = 0; k < n_target; k++)
		a.target_params[k] = varm_method_target_params(a.method);
	varm_parameter_options_get(&a);
	int ret = varm_run_asked(&a, &run, e);
	free(a.target_params);
	return ret;
}

/* The row of --method gets their names, and its default. */
static void name_methods(struct fc_opt *row)
{
	const size_t n = varm_method_count();
	const char **names = FC_ARRAY(const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		names[i] = varm_method_at(i)->name;
		method = strcmp(names[i], "varm") ? method : (unsigned)i;
	}
	row->words = names;
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
	name_methods(&how[1]);
	const struct fc_opt *const tables[] = {
	    own, how, varm_parameter_option_table(), fc_opt_common, NULL};
	varm_method_table_help(&more);
	fc_buf_addf(&more, "\n%s", usage.more);
	usage.more = more.p;
	if (argc == 3 && !strcmp(argv[1], "--print-mdoc"))
		print_mdoc(argv[2]);
	int operand = fc_opt_parse(tables, &usage, argc, argv);
	fc_par_start(fc_opt_threads);
	fc_mem_keep();
	int n_target = argc - operand;
	run.rounding = (struct fc_rounding){rounding == FC_ROUND_STOCHASTIC, seed};
	int ret = recipe ? run_recipe(n_target, &e) : run_options(argv + operand, n_target, &e);
	if (ret < 0)
		fc_die("%s", e.msg);
	fc_finish();
}
