/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/infer.h"

#include <math.h>
#include <string.h>

#include "base/die.h"
#include "base/shard.h"

static struct infer_options opt = {
    .device = "cpu",
    .top_k = -1,
    .sample_temperature = NAN,
    .batch_tokens = 8192,
    .n_slot = 32,
    .n_choice = 1,
    .cache_mib = 4096,
    .penalty = 1,
    .cut = FC_CUT_PROMPT,
    .sampling = {NAN, 0, 1, 0},
};

static const struct fc_opt table[] = {
    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Input and output", 0, 0},
    {FC_OPT_IN, 'm', "model", &opt.model, "DIR", "model folder (required)", 0, 0},
    {FC_OPT_IN, 'p', "pivot", &opt.pivot, "DIR",
	"render conversations with this model's chat template", 0, 0},
    {FC_OPT_IN, 0, "template", &opt.template_file, "NAME|FILE",
	"a template by name, or a Jinja file, instead of the model's own", 0, 0},
    {FC_OPT_CHOICE, 0, "cut", &opt.cut, FC_CUTS,
	"text into tokens: as one text, or the prompt by itself, as when it is answered", 0, 0},
    {FC_OPT_OUT, 'o', "output", &opt.output, "FILE", "write to FILE, not standard output", 0, 0},
    {FC_OPT_FLAG, 0, "resume", &opt.resume, NULL,
	"keep what an interrupted run left of the output, and make the rest", 0, 0},
    {FC_OPT_STR, 0, "shard", &opt.shard, "I/N", "only every Nth conversation, from the Ith on", 0,
	0},
    {FC_OPT_FLAG, 0, "dry-run", &opt.dry_run, NULL,
	"check options, model and output, and read no conversation", 0, 0},
    {FC_OPT_STR, 0, "name", &opt.name, "LABEL",
	"what to call the model in the stream (default: its folder's name)", 0, 0},
    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Distributions", 0, 0},
    {FC_OPT_INT, 'k', "top-k", &opt.top_k, "N", "keep the N most likely tokens (default: 10)", 0,
	65535},
    {FC_OPT_INT, 0, "sample", &opt.n_sample, "N",
	"draw N tokens from all, instead of the likeliest, and count them", 1, FC_MAX_DRAWS},
    {FC_OPT_REAL, 0, "sample-temperature", &opt.sample_temperature, "T",
	"of these draws (default: 1)", 0.01, 100},
    {FC_OPT_U64, 0, "seed", &opt.seed, "N",
	"of all that is drawn; with the id it fixes an answer, with the text too a row", 0, 0},
    {FC_OPT_FLAG, 0, "all-rows", &opt.all_rows, NULL,
	"distributions at every position, not only where a trained token is predicted", 0, 0},
    {FC_OPT_FLAG, 0, "train-opening", &opt.train_opening, NULL,
	"learn also the answers that no user's message precedes", 0, 0},
    {FC_OPT_FLAG, 0, "tokens", &opt.tokens_only, NULL, "write a token stream; the model is not run",
	0, 0},
    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Generation", 0, 0},
    {FC_OPT_FLAG, 0, "generate", &opt.generate, NULL,
	"answer the open user turns (JSONL); questions become an answer file", 0, 0},
    {FC_OPT_INT, 0, "max-new", &opt.max_new, "N",
	"tokens of an answer at most (0: 256, of a question 1024)", 0, 1 << 20},
    {FC_OPT_REAL, 0, "temperature", &opt.sampling.temperature, "T",
	"0 takes the likeliest token (default: 0, of a question its category's)", 0, 100},
    {FC_OPT_INT, 0, "sample-top-k", &opt.sampling.top_k, "N",
	"sample among the N likeliest (0: all)", 0, 1 << 24},
    {FC_OPT_REAL, 0, "top-p", &opt.sampling.top_p, "P", "sample among the likeliest that make up P",
	0, 1},
    {FC_OPT_REAL, 0, "min-p", &opt.sampling.min_p, "P",
	"sample among those at least P times as likely as the likeliest", 0, 1},
    {FC_OPT_REAL, 0, "repetition-penalty", &opt.penalty, "X",
	"divide positive logits of tokens seen before by X, multiply negative ones", 0.01, 100},
    {FC_OPT_INT, 0, "choices", &opt.n_choice, "N",
	"answers to every line; choice I is drawn with seed + I", 1, 1024},
    {FC_OPT_STRS, 0, "stop", &opt.stop, "TEXT",
	"an answer ends before this text (several times: any of them)", 0, 0},
    {FC_OPT_STRS, 0, "stop-token", &opt.stop_token, "TOKEN",
	"and at this token, by its name or number, besides the model's own", 0, 0},
    {FC_OPT_REAL, 0, "tstamp", &opt.tstamp, "SECONDS", "time stamp of the answers", 0, 1e15},
    {FC_OPT_INT, 0, "slots", &opt.n_slot, "N", "conversations answered at a time", 1, 4096},
    {FC_OPT_INT, 0, "cache-mib", &opt.cache_mib, "N",
	"MiB that their keys and values may take together", 1, 1 << 24},
    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Computation", 0, 0},
    {FC_OPT_CHOICE, 0, "dtype", &opt.compute, "auto|f32|bf16", "of the matrix products", 0, 0},
    {FC_OPT_STR, 0, "device", &opt.device, "DEVICE", "where to compute", 0, 0},
    {FC_OPT_INT, 0, "batch-tokens", &opt.batch_tokens, "N", "tokens of a forward pass", 1, 1 << 24},
    {FC_OPT_INT, 0, "max-length", &opt.max_length, "N",
	"tokens of a conversation at most (0: the model's context)", 0, 1 << 24},
    {FC_OPT_CHOICE, 0, "long", &opt.long_rule, LONG_RULES, "what to do with a longer conversation",
	0, 0},
    {FC_OPT_INT, 0, "stride", &opt.stride, "N",
	"of rolling and strided windows (0: their length, so that they do not overlap)", 0,
	1 << 24},
    FC_OPT_NO_HISTORY,
    FC_OPT_COMMON,
    {FC_OPT_FLAG, 0, "verbose", &opt.verbose, NULL, "also tell what computes", 0, 0},
    {0},
};

static const struct fc_usage usage = {
    .synopsis = "-m MODEL [options] [CONVERSATIONS.jsonl ...]\n"
		"--generate -m MODEL [options] [CONVERSATIONS.jsonl | QUESTIONS.jsonl ...]\n"
		"--tokens -m MODEL [options] [CONVERSATIONS.jsonl ...]",
    .summary = "Reads conversations and writes the model's next-token distributions as a stream, "
	       "or, with --generate, the conversations with its answers.",
    .more = "Example: fc-infer -m pivot chats.jsonl | fc-view --stats",
};

/* Were options given that nothing but --generate reads? */
static bool wants_answers(void)
{
	const struct fc_sampling *s = &opt.sampling;
	return s->temperature >= 0 || s->top_k > 0 || s->top_p < 1 || s->min_p > 0 ||
	    opt.penalty != 1 || opt.n_choice > 1 || opt.stop.n || opt.stop_token.n;
}

static void check_rows(void)
{
	const bool rows = !opt.generate && !opt.tokens_only;
	if (opt.n_sample && !rows)
		fc_die_usage("--sample is for distributions");
	if (opt.n_sample && opt.top_k >= 0)
		fc_die_usage("--sample and -k exclude each other: draws or the likeliest tokens");
	if (!isnan(opt.sample_temperature) && !opt.n_sample)
		fc_die_usage("--sample-temperature needs --sample");
}

int main(int argc, char **argv)
{
	fc_prog = "fc-infer";
	int first = fc_opt_parse(table, &usage, argc, argv);
	if (!opt.model)
		fc_die_usage("-m MODEL is missing");
	if (!opt.generate && wants_answers())
		fc_die_usage("options of the generation need --generate");
	if ((opt.generate || opt.tokens_only) && opt.long_rule >= LONG_ROLLING)
		fc_die_usage("windows (--long) are for distributions");
	if (opt.resume && (!opt.output || !strcmp(opt.output, "-")))
		fc_die_usage("--resume needs an output file (-o)");
	if (opt.generate && opt.train_opening)
		fc_die_usage("--train-opening is for distributions and tokens");
	if (opt.resume && !opt.generate && fc_opt_no_history)
		fc_die_usage("--resume compares the options in the history; without --no-history");
	check_rows();
	if (opt.verbose && fc_quiet)
		fc_die_usage("--verbose and --quiet exclude each other");
	if (opt.verbose && opt.tokens_only)
		fc_die_usage("--verbose tells what computes; with --tokens nothing does");
	if (opt.generate && opt.tokens_only)
		fc_die_usage("--generate and --tokens exclude each other");
	fc_opt_check_output("output", opt.output,
	    !opt.generate    ? FC_OUT_STREAM
		: opt.resume ? FC_OUT_JSONL
			     : FC_OUT_TEXT);

	struct fc_err e;
	struct session s;
	struct fc_shard shard;
	if (fc_shard_parse(&shard, opt.shard, &e) < 0)
		fc_die_usage("--shard: %s", e.msg);
	if (fc_nn_check_device(opt.device, &e) < 0)
		fc_die_usage("--device: %s", e.msg);
	if (infer_session_open(&s, &opt, argv + first, argc - first, &e) < 0)
		fc_die("%s", e.msg);
	fc_conversations_set_shard(s.input, &shard);
	int ret;
	if (opt.generate)
		ret = infer_generate(&s, &e);
	else if (opt.dry_run)
		ret = 0; /* opening the session was the check */
	else if (opt.tokens_only)
		ret = infer_tokens(&s, &e);
	else
		ret = infer_capture(&s, &e);
	if (ret < 0)
		fc_die("%s", e.msg);
	infer_session_close(&s);
	fc_finish();
}
