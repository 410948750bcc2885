/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/progress.h"
#include "fc-align/align.h"
#include "fc-align/fuse/gain.h"
#include "stream/join.h"

enum over { OVER_PIVOT, OVER_BEST, OVER_N };

struct options {
	const char *out, *by, *weights;
	enum fc_table_format format;
	enum over over;
	int n_draw;
	double least, prior;
	uint64_t seed;
	bool no_pivot, skip_missing;
};

struct work {
	const struct options *o;
	struct fc_join *join;
	size_t n;           /* streams */
	size_t first;       /* the first stream that is a member: 0, or 1 without the pivot */
	const char **names; /* [n] */
	struct align_devset dev;
	struct align_mixweights weights;
	struct align_gains gains;
	struct align_gain all;
};

static int read_all(struct work *w, struct fc_err *e)
{
	const struct fc_example **x = FC_ARRAY(const struct fc_example *, w->n);
	int got;
	fc_progress_start("conversations", 0);
	while ((got = fc_join_next(w->join, e)) > 0) {
		char *category = NULL;
		const struct fc_buf *meta = &fc_join_at(w->join, 0)->meta;
		if (w->o->by &&
		    fc_category_parse(
			meta->p, meta->n, w->o->by, "the first stream", &category, e) < 0) {
			got = -1;
			break;
		}
		for (size_t i = 0; i < w->n; i++)
			x[i] = fc_join_at(w->join, i);
		align_devset_add(&w->dev, x, category);
		free(category);
		fc_progress_set(w->dev.n_conv, NULL);
	}
	fc_progress_end();
	free(x);
	return got;
}

static void warn_of_doubts(const struct work *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (fc_join_skipped(w->join, i))
			fc_warn("left out %" PRIu64 " conversations of %s that not all have",
			    fc_join_skipped(w->join, i), w->names[i]);
	for (size_t i = 0; i < w->weights.n; i++)
		if (w->weights.group[i].end.gap > ALIGN_MIXFIT_TOLERANCE)
			fc_warn("weights of '%s': %.2g nats a label from the optimum after %zu "
				"passes",
			    w->weights.group[i].name, w->weights.group[i].end.gap,
			    w->weights.group[i].end.n_pass);
	if (w->all.n_label * 2 < w->all.n_trained)
		fc_warn("only %" PRIu64 " of %" PRIu64
			" labels have a row in all streams: what is said holds for these",
		    w->all.n_label, w->all.n_trained);
}

static int measure_gains(struct work *w, struct fc_err *e)
{
	const struct options *o = w->o;
	if (align_mixweights_fit(&w->weights, &w->dev, w->first, -1, o->prior, e) < 0 ||
	    align_gains_measure(&w->gains, &w->dev, w->first, &w->weights, o->prior, e) < 0)
		return -1;
	align_gain_of(&w->all, &w->gains, &w->dev, SIZE_MAX, o->seed, (size_t)o->n_draw);
	if (!(w->all.bytes > 0))
		return fc_fail(e, "labels of no bytes: nothing can be said of bits a byte");
	warn_of_doubts(w);
	return 0;
}

static const struct fc_column columns[] = {FC_COLUMN("group"), FC_COLUMN("model"),
    FC_COLUMN("labels"), FC_COLUMN("rows", .decimals = 3), FC_COLUMN("mass", .decimals = 3),
    FC_COLUMN("outside", .decimals = 3), FC_COLUMN("own", .decimals = 4),
    FC_COLUMN("bits", .decimals = 4), FC_COLUMN("weight", .decimals = 3),
    FC_COLUMN("gain", .decimals = 4, .interval = FC_INTERVAL_BRACKETS)};

/* Not "-0.0000". */
static double shown(double bits)
{
	return fabs(bits) < 0.00005 ? 0 : bits;
}

/* Sums what stream i had in the conversations of a category; SIZE_MAX: in all. */
static struct align_dev_seen seen_in(const struct align_devset *d, size_t i, size_t category)
{
	struct align_dev_seen sum = {0};
	for (size_t c = 0; c < d->n_conv; c++) {
		const struct align_dev_seen *s = &d->seen[c * d->n + i];
		if (category != SIZE_MAX && d->conv[c].category != category)
			continue;
		sum.n_row += s->n_row;
		sum.n_listed += s->n_listed;
		sum.mass += s->mass;
		sum.nll += s->nll;
		sum.n_label += s->n_label;
		sum.label_bytes += s->label_bytes;
	}
	return sum;
}

static void put_stream(const struct work *w, struct fc_table *t, const char *group, size_t i,
    size_t category, const struct align_gain *g)
{
	const struct align_dev_seen s = seen_in(&w->dev, i, category);
	const double *weight =
	    align_mixweights_find(&w->weights, category == SIZE_MAX ? NULL : group);
	struct fc_interval within = g->within[i];
	if (w->o->format == FC_TABLE_TEXT)
		within = (struct fc_interval){shown(within.low), shown(within.high)};
	FC_TABLE_ROW(t, fc_cell_text(group), fc_cell_text(w->names[i]), fc_cell_count(s.n_row),
	    fc_cell_share(s.n_row, g->n_trained), fc_cell_real(s.mass / (double)s.n_row),
	    fc_cell_real(1 - (double)s.n_listed / (double)s.n_row),
	    fc_cell_real(s.nll / (double)s.label_bytes / log(2)), fc_cell_real(g->bits[i]),
	    fc_cell_real(i < w->first ? NAN : weight[i - w->first]),
	    fc_cell_within(g->gain[i], within));
}

static void put_mixture(struct fc_table *t, const char *group, const char *name, double bits,
    const struct align_gain *g)
{
	const struct fc_cell none = fc_cell_real(NAN);
	FC_TABLE_ROW(t, fc_cell_text(group), fc_cell_text(name), fc_cell_count(g->n_label),
	    fc_cell_share(g->n_label, g->n_trained), none, none, none, fc_cell_real(bits), none,
	    none);
}

static void put_group(const struct work *w, struct fc_table *t, const char *group, size_t category,
    const struct align_gain *g)
{
	for (size_t i = 0; i < w->n; i++)
		put_stream(w, t, group, i, category, g);
	put_mixture(t, group, "(mixture)", g->fresh, g);
	put_mixture(t, group, "(mixture, fitted here)", g->fitted, g);
}

static struct fc_table make_table(const struct work *w)
{
	struct fc_table t = FC_TABLE(columns);
	put_group(w, &t, FC_CATEGORY_ALL, SIZE_MAX, &w->all);
	for (size_t i = 0; i < w->dev.categories.n; i++) {
		size_t k = w->dev.categories.sorted[i];
		struct align_gain g;
		align_gain_of(&g, &w->gains, &w->dev, k, w->o->seed, (size_t)w->o->n_draw);
		put_group(w, &t, w->dev.categories.name[k], k, &g);
		align_gain_release(&g);
	}
	return t;
}

/* The member of the least bits, the first among equals. */
static size_t best_member(const struct work *w)
{
	size_t best = w->first;
	for (size_t i = w->first + 1; i < w->n; i++)
		if (w->all.bits[i] < w->all.bits[best])
			best = i;
	return best;
}

/* "0.0120 [0.0080, 0.0160] bits a byte over P, the pivot" */
static void add_gain(const struct work *w, size_t i, size_t best, struct fc_buf *b)
{
	const struct fc_interval *in = &w->all.within[i];
	fc_buf_addf(b, "%.4f", shown(w->all.gain[i]));
	if (!isnan(in->low))
		fc_buf_addf(b, " [%.4f, %.4f]", shown(in->low), shown(in->high));
	fc_buf_addf(b, " bits a byte over %s, the %s", w->names[i],
	    i != best    ? "pivot"
		: i == 0 ? "pivot and best member"
			 : "best member");
}

/* Sentences for people; true where the answer is yes. */
static bool say_verdict(const struct work *w, struct fc_buf *b)
{
	const struct align_gain *g = &w->all;
	const double least = w->o->least;
	const size_t best = best_member(w), over = w->o->over == OVER_PIVOT ? 0 : best;
	const struct fc_interval *in = &g->within[over];
	const bool enough = g->gain[over] >= least, sure = isnan(in->low) || in->low > 0;
	fc_buf_addf(b,
	    "All %zu streams have a row for %" PRIu64 " of %" PRIu64 " labels (%.1f %%) in %" PRIu64
	    " conversations: bits, gain and weights are over these %.0f bytes.\n",
	    w->n, g->n_label, g->n_trained, 100 * (double)g->n_label / (double)g->n_trained,
	    g->n_conv, g->bytes);
	if (w->o->by)
		fc_buf_addf(b,
		    "Weights by %s are drawn to the common ones as by %g labels of known source.\n",
		    w->o->by, w->o->prior);
	fc_buf_adds(b, "Fusion can gain at most ");
	add_gain(w, over, best, b);
	if (best != 0) {
		fc_buf_adds(b, ", and ");
		add_gain(w, over ? 0 : best, best, b);
	}
	if (enough && sure)
		fc_buf_adds(b, ": worth trying.\n");
	else if (!isnan(in->high) && in->high >= least)
		fc_buf_addf(b,
		    ": not shown to be worth training; these conversations leave open whether it "
		    "is %g.\n",
		    least);
	else
		fc_buf_addf(b, ": not worth training, for which it would be %g or more.\n", least);
	return enough && sure;
}

/* Tables for programs have the sentences on standard error. */
static int write_all(const struct work *w, const struct fc_buf *words, struct fc_err *e)
{
	const enum fc_table_format format = w->o->format;
	struct fc_table t = align_mixweights_table(&w->weights, w->names + w->first);
	if (w->o->weights && fc_table_write(&t, FC_TABLE_TSV, NULL, w->o->weights, e) < 0)
		return -1;
	fc_table_release(&t);
	t = make_table(w);
	const bool people = format == FC_TABLE_TEXT;
	if (fc_table_write(&t, format, people ? words : NULL, w->o->out, e) < 0)
		return -1;
	if (!people)
		fc_note_lines(words->p);
	return 0;
}

static int give_verdict(struct work *w, const char *const *paths, bool *yes, struct fc_err *e)
{
	const struct fc_join_options join = {
	    .skip_missing = w->o->skip_missing, .any_top_k = true, .likeliest = true};
	struct fc_buf words = FC_BUF_INIT;
	int rc = -1;
	w->names = FC_ARRAY(const char *, w->n);
	align_devset_init(&w->dev, w->n);
	if (fc_join_open(&w->join, paths, w->n, &join, e) == 0) {
		for (size_t i = 0; i < w->n; i++)
			w->names[i] = fc_join_stream_name(w->join, i);
		if (align_mixweights_check_names(w->names, w->n, e) == 0 && read_all(w, e) == 0 &&
		    measure_gains(w, e) == 0) {
			*yes = say_verdict(w, &words);
			rc = write_all(w, &words, e);
		}
	}
	fc_buf_release(&words);
	fc_join_close(w->join);
	align_gain_release(&w->all);
	align_gains_release(&w->gains);
	align_mixweights_release(&w->weights);
	align_devset_release(&w->dev);
	free(w->names);
	return rc;
}

static struct options asked = {.n_draw = 10000, .least = 0.005, .prior = 3};

static const char *const over_words[] = {[OVER_PIVOT] = "pivot", [OVER_BEST] = "best", NULL};
_Static_assert(FC_LEN(over_words) == OVER_N + 1, "a word each");

static const struct fc_opt own[] = {
    FC_OPT_WORD(0, "over", FC_OPT_DECIDES, &asked.over, over_words,
	"what the mixture is to be better than: the first stream, or its best member"),
    FC_OPT_REAL(0, "least", FC_OPT_DECIDES, &asked.least, "X", 0, 100,
	"bits a byte that are worth a training"),
    FC_OPT_FLAG(0, "no-pivot", FC_OPT_DECIDES, &asked.no_pivot,
	"the first stream is no member of the mixture"),
    FC_OPT_TEXT(0, "by", FC_OPT_DECIDES, &asked.by, "FIELD",
	"weights, and the table, also by this member of the conversations"),
    FC_OPT_REAL(0, "prior", FC_OPT_DECIDES, &asked.prior, "N", 0, 1e9,
	"labels, with a known source, that the common weights count in a category"),
    FC_OPT_TEXT(0, "weights", FC_OPT_OUT_TEXT, &asked.weights, "FILE",
	"write the weights, for fc-align fuse --rule mixture"),
    FC_OPT_FLAG(0, "skip-missing", FC_OPT_DECIDES, &asked.skip_missing,
	"leave out conversations that not all streams have, and count them"),
    FC_OPT_INT(0, "resamples", FC_OPT_DECIDES, &asked.n_draw, "N", 0, 1000000,
	"draws of the bootstrap; 0: no intervals"),
    FC_OPT_U64(0, "seed", FC_OPT_DECIDES, &asked.seed, "N", "of the bootstrap"),
    FC_OPT_WORD(0, "format", FC_OPT_FORM, &asked.format, fc_table_format_words, "how to print"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT_TEXT, &asked.out, "FILE", "instead of standard output"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... PIVOT_STREAM STREAM...",
    .summary = "Reads distribution streams of a dev set over the same tokens, says whether "
	       "their fusion can help.",
    .more = "Exit status: 0 worth trying, 3 not, 1 and 2 as of every tool.",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	struct fc_err e;
	bool yes = false;
	struct work w = {.o = &o, .n = (size_t)argc, .first = o.no_pivot};
	if (w.n < 2)
		fc_die_usage("give the pivot's stream and at least one more");
	if (give_verdict(&w, (const char *const *)argv, &yes, &e) < 0)
		fc_die("%s", e.msg);
	if (!yes)
		fc_finish_no();
	fc_finish();
}

const struct fc_command align_command_verdict = {"verdict", tables, &usage, run};
