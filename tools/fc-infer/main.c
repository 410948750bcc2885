/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/infer.h"

#include <math.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/par.h"
#include "chat/invalid.h"
#include "fc-infer/served/served.h"

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

static const char *const long_words[] = {[LONG_STOP] = "stop",
    [LONG_TRUNCATE] = "truncate",
    [LONG_SKIP] = "skip",
    [LONG_ROLLING] = "rolling",
    [LONG_STRIDED] = "strided",
    [LONG_CHUNKS] = "chunks",
    NULL};
_Static_assert(FC_LEN(long_words) == LONG_N + 1, "a word each");
static const char *const ask_words[] = {[ASK_PROMPT_LOGPROBS] = "prompt-logprobs",
    [ASK_ECHO] = "echo",
    [ASK_ECHO_TEXT] = "echo-text",
    NULL};
_Static_assert(FC_LEN(ask_words) == ASK_N + 1, "a word each");

static const char *const offload_words[] = {
    [INFER_OFFLOAD_NONE] = "none", [INFER_OFFLOAD_LAYERS] = "layers", NULL};
_Static_assert(FC_LEN(offload_words) == INFER_OFFLOAD_N + 1, "a word each");

static const struct fc_opt own[] = {
    FC_OPT_HEAD("Input and output"),
    FC_OPT_TEXT('m', "model", FC_OPT_IN, &opt.model, "DIR",
	"model folder or GGUF file; of a served model, what has its tokenizer (required)"),
    FC_OPT_TEXT('p', "pivot", FC_OPT_IN, &opt.pivot, "DIR",
	"render conversations with this model's chat template"),
    FC_OPT_TEXT(0, "template", FC_OPT_IN, &opt.template_file, "NAME|FILE",
	"a template by name, or a Jinja file, instead of the model's own"),
    FC_OPT_WORD(0, "cut", FC_OPT_DECIDES, &opt.cut, fc_text_cut_words,
	"text into tokens: as one text, or the prompt by itself, as when it is answered"),
    FC_OPT_TEXT(
	'o', "output", FC_OPT_OUT, &opt.output, "FILE", "write to FILE, not standard output"),
    FC_OPT_FLAG(0, "resume", FC_OPT_PASSES, &opt.resume,
	"keep what an interrupted run left of the output, and make the rest"),
    FC_OPT_TEXT(0, "shard", FC_OPT_PART, &opt.shard_text, "I/N",
	"only every Nth conversation, from the Ith on"),
    FC_OPT_FLAG(0, "dry-run", FC_OPT_PASSES, &opt.dry_run,
	"check options, model and output, tell the memory, and read no conversation"),
    FC_OPT_TEXT(0, "name", FC_OPT_DECIDES, &opt.name, "LABEL",
	"what to call the model in the stream (default: its folder's name)"),
    FC_OPT_HEAD("Distributions"),
    FC_OPT_INT('k', "top-k", FC_OPT_DECIDES, &opt.top_k, "N", 0, 65535,
	"keep the N most likely tokens (default: 10)"),
    FC_OPT_INT(0, "sample", FC_OPT_DECIDES, &opt.n_sample, "N", 1, FC_MAX_DRAWS,
	"draw N tokens from all, instead of the likeliest, and count them"),
    FC_OPT_REAL(0, "sample-temperature", FC_OPT_DECIDES, &opt.sample_temperature, "T", 0.01, 100,
	"of these draws (default: 1)"),
    FC_OPT_U64(0, "seed", FC_OPT_DECIDES, &opt.seed, "N",
	"of all that is drawn; with the id it fixes an answer, with the text too a row"),
    FC_OPT_FLAG(0, "all-rows", FC_OPT_DECIDES, &opt.all_rows,
	"distributions at every position, not only where a trained token is predicted"),
    FC_OPT_FLAG(0, "train-opening", FC_OPT_DECIDES, &opt.train_opening,
	"learn also the answers that no user's message precedes"),
    FC_OPT_FLAG(0, "logprobs", FC_OPT_DECIDES, &opt.logprobs,
	"read requests with a server's responses, which have log-probabilities; run no model"),
    FC_OPT_FLAG(0, "tokens", FC_OPT_DECIDES, &opt.tokens_only,
	"write a token stream; the model is not run"),
    FC_OPT_HEAD("Served models"),
    FC_OPT_TEXT(0, "make-tokenizer", FC_OPT_OUT_TEXT, &opt.make_tokenizer, "FILE",
	"with --logprobs, without -m: a tokenizer.json of the bytes that tokens are said to have"),
    FC_OPT_TEXT(0, "endpoint", FC_OPT_PASSES, &fc_endpoint_asked.base_url, "URL",
	"ask this OpenAI-compatible server, as https://host/v1, instead of running a model"),
    FC_OPT_TEXT(
	0, "served-model", FC_OPT_DECIDES, &opt.served_model, "NAME", "the server's name for it"),
    FC_OPT_WORD(0, "ask", FC_OPT_DECIDES, &opt.ask, ask_words,
	"how: vLLM's prompt_logprobs of tokens, or tokens or text repeated with logprobs"),
    FC_OPT_TEXT(0, "log", FC_OPT_OUT, &opt.log, "FILE",
	"keep requests and responses, as --logprobs reads them; what it has is not asked again"),
    FC_OPT_HEAD("Generation"),
    FC_OPT_FLAG(0, "generate", FC_OPT_DECIDES, &opt.generate,
	"answer the open user turns (JSONL); questions become an answer file"),
    FC_OPT_INT(0, "max-new", FC_OPT_DECIDES, &opt.max_new, "N", 0, 1 << 20,
	"tokens of an answer at most (0: 256, of a question 1024)"),
    FC_OPT_REAL(0, "temperature", FC_OPT_DECIDES, &opt.sampling.temperature, "T", 0, 100,
	"0 takes the likeliest token (default: 0, of a question its category's)"),
    FC_OPT_INT(0, "sample-top-k", FC_OPT_DECIDES, &opt.sampling.top_k, "N", 0, 1 << 24,
	"sample among the N likeliest (0: all)"),
    FC_OPT_REAL(0, "top-p", FC_OPT_DECIDES, &opt.sampling.top_p, "P", 0, 1,
	"sample among the likeliest that make up P"),
    FC_OPT_REAL(0, "min-p", FC_OPT_DECIDES, &opt.sampling.min_p, "P", 0, 1,
	"sample among those at least P times as likely as the likeliest"),
    FC_OPT_REAL(0, "repetition-penalty", FC_OPT_DECIDES, &opt.penalty, "X", 0.01, 100,
	"divide positive logits of tokens seen before by X, multiply negative ones"),
    FC_OPT_INT(0, "choices", FC_OPT_DECIDES, &opt.n_choice, "N", 1, 1024,
	"answers to every line; choice I is drawn with seed + I"),
    FC_OPT_TEXTS(0, "stop", FC_OPT_DECIDES, &opt.stop, "TEXT",
	"an answer ends before this text (several times: any of them)"),
    FC_OPT_TEXTS(0, "stop-token", FC_OPT_DECIDES, &opt.stop_token, "TOKEN",
	"and at this token, by its name or number, besides the model's own"),
    FC_OPT_REAL(
	0, "tstamp", FC_OPT_DECIDES, &opt.tstamp, "SECONDS", 0, 1e15, "time stamp of the answers"),
    FC_OPT_INT(
	0, "slots", FC_OPT_DECIDES, &opt.n_slot, "N", 1, 4096, "conversations answered at a time"),
    FC_OPT_INT(0, "cache-mib", FC_OPT_DECIDES, &opt.cache_mib, "N", 1, 1 << 24,
	"MiB that their keys and values may take together"),
    FC_OPT_HEAD("Computation"),
    FC_OPT_WORD(
	0, "dtype", FC_OPT_DECIDES, &opt.compute, fc_compute_words, "of the matrix products"),
    FC_OPT_TEXT(
	0, "device", FC_OPT_DECIDES, &opt.device, "NAME", "where to compute: cpu, cuda[:N], auto"),
    FC_OPT_WORD(0, "offload", FC_OPT_PASSES, &opt.offload, offload_words,
	"what a device leaves to the host: layers that come to it in every pass"),
    FC_OPT_INT(0, "batch-tokens", FC_OPT_PASSES, &opt.batch_tokens, "N", 1, 1 << 24,
	"tokens of a forward pass (unless given 16384 with --offload layers)"),
    FC_OPT_INT(0, "max-length", FC_OPT_DECIDES, &opt.max_length, "N", 0, 1 << 24,
	"tokens of a conversation at most (0: the model's context)"),
    FC_OPT_WORD(0, "long", FC_OPT_DECIDES, &opt.long_rule, long_words,
	"what to do with a longer conversation"),
    FC_OPT_INT(0, "stride", FC_OPT_DECIDES, &opt.stride, "N", 0, 1 << 24,
	"of rolling and strided windows (0: their length, so that they do not overlap)"),
    FC_OPT_HEAD("Lines that are no conversation"),
    FC_OPT_END,
};
static const struct fc_opt last[] = {
    FC_OPT_FLAG(0, "verbose", FC_OPT_PASSES, &opt.verbose, "also tell what computes"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {
    own, fc_invalid_options, fc_endpoint_options, fc_opt_common, fc_opt_stream, last, NULL};

static const struct fc_usage usage = {
    .synopsis = "-m MODEL [options] [CONVERSATIONS.jsonl ...]\n"
		"--generate -m MODEL [options] [CONVERSATIONS.jsonl | QUESTIONS.jsonl ...]\n"
		"--tokens -m MODEL [options] [CONVERSATIONS.jsonl ...]\n"
		"--endpoint URL --served-model NAME -m TOKENIZER [options] "
		"[CONVERSATIONS.jsonl ...]\n"
		"--endpoint URL --served-model NAME --generate [options] "
		"[CONVERSATIONS.jsonl | QUESTIONS.jsonl ...]\n"
		"--logprobs -m TOKENIZER [options] [RESPONSES.jsonl ...]",
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

/* No model runs: what says how it does, or where it is cut, has no effect. */
static void check_served(int n_paths)
{
	struct fc_err e;
	const bool asks = fc_endpoint_asked.base_url != NULL;
	enum { n_of_answers = 5 };
	static const char *const others[] = {"generate", "seed", "resume", "max-new", "tstamp",
	    "tokens", "sample", "sample-temperature", "dtype", "device", "offload", "batch-tokens",
	    "max-length", "long", "stride", "slots", "cache-mib", "stop-token"};
	for (size_t i = 0; (opt.logprobs || asks) && i < FC_LEN(others); i++)
		if (fc_opt_is_given(others[i]) && !(asks && opt.generate && i < n_of_answers))
			fc_die_usage("%s runs no model, so --%s does not go with it",
			    asks ? "--endpoint" : "--logprobs", others[i]);
	if (opt.logprobs && fc_opt_is_given("invalid"))
		fc_die_usage("--invalid is for conversations; --logprobs reads responses");
	if (asks && !opt.generate && opt.shard_text && fc_invalid_asked.rule == FC_INVALID_SKIP)
		fc_die_usage(
		    "with --endpoint, --shard and --invalid skip exclude each other: which "
		    "lines are left is known behind them all");
	if (asks != (opt.served_model != NULL))
		fc_die_usage("--endpoint and --served-model go together");
	if (asks && opt.generate && (opt.log || opt.model || opt.pivot || opt.template_file))
		fc_die_usage("with --generate the server renders and cuts the text, so --%s has no "
			     "effect",
		    opt.log         ? "log"
			: opt.model ? "model"
			: opt.pivot ? "pivot"
				    : "template");
	if (opt.make_tokenizer && (!opt.logprobs || opt.model || !opt.name || n_paths == 0))
		fc_die_usage("--make-tokenizer goes with --logprobs, --name and files, which are "
			     "read twice, and without -m");
	if (asks && opt.logprobs)
		fc_die_usage("--endpoint asks, --logprobs reads what was said: only one of them");
	if (!asks && (opt.log || opt.ask))
		fc_die_usage("--%s is of --endpoint", opt.log ? "log" : "ask");
	if (asks && fc_endpoint_check(&fc_endpoint_asked, &e) < 0)
		fc_die_usage("%s", e.msg);
	fc_opt_check_output("log", opt.log, FC_OUT_JSONL);
}

/* What a server said, or says now. */
_Noreturn static void run_served(const struct fc_shard *shard, char **paths, int n)
{
	struct fc_err e;
	int ret = opt.logprobs ? infer_stored(&opt, shard, paths, n, &e)
	    : opt.generate     ? infer_ask_answers(&opt, shard, paths, n, &e)
			       : infer_ask_server(&opt, shard, paths, n, &e);
	if (ret < 0)
		fc_die("%s", e.msg);
	fc_finish();
}

int main(int argc, char **argv)
{
	fc_prog = "fc-infer";
	fc_endpoint_asked.max_reply_bytes = 64 << 20; /* 4096 tokens of 20 entries are 5 MB */
	int first = fc_opt_parse(tables, &usage, argc, argv);
	fc_par_start(fc_opt_threads);
	if (!opt.model && !(fc_endpoint_asked.base_url && opt.generate) && !opt.make_tokenizer)
		fc_die_usage("-m %s is missing",
		    opt.logprobs || fc_endpoint_asked.base_url
			? "TOKENIZER, a folder with the tokenizer of the served model,"
			: "MODEL");
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
	fc_invalid_check();
	check_rows();
	check_served(argc - first);
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
	if (fc_shard_parse(&opt.shard, opt.shard_text, &e) < 0)
		fc_die_usage("--shard: %s", e.msg);
	if (fc_nn_check_device(opt.device, &e) < 0)
		fc_die_usage("--device: %s", e.msg);
	if (opt.logprobs || fc_endpoint_asked.base_url)
		run_served(&opt.shard, argv + first, argc - first);
	if (infer_session_open(&s, &opt, opt.generate ? infer_slots_measure : infer_capture_measure,
		argv + first, argc - first, &e) < 0)
		fc_die("%s", e.msg);
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
