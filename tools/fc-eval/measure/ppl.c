/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/resample.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/comparison.h"
#include "fc-eval/measure/scan.h"
#include "fc-eval/measure/score.h"

enum per { PER_TOKEN, PER_WORD, PER_BYTE, PER_CONVERSATION, N_RATIO };
static const char *const per_words[] = {[PER_TOKEN] = "token",
    [PER_WORD] = "word",
    [PER_BYTE] = "byte",
    [PER_CONVERSATION] = "conversation",
    NULL};
_Static_assert(FC_LEN(per_words) == N_RATIO + 1, "a word each");
static const char *const from_words[] = {
    [EVAL_SCORE_NLL] = "nll", [EVAL_SCORE_ROWS] = "rows", NULL};
_Static_assert(FC_LEN(from_words) == EVAL_SCORE_N + 1, "a word each");

struct options {
	const char *by;
	enum eval_score_from from;
	enum per per;
};
static struct options asked;

/* A perplexity is exp(nats / number of these). */
/* The text that a stream has scored. */
struct scored {
	uint64_t n_byte;
	uint64_t which; /* sum over conversations of a hash of the id and of its number of bytes */
};

struct scores {
	const struct options *opt;
	struct fc_table table;
	struct eval_score *score; /* [cap] by the number of the stream's conversation */
	size_t cap;
	struct scored now, first; /* text of the stream that is read, and of the first one */
	char *first_name;         /* of the first stream; NULL before its end */
	bool told;                /* it was said that a stream is of other text */
};

static int take_score(
    struct eval_scan *scan, const struct fc_example *x, const char *name, struct fc_err *e)
{
	struct scores *s = scan->ctx;
	const size_t n = scan->groups.all.n;
	FC_GROW(s->score, s->cap, n + 1);
	s->score[n] = eval_score_of(x, s->opt->from);
	s->now.n_byte += s->score[n].n_byte;
	s->now.which += fc_hash(x->id.p, x->id.n, s->score[n].n_byte);
	return eval_groups_file(&scan->groups, x, s->opt->by, name, e);
}

/* Warns once where a later stream has scored another text than the first. */
static int compare_bytes(struct eval_scan *scan, const char *name, struct fc_err *e)
{
	struct scores *s = scan->ctx;
	(void)e;
	if (!s->first_name) {
		s->first_name = fc_strdup(name);
		s->first = s->now;
	} else if (!s->told && s->now.which != s->first.which) {
		s->told = true;
		fc_warn(
		    "%s (%" PRIu64 " bytes) and %s (%" PRIu64
		    " bytes) are of different text, so that their bits per byte do not compare; "
		    "fc-infer --long skip with one --max-length may help",
		    s->first_name, s->first.n_byte, name, s->now.n_byte);
	}
	s->now = (struct scored){0};
	return 0;
}

static int take_item(
    struct eval_scan *scan, const struct fc_example *x, const char *name, struct fc_err *e)
{
	const struct scores *s = scan->ctx;
	struct eval_item *item = eval_scan_add(scan, x, s->opt->by, name, e);
	if (!item)
		return -1;
	item->scored = eval_scored_of(x, s->opt->from);
	return 0;
}

static void compare_arms(const struct eval_arms *arms)
{
	const struct eval_measure m = {.name = "bits_per_byte",
	    .heading = "bits/byte",
	    .unit = " bits a byte",
	    .items = "conversations",
	    .differs = "another text (of another chat template? fc-infer -p takes one model's)",
	    .scale = 1 / log(2),
	    .decimals = 4,
	    .less_is_better = true,
	    .of_bytes = true};
	struct scores s = {.opt = &asked};
	struct eval_scan scan = {.ctx = &s, .take = take_item};
	struct eval_items *items = eval_scan_items(&scan, arms);
	eval_comparison(&m, arms, items, &eval_comparison_asked);
	eval_scan_release(items, arms);
}

enum {
	COLUMN_PERPLEXITY = 7, /* the first of N_RATIO */
	N_COLUMN = COLUMN_PERPLEXITY + N_RATIO + 2
};

/* People see one of the perplexities, programs all. */
static void choose_columns(struct fc_column column[N_COLUMN], int per)
{
	static const struct fc_column all[N_COLUMN] = {FC_COLUMN("stream"), FC_COLUMN("group"),
	    FC_COLUMN("conversations"), FC_COLUMN("tokens"),
	    FC_COLUMN("words", .shown = FC_SHOWN_PROGRAMS),
	    FC_COLUMN("bytes", .shown = FC_SHOWN_PROGRAMS),
	    FC_COLUMN("cross_entropy", .decimals = 4, .heading = "nats/token",
		.interval = FC_INTERVAL_PROGRAMS),
	    FC_COLUMN("perplexity", .decimals = 3, .interval = FC_INTERVAL_BRACKETS),
	    FC_COLUMN("word_perplexity", .decimals = 3, .interval = FC_INTERVAL_BRACKETS),
	    FC_COLUMN("byte_perplexity", .decimals = 3, .interval = FC_INTERVAL_BRACKETS),
	    FC_COLUMN("conversation_perplexity", .decimals = 3, .interval = FC_INTERVAL_BRACKETS),
	    FC_COLUMN("bits_per_byte", .decimals = 4, .heading = "bits/byte",
		.interval = FC_INTERVAL_BRACKETS),
	    FC_COLUMN("coverage", .decimals = 3)};
	memcpy(column, all, sizeof all);
	for (int r = 0; r < N_RATIO; r++)
		if (r != per)
			column[COLUMN_PERPLEXITY + r].shown = FC_SHOWN_PROGRAMS;
}

static struct fc_cell perplexity(struct fc_cell nats)
{
	return fc_cell_within(
	    exp(nats.real), (struct fc_interval){exp(nats.interval.low), exp(nats.interval.high)});
}

static struct fc_cell bits(struct fc_cell nats)
{
	return fc_cell_within(nats.real / log(2),
	    (struct fc_interval){nats.interval.low / log(2), nats.interval.high / log(2)});
}

static void put_group(
    struct eval_scan *scan, const char *path, const char *name, const struct eval_group *g)
{
	struct scores *s = scan->ctx;
	struct fc_share *share = fc_calloc(g->n, N_RATIO * sizeof *share);
	struct fc_cell per[N_RATIO];
	struct eval_score sum = {0};
	uint64_t n = 0;
	for (size_t k = 0; k < g->n; k++) {
		const struct eval_score *c = &s->score[g->item[k]];
		struct fc_share *to = share + k * N_RATIO;
		const bool counts = c->n_token > 0;
		to[PER_TOKEN] = (struct fc_share){c->nll, (double)c->n_token};
		to[PER_WORD] = (struct fc_share){c->nll, (double)c->n_word};
		to[PER_BYTE] = (struct fc_share){c->nll, (double)c->n_byte};
		to[PER_CONVERSATION] = (struct fc_share){c->nll, counts};
		n += counts;
		eval_score_add(&sum, c);
	}
	eval_group_ratios(share, g->n, N_RATIO, eval_comparison_asked.seed,
	    eval_comparison_asked.n_resample, per);
	free(share);
	FC_TABLE_ROW(&s->table, fc_cell_text(path), fc_cell_text(name), fc_cell_count(n),
	    fc_cell_count(sum.n_token), fc_cell_count(sum.n_word), fc_cell_count(sum.n_byte),
	    per[PER_TOKEN], perplexity(per[PER_TOKEN]), perplexity(per[PER_WORD]),
	    perplexity(per[PER_BYTE]), perplexity(per[PER_CONVERSATION]), bits(per[PER_BYTE]),
	    fc_cell_share(sum.n_row, sum.n_label));
}

static void show_each(const struct eval_arms *arms)
{
	struct fc_column column[N_COLUMN];
	struct scores s = {.opt = &asked, .table = FC_TABLE(column)};
	struct eval_scan scan = {
	    .ctx = &s, .take = take_score, .end = compare_bytes, .put = put_group};
	choose_columns(column, asked.per);
	eval_scan_streams(&scan, arms);
	free(s.score);
	free(s.first_name);
	eval_print(&s.table, eval_comparison_asked.format, eval_comparison_asked.out);
}

static const struct fc_opt own[] = {
    EVAL_OPT_BY(&asked.by),
    FC_OPT_WORD(0, "from", FC_OPT_DECIDES, &asked.from, from_words,
	"each model's own labels, or the rows that are in the stream"),
    FC_OPT_WORD(
	0, "per", FC_OPT_DECIDES, &asked.per, per_words, "of the perplexity that is in the table"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, eval_comparison_opts, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = EVAL_COMMAND_ARMS,
    .summary = "Reads distribution streams, writes cross-entropy, perplexity and bits per "
	       "byte; of several, how they differ in bits per byte on what all "
	       "have scored.",
    .more = EVAL_COMMAND_ARMS_HELP,
};

static void run(int argc, char **argv)
{
	eval_comparison_run(argc, argv, compare_arms, show_each);
}

EVAL_COMMAND(10) = {"ppl", tables, &usage, run};
