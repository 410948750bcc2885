/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/opt.h"
#include "base/progress.h"
#include "fc-align/bytewise.h"
#include "fc-align/commands.h"
#include "fc-align/cutter.h"
#include "fc-align/mapfile.h"
#include "stream/writer.h"
#include "fc-align/transfer.h"

struct options {
	const char *pivot, *source, *map, *out;
	double known;
};

/* Everything that stays the same over the stream. */
struct work {
	struct fc_cutter pivot, source;
	struct fc_vocab pivot_vocab, source_vocab;
	struct fc_map map; /* {0} where the transfer is byte-exact */
	size_t top_k;
	struct fc_transfer *transfer;
	struct fc_bytewise *bytewise;
	struct fc_reader *in;
	struct fc_writer *out;
};

static int open_map(struct work *w, const struct options *o, struct fc_err *e)
{
	const struct fc_header *h = fc_reader_header(w->in);
	uint64_t pivot = fc_tokenizer_fingerprint(w->pivot.tokenizer);
	size_t n_pivot = fc_tokenizer_n_vocab(w->pivot.tokenizer);
	if (o->map) {
		struct fc_header of_map;
		fc_header_init(&of_map, FC_KIND_MAP);
		int rc = fc_mapfile_read(o->map, true, &w->map, &of_map, e);
		if (rc == 0)
			rc = fc_mapfile_check(o->map, &of_map, h->tokenizer, pivot, n_pivot, e);
		fc_header_release(&of_map);
		if (rc < 0)
			return -1;
	} else {
		fc_map_identity(&w->map, n_pivot);
	}
	w->transfer = fc_transfer_new(w->map.to, w->map.n, n_pivot);
	return 0;
}

static int open_bytewise(struct work *w, const struct options *o, struct fc_err *e)
{
	const struct fc_header *h = fc_reader_header(w->in);
	if (!o->source)
		return fc_fail(e,
		    "%s is over the tokens of another tokenizer than %s; give the source's model "
		    "folder (-s) or a map (-m)",
		    fc_reader_name(w->in), o->pivot);
	if (fc_cutter_open(&w->source, o->source, e) < 0)
		return -1;
	if (fc_tokenizer_fingerprint(w->source.tokenizer) != h->tokenizer)
		return fc_fail(e, "%s is over the tokens of another tokenizer than %s",
		    fc_reader_name(w->in), o->source);
	if (h->n_vocab > fc_tokenizer_n_vocab(w->source.tokenizer))
		return fc_fail(
		    e, "%s has ids that %s has no tokens for", fc_reader_name(w->in), o->source);
	fc_lexicon_init(&w->source_vocab, w->source.tokenizer, w->source.turn_end);
	fc_lexicon_init(&w->pivot_vocab, w->pivot.tokenizer, w->pivot.turn_end);
	w->bytewise = fc_bytewise_new(
	    &w->source_vocab, &w->pivot_vocab, w->pivot.tokenizer, w->top_k, o->known);
	return 0;
}

static int open_all(struct work *w, const struct options *o, const char *path, struct fc_err *e)
{
	struct fc_header h;
	if (fc_cutter_open(&w->pivot, o->pivot, e) < 0 ||
	    fc_reader_open(&w->in, path, FC_KIND_DISTS, e) < 0)
		return -1;
	size_t n_vocab = fc_tokenizer_n_vocab(w->pivot.tokenizer);
	fc_header_init(&h, FC_KIND_DISTS);
	fc_header_copy(&h, fc_reader_header(w->in));
	bool same = h.tokenizer == fc_tokenizer_fingerprint(w->pivot.tokenizer);
	h.tokenizer = fc_tokenizer_fingerprint(w->pivot.tokenizer);
	h.n_vocab = (uint32_t)n_vocab;
	h.top_k = h.top_k < h.n_vocab ? h.top_k : h.n_vocab;
	w->top_k = h.top_k;
	fc_header_add_self(&h);
	int rc = o->map || same ? open_map(w, o, e) : open_bytewise(w, o, e);
	if (rc == 0)
		rc = fc_writer_open(&w->out, o->out, &h, e);
	fc_header_release(&h);
	return rc;
}

static void close_all(struct work *w)
{
	fc_reader_close(w->in);
	fc_transfer_free(w->transfer);
	fc_bytewise_free(w->bytewise);
	fc_lexicon_release(&w->pivot_vocab);
	fc_lexicon_release(&w->source_vocab);
	fc_cutter_close(&w->pivot);
	fc_cutter_close(&w->source);
	fc_map_release(&w->map);
}

static int apply_all(struct work *w, struct fc_ledger *ledger, struct fc_err *e)
{
	struct fc_example source, pivot;
	enum fc_read got;
	uint64_t n = 0;
	fc_example_init(&source);
	fc_example_init(&pivot);
	fc_progress_start("conversations", 0);
	while ((got = fc_reader_example(w->in, &source, e)) == FC_READ_RECORD) {
		if (fc_cutter_recut(&w->pivot, &source, &pivot, e) < 0)
			break;
		if (w->bytewise)
			fc_bytewise_example(w->bytewise, &source, &pivot, ledger);
		else
			fc_transfer_example(w->transfer, &source, &pivot, w->top_k, ledger);
		if (fc_writer_example(w->out, &pivot, e) < 0)
			break;
		fc_progress_set(++n, NULL);
	}
	fc_progress_end();
	fc_example_release(&source);
	fc_example_release(&pivot);
	return got == FC_READ_END ? 0 : -1;
}

static void note(const struct fc_ledger *l)
{
	double trained = l->n_trained ? (double)l->n_trained : 1,
	       rows = l->n_row ? (double)l->n_row : 1;
	fc_note("%" PRIu64 " of %" PRIu64 " trained tokens have a row (%.1f %%), %" PRIu64
		" of them for exactly their bytes",
	    l->n_row, l->n_trained, 100 * (double)l->n_row / trained, l->n_exact);
	fc_note("%.2f %% of their probability arrived; lost: %.2f %% was not listed, %.2f %% ended "
		"at the row's place, %.2f %% has no token, %.2f %% fell below the top k",
	    100 * l->out / rows, 100 * l->lost[FC_LOSS_TAIL] / rows,
	    100 * l->lost[FC_LOSS_ENDED] / rows, 100 * l->lost[FC_LOSS_UNMAPPED] / rows,
	    100 * l->lost[FC_LOSS_CUT] / rows);
}

void fc_command_apply(int argc, char **argv)
{
	struct options o = {.known = 0.5};
	const struct fc_opt opts[] = {
	    {FC_OPT_FILE, 'p', "pivot", &o.pivot, "DIR", "the pivot's model folder (required)", 0,
		0},
	    {FC_OPT_FILE, 's', "source", &o.source, "DIR",
		"the source's model folder, for a byte-exact transfer", 0, 0},
	    {FC_OPT_FILE, 'm', "map", &o.map, "FILE", "or a vocabulary map instead", 0, 0},
	    {FC_OPT_REAL, 0, "known", &o.known, "X",
		"no row where less of what follows is known, byte-exactly", 0, 1},
	    {FC_OPT_FILE, 'o', "output", &o.out, "FILE", "instead of standard output", 0, 0},
	    FC_OPT_NO_HISTORY,
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... -p PIVOT [-s SOURCE | -m MAP] [STREAM]",
	    .summary = "Reads a source's distributions, writes them over the pivot's tokens.",
	};
	fc_prog = "fc-align apply";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	if (!o.pivot)
		fc_die_usage("-p is missing: the pivot's model folder");
	if (o.source && o.map)
		fc_die_usage("-s and -m: candidates go by their bytes or by a map");
	if (argc - first > 1)
		fc_die_usage("one stream at a time; join several with cat");
	struct work w = {0};
	struct fc_ledger ledger = {0};
	struct fc_err e;
	if (open_all(&w, &o, first < argc ? argv[first] : "-", &e) < 0 ||
	    apply_all(&w, &ledger, &e) < 0 || fc_writer_finish(w.out, &e) < 0)
		fc_die("%s", e.msg);
	note(&ledger);
	close_all(&w);
	fc_finish();
}
