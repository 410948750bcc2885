/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/options.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-train/ownanswers.h"

#define MAX_ROWS 64

/* Rows of what is trained and on what; returns how many. */
static size_t fill_what(struct fc_opt *table, struct train_options *o)
{
	const struct fc_opt rows[] = {
	    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Models", 0, 0},
	    {FC_OPT_IN, 'm', "model", &o->model, "DIR", "the model to fine-tune (the pivot)", 0, 0},
	    {FC_OPT_IN, 0, "init", &o->init, "CONFIG", "train from scratch with this config.json",
		0, 0},
	    {FC_OPT_IN, 0, "tokenizer", &o->tokenizer, "DIR",
		"with --init: folder of the tokenizer", 0, 0},
	    {FC_OPT_OUT_DIR, 'o', "output", &o->output, "DIR", "folder of the result", 0, 0},
	    {FC_OPT_OUT_STREAM, 0, "update", &o->update, "FILE",
		"write what has changed, as a stream for fc-varm (-: standard output)", 0, 0},
	    {FC_OPT_FLAG, 'f', "force", &o->force, NULL, "replace the output and the checkpoint", 0,
		0},
	    {FC_OPT_CHOICE, 0, "save-dtype", &o->save_dtype, "same|f32|f16|bf16",
		"type of the saved weights", 0, 0},
	    {FC_OPT_CHOICE, 0, "rounding", &o->rounding, "nearest|stochastic",
		"how weights are rounded to that type; stochastic is right on average", 0, 0},

	    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Loss", 0, 0},
	    {FC_OPT_REAL, 0, "lambda", &o->lambda, "X",
		"share of the labels in the loss (default 0.9; of preferences 0)", 0, 1},
	    {FC_OPT_CHOICE, 0, "loss", &o->loss, FC_LOSS_KINDS, "what is taken against the teacher",
		0, 0},
	    {FC_OPT_REAL, 0, "skew", &o->skew, "X",
		"of jsd (default 0.5) and the skewed ones (default 0.1)", 1e-6, 1 - 1e-6},
	    {FC_OPT_CHOICE, 0, "unlisted", &o->unlisted, "tail|renormalise",
		"what a row says of ids it does not list: their sum, or nothing", 0, 0},
	    {FC_OPT_CHOICE, 0, "untaught", &o->untaught, "whole|share",
		"what a label without a teacher weighs: the whole, or lambda's share", 0, 0},
	    {FC_OPT_REAL, 0, "temperature", &o->temperature, "X", "of teacher and student", 0.01,
		100},

	    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Preferences", 0, 0},
	    {FC_OPT_CHOICE, 0, "preference", &o->preference, TRAIN_PREFERENCES,
		"train on pairs of a chosen and a rejected answer", 0, 0},
	    {FC_OPT_INS, 0, "reference", &o->reference, "STREAM",
		"another model's stream of the answers; infifpo: a source's, several times", 0, 0},
	    {FC_OPT_REAL, 0, "beta", &o->beta, "X",
		"scale of the rewards (default: dpo 0.1, ln-dpo 10, wrpo 0.01, infifpo 2.5)", 0,
		1e6},
	    {FC_OPT_REAL, 0, "label-smoothing", &o->smoothing, "X",
		"probability that a pair is the wrong way round (default 0)", 0, 0.5},
	    {FC_OPT_REAL, 0, "alpha", &o->alpha, "X",
		"wrpo: share of the source's answer at the end of the run (default 0.1)", 0, 1},
	    {FC_OPT_CHOICE, 0, "reference-fusion", &o->fusion, "margin|mean",
		"infifpo: of several sources, the one that differs most, or their mean", 0, 0},
	};
	memcpy(table, rows, sizeof rows);
	return FC_LEN(rows);
}

/* Rows of how it is trained, the last ones. */
static size_t fill_how(struct fc_opt *table, struct train_options *o)
{
	const struct fc_opt rows[] = {
	    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Data", 0, 0},
	    {FC_OPT_U64, 0, "epochs", &o->epochs, "N", "passes over the stream", 0, 0},
	    {FC_OPT_U64, 0, "steps", &o->steps, "N", "steps, instead of --epochs (0: not given)", 0,
		0},
	    {FC_OPT_U64, 0, "examples", &o->examples, "N",
		"examples in a pipe (0: not given, it is read first)", 0, 0},
	    {FC_OPT_CHOICE, 0, "answers", &o->answers, TRAIN_ANSWERS,
		"whose answers get a teacher, where lines say who answered: the model's own", 0, 0},
	    {FC_OPT_INT, 0, "max-age", &o->max_age, "N",
		"of its own answers: trainings since they were given, at most", 0, FC_LINEAGE_MAX},
	    {FC_OPT_INT, 0, "batch-tokens", &o->batch_tokens, "N", "tokens of a step", 1, 1 << 30},
	    {FC_OPT_INT, 0, "micro-tokens", &o->micro_tokens, "N",
		"tokens computed at a time: bounds the memory", 1, 1 << 24},
	    {FC_OPT_INT, 0, "max-length", &o->max_length, "N",
		"longer examples are cut (also at the model's context)", 2, 1 << 24},
	    {FC_OPT_INT, 0, "shuffle", &o->shuffle, "N",
		"examples in the shuffle buffer; 1: keep order", 1, 1 << 30},
	    {FC_OPT_U64, 0, "seed", &o->seed, "N", "of the order and of --init", 0, 0},

	    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Optimizer", 0, 0},
	    {FC_OPT_REAL, 0, "lr", &o->lr, "X", "peak learning rate", 0, 10},
	    {FC_OPT_CHOICE, 0, "schedule", &o->schedule, "cosine|linear|constant",
		"of the learning rate after the warm-up", 0, 0},
	    {FC_OPT_REAL, 0, "warmup", &o->warmup, "X", "share of the run that warms up", 0, 1},
	    {FC_OPT_REAL, 0, "min-lr", &o->min_lr, "X", "last learning rate as a share of the peak",
		0, 1},
	    {FC_OPT_REAL, 0, "beta1", &o->beta1, "X", "AdamW: decay of the first moment", 0,
		0.99999},
	    {FC_OPT_REAL, 0, "beta2", &o->beta2, "X", "AdamW: decay of the second moment", 0,
		0.9999999},
	    {FC_OPT_REAL, 0, "eps", &o->eps, "X", "AdamW: added to the root", 1e-30, 1},
	    {FC_OPT_REAL, 0, "weight-decay", &o->weight_decay, "X", "AdamW: of matrices", 0, 10},
	    {FC_OPT_REAL, 0, "clip", &o->clip, "X", "greatest norm of the gradient (0: off)", 0,
		FLT_MAX},

	    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "The run", 0, 0},
	    {FC_OPT_OUT_DIR, 0, "checkpoint", &o->checkpoint, "DIR",
		"keep the state of the run there", 0, 0},
	    {FC_OPT_INT, 0, "checkpoint-every", &o->checkpoint_every, "N",
		"steps between checkpoints", 1, 1 << 30},
	    {FC_OPT_REAL, 0, "checkpoint-seconds", &o->checkpoint_seconds, "X",
		"time between checkpoints, instead of steps (0: by steps)", 0, 1e9},
	    {FC_OPT_FLAG, 0, "resume", &o->resume, NULL,
		"go on from the checkpoint if there is one", 0, 0},
	    {FC_OPT_FLAG, 0, "dry-run", &o->dry_run, NULL,
		"check options, model and output, and train nothing", 0, 0},
	    {FC_OPT_OUT, 0, "log", &o->log, "FILE", "write a JSON line a step (-: standard output)",
		0, 0},
	    {FC_OPT_IN, 0, "eval", &o->eval, "STREAM", "held-out stream to report on", 0, 0},
	    {FC_OPT_INT, 0, "eval-every", &o->eval_every, "N",
		"steps between evaluations (0: first and last only)", 0, 1 << 30},
	    {FC_OPT_STR, 0, "device", &o->device, "NAME", "where to compute: cpu", 0, 0},
	    {FC_OPT_CHOICE, 0, "dtype", &o->dtype, "auto|f32|bf16", "type of matrix products", 0,
		0},
	    FC_OPT_COMMON,
	    {0},
	};
	memcpy(table, rows, sizeof rows);
	return FC_LEN(rows);
}

static void fill_table(struct fc_opt table[MAX_ROWS], struct train_options *o)
{
	size_t n = fill_what(table, o);
	n += fill_how(table + n, o);
	assert(n <= MAX_ROWS);
}

static void check_preference(const struct train_options *o)
{
	if (!o->preference &&
	    (o->reference.n || !isnan(o->beta) || !isnan(o->smoothing) || !isnan(o->alpha) ||
		o->fusion))
		fc_die_usage("--reference, --beta, --label-smoothing, --alpha and "
			     "--reference-fusion need --preference");
	if (o->preference &&
	    (o->loss || o->unlisted || o->untaught || o->temperature != 1 || !isnan(o->skew)))
		fc_die_usage("--loss, --skew, --unlisted, --untaught and --temperature are for a "
			     "teacher's rows, which --preference does not use");
	if (o->preference == TRAIN_PREFERENCE_INFIFPO && !o->reference.n)
		fc_die_usage("--preference infifpo needs a source's stream: --reference");
	if (o->preference != TRAIN_PREFERENCE_INFIFPO && o->reference.n > 1)
		fc_die_usage("several --reference are for --preference infifpo");
	if (o->preference != TRAIN_PREFERENCE_INFIFPO && o->fusion)
		fc_die_usage("--reference-fusion is for --preference infifpo");
	if (o->preference != TRAIN_PREFERENCE_WRPO && !isnan(o->alpha))
		fc_die_usage("--alpha is for --preference wrpo");
}

static double or_default(double given, double otherwise)
{
	return isnan(given) ? otherwise : given;
}

static void set_defaults(struct train_options *o)
{
	o->lambda = or_default(o->lambda, o->preference ? 0 : 0.9);
	o->beta = or_default(o->beta, train_preference_beta((enum train_preference)o->preference));
	o->smoothing = or_default(o->smoothing, 0);
	o->alpha = or_default(o->alpha, o->preference == TRAIN_PREFERENCE_WRPO ? 0.1 : 0);
}

static void check_options(const struct train_options *o)
{
	if (!o->model == !o->init)
		fc_die_usage("give either the model to fine-tune (-m) or --init");
	if (!o->init != !o->tokenizer)
		fc_die_usage("--init and --tokenizer need each other");
	if (!o->output && !o->update)
		fc_die_usage("the result is a folder: give its name with -o (or use --update)");
	if (o->update && o->init)
		fc_die_usage("--update is the change of a model: there is none with --init");
	if (o->update && o->log && !strcmp(o->update, "-") && !strcmp(o->log, "-"))
		fc_die_usage("--update - and --log -: standard output takes one of them");
	if (o->unlisted == FC_ROW_RENORMALISED && o->loss != FC_LOSS_KL && o->loss != FC_LOSS_CE)
		fc_die_usage("--unlisted renormalise is for --loss kl and ce: the others need the "
			     "probability of what is not listed");
	if (!isnan(o->skew) && o->loss < FC_LOSS_JSD)
		fc_die_usage("--skew is for --loss jsd, skew-kl and skew-reverse-kl");
	if (o->max_age && o->answers == TRAIN_ANSWERS_ANY)
		fc_die_usage("--max-age is for --answers own");
	if (o->steps == 0 && o->epochs == 0)
		fc_die_usage("--epochs 0 needs --steps");
	if ((o->output && !strcmp(o->output, "-")) ||
	    (o->checkpoint && !strcmp(o->checkpoint, "-")))
		fc_die_usage("-o and --checkpoint name folders; --update - is a stream");
	if (o->resume && !o->checkpoint)
		fc_die_usage("--resume needs --checkpoint");
	if (o->eval && !strcmp(o->eval, "-"))
		fc_die_usage("--eval needs a file");
	check_preference(o);
	fc_opt_check_output("log", o->log, FC_OUT_JSONL);
}

void train_options_parse(struct train_options *o, int argc, char **argv)
{
	static const struct fc_usage usage = {
	    "-m PIVOT -o TARGET [options] [STREAM]\n"
	    "--init CONFIG --tokenizer DIR -o MODEL [options] [STREAM]",
	    "Trains a chat model on a stream of examples: on its labels, and on the\n"
	    "distributions of a teacher where the stream has them; or on pairs of answers.",
	    NULL,
	};
	struct fc_opt table[MAX_ROWS];
	/* lr, epochs, lambda, clip, warm-up, length: as published for FuseChat (arXiv 2402.16107)
	 */
	*o = (struct train_options){
	    .lambda = NAN,
	    .temperature = 1,
	    .skew = NAN,
	    .beta = NAN,
	    .smoothing = NAN,
	    .alpha = NAN,
	    .epochs = 3,
	    .batch_tokens = 65536,
	    .micro_tokens = 4096,
	    .max_length = 2048,
	    .shuffle = 4096,
	    .seed = 1,
	    .lr = 5e-6,
	    .warmup = 0.03,
	    .beta1 = 0.9,
	    .beta2 = 0.999,
	    .eps = 1e-8,
	    .clip = 1,
	    .checkpoint_every = 100,
	    .device = "cpu",
	};
	fill_table(table, o);
	int i = fc_opt_parse(table, &usage, argc, argv);
	if (argc - i > 1)
		fc_die_usage("one stream only; join several with cat");
	o->stream = i < argc ? argv[i] : "-";
	check_options(o);
	set_defaults(o);
}

const char *train_options_refuse_draws(const struct train_options *o)
{
	if (o->loss != FC_LOSS_KL && o->loss != FC_LOSS_CE)
		return "a sampled row has no tail, so --loss is kl or ce";
	if (o->temperature != 1)
		return "their temperature is that of fc-infer --sample-temperature, so "
		       "--temperature is 1";
	return NULL;
}

struct fc_objective train_options_objective(const struct train_options *o, bool drawn)
{
	if (drawn)
		return (struct fc_objective){FC_LOSS_CE, FC_ROW_SAMPLED, 0.1, 1};
	const double usual = o->loss == FC_LOSS_JSD ? 0.5 : 0.1;
	return (struct fc_objective){
	    .kind = (enum fc_loss_kind)o->loss,
	    .rule = (enum fc_row_rule)o->unlisted,
	    .skew = isnan(o->skew) ? usual : o->skew,
	    .temperature = o->temperature,
	};
}

struct train_preference_opts train_options_preference(const struct train_options *o)
{
	return (struct train_preference_opts){
	    .kind = (enum train_preference)o->preference,
	    .beta = o->beta,
	    .smoothing = o->smoothing,
	    .alpha = o->alpha,
	    .fusion = (enum train_fusion)o->fusion,
	};
}

/* Options that change when something is written, not what. */
static bool is_deciding(const struct fc_opt *o)
{
	static const char *const not [] = {"checkpoint-every", "checkpoint-seconds", "eval-every",
	    "save-dtype", "rounding", "threads", "dtype"};
	for (size_t i = 0; i < FC_LEN(not ); i++)
		if (o->name && !strcmp(o->name, not [i]))
			return false;
	return o->kind != FC_OPT_HEAD && o->kind != FC_OPT_FLAG && o->kind < FC_OPT_IN;
}

static void value_text(struct fc_buf *b, const struct fc_opt *o)
{
	const char *word = o->arg;
	switch (o->kind) {
	case FC_OPT_INT:
		fc_buf_addf(b, "%d", *(const int *)o->dest);
		break;
	case FC_OPT_U64:
		fc_buf_addf(b, "%llu", (unsigned long long)*(const uint64_t *)o->dest);
		break;
	case FC_OPT_REAL:
		fc_buf_addf(b, "%.17g", *(const double *)o->dest);
		break;
	case FC_OPT_CHOICE:
		for (int i = *(const int *)o->dest; i > 0; i--)
			word += strcspn(word, "|") + 1;
		fc_buf_add(b, word, strcspn(word, "|"));
		break;
	default:
		fc_buf_adds(b, *(const char *const *)o->dest);
	}
}

json_t *train_options_deciding(struct train_options *o)
{
	struct fc_opt table[MAX_ROWS];
	struct fc_buf b = FC_BUF_INIT;
	json_t *run = json_object();
	fill_table(table, o);
	for (const struct fc_opt *row = table; row->kind != FC_OPT_END; row++) {
		if (!is_deciding(row))
			continue;
		fc_buf_clear(&b);
		value_text(&b, row);
		json_object_set_new(run, row->name, json_stringn(b.p, b.n));
	}
	fc_buf_release(&b);
	return run;
}
