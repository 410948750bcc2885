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
#include "fc-align/fuse/besttable.h"
#include "fc-align/fuse/choose.h"
#include "fc-align/fuse/mixture.h"
#include "fc-align/fuse/mixweights.h"
#include "fc-align/fuse/fuse_report.h"
#include "stream/join.h"
#include "stream/writer.h"

enum rule { RULE_MINCE, RULE_AVERAGE, RULE_AVGCE, RULE_CATEGORY, RULE_MIXTURE, RULE_N };
enum per { PER_CONVERSATION, PER_TURN, PER_TOKEN, PER_N };

struct options {
	const char *out, *report, *by, *best, *weights;
	enum rule rule;
	enum per per;
	enum align_ce_unit unit;
	int top_k;
	bool no_pivot, skip_missing;
};

struct work {
	const struct options *o;
	struct fc_join *join;
	size_t n;     /* streams */
	size_t first; /* the first stream that is a candidate: 0, or 1 without the pivot */
	size_t top_k;
	uint32_t mixed;                 /* source number of conversations made of several sources */
	struct align_mixture *mixture;  /* of the rules that average */
	struct align_besttable *best;   /* of RULE_CATEGORY */
	struct align_mixweights fitted; /* of RULE_MIXTURE */
	uint64_t n_unfitted;            /* conversations of a category without fitted weights */
	const char **names; /* [n - first + 1] of the candidates, then of what is made of them */
	struct fc_writer *out;
	struct align_fuse_report report;
	struct fc_example fused;
	const struct fc_example **candidate;    /* [n - first] */
	double *ce, *weight;                    /* [n - first] */
	struct align_conversation_share *share; /* [n - first + 1] */
};

/* What a stream of conversations put together from several is called; NULL: it is none. */
static const char *mixed_name(const struct options *o)
{
	switch (o->rule) {
	case RULE_AVERAGE:
		return "average";
	case RULE_AVGCE:
		return "avgce";
	case RULE_MIXTURE:
		return "mixture";
	case RULE_MINCE:
		break;
	default: /* RULE_CATEGORY */
		return NULL;
	}
	return o->per == PER_TURN ? "mince-turn" : o->per == PER_TOKEN ? "mince-token" : NULL;
}

static int open_all(struct work *w, const char *const *paths, struct fc_err *e)
{
	const struct options *o = w->o;
	struct fc_join_options join = {
	    .skip_missing = o->skip_missing, .any_top_k = o->top_k > 0, .first = w->first};
	struct fc_header h;
	if (fc_join_open(&w->join, paths, w->n, &join, e) < 0)
		return -1;
	for (size_t i = 0; i < w->n - w->first; i++)
		w->names[i] = fc_join_stream_name(w->join, w->first + i);
	if (o->rule == RULE_CATEGORY &&
	    align_besttable_open(&w->best, o->best, w->names, w->n - w->first, e) < 0)
		return -1;
	if (o->rule == RULE_MIXTURE &&
	    align_mixweights_read(&w->fitted, o->weights, w->names, w->n - w->first, e) < 0)
		return -1;
	if (o->top_k && fc_join_header(w->join)->n_sample)
		return fc_fail(e,
		    "-k: the streams are of draws, of which none may be left out; draw fewer with "
		    "fc-infer --sample");
	fc_header_copy(&h, fc_join_header(w->join));
	w->top_k = o->top_k ? (size_t)o->top_k : fc_join_top_k(w->join);
	const bool averages =
	    o->rule == RULE_AVERAGE || o->rule == RULE_AVGCE || o->rule == RULE_MIXTURE;
	if (averages && h.n_sample) /* a truncated row would no longer be right on average */
		w->top_k *= w->n - w->first;
	if (w->top_k > fc_header_n_output(&h))
		w->top_k = fc_header_n_output(&h);
	h.model = 0;
	h.top_k = (uint32_t)w->top_k;
	if (mixed_name(o)) {
		struct fc_source mixed = {(char *)mixed_name(o), 0, h.tokenizer};
		w->mixed = (uint32_t)fc_header_find_source(&h, &mixed);
	}
	/* a label that was not drawn is none of a row's draws */
	if (averages)
		w->mixture = align_mixture_new(fc_header_n_output(&h), w->n - w->first, w->top_k,
		    o->rule == RULE_MIXTURE && !h.n_sample);
	fc_header_add_self(&h);
	int rc = fc_writer_open(&w->out, o->out, &h, e);
	fc_header_release(&h);
	return rc;
}

static struct align_conversation_share share_of(
    const struct work *w, const struct fc_example *x, double weight)
{
	return (struct align_conversation_share){
	    weight, x->nll, w->o->unit == ALIGN_CE_BYTE ? x->label_bytes : x->n_label};
}

/* Candidates without rows count as without labels: what cannot teach cannot win. */
static void measure_candidates(struct work *w)
{
	for (size_t i = 0; i < w->n - w->first; i++) {
		const struct fc_example *x = fc_join_at(w->join, w->first + i);
		w->candidate[i] = x;
		w->ce[i] = x->n_row ? align_mixture_ce(x, w->o->unit) : NAN;
		w->weight[i] = 0;
		w->share[i] = share_of(w, x, 0);
	}
}

/* One candidate's whole conversation. */
static struct fc_example *take_one(struct work *w, size_t i)
{
	struct fc_example *x = fc_join_at(w->join, w->first + i);
	w->weight[i] = 1;
	align_mixture_truncate(x, w->top_k);
	return x;
}

/* The fused conversation, borrowed. */
static struct fc_example *fuse_one(struct work *w, const char *category)
{
	const struct options *o = w->o;
	size_t n = w->n - w->first;
	if (o->rule == RULE_CATEGORY)
		return take_one(w, align_besttable_find(w->best, category));
	if (o->rule == RULE_MINCE && o->per == PER_CONVERSATION)
		return take_one(w, align_mixture_least(w->ce, n));
	fc_example_copy(&w->fused, fc_join_at(w->join, 0));
	fc_example_clear_rows(&w->fused);
	w->fused.source = w->mixed;
	if (o->rule == RULE_MIXTURE) {
		const double *fitted = align_mixweights_find(&w->fitted, category);
		memcpy(w->weight, fitted, n * sizeof *fitted);
		w->n_unfitted += category && fitted == w->fitted.group[0].w;
		align_mixture_example(w->mixture, w->candidate, n, w->weight, &w->fused);
	} else if (o->rule == RULE_MINCE && o->per == PER_TURN) {
		align_choose_turns(w->candidate, n, o->unit, w->top_k, &w->fused, w->weight);
	} else if (o->rule == RULE_MINCE) {
		align_choose_tokens(w->candidate, n, w->top_k, &w->fused, w->weight);
	} else {
		if (o->rule == RULE_AVGCE)
			align_mixture_weights(w->ce, n, w->weight);
		else
			for (size_t i = 0; i < n; i++)
				w->weight[i] = 1.0 / (double)n;
		align_mixture_example(w->mixture, w->candidate, n, w->weight, &w->fused);
	}
	return &w->fused;
}

static int fuse_all(struct work *w, struct fc_err *e)
{
	uint64_t done = 0;
	int got;
	fc_progress_start("conversations", 0);
	while ((got = fc_join_next(w->join, e)) > 0) {
		char *category = NULL;
		const struct fc_buf *meta = &fc_join_at(w->join, 0)->meta;
		if (w->o->by &&
		    fc_category_parse(
			meta->p, meta->n, w->o->by, "the first stream", &category, e) < 0)
			return -1;
		measure_candidates(w);
		struct fc_example *made = fuse_one(w, category);
		int rc = fc_writer_example(w->out, made, e);
		w->share[w->n - w->first] = share_of(w, made, 1);
		for (size_t i = 0; i < w->n - w->first; i++)
			w->share[i].w = w->weight[i];
		align_fuse_report_add(&w->report, w->share, category);
		free(category);
		if (rc < 0)
			return -1;
		fc_progress_set(++done, NULL);
	}
	fc_progress_end();
	return got;
}

static void note_skipped(const struct work *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (fc_join_skipped(w->join, i))
			fc_warn("left out %" PRIu64 " conversations of %s that not all have",
			    fc_join_skipped(w->join, i), fc_join_stream_name(w->join, i));
}

static void note_mixture(const struct work *w)
{
	const struct align_contribution *made = &w->report.all[w->n - w->first];
	if (w->o->rule != RULE_MIXTURE || !(made->n > 0))
		return;
	double ce = made->nll / made->n;
	if (w->o->unit == ALIGN_CE_BYTE)
		fc_note("the mixture: %.4f nats, %.4f bits a byte of its labels", ce, ce / log(2));
	else
		fc_note("the mixture: %.4f nats a label", ce);
	if (!w->o->by && w->fitted.n > 1)
		fc_note("%s has weights by category, but without --by the common ones are used",
		    w->o->weights);
	if (w->n_unfitted)
		fc_note("%" PRIu64 " conversations are of categories that %s has no weights for; "
			"the common ones are used",
		    w->n_unfitted, w->o->weights);
}

/* To standard error for people, to a file for programs. */
static int write_report(const struct work *w, struct fc_err *e)
{
	struct fc_table t = align_fuse_report_table(&w->report, w->names);
	if (w->o->report)
		return fc_table_write(&t, FC_TABLE_TSV, NULL, w->o->report, e);
	struct fc_buf b = FC_BUF_INIT;
	fc_table_print(&t, FC_TABLE_TEXT, &b);
	fc_note_lines(b.p);
	fc_buf_release(&b);
	fc_table_release(&t);
	return 0;
}

static int fuse_streams(struct work *w, const char *const *paths, struct fc_err *e)
{
	size_t n = w->n - w->first;
	w->candidate = FC_ARRAY(const struct fc_example *, n);
	w->ce = FC_ARRAY(double, n);
	w->weight = FC_ARRAY(double, n);
	w->share = FC_ARRAY(struct align_conversation_share, n + 1);
	w->names = FC_ARRAY(const char *, n + 1);
	w->names[n] = mixed_name(w->o);
	align_fuse_report_init(&w->report, n, w->o->rule == RULE_MIXTURE);
	fc_example_init(&w->fused);
	int rc = -1;
	if (open_all(w, paths, e) == 0 && fuse_all(w, e) == 0 && write_report(w, e) == 0) {
		note_mixture(w);
		note_skipped(w);
		rc = fc_writer_finish(w->out, e);
		w->out = NULL;
	}
	fc_writer_abort(w->out);
	fc_join_close(w->join);
	align_mixture_free(w->mixture);
	align_besttable_free(w->best);
	align_mixweights_release(&w->fitted);
	align_fuse_report_release(&w->report);
	fc_example_release(&w->fused);
	free(w->candidate);
	free(w->ce);
	free(w->weight);
	free(w->share);
	free(w->names);
	return rc;
}

static struct options asked = {0};

static const char *const rule_words[] = {[RULE_MINCE] = "mince",
    [RULE_AVERAGE] = "average",
    [RULE_AVGCE] = "avgce",
    [RULE_CATEGORY] = "category",
    [RULE_MIXTURE] = "mixture",
    NULL};
_Static_assert(FC_LEN(rule_words) == RULE_N + 1, "a word each");
static const char *const per_words[] = {
    [PER_CONVERSATION] = "conversation", [PER_TURN] = "turn", [PER_TOKEN] = "token", NULL};
_Static_assert(FC_LEN(per_words) == PER_N + 1, "a word each");
static const char *const unit_words[] = {
    [ALIGN_CE_BYTE] = "byte", [ALIGN_CE_TOKEN] = "token", NULL};
_Static_assert(FC_LEN(unit_words) == ALIGN_CE_N + 1, "a word each");

static const struct fc_opt own[] = {
    FC_OPT_WORD(0, "rule", FC_OPT_DECIDES, &asked.rule, rule_words, "how to fuse"),
    FC_OPT_WORD(0, "per", FC_OPT_DECIDES, &asked.per, per_words,
	"what MinCE takes from one stream as a whole"),
    FC_OPT_WORD(0, "ce", FC_OPT_DECIDES, &asked.unit, unit_words, "cross-entropies compare per"),
    FC_OPT_FLAG(0, "no-pivot", FC_OPT_DECIDES, &asked.no_pivot,
	"the first stream gives the tokens only and cannot be chosen"),
    FC_OPT_INT('k', "top-k", FC_OPT_DECIDES, &asked.top_k, "N", 0, 65535,
	"entries of a row (0: the most of the inputs)"),
    FC_OPT_TEXT(0, "by", FC_OPT_DECIDES, &asked.by, "FIELD",
	"report, and weights, by this member of the conversations"),
    FC_OPT_TEXT(0, "best", FC_OPT_IN, &asked.best, "FILE",
	"of --rule category: the report that tells the best stream of each"),
    FC_OPT_TEXT(0, "weights", FC_OPT_IN, &asked.weights, "FILE",
	"of --rule mixture: weights that fc-align verdict fitted to other text"),
    FC_OPT_FLAG(0, "skip-missing", FC_OPT_DECIDES, &asked.skip_missing,
	"leave out conversations that not all streams have, and count them"),
    FC_OPT_TEXT(0, "report", FC_OPT_OUT_TEXT, &asked.report, "FILE",
	"report as TSV, not on standard error"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT_STREAM, &asked.out, "FILE", "instead of standard output"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, fc_opt_stream, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... PIVOT_STREAM STREAM...",
    .summary = "Reads distribution streams over the same tokens, writes one.",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	struct fc_err e;
	struct work w = {.o = &o, .n = (size_t)argc, .first = o.no_pivot};
	if (w.n < 2)
		fc_die_usage("give the pivot's stream and at least one more");
	if ((o.rule == RULE_CATEGORY) != (o.best != NULL) || (o.best && !o.by))
		fc_die_usage("--rule category needs --by and --best, and nothing else does --best");
	if (o.rule == RULE_MIXTURE && !o.weights)
		fc_die_usage(
		    "--rule mixture needs --weights: fit them with fc-align verdict --weights "
		    "to a dev set; on the text that a member was trained on, it would be "
		    "trusted too much");
	if (o.rule != RULE_MIXTURE && o.weights)
		fc_die_usage("--weights is for --rule mixture");
	if (o.per && o.rule != RULE_MINCE)
		fc_die_usage("--per is for --rule mince");
	if (fuse_streams(&w, (const char *const *)argv, &e) < 0)
		fc_die("%s", e.msg);
	fc_finish();
}

const struct fc_command align_command_fuse = {"fuse", tables, &usage, run};
