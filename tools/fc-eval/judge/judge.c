/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/door.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/progress.h"
#include "fc-eval/child.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/judge/judge_run.h"

struct options {
	struct eval_plan_inputs in;
	const char *questions, *prompts, *reference, *name, *out;
	const char *command, *local;
	struct eval_http_judge http; /* endpoint->base_url NULL: another judge */
	enum eval_verdict_rule rule;
	enum eval_judgment_sync sync;
	bool dry_run;
};

/* The program that a shell command runs first; NULL where that is not plain.  free() it. */
static char *first_program(const char *command)
{
	const char *p = command + strspn(command, " \t");
	size_t n = strcspn(p, " \t");
	if (strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-/") < n)
		return NULL;
	return n && p[n - 1] != '/' ? fc_memdup0(p, n) : NULL;
}

/* What the judge is called where --name does not say it; NULL where it must. */
static const char *default_name(const struct options *o)
{
	const char *path = o->local ? o->local : first_program(o->command);
	return path && *fc_path_last(path) ? fc_path_last(path) : path;
}

static void check_options(struct options *o, int n_models)
{
	struct fc_err e;
	bool needs_baseline = o->in.mode == EVAL_PLAN_BASELINE || o->in.mode == EVAL_PLAN_ARENA;
	if (!o->questions || !o->prompts || !o->out)
		fc_die_usage("--questions, --prompts and -o are needed");
	if (n_models == 0 && !o->dry_run)
		fc_die_usage("which models' answers?");
	if (needs_baseline && !o->in.baseline)
		fc_die_usage("this mode needs --baseline MODEL");
	if (!needs_baseline && o->in.baseline)
		fc_die_usage("--baseline is of the modes pairwise-baseline and arena");
	if (!!o->http.endpoint->base_url + !!o->command + !!o->local != 1)
		fc_die_usage("one judge: --endpoint, --local or --command");
	if (o->http.endpoint->base_url && !o->http.model)
		fc_die_usage("--endpoint needs --judge-model");
	if (o->http.endpoint->base_url && fc_endpoint_check(o->http.endpoint, &e) < 0)
		fc_die_usage("%s", e.msg);
	if (!o->http.endpoint->base_url && o->http.model)
		fc_die_usage("--judge-model is of --endpoint");
	o->in.judge = o->name ? o->name : o->http.model ? o->http.model : NULL;
	if (!o->in.judge)
		o->in.judge = default_name(o);
	if (!o->in.judge)
		fc_die_usage("--command does not begin with a program's name: --name says what to "
			     "call the judge");
}

/* The judgments are continued, and so is the file of games beside them. */
static void check_files(const struct options *o)
{
	struct fc_buf games = FC_BUF_INIT;
	fc_buf_addf(&games, "%s.games", o->out);
	fc_door_output(games.p, "output", false);
	fc_opt_check_output("output", o->out, FC_OUT_JSONL);
	fc_opt_check_output("output", games.p, FC_OUT_JSONL);
	fc_buf_release(&games);
}

/* Asks the judge nothing, but finds what would keep it from answering: its key, model or program.
 */
static void try_judge(struct options *o)
{
	struct fc_err e;
	struct fc_buf key = FC_BUF_INIT;
	struct eval_child child;
	char *program = o->command ? first_program(o->command) : NULL;
	const char *const look[] = {"sh", "-c",
	    "case $1 in */*) test -f \"$1\" && test -x \"$1\" ;; *) command -v \"$1\" >/dev/null "
	    ";; esac",
	    "sh", program, NULL};
	const char *const infer[] = {
	    "fc-infer", "--generate", "--dry-run", "-q", "-m", o->local, NULL};
	if (fc_endpoint_read_key(&fc_endpoint_asked, &key, &e) < 0)
		fc_die("%s", e.msg);
	if (o->http.endpoint->base_url && fc_endpoint_check(o->http.endpoint, &e) < 0)
		fc_die("%s", e.msg);
	if ((program || o->local) && eval_child_start(&child, program ? look : infer, -1, &e) < 0)
		fc_die("%s", e.msg);
	if (program && eval_child_wait(&child, program, &e) < 0)
		fc_die("--command: there is no program %s", program);
	if (o->local && eval_child_wait(&child, "fc-infer", &e) < 0)
		fc_die("--local %s: %s", o->local, e.msg);
	free(program);
	fc_buf_release(&key);
}

static int ask_judge(
    const struct options *o, struct eval_run *run, struct fc_http_usage *used, struct fc_err *e)
{
	const struct eval_asker asker = eval_run_asker(run);
	char max_new[16];
	snprintf(max_new, sizeof max_new, "%d", o->http.max_tokens);
	const char *const shell[] = {"sh", "-c", o->command, NULL};
	const char *const infer[] = {
	    "fc-infer", "--generate", "-q", "-m", o->local, "--max-new", max_new, NULL};
	if (o->http.endpoint->base_url)
		return eval_http_judge_run(&o->http, &asker, used, e);
	return eval_program_run(o->command ? shell : infer, &asker, e);
}

static void tell_outcome(const struct eval_run *run, const struct fc_http_usage *used)
{
	size_t n_left = run->plan.n - run->n_written;
	fc_note("%zu judged%s", run->n_written, n_left ? "" : ", all are");
	if (used->n_request)
		fc_note("%llu requests, %llu of them repeated, about %llu tokens",
		    (unsigned long long)used->n_request, (unsigned long long)used->n_retry,
		    (unsigned long long)used->n_token);
	if (run->n_unparsed)
		fc_warn("%zu answers of the judge hold no verdict", run->n_unparsed);
	if (run->n_failed)
		fc_warn("%zu requests failed; the first: %s", run->n_failed, run->first_failure);
	if (used->over_budget && n_left)
		fc_warn("the budget is spent");
}

/* Opens the file, takes out of the plan what it holds, and says how much that is. */
static void resume_file(const struct options *o, struct eval_run *run, struct fc_err *e)
{
	size_t n_done, n_stale;
	if (o->dry_run && !fc_file_exists(o->out))
		return;
	if (eval_judgment_file_open(&run->file, o->out, o->sync, e) < 0 ||
	    eval_judgment_file_resume(run->file, &run->plan, &n_done, &n_stale, e) < 0)
		fc_die("%s", e->msg);
	if (n_stale)
		fc_die(
		    "%s: %zu judgments are of other answers, questions, references or prompts than "
		    "these; use another file",
		    o->out, n_stale);
	if (n_done)
		fc_note("%zu are judged already", n_done);
	if (eval_run_settle_replied(run, e) < 0)
		fc_die("%s", e->msg);
}

static void judge_all(struct options *o, struct eval_run *run)
{
	struct fc_err e;
	struct fc_http_usage used = {0};
	struct fc_buf key = FC_BUF_INIT;
	if (run->plan.n_unanswered)
		fc_warn("%zu judgments left out: no answer", run->plan.n_unanswered);
	if (run->plan.n_error)
		fc_warn("%zu judgments left out: the answer is \"ERROR\"; --judge-errors judges it",
		    run->plan.n_error);
	resume_file(o, run, &e);
	if (o->dry_run) {
		fc_note("%zu to be judged", run->plan.n - run->n_written);
		if (run->file && eval_judgment_file_close(run->file, false, &e) < 0)
			fc_die("%s", e.msg);
		return;
	}
	if (fc_endpoint_read_key(&fc_endpoint_asked, &key, &e) < 0)
		fc_die("%s", e.msg);
	if (o->http.endpoint->base_url && fc_endpoint_check(o->http.endpoint, &e) < 0)
		fc_die("%s", e.msg);
	fc_progress_start("judgments", run->plan.n);
	int ret = ask_judge(o, run, &used, &e);
	fc_progress_end();
	tell_outcome(run, &used);
	bool all = run->n_written == run->plan.n;
	struct fc_err closing;
	if (eval_judgment_file_close(run->file, all, &closing) < 0)
		fc_die("%s", closing.msg);
	if (ret < 0)
		fc_die("%s", e.msg);
	if (!all)
		fc_die("%zu of %zu not judged; run it again to go on", run->plan.n - run->n_written,
		    run->plan.n);
	fc_buf_release(&key);
}

static void judge_files(struct options *o, char **paths, size_t n)
{
	struct fc_err e;
	struct eval_bench bench = {0};
	struct eval_prompts prompts = {0};
	struct eval_bench_answers reference = {0}, *models = FC_ARRAY(struct eval_bench_answers, n);
	struct eval_run run = {.judge = o->in.judge, .rule = o->rule};
	if (eval_bench_read(&bench, o->questions, &e) < 0 ||
	    eval_prompts_read(&prompts, o->prompts, &e) < 0 ||
	    (o->reference && eval_bench_answers_read(&reference, o->reference, &e) < 0))
		fc_die("%s", e.msg);
	for (size_t i = 0; i < n; i++)
		if (eval_bench_answers_read(&models[i], paths[i], &e) < 0)
			fc_die("%s", e.msg);
	o->in.bench = &bench;
	o->in.prompts = &prompts;
	o->in.models = models;
	o->in.n_model = n;
	o->in.reference = o->reference ? &reference : NULL;
	if (o->dry_run)
		try_judge(o);
	if (n == 0) { /* --dry-run before there are answers */
		if (eval_plan_try(&o->in, &e) < 0)
			fc_die("%s", e.msg);
		fc_note("no answers yet to judge");
	} else {
		if (eval_plan_make(&run.plan, &o->in, &e) < 0)
			fc_die("%s", e.msg);
		judge_all(o, &run);
	}
	eval_run_release(&run);
	for (size_t i = 0; i < n; i++)
		eval_bench_answers_release(&models[i]);
	free(models);
	eval_bench_answers_release(&reference);
	eval_prompts_release(&prompts);
	eval_bench_release(&bench);
}

static struct options opt = {
    .in.reference_categories = "math,reasoning,coding,arena-hard-200",
    .http = {.endpoint = &fc_endpoint_asked, .max_tokens = 2048},
};

static const char *const mode_words[] = {[EVAL_PLAN_SINGLE] = "single",
    [EVAL_PLAN_BASELINE] = "pairwise-baseline",
    [EVAL_PLAN_ALL] = "pairwise-all",
    [EVAL_PLAN_ARENA] = "arena",
    NULL};
_Static_assert(FC_LEN(mode_words) == EVAL_PLAN_N + 1, "a word each");
static const char *const rule_words[] = {
    [EVAL_VERDICT_FASTCHAT] = "fastchat", [EVAL_VERDICT_STRICT] = "strict", NULL};
_Static_assert(FC_LEN(rule_words) == EVAL_VERDICT_RULE_N + 1, "a word each");
static const char *const sync_words[] = {
    [EVAL_JUDGMENT_SYNC_LINE] = "line", [EVAL_JUDGMENT_SYNC_END] = "end", NULL};
_Static_assert(FC_LEN(sync_words) == EVAL_JUDGMENT_SYNC_N + 1, "a word each");

static const struct fc_opt own[] = {
    FC_OPT_TEXT(0, "questions", FC_OPT_IN, &opt.questions, "FILE", "the bench (required)"),
    FC_OPT_TEXT(0, "prompts", FC_OPT_IN, &opt.prompts, "FILE", "the judge's prompts (required)"),
    FC_OPT_TEXT(0, "reference", FC_OPT_IN, &opt.reference, "FILE", "reference answers"),
    FC_OPT_TEXT(0, "reference-categories", FC_OPT_DECIDES, &opt.in.reference_categories, "LIST",
	"categories judged with a reference"),
    FC_OPT_WORD(0, "mode", FC_OPT_DECIDES, &opt.in.mode, mode_words, "what to ask"),
    FC_OPT_TEXT(0, "baseline", FC_OPT_DECIDES, &opt.in.baseline, "MODEL",
	"what all others are paired with"),
    FC_OPT_WORD(0, "verdict", FC_OPT_DECIDES, &opt.rule, rule_words,
	"how a verdict is found in the judge's text"),
    FC_OPT_FLAG(0, "judge-errors", FC_OPT_DECIDES, &opt.in.judge_errors,
	"judge answers that are \"ERROR\", too"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT, &opt.out, "FILE",
	"judgments, continued if it exists (required)"),
    FC_OPT_WORD(0, "sync", FC_OPT_PASSES, &opt.sync, sync_words, "when judgments reach the disk"),
    FC_OPT_FLAG('n', "dry-run", FC_OPT_PASSES, &opt.dry_run, "only tell how much there is to ask"),
    FC_OPT_HEAD("The judge"),
    FC_OPT_TEXT(0, "endpoint", FC_OPT_DECIDES, &fc_endpoint_asked.base_url, "URL",
	"OpenAI-compatible, as https://host/v1"),
    FC_OPT_TEXT(
	0, "judge-model", FC_OPT_DECIDES, &opt.http.model, "NAME", "the endpoint's name for it"),
    FC_OPT_TEXT(0, "local", FC_OPT_IN, &opt.local, "DIR", "a model here, run by fc-infer"),
    FC_OPT_TEXT(0, "command", FC_OPT_DECIDES, &opt.command, "CMD",
	"a shell command that reads and writes JSONL"),
    FC_OPT_TEXT(0, "name", FC_OPT_DECIDES, &opt.name, "NAME", "the judge's name in the judgments"),
    FC_OPT_INT(0, "max-tokens", FC_OPT_DECIDES, &opt.http.max_tokens, "N", 1, 1 << 20,
	"tokens of the judge's answer at most"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, fc_endpoint_options, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... ANSWERS.jsonl...",
    .summary = "Asks a judge about models' answers, appends its judgments to a file.",
};

static void run_judge(int argc, char **argv)
{
	check_options(&opt, argc);
	check_files(&opt);
	judge_files(&opt, argv, (size_t)argc);
	fc_finish();
}

EVAL_COMMAND(90) = {"judge", tables, &usage, run_judge};
