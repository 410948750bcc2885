/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/opt.h"
#include "base/progress.h"
#include "fc-align/commands.h"
#include "fc-align/cutter.h"
#include "fc-align/mapfile.h"
#include "stream/writer.h"
#include "fc-align/transfer.h"

struct options {
	const char *pivot, *map, *out;
};

/* Everything that stays the same over the stream. */
struct work {
	struct fc_cutter cutter;
	uint32_t *map;
	size_t n_map, top_k;
	struct fc_transfer *transfer;
	struct fc_reader *in;
	struct fc_writer *out;
};

static int open_map(struct work *w, const struct options *o, struct fc_err *e)
{
	const struct fc_header *h = fc_reader_header(w->in);
	uint64_t pivot = fc_tokenizer_fingerprint(w->cutter.tokenizer);
	size_t n_pivot = fc_tokenizer_n_vocab(w->cutter.tokenizer);
	if (o->map)
		return fc_mapfile_read(o->map, h->tokenizer, pivot, n_pivot, &w->map, &w->n_map, e);
	if (h->tokenizer != pivot)
		return fc_fail(e,
		    "%s is over the tokens of another tokenizer than %s; give a map (-m)",
		    fc_reader_name(w->in), o->pivot);
	w->n_map = n_pivot;
	w->map = fc_mapfile_identity(w->n_map);
	return 0;
}

static int open_all(struct work *w, const struct options *o, const char *path, struct fc_err *e)
{
	struct fc_header h;
	if (fc_cutter_open(&w->cutter, o->pivot, e) < 0 ||
	    fc_reader_open(&w->in, path, FC_KIND_DISTS, e) < 0 || open_map(w, o, e) < 0)
		return -1;
	size_t n_vocab = fc_tokenizer_n_vocab(w->cutter.tokenizer);
	w->transfer = fc_transfer_new(w->map, w->n_map, n_vocab);
	fc_header_init(&h, FC_KIND_DISTS);
	fc_header_copy(&h, fc_reader_header(w->in));
	h.tokenizer = fc_tokenizer_fingerprint(w->cutter.tokenizer);
	h.n_vocab = (uint32_t)n_vocab;
	h.top_k = h.top_k < h.n_vocab ? h.top_k : h.n_vocab;
	w->top_k = h.top_k;
	fc_header_add_self(&h);
	int rc = fc_writer_open(&w->out, o->out, &h, e);
	fc_header_release(&h);
	return rc;
}

static int apply_all(struct work *w, struct fc_transfer_stats *stats, struct fc_err *e)
{
	struct fc_example source, pivot;
	enum fc_read got;
	uint64_t n = 0;
	fc_example_init(&source);
	fc_example_init(&pivot);
	fc_progress_start("conversations", 0);
	while ((got = fc_reader_example(w->in, &source, e)) == FC_READ_RECORD) {
		if (fc_cutter_recut(&w->cutter, &source, &pivot, e) < 0)
			break;
		fc_transfer_example(w->transfer, &source, &pivot, w->top_k, stats);
		if (fc_writer_example(w->out, &pivot, e) < 0)
			break;
		fc_progress_set(++n, NULL);
	}
	fc_progress_end();
	fc_example_release(&source);
	fc_example_release(&pivot);
	return got == FC_READ_END ? 0 : -1;
}

static void report(const struct fc_transfer_stats *s)
{
	double n = s->n_trained ? (double)s->n_trained : 1;
	fc_note("%" PRIu64 " of %" PRIu64 " trained tokens have a row (%.1f %%), %" PRIu64
		" of them for exactly their bytes; %.2f %% of the probability was mapped",
	    s->n_row, s->n_trained, 100 * (double)s->n_row / n, s->n_exact,
	    s->mass_in > 0 ? 100 * s->mass_out / s->mass_in : 0);
}

void fc_command_apply(int argc, char **argv)
{
	struct options o = {0};
	const struct fc_opt opts[] = {
	    {FC_OPT_FILE, 'p', "pivot", &o.pivot, "DIR", "the pivot's model folder (required)", 0,
		0},
	    {FC_OPT_FILE, 'm', "map", &o.map, "FILE",
		"vocabulary map; not needed if the tokenizers are the same", 0, 0},
	    {FC_OPT_FILE, 'o', "output", &o.out, "FILE", "instead of standard output", 0, 0},
	    FC_OPT_NO_HISTORY,
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... -p PIVOT [-m MAP] [STREAM]",
	    .summary = "Reads a source's distributions, writes them over the pivot's tokens.",
	};
	fc_prog = "fc-align apply";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	if (!o.pivot)
		fc_die_usage("-p is missing: the pivot's model folder");
	if (argc - first > 1)
		fc_die_usage("one stream at a time; join several with cat");
	struct work w = {0};
	struct fc_transfer_stats stats = {0};
	struct fc_err e;
	if (open_all(&w, &o, first < argc ? argv[first] : "-", &e) < 0 ||
	    apply_all(&w, &stats, &e) < 0 || fc_writer_finish(w.out, &e) < 0)
		fc_die("%s", e.msg);
	report(&stats);
	fc_reader_close(w.in);
	fc_transfer_free(w.transfer);
	fc_cutter_close(&w.cutter);
	free(w.map);
	fc_finish();
}
