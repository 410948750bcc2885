/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/options.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-train/ownanswers.h"

/* lr, epochs, lambda, clip, warm-up, length: as published for FuseChat (arXiv 2402.16107) */
static struct train_options asked = {
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
    .lr = NAN,
    .warmup = 0.03,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .eps = 1e-8,
    .clip = 1,
    .checkpoint_every = 100,
    .device = "cpu",
};

static const char *const save_words[] = {[TRAIN_SAVE_SAME] = "same",
    [TRAIN_SAVE_F32] = "f32",
    [TRAIN_SAVE_F16] = "f16",
    [TRAIN_SAVE_BF16] = "bf16",
    NULL};
_Static_assert(FC_LEN(save_words) == TRAIN_SAVE_N + 1, "a word each");
static const char *const untaught_words[] = {
    [TRAIN_UNTAUGHT_WHOLE] = "whole", [TRAIN_UNTAUGHT_SHARE] = "share", NULL};
_Static_assert(FC_LEN(untaught_words) == TRAIN_UNTAUGHT_N + 1, "a word each");
static const char *const preference_words[] = {[TRAIN_PREFERENCE_NONE] = "none",
    [TRAIN_PREFERENCE_DPO] = "dpo",
    [TRAIN_PREFERENCE_LN_DPO] = "ln-dpo",
    [TRAIN_PREFERENCE_WRPO] = "wrpo",
    [TRAIN_PREFERENCE_INFIFPO] = "infifpo",
    NULL};
_Static_assert(FC_LEN(preference_words) == TRAIN_PREFERENCE_N + 1, "a word each");
static const char *const fusion_words[] = {
    [TRAIN_FUSION_MARGIN] = "margin", [TRAIN_FUSION_MEAN] = "mean", NULL};
_Static_assert(FC_LEN(fusion_words) == TRAIN_FUSION_N + 1, "a word each");
static const char *const answers_words[] = {
    [TRAIN_ANSWERS_OWN] = "own", [TRAIN_ANSWERS_ANY] = "any", NULL};
_Static_assert(FC_LEN(answers_words) == TRAIN_ANSWERS_N + 1, "a word each");
static const char *const offload_words[] = {
    [TRAIN_OFFLOAD_NONE] = "none", [TRAIN_OFFLOAD_OPTIMIZER] = "optimizer", NULL};
_Static_assert(FC_LEN(offload_words) == TRAIN_OFFLOAD_N + 1, "a word each");
static const char *const decay_words[] = {[TRAIN_DECAY_COSINE] = "cosine",
    [TRAIN_DECAY_LINEAR] = "linear",
    [TRAIN_DECAY_CONSTANT] = "constant",
    NULL};
_Static_assert(FC_LEN(decay_words) == TRAIN_DECAY_N + 1, "a word each");
static const char *const keep_words[] = {
    [TRAIN_KEEP_LAST] = "last", [TRAIN_KEEP_BEST] = "best", NULL};
_Static_assert(FC_LEN(keep_words) == TRAIN_KEEP_N + 1, "a word each");

static const char *const shard_words[] = {[TRAIN_SHARD_AUTO] = "auto",
    [TRAIN_SHARD_OPTIMIZER] = "optimizer",
    [TRAIN_SHARD_GRADIENTS] = "gradients",
    NULL};
_Static_assert(FC_LEN(shard_words) == TRAIN_SHARD_N + 1, "a word each");

static const struct fc_opt what[] = {
    FC_OPT_HEAD("Models"),
    FC_OPT_TEXT('m', "model", FC_OPT_IN, &asked.model, "DIR", "the model to fine-tune (the pivot)"),
    FC_OPT_TEXT(
	0, "init", FC_OPT_IN, &asked.init, "CONFIG", "train from scratch with this config.json"),
    FC_OPT_TEXT(
	0, "tokenizer", FC_OPT_IN, &asked.tokenizer, "DIR", "with --init: folder of the tokenizer"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT_DIR, &asked.output, "DIR", "folder of the result"),
    FC_OPT_TEXT(0, "lora", FC_OPT_DECIDES, &asked.lora, "SPEC",
	"train adapters: r=16,alpha=32,targets=all-linear, dora, rslora"),
    FC_OPT_TEXT(0, "lora-from", FC_OPT_IN, &asked.lora_from, "DIR",
	"go on with the adapters in this folder, which says what they are"),
    FC_OPT_TEXT(0, "update", FC_OPT_OUT_STREAM, &asked.update, "FILE",
	"write what has changed, as a stream for fc-varm (-: standard output)"),
    FC_OPT_FLAG('f', "force", FC_OPT_PASSES, &asked.force, "replace the output and the checkpoint"),
    FC_OPT_WORD(
	0, "save-dtype", FC_OPT_FORM, &asked.save_dtype, save_words, "type of the saved weights"),
    FC_OPT_WORD(0, "rounding", FC_OPT_FORM, &asked.rounding, fc_round_words,
	"how weights are rounded to that type; stochastic is right on average"),

    FC_OPT_HEAD("Loss"),
    FC_OPT_REAL(0, "lambda", FC_OPT_DECIDES, &asked.lambda, "X", 0, 1,
	"share of the labels in the loss (default 0.9; of preferences 0)"),
    FC_OPT_WORD(0, "loss", FC_OPT_DECIDES, &asked.loss, fc_loss_words,
	"fusion loss: cross-entropy, or a divergence between teacher and model"),
    FC_OPT_REAL(0, "skew", FC_OPT_DECIDES, &asked.skew, "X", 0, 1,
	"of jsd (default 0.5) and the skewed ones (default 0.1)"),
    FC_OPT_WORD(0, "unlisted", FC_OPT_DECIDES, &asked.unlisted, fc_row_rule_words,
	"what a row says of ids it does not list: their sum, or nothing"),
    FC_OPT_WORD(0, "untaught", FC_OPT_DECIDES, &asked.untaught, untaught_words,
	"weight of a label that has no teacher: 1, or lambda"),
    FC_OPT_REAL(0, "temperature", FC_OPT_DECIDES, &asked.temperature, "X", 0.01, 100,
	"of teacher and model"),

    FC_OPT_HEAD("Preferences"),
    FC_OPT_WORD(0, "preference", FC_OPT_DECIDES, &asked.preference, preference_words,
	"train on pairs of a chosen and a rejected answer"),
    FC_OPT_TEXTS(0, "reference", FC_OPT_IN, &asked.reference, "STREAM",
	"another model's stream of the answers; infifpo: a source's, several times"),
    FC_OPT_REAL(0, "beta", FC_OPT_DECIDES, &asked.beta, "X", 0, 1e6,
	"scale of the rewards (default: dpo 0.1, ln-dpo 10, wrpo 0.01, infifpo 2.5)"),
    FC_OPT_REAL(0, "label-smoothing", FC_OPT_DECIDES, &asked.smoothing, "X", 0, 0.5,
	"probability that a pair is the wrong way round (default 0)"),
    FC_OPT_REAL(0, "alpha", FC_OPT_DECIDES, &asked.alpha, "X", 0, 1,
	"wrpo: share of the source's answer at the end of the run (default 0.1)"),
    FC_OPT_WORD(0, "reference-fusion", FC_OPT_DECIDES, &asked.fusion, fusion_words,
	"infifpo: of several sources, the one that differs most, or their mean"),
    FC_OPT_END,
};

static const struct fc_opt how[] = {
    FC_OPT_HEAD("Data"),
    FC_OPT_U64(0, "epochs", FC_OPT_DECIDES, &asked.epochs, "N", "passes over the stream"),
    FC_OPT_U64(
	0, "steps", FC_OPT_DECIDES, &asked.steps, "N", "steps, instead of --epochs (0: not given)"),
    FC_OPT_U64(0, "examples", FC_OPT_DECIDES, &asked.examples, "N",
	"examples in a pipe (0: not given, it is read first)"),
    FC_OPT_WORD(0, "answers", FC_OPT_DECIDES, &asked.answers, answers_words,
	"whose answers get a teacher, where lines say who answered: the model's own"),
    FC_OPT_INT(0, "max-age", FC_OPT_DECIDES, &asked.max_age, "N", 0, FC_LINEAGE_MAX,
	"of its own answers: trainings since they were given, at most"),
    FC_OPT_INT(0, "batch-tokens", FC_OPT_DECIDES, &asked.batch_tokens, "N", 1, 1 << 30,
	"tokens of a step"),
    FC_OPT_INT(0, "micro-tokens", FC_OPT_DECIDES, &asked.micro_tokens, "N", 1, 1 << 24,
	"tokens computed at a time: bounds the memory"),
    FC_OPT_INT(0, "lanes", FC_OPT_DECIDES, &asked.lanes, "N", 0, 1 << 16,
	"sums of gradients that are added at the end (0: one for each rank)"),
    FC_OPT_WORD(0, "shard", FC_OPT_PASSES, &asked.shard, shard_words,
	"what several processes divide among them: what memory asks for, or this"),
    FC_OPT_INT(0, "max-length", FC_OPT_DECIDES, &asked.max_length, "N", 2, 1 << 24,
	"longer examples are truncated (also at the model's context)"),
    FC_OPT_INT(0, "shuffle", FC_OPT_DECIDES, &asked.shuffle, "N", 1, 1 << 30,
	"examples in the shuffle buffer; 1: keep order"),
    FC_OPT_U64(0, "seed", FC_OPT_DECIDES, &asked.seed, "N", "of the order and of --init"),

    FC_OPT_HEAD("Optimizer"),
    FC_OPT_REAL(0, "lr", FC_OPT_DECIDES, &asked.lr, "X", 0, 10,
	"peak learning rate (default 5e-6; of adapters 5e-5)"),
    FC_OPT_WORD(0, "schedule", FC_OPT_DECIDES, &asked.schedule, decay_words,
	"of the learning rate after the warm-up"),
    FC_OPT_REAL(
	0, "warmup", FC_OPT_DECIDES, &asked.warmup, "X", 0, 1, "share of the run that warms up"),
    FC_OPT_REAL(0, "min-lr", FC_OPT_DECIDES, &asked.min_lr, "X", 0, 1,
	"last learning rate as a share of the peak"),
    FC_OPT_REAL(0, "beta1", FC_OPT_DECIDES, &asked.beta1, "X", 0, 0.99999,
	"AdamW: decay of the first moment"),
    FC_OPT_REAL(0, "beta2", FC_OPT_DECIDES, &asked.beta2, "X", 0, 0.9999999,
	"AdamW: decay of the second moment"),
    FC_OPT_REAL(0, "eps", FC_OPT_DECIDES, &asked.eps, "X", 1e-30, 1, "AdamW: added to the root"),
    FC_OPT_REAL(
	0, "weight-decay", FC_OPT_DECIDES, &asked.weight_decay, "X", 0, 10, "AdamW: of matrices"),
    FC_OPT_REAL(0, "clip", FC_OPT_DECIDES, &asked.clip, "X", 0, FLT_MAX,
	"greatest norm of the gradient (0: off)"),

    FC_OPT_HEAD("The run"),
    FC_OPT_TEXT(0, "checkpoint", FC_OPT_OUT_DIR, &asked.checkpoint, "DIR",
	"keep the state of the run there"),
    FC_OPT_INT(0, "checkpoint-every", FC_OPT_PASSES, &asked.checkpoint_every, "N", 1, 1 << 30,
	"steps between checkpoints"),
    FC_OPT_REAL(0, "checkpoint-seconds", FC_OPT_PASSES, &asked.checkpoint_seconds, "X", 0, 1e9,
	"time between checkpoints, instead of steps (0: by steps)"),
    FC_OPT_FLAG(
	0, "resume", FC_OPT_PASSES, &asked.resume, "go on from the checkpoint if there is one"),
    FC_OPT_FLAG(0, "dry-run", FC_OPT_PASSES, &asked.dry_run,
	"check options, model and output, tell the memory, and train nothing"),
    FC_OPT_TEXT(
	0, "log", FC_OPT_OUT, &asked.log, "FILE", "write a JSON line a step (-: standard output)"),
    FC_OPT_TEXT(0, "eval", FC_OPT_IN, &asked.eval, "STREAM", "held-out stream to report on"),
    /* with --keep best and --patience it decides too, and a checkpoint has it then */
    FC_OPT_INT(0, "eval-every", FC_OPT_PART, &asked.eval_every, "N", 0, 1 << 30,
	"steps between evaluations (0: first and last only)"),
    FC_OPT_WORD(0, "keep", FC_OPT_DECIDES, &asked.keep, keep_words,
	"the result: weights of the last step, or of the best evaluation"),
    FC_OPT_INT(0, "patience", FC_OPT_DECIDES, &asked.patience, "N", 0, 1 << 30,
	"evaluations without a new best that end the run (0: none do)"),
    FC_OPT_TEXT(0, "device", FC_OPT_DECIDES, &asked.device, "NAME",
	"where to compute: cpu, cuda[:N], auto"),
    FC_OPT_WORD(0, "offload", FC_OPT_PASSES, &asked.offload, offload_words,
	"what a device leaves to the host: the optimizer, with weights in float32 and moments"),
    FC_OPT_INT(0, "layers-kept", FC_OPT_PASSES, &asked.layers_kept, "N", 1, 1 << 16,
	"layers that are not computed again on the way back: memory for time (else as many as a "
	"quarter of the free memory holds)"),
    FC_OPT_WORD(
	0, "dtype", FC_OPT_DECIDES, &asked.dtype, fc_compute_words, "type of matrix products"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {what, how, fc_opt_common, NULL};

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
	o->lr = or_default(o->lr, o->lora ? 5e-5 : 5e-6);
	o->beta = or_default(o->beta, train_preference_beta(o->preference));
	o->smoothing = or_default(o->smoothing, 0);
	o->alpha = or_default(o->alpha, o->preference == TRAIN_PREFERENCE_WRPO ? 0.1 : 0);
}

static void check_evaluation(const struct train_options *o)
{
	if (o->eval && !strcmp(o->eval, "-"))
		fc_die_usage("--eval needs a file");
	if (o->keep == TRAIN_KEEP_BEST && !o->eval)
		fc_die_usage("--keep best needs a held-out stream that says which: --eval");
	if (o->patience && !(o->eval && o->eval_every))
		fc_die_usage("--patience counts evaluations: it needs --eval and --eval-every");
	if (o->keep == TRAIN_KEEP_BEST && !o->checkpoint && !o->output && !strcmp(o->update, "-"))
		fc_die_usage("--keep best writes the best weights beside the checkpoint or the "
			     "output: give --checkpoint");
}

static void check_lora(struct train_options *o)
{
	struct fc_err e;
	if (o->lora && o->lora_from)
		fc_die_usage("--lora-from says all that --lora can: give one of them");
	if (o->lora_from) {
		if (train_adapter_read(&o->adapter, o->lora_from, &e) < 0)
			fc_die("%s", e.msg);
		o->lora = o->adapter.spelled;
	} else if (o->lora && train_adapter_parse(&o->adapter, o->lora, &e) < 0) {
		fc_die_usage("--lora: %s", e.msg);
	}
	if (!o->lora)
		return;
	if (o->init)
		fc_die_usage("--lora adapts a model (-m): there is none with --init");
	if (o->update)
		fc_die_usage("--update is the change of a model's weights, which --lora leaves as "
			     "they are: fc-varm reads MODEL+ADAPTER");
	if (o->offload != TRAIN_OFFLOAD_NONE)
		fc_die_usage("--offload optimizer: what --lora trains is small, and stays with the "
			     "adapters");
	if (o->layers_kept > 1)
		fc_die_usage(
		    "--layers-kept: with --lora all layers but the last are computed again");
}

/* The ends of the skew, where a divergence is another one or none (GKD, arXiv 2306.13649, section
 * 2: JSD(a) / a comes near the forward divergence as a comes near 0). */
static void check_skew(const struct train_options *o)
{
	static const char *const at_end[][2] = {
	    [FC_LOSS_JSD] = {"0 there; divided by the skew it comes near --loss kl",
		"0 there; divided by 1 - skew it comes near --loss reverse-kl"},
	    [FC_LOSS_SKEW_KL] = {"--loss kl there", "0 there, whatever the model"},
	    [FC_LOSS_SKEW_REVERSE_KL] = {"--loss reverse-kl there", "0 there, whatever the model"}};
	if (isnan(o->skew))
		return;
	if (o->loss < FC_LOSS_JSD)
		fc_die_usage("--skew is for --loss jsd, skew-kl and skew-reverse-kl");
	if (o->skew <= 0 || o->skew >= 1)
		fc_die_usage("--skew %g: --loss %s is %s", o->skew, fc_loss_words[o->loss],
		    at_end[o->loss][o->skew >= 1]);
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
	if (o->unlisted == FC_ROW_RENORMALISED && o->loss != FC_LOSS_KL && o->loss != FC_LOSS_CE)
		fc_die_usage("--unlisted renormalise is for --loss kl and ce: the others need the "
			     "probability of what is not listed");
	check_skew(o);
	if (o->max_age && o->answers == TRAIN_ANSWERS_ANY)
		fc_die_usage("--max-age is for --answers own");
	if (o->steps == 0 && o->epochs == 0)
		fc_die_usage("--epochs 0 needs --steps");
	if ((o->output && !strcmp(o->output, "-")) ||
	    (o->checkpoint && !strcmp(o->checkpoint, "-")))
		fc_die_usage("-o and --checkpoint name folders; --update - is a stream");
	if (o->resume && !o->checkpoint)
		fc_die_usage("--resume needs --checkpoint");
	check_evaluation(o);
	check_preference(o);
	fc_opt_check_output("log", o->log, FC_OUT_JSONL);
}

const struct train_options *train_options_parse(int argc, char **argv)
{
	static const struct fc_usage usage = {
	    .synopsis = "-m PIVOT -o TARGET [options] [STREAM]\n"
			"--init CONFIG --tokenizer DIR -o MODEL [options] [STREAM]",
	    .summary =
		"Trains a chat model on a stream of examples: on its labels, and on the "
		"distributions of a teacher where the stream has them; or on pairs of answers.",
	};
	struct train_options *o = &asked;
	int i = fc_opt_parse(tables, &usage, argc, argv);
	if (argc - i > 1)
		fc_die_usage("one stream only; join several with cat");
	o->stream = i < argc ? argv[i] : "-";
	check_options(o);
	check_lora(o);
	set_defaults(o);
	return o;
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
	    .kind = o->loss,
	    .rule = o->unlisted,
	    .skew = isnan(o->skew) ? usual : o->skew,
	    .temperature = o->temperature,
	};
}

struct train_preference_opts train_options_preference(const struct train_options *o)
{
	return (struct train_preference_opts){
	    .kind = o->preference,
	    .beta = o->beta,
	    .smoothing = o->smoothing,
	    .alpha = o->alpha,
	    .fusion = o->fusion,
	};
}

json_t *train_options_deciding(void)
{
	struct fc_buf b = FC_BUF_INIT;
	json_t *run = json_object();
	for (const struct fc_opt *const *t = tables; *t; t++)
		for (const struct fc_opt *o = *t; o->kind != FC_OPT_IS_END; o++) {
			if (o->kind == FC_OPT_IS_HEAD || o->role != FC_OPT_DECIDES)
				continue;
			fc_buf_clear(&b);
			fc_opt_add_value(&b, o);
			json_object_set_new(run, o->name, json_stringn(b.p, b.n));
		}
	fc_buf_release(&b);
	return run;
}
