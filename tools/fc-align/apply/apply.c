/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/progress.h"
#include "fc-align/align.h"
#include "fc-align/apply/carry.h"
#include "fc-align/apply/fallback.h"
#include "stream/reader.h"
#include "stream/writer.h"

struct options {
	const char *own, *out;
	enum align_fallback fallback;
};

/* Everything that stays the same over the stream. */
struct work {
	struct fc_reader *in;
	struct align_carry *carry;
	struct align_filler *filler;
	struct fc_writer *out;
	size_t n_source; /* that the output's header names */
	bool part;       /* it says that it is one */
};

static void make_header(struct work *w, struct fc_header *h)
{
	fc_header_copy(h, fc_reader_header(w->in));
	align_carry_header(w->carry, h);
	fc_header_add_self(h);
	w->n_source = h->n_source;
	w->part = h->part.n > 0;
}

/* Sources that a later part of the input (cat) brought in start another section, and so does that
 * it is of another part. */
static int follow_sections(struct work *w, struct fc_err *e)
{
	struct fc_header h;
	const struct fc_header *in = fc_reader_header(w->in);
	if (in->n_source == w->n_source && (in->part.n > 0) == w->part)
		return 0;
	make_header(w, &h);
	int rc = fc_writer_section(w->out, &h, e);
	fc_header_release(&h);
	return rc;
}

static int open_all(struct work *w, const struct options *o, const char *path, struct fc_err *e)
{
	struct fc_header h;
	if (fc_reader_open(&w->in, path, FC_KIND_DISTS, e) < 0 ||
	    align_carry_open(&w->carry, &align_carry_asked, fc_reader_header(w->in),
		fc_reader_name(w->in), e) < 0)
		return -1;
	make_header(w, &h);
	int rc = align_filler_open(&w->filler, o->fallback, o->own, &h, e);
	if (rc == 0)
		h.n_output = align_filler_n_output(w->filler);
	if (rc == 0)
		rc = fc_writer_open(&w->out, o->out, &h, e);
	fc_header_release(&h);
	return rc;
}

static int apply_all(struct work *w, struct align_ledger *ledger, struct fc_err *e)
{
	struct fc_example source, pivot;
	enum fc_read got;
	uint64_t n = 0;
	fc_example_init(&source);
	fc_example_init(&pivot);
	fc_progress_start("conversations", 0);
	while ((got = fc_reader_example(w->in, &source, e)) == FC_READ_RECORD) {
		if (follow_sections(w, e) < 0 ||
		    align_carry_example(w->carry, &source, &pivot, ledger, e) < 0 ||
		    align_filler_example(w->filler, &pivot, ledger, e) < 0 ||
		    fc_writer_example(w->out, &pivot, e) < 0)
			break;
		fc_progress_set(++n, NULL);
	}
	fc_progress_end();
	fc_example_release(&source);
	fc_example_release(&pivot);
	return got == FC_READ_END ? 0 : -1;
}

/* A share in percent; a remainder of rounding is 0. */
static double in_percent(double share)
{
	double p = 100 * share;
	return fabs(p) < 0.005 ? 0 : p;
}

static void note_ledger(const struct align_ledger *l)
{
	double trained = l->n_trained ? (double)l->n_trained : 1,
	       rows = l->n_row ? (double)l->n_row : 1;
	fc_note("%" PRIu64 " of %" PRIu64 " trained tokens have a row (%.1f %%), %" PRIu64
		" of them for exactly their bytes",
	    l->n_row, l->n_trained, 100 * (double)l->n_row / trained, l->n_exact);
	if (l->n_unread)
		fc_note("%" PRIu64
			" of those without stand where the source's conversations were truncated "
			"(fc-infer --long truncate)",
		    l->n_unread);
	if (l->n_onehot || l->n_pivot)
		fc_note("%" PRIu64 " others were given a certain token, %" PRIu64
			" the pivot's own row",
		    l->n_onehot, l->n_pivot);
	fc_note("%.2f %% of their probability arrived; lost: %.2f %% was not listed, %.2f %% ended "
		"at the row's place, %.2f %% has no token, %.2f %% fell below the top k",
	    in_percent(l->out / rows), in_percent(l->lost[ALIGN_LOSS_TAIL] / rows),
	    in_percent(l->lost[ALIGN_LOSS_ENDED] / rows),
	    in_percent(l->lost[ALIGN_LOSS_UNMAPPED] / rows),
	    in_percent(l->lost[ALIGN_LOSS_CUT] / rows));
	if (l->lost[ALIGN_LOSS_NO_TOKEN] > 0)
		fc_note("and %.2f %% stood at ids of the source without a token",
		    in_percent(l->lost[ALIGN_LOSS_NO_TOKEN] / rows));
}

static struct options asked;
static const char *const fallback_words[] = {[ALIGN_FALLBACK_NONE] = "none",
    [ALIGN_FALLBACK_NEXT] = "onehot-next",
    [ALIGN_FALLBACK_CURRENT] = "onehot-current",
    [ALIGN_FALLBACK_PIVOT] = "pivot",
    NULL};
_Static_assert(FC_LEN(fallback_words) == ALIGN_FALLBACK_N + 1, "a word each");

static const struct fc_opt own[] = {
    FC_OPT_WORD(0, "fallback", FC_OPT_DECIDES, &asked.fallback, fallback_words,
	"what stands at tokens without a row"),
    FC_OPT_TEXT(0, "own", FC_OPT_IN, &asked.own, "STREAM",
	"the pivot's own distributions, for --fallback pivot"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT_STREAM, &asked.out, "FILE", "instead of standard output"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {
    align_carry_table, own, fc_opt_stream, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... -p PIVOT [-s SOURCE | -m MAP] [STREAM]",
    .summary = "Reads a source's distributions, writes them over the pivot's tokens.",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	align_carry_check_usage(&align_carry_asked);
	if ((o.fallback == ALIGN_FALLBACK_PIVOT) != (o.own != NULL))
		fc_die_usage("--fallback pivot and --own go together");
	if (argc > 1)
		fc_die_usage("one stream at a time; join several with cat");
	struct work w = {0};
	struct align_ledger ledger = {0};
	struct fc_err e;
	if (open_all(&w, &o, argc > 0 ? argv[0] : "-", &e) < 0 || apply_all(&w, &ledger, &e) < 0 ||
	    fc_writer_finish(w.out, &e) < 0)
		fc_die("%s", e.msg);
	note_ledger(&ledger);
	if (fc_reader_check_hits(w.in, &e) < 0)
		fc_warn("%s", e.msg);
	fc_reader_close(w.in);
	align_filler_close(w.filler);
	align_carry_close(w.carry);
	fc_finish();
}

const struct fc_command align_command_apply = {"apply", tables, &usage, run};
