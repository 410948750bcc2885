/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "chat/invalid.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/select/choosing.h"
#include "fc-eval/select/reward.h"
#include "fc-eval/select/selected.h"

static const char *const reward_words[] = {[EVAL_REWARD_NONE] = "none",
    [EVAL_REWARD_RIGHT] = "right",
    [EVAL_REWARD_AGREEMENT] = "agreement",
    [EVAL_REWARD_STREAM] = "stream",
    [EVAL_REWARD_JUDGMENTS] = "judgments",
    [EVAL_REWARD_PROGRAM] = "program",
    [EVAL_REWARD_MEMBER] = "member",
    NULL};
_Static_assert(FC_LEN(reward_words) == EVAL_REWARD_N + 1, "a word each");
static const char *const within_words[] = {
    [EVAL_WITHIN_PROMPT] = "prompt", [EVAL_WITHIN_SOURCE] = "source", NULL};
_Static_assert(FC_LEN(within_words) == EVAL_WITHIN_N + 1, "a word each");

struct options {
	struct eval_rewarding rewarding;
	struct eval_choosing choosing;
	bool list, keep_truncated;
	const char *out, *pairs, *questions, *answers, *own;
};

/* How often each source's answer was the best, and why there was no pair. */
struct tally {
	size_t *best; /* [n_source] */
	size_t n_taken, pair[EVAL_N_PAIRLESS];
};

static int write_all(const struct options *o, const struct eval_candidates *s, struct fc_err *e)
{
	struct fc_buf all = FC_BUF_INIT, questions = FC_BUF_INIT, answers = FC_BUF_INIT;
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < s->n; i++) {
		eval_selected_listed(&all, &s->v[i]);
		if (o->questions)
			ret = eval_selected_question(&questions, &answers, &s->v[i], e);
	}
	if (ret == 0 && o->questions)
		ret = fc_out_whole(o->questions, FC_OUT_TEXT, &questions, e);
	if (ret == 0 && o->answers)
		ret = fc_out_whole(o->answers, FC_OUT_TEXT, &answers, e);
	if (ret == 0)
		ret = fc_out_whole(o->out, FC_OUT_TEXT, &all, e);
	fc_buf_release(&all);
	fc_buf_release(&questions);
	fc_buf_release(&answers);
	return ret;
}

/* Whose answers to a prompt are looked at, with --own. */
enum side { ALL, OWN, OTHERS };

/* Of the n answers to one prompt, those of a side. */
static struct eval_chosen choose_of(
    const struct options *o, enum side side, const struct eval_candidate *a, size_t n)
{
	double *reward = FC_ARRAY(double, n);
	size_t *source = FC_ARRAY(size_t, n);
	for (size_t i = 0; i < n; i++) {
		const bool wanted = side == ALL || (side == OWN) == !strcmp(a[i].source, o->own);
		reward[i] = wanted ? a[i].reward : NAN;
		source[i] = a[i].n_source;
	}
	const struct eval_chosen c = eval_choose(&o->choosing, reward, source, n);
	free(reward);
	free(source);
	return c;
}

/* A pair of the own answers, and the best of the others beside it. */
static enum eval_pairless pair_own(
    const struct options *o, const struct eval_candidate *a, size_t n, struct fc_buf *pairs)
{
	const struct eval_chosen own = choose_of(o, OWN, a, n), other = choose_of(o, OTHERS, a, n);
	if (!other.taken)
		return EVAL_PAIRLESS_NONE;
	if (own.pair == EVAL_PAIR)
		eval_selected_pair(pairs, &a[own.best], &a[own.worst], &a[other.best]);
	return own.pair;
}

/* Takes the best of the n answers to one prompt, and its pair. */
static void choose_of_prompt(const struct options *o, const struct eval_candidate *a, size_t n,
    struct fc_buf *best, struct fc_buf *pairs, struct tally *t)
{
	const struct eval_chosen c = choose_of(o, ALL, a, n);
	if (c.taken) {
		t->n_taken++;
		t->best[a[c.best].n_source]++;
		eval_selected_best(best, &a[c.best], n);
	}
	if (!o->own && c.pair == EVAL_PAIR)
		eval_selected_pair(pairs, &a[c.best], &a[c.worst], NULL);
	t->pair[o->own ? pair_own(o, a, n, pairs) : c.pair]++;
}

static void tell_taken(
    const struct options *o, const struct eval_candidates *s, const struct tally *t)
{
	struct fc_buf who = FC_BUF_INIT;
	for (size_t i = 0; i < s->n_source; i++)
		fc_buf_addf(&who, "%s%s %zu", i ? ", " : "", s->source[i], t->best[i]);
	fc_note("taken: the best answers of %zu prompts (%s); %zu prompts have none that is good "
		"enough",
	    t->n_taken, who.p ? who.p : "", s->n_prompt - t->n_taken);
	if (o->pairs)
		fc_note("pairs: %zu; none of %zu prompts with nothing taken, %zu with one answer, "
			"%zu whose answers are all worth the same, %zu within the margin",
		    t->pair[EVAL_PAIR], t->pair[EVAL_PAIRLESS_NONE], t->pair[EVAL_PAIRLESS_ONE],
		    t->pair[EVAL_PAIRLESS_EQUAL], t->pair[EVAL_PAIRLESS_CLOSE]);
	fc_buf_release(&who);
}

static int take_best(const struct options *o, const struct eval_candidates *s, struct fc_err *e)
{
	struct fc_buf best = FC_BUF_INIT, pairs = FC_BUF_INIT;
	struct tally t = {.best = FC_ARRAY(size_t, s->n_source + 1)};
	for (size_t p = 0; p < s->n_prompt; p++)
		choose_of_prompt(
		    o, &s->v[s->first[p]], s->first[p + 1] - s->first[p], &best, &pairs, &t);
	int ret = o->pairs ? fc_out_whole(o->pairs, FC_OUT_TEXT, &pairs, e) : 0;
	if (ret == 0)
		ret = fc_out_whole(o->out, FC_OUT_TEXT, &best, e);
	if (ret == 0)
		tell_taken(o, s, &t);
	fc_buf_release(&best);
	fc_buf_release(&pairs);
	free(t.best);
	return ret;
}

static int check_own(const struct options *o, const struct eval_candidates *s, struct fc_err *e)
{
	for (size_t i = 0; o->own && i < s->n_source; i++)
		if (!strcmp(s->source[i], o->own))
			return 0;
	return o->own ? fc_fail(e, "--own: no answer is from '%s'", o->own) : 0;
}

/* A file that is given is for one reward, and needed by it. */
static void check_input(const struct options *o, enum eval_reward reward, const char *word,
    const char *name, const char *value)
{
	if ((o->rewarding.reward == reward) != (value != NULL))
		fc_die_usage("--reward %s needs --%s, and nothing else does", word, name);
}

static void check_options(struct options *o)
{
	const struct eval_rewarding *r = &o->rewarding;
	const bool reads = r->reward == EVAL_REWARD_RIGHT || r->reward == EVAL_REWARD_AGREEMENT;
	check_input(o, EVAL_REWARD_STREAM, "stream", "stream", r->stream);
	check_input(o, EVAL_REWARD_JUDGMENTS, "judgments", "judgments", r->judgments);
	check_input(o, EVAL_REWARD_PROGRAM, "program", "program", r->program);
	if ((r->match || r->ignore_case) && !reads)
		fc_die_usage("--match and --ignore-case are for --reward right and agreement");
	if (r->ignore_case && r->match == EVAL_ANSWER_LAST_NUMBER)
		fc_die_usage("--ignore-case is for --match exact and last-word");
	if (!o->list && r->reward == EVAL_REWARD_NONE)
		fc_die_usage("say by what answers are taken, --reward, or write all: --list");
	if (o->list && (o->pairs || !isnan(o->choosing.least) || o->choosing.margin > 0))
		fc_die_usage("--list takes none: not with --pairs, --least and --margin");
	if (o->own && !o->pairs)
		fc_die_usage("--own needs --pairs");
	if (!o->questions != !o->answers || (o->questions && !o->list))
		fc_die_usage("--questions and --answers need each other and --list");
	if (isnan(o->choosing.least))
		o->choosing.least = r->reward == EVAL_REWARD_RIGHT ? 1
		    : r->reward == EVAL_REWARD_AGREEMENT           ? DBL_MIN
								   : -DBL_MAX;
}

static struct options asked = {.choosing.least = NAN};

static const struct fc_opt own[] = {
    FC_OPT_WORD(0, "reward", FC_OPT_DECIDES, &asked.rewarding.reward, reward_words,
	"what an answer is worth"),
    FC_OPT_WORD(0, "match", FC_OPT_DECIDES, &asked.rewarding.match, eval_answer_match_words,
	"of right and agreement: what of an answer counts"),
    FC_OPT_FLAG(0, "ignore-case", FC_OPT_DECIDES, &asked.rewarding.ignore_case, "of ASCII letters"),
    FC_OPT_TEXT(0, "stream", FC_OPT_IN, &asked.rewarding.stream, "FILE",
	"of stream: distributions over what --list wrote"),
    FC_OPT_TEXT(0, "judgments", FC_OPT_IN, &asked.rewarding.judgments, "FILE",
	"of judgments: ratings of fc-eval judge"),
    FC_OPT_TEXT(0, "program", FC_OPT_DECIDES, &asked.rewarding.program, "CMD",
	"of program: a shell command that reads lines and writes a number for each"),
    FC_OPT_REAL(0, "least", FC_OPT_DECIDES, &asked.choosing.least, "X", -DBL_MAX, DBL_MAX,
	"reward of what is taken (right: 1; agreement: that of two answers; else any)"),
    FC_OPT_FLAG(0, "keep-truncated", FC_OPT_DECIDES, &asked.keep_truncated,
	"also answers that were truncated at a limit"),
    FC_OPT_TEXT(0, "pairs", FC_OPT_OUT_TEXT, &asked.pairs, "FILE",
	"also write the best with the worst, for preference training"),
    FC_OPT_WORD(0, "within", FC_OPT_DECIDES, &asked.choosing.within, within_words,
	"the worst of all answers, or of those of the best one's source"),
    FC_OPT_TEXT(0, "own", FC_OPT_DECIDES, &asked.own, "SOURCE",
	"pairs of this source's answers, the best of the others beside, for WRPO"),
    FC_OPT_REAL(0, "margin", FC_OPT_DECIDES, &asked.choosing.margin, "X", 0, DBL_MAX,
	"rewards of a pair differ by this at least"),
    FC_OPT_FLAG(
	0, "list", FC_OPT_DECIDES, &asked.list, "write all answers, each with an id of its own"),
    FC_OPT_TEXT(0, "questions", FC_OPT_OUT_TEXT, &asked.questions, "FILE",
	"with --list: also questions for fc-eval judge"),
    FC_OPT_TEXT(
	0, "answers", FC_OPT_OUT_TEXT, &asked.answers, "FILE", "with --list: the answers to them"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT_TEXT, &asked.out, "FILE", "instead of standard output"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, fc_invalid_options, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "--reward REWARD [OPTION]... ANSWERS...\n"
		"--list [OPTION]... ANSWERS...",
    .summary = "Reads several answers to each prompt, writes the best, and pairs.",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	static const char *const standard_input[] = {"-"};
	struct eval_candidates s = {0};
	struct fc_err e;
	check_options(&o);
	fc_invalid_check();
	const bool any = argc > 0;
	if (eval_candidates_read(&s, any ? (const char *const *)argv : standard_input,
		any ? argc : 1, o.keep_truncated, &e) < 0 ||
	    fc_invalid_finish(&e) < 0)
		fc_die("%s", e.msg);
	fc_note("%zu answers to %zu prompts; %" PRIu64 " that were truncated are left out", s.n,
	    s.n_prompt, s.n_truncated);
	if (check_own(&o, &s, &e) < 0 || eval_reward_all(&s, &o.rewarding, &e) < 0 ||
	    (o.list ? write_all(&o, &s, &e) : take_best(&o, &s, &e)) < 0)
		fc_die("%s", e.msg);
	eval_candidates_release(&s);
	fc_finish();
}

EVAL_COMMAND(80) = {"select", tables, &usage, run};
