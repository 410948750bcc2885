/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/resample.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/comparison.h"
#include "fc-eval/measure/scan.h"
#include "fc-eval/measure/score.h"

struct options {
	const char *by, *out, *baseline;
	int format, from, per, n_resample;
	bool each;
	uint64_t seed;
};

/* What nats are divided by. */
#define PER "token|word|byte|conversation"
enum { PER_TOKEN, PER_WORD, PER_BYTE, PER_CONVERSATION, N_RATIO };
static const char *const perplexities[N_RATIO][3] = {
    [PER_TOKEN] = {"perplexity", "perplexity_low", "perplexity_high"},
    [PER_WORD] = {"word_perplexity", "word_perplexity_low", "word_perplexity_high"},
    [PER_BYTE] = {"byte_perplexity", "byte_perplexity_low", "byte_perplexity_high"},
    [PER_CONVERSATION] = {"conversation_perplexity", "conversation_perplexity_low",
	"conversation_perplexity_high"},
};

/* What bits per byte are of. */
struct scored {
	uint64_t n_byte;
	uint64_t which; /* sum over conversations of a hash of the id and of its number of bytes */
};

struct scores {
	const struct options *opt;
	struct fc_table *table;
	struct eval_score *score; /* [cap] by the number of the stream's conversation */
	size_t cap;
	struct scored now, first; /* of the stream that is read, and of the first one */
	char *first_name;         /* NULL before its end */
	bool told;                /* that another is of other text */
};

static int take(
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

/* Says once where what follows the first stream is no measure of the same text. */
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
	item->scored = eval_scored_of(x, (enum eval_score_from)s->opt->from);
	return 0;
}

static void compare(const struct options *o, const struct eval_arms *arms)
{
	const struct eval_measure m = {
	    .name = {"bits_per_byte", "bits_per_byte_low", "bits_per_byte_high"},
	    .heading = "bits/byte",
	    .unit = " bits a byte",
	    .items = "conversations",
	    .differs = "another text (of another chat template? fc-infer -p takes one model's)",
	    .scale = 1 / log(2),
	    .decimals = 4,
	    .less_is_better = true,
	    .of_bytes = true};
	const struct eval_comparison_options how = {.seed = o->seed,
	    .n_resample = o->n_resample,
	    .format = (enum fc_table_format)o->format,
	    .out = o->out};
	struct scores s = {.opt = o};
	struct eval_scan scan = {.ctx = &s, .take = take_item};
	struct eval_items *items = eval_scan_items(&scan, arms);
	eval_comparison(&m, arms, items, &how);
	eval_scan_release(items, arms);
}

static struct fc_table *new_table(const struct options *o)
{
	static const char *const nats[] = {
	    "cross_entropy", "cross_entropy_low", "cross_entropy_high"};
	static const char *const bits[] = {
	    "bits_per_byte", "bits_per_byte_low", "bits_per_byte_high"};
	const enum fc_table_format f = (enum fc_table_format)o->format;
	struct fc_table *t = fc_table_new();
	fc_table_column(t, "stream", 0);
	fc_table_column(t, "group", 0);
	fc_table_column(t, "conversations", 0);
	fc_table_column(t, "tokens", 0);
	if (f == FC_TABLE_TEXT) {
		fc_table_column(t, "nats/token", 4);
		eval_command_measure_columns(t, f, perplexities[o->per], 3);
		eval_command_measure_columns(
		    t, f, (const char *const[]){"bits/byte", NULL, NULL}, 4);
		fc_table_column(t, "coverage", 3);
		return t;
	}
	fc_table_column(t, "words", 0);
	fc_table_column(t, "bytes", 0);
	eval_command_measure_columns(t, f, nats, 0);
	for (size_t r = 0; r < N_RATIO; r++)
		eval_command_measure_columns(t, f, perplexities[r], 0);
	eval_command_measure_columns(t, f, bits, 0);
	fc_table_column(t, "coverage", 0);
	return t;
}

/* exp of a ratio, which are nats, and of its interval */
static void put_perplexity(
    struct fc_table *t, const struct options *o, double nats, struct fc_interval i)
{
	eval_command_measure(t, (enum fc_table_format)o->format, exp(nats),
	    (struct fc_interval){exp(i.low), exp(i.high)}, 3);
}

static void put_group(
    struct eval_scan *scan, const char *path, const char *name, const struct eval_group *g)
{
	const struct scores *s = scan->ctx;
	const struct options *o = s->opt;
	struct fc_table *t = s->table;
	struct fc_share *share = fc_calloc(g->n, N_RATIO * sizeof *share);
	struct fc_interval i[N_RATIO];
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
	fc_resample_ratios(share, g->n, N_RATIO, o->seed, (size_t)o->n_resample, i);
	free(share);

	const double den[N_RATIO] = {[PER_TOKEN] = (double)sum.n_token,
	    [PER_WORD] = (double)sum.n_word,
	    [PER_BYTE] = (double)sum.n_byte,
	    [PER_CONVERSATION] = (double)n};
	const double bits = sum.nll / den[PER_BYTE] / log(2);
	const struct fc_interval bits_i = {i[PER_BYTE].low / log(2), i[PER_BYTE].high / log(2)};
	fc_table_text(t, path);
	fc_table_text(t, name);
	fc_table_int(t, n);
	fc_table_int(t, sum.n_token);
	if (o->format == FC_TABLE_TEXT) {
		fc_table_real(t, sum.nll / den[PER_TOKEN]);
		put_perplexity(t, o, sum.nll / den[o->per], i[o->per]);
	} else {
		fc_table_int(t, sum.n_word);
		fc_table_int(t, sum.n_byte);
		eval_command_measure(
		    t, (enum fc_table_format)o->format, sum.nll / den[PER_TOKEN], i[PER_TOKEN], 4);
		for (size_t r = 0; r < N_RATIO; r++)
			put_perplexity(t, o, sum.nll / den[r], i[r]);
	}
	eval_command_measure(t, (enum fc_table_format)o->format, bits, bits_i, 4);
	fc_table_real(t, (double)sum.n_row / (double)sum.n_label);
}

void eval_command_ppl(int argc, char **argv)
{
	struct options o = {.n_resample = -1};
	const struct fc_opt opts[] = {
	    EVAL_COMMAND_BY_OPT(&o.by),
	    {FC_OPT_CHOICE, 0, "from", &o.from, EVAL_SCORE_FROM,
		"each model's own labels, or the rows that are in the stream", 0, 0},
	    {FC_OPT_CHOICE, 0, "per", &o.per, PER, "of the perplexity that is in the table", 0, 0},
	    EVAL_COMMAND_COMPARE_OPTS(&o.baseline, &o.each, &o.n_resample, &o.seed),
	    EVAL_COMMAND_TABLE_OPTS(&o.format, &o.out),
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = EVAL_COMMAND_ARMS,
	    .summary = "Reads distribution streams, writes cross-entropy, perplexity and bits per "
		       "byte; of several, how they differ in bits per byte on what all "
		       "have scored.",
	    .more = EVAL_COMMAND_ARMS_HELP,
	};
	fc_prog = "fc-eval ppl";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	struct eval_arms arms;
	eval_arms_parse(&arms, argv + first, (size_t)(argc - first), o.baseline, o.each);
	if (eval_arms_several(&arms) && !o.each) {
		compare(&o, &arms);
	} else {
		if (o.n_resample < 0)
			o.n_resample = EVAL_COMMAND_N_RESAMPLE;
		struct scores s = {.opt = &o, .table = new_table(&o)};
		struct eval_scan scan = {
		    .ctx = &s, .take = take, .end = compare_bytes, .put = put_group};
		eval_scan_streams(&scan, &arms);
		free(s.score);
		free(s.first_name);
		eval_command_print(s.table, (enum fc_table_format)o.format, o.out);
	}
	eval_arms_release(&arms);
	fc_finish();
}
