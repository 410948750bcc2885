/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-eval/bootstrap.h"
#include "fc-eval/commands.h"
#include "fc-eval/groups.h"
#include "fc-eval/score.h"
#include "stream/reader.h"

struct options {
	const char *by, *out;
	int format, from, per, n_resample;
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

/* One stream's conversations. */
struct scores {
	struct fc_groups groups;
	struct fc_score *score; /* [n] */
	size_t n, cap;
};

static int read_stream(
    const char *path, const struct options *o, struct scores *s, struct fc_err *e)
{
	struct fc_reader *r;
	struct fc_example x;
	enum fc_read got;
	if (fc_reader_open(&r, path, FC_KIND_DISTS, e) < 0)
		return -1;
	fc_example_init(&x);
	while ((got = fc_reader_example(r, &x, e)) == FC_READ_RECORD) {
		char *category = NULL;
		if (o->by &&
		    fc_category_parse(x.meta.p, x.meta.n, o->by, fc_reader_name(r), &category, e) <
			0)
			break;
		FC_GROW(s->score, s->cap, s->n + 1);
		s->score[s->n] = fc_score_of(&x, o->from);
		fc_groups_add(&s->groups, s->n++, category);
		free(category);
	}
	fc_example_release(&x);
	fc_reader_close(r);
	return got == FC_READ_END ? 0 : -1;
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
		fc_command_measure_columns(t, f, perplexities[o->per], 3);
		fc_command_measure_columns(t, f, (const char *const[]){"bits/byte", NULL, NULL}, 4);
		fc_table_column(t, "coverage", 3);
		return t;
	}
	fc_table_column(t, "words", 0);
	fc_table_column(t, "bytes", 0);
	fc_command_measure_columns(t, f, nats, 0);
	for (size_t r = 0; r < N_RATIO; r++)
		fc_command_measure_columns(t, f, perplexities[r], 0);
	fc_command_measure_columns(t, f, bits, 0);
	fc_table_column(t, "coverage", 0);
	return t;
}

/* exp of a ratio, which are nats, and of its interval */
static void put_perplexity(
    struct fc_table *t, const struct options *o, double nats, struct fc_interval i)
{
	fc_command_measure(t, (enum fc_table_format)o->format, exp(nats),
	    (struct fc_interval){exp(i.low), exp(i.high)}, 3);
}

static void put_group(struct fc_table *t, const struct options *o, const char *path,
    const struct scores *s, size_t number)
{
	const char *name;
	const struct fc_group *g = fc_groups_at(&s->groups, number, &name);
	struct fc_share *share = fc_calloc(g->n, N_RATIO * sizeof *share);
	struct fc_interval i[N_RATIO];
	struct fc_score sum = {0};
	uint64_t n = 0;
	for (size_t k = 0; k < g->n; k++) {
		const struct fc_score *c = &s->score[g->item[k]];
		struct fc_share *to = share + k * N_RATIO;
		const bool counts = c->n_token > 0;
		to[PER_TOKEN] = (struct fc_share){c->nll, (double)c->n_token};
		to[PER_WORD] = (struct fc_share){c->nll, (double)c->n_word};
		to[PER_BYTE] = (struct fc_share){c->nll, (double)c->n_byte};
		to[PER_CONVERSATION] = (struct fc_share){c->nll, counts};
		n += counts;
		fc_score_add(&sum, c);
	}
	fc_bootstrap(share, g->n, N_RATIO, o->seed, (size_t)o->n_resample, i);
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
		fc_command_measure(
		    t, (enum fc_table_format)o->format, sum.nll / den[PER_TOKEN], i[PER_TOKEN], 4);
		for (size_t r = 0; r < N_RATIO; r++)
			put_perplexity(t, o, sum.nll / den[r], i[r]);
	}
	fc_command_measure(t, (enum fc_table_format)o->format, bits, bits_i, 4);
	fc_table_real(t, (double)sum.n_row / (double)sum.n_label);
}

static void put_stream(struct fc_table *t, const struct options *o, const char *path)
{
	struct fc_err e;
	struct scores s = {0};
	if (read_stream(path, o, &s, &e) < 0)
		fc_die("%s", e.msg);
	for (size_t i = 0; i < fc_groups_count(&s.groups); i++)
		put_group(t, o, path, &s, i);
	fc_groups_release(&s.groups);
	free(s.score);
}

void fc_command_ppl(int argc, char **argv)
{
	struct options o = {.n_resample = 1000};
	const struct fc_opt opts[] = {
	    {FC_OPT_STR, 0, "by", &o.by, "FIELD", "also by this member of the conversations' lines",
		0, 0},
	    {FC_OPT_CHOICE, 0, "from", &o.from, FC_SCORE_FROM,
		"each model's own labels, or the rows that are in the stream", 0, 0},
	    {FC_OPT_CHOICE, 0, "per", &o.per, PER, "of the perplexity that is in the table", 0, 0},
	    {FC_OPT_INT, 0, "resamples", &o.n_resample, "N",
		"draws of the bootstrap; 0: no intervals", 0, 1000000},
	    {FC_OPT_U64, 0, "seed", &o.seed, "N", "of the bootstrap", 0, 0},
	    {FC_OPT_CHOICE, 0, "format", &o.format, FC_TABLE_FORMATS, "of the output", 0, 0},
	    {FC_OPT_FILE, 'o', "output", &o.out, "FILE", "instead of standard output", 0, 0},
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... [STREAM]...",
	    .summary =
		"Reads distribution streams, writes cross-entropy, perplexity and bits per byte.",
	};
	fc_prog = "fc-eval ppl";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	struct fc_table *t = new_table(&o);
	if (first == argc)
		put_stream(t, &o, "-");
	for (int i = first; i < argc; i++)
		put_stream(t, &o, argv[i]);
	fc_command_print(t, (enum fc_table_format)o.format, o.out);
	fc_finish();
}
