/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/progress.h"
#include "fc-align/align.h"
#include "fc-align/apply/carry.h"
#include "fc-align/map/corpus.h"
#include "fc-align/map/counter.h"
#include "fc-align/map/pair_counts.h"
#include "fc-align/vocab/vocab.h"
#include "fc-align/vocab/mapfile.h"
#include "fc-align/vocab/spelled.h"
#include "stream/writer.h"

enum kind { KIND_STATS, KIND_EXACT, KIND_MINED, KIND_BYTES };
enum spelling { SPELLING_TEXT, SPELLING_RAW };
enum choose { CHOOSE_COUNT, CHOOSE_PUBLISHED };

struct options {
	const char *pivot, *source, *template_file, *out;
	bool tokens, merge;
	int limit, kind, spelling, align, choose, cut;
};

struct side {
	struct align_cutter cutter;
	struct align_vocab vocab;
};

static int open_side(struct side *s, const char *model, struct fc_err *e)
{
	if (align_cutter_open(&s->cutter, model, e) < 0)
		return -1;
	align_vocab_init(&s->vocab, s->cutter.tokenizer, s->cutter.turn_end);
	return 0;
}

static void close_side(struct side *s)
{
	align_vocab_release(&s->vocab);
	align_cutter_close(&s->cutter);
}

/* Counts which tokens are paired in the conversations. */
static int count_corpus(struct align_corpus *corpus, const struct side *source, int limit,
    struct align_counter *counter, struct fc_err *e)
{
	struct fc_example p, s;
	int got = 0;
	fc_example_init(&p);
	fc_example_init(&s);
	fc_progress_start("conversations", (uint64_t)limit);
	for (uint64_t n = 0; !limit || n < (uint64_t)limit; fc_progress_set(++n, NULL)) {
		got = align_corpus_next(corpus, &p, e);
		if (got > 0 &&
		    align_cutter_recut(&source->cutter, align_corpus_cut(corpus), &p, &s, e) < 0)
			got = -1;
		if (got <= 0)
			break;
		align_counter_example(counter, &s, &p);
	}
	fc_progress_end();
	fc_example_release(&p);
	fc_example_release(&s);
	return got < 0 ? -1 : 0;
}

/* Adds up the counts of maps. */
static int count_maps(const char *const *paths, int n, const struct side *pivot,
    const struct side *source, struct align_pair_counts *pairs, struct fc_err *e)
{
	for (int i = 0; i < n; i++) {
		struct align_mapping m;
		struct fc_header h;
		fc_header_init(&h, FC_KIND_MAP);
		int rc = align_mapfile_read(paths[i], false, &m, &h, e);
		if (rc == 0)
			rc = align_mapfile_check(paths[i], &h,
			    fc_tokenizer_fingerprint(source->cutter.tokenizer),
			    fc_tokenizer_fingerprint(pivot->cutter.tokenizer), pivot->vocab.n, e);
		for (size_t k = 0; rc == 0 && k < m.n_entry; k++)
			align_pair_counts_add(
			    pairs, m.entry[k].source, m.entry[k].pivot, m.entry[k].count);
		fc_header_release(&h);
		align_mapping_release(&m);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int write_map(const struct align_map_list *map, const struct side *pivot,
    const struct side *source, const char *path, struct fc_err *e)
{
	struct fc_header h;
	struct fc_writer *w;
	fc_header_init(&h, FC_KIND_MAP);
	h.tokenizer = fc_tokenizer_fingerprint(pivot->cutter.tokenizer);
	h.n_vocab = (uint32_t)pivot->vocab.n;
	h.source_tokenizer = fc_tokenizer_fingerprint(source->cutter.tokenizer);
	h.source_n_vocab = (uint32_t)source->vocab.n;
	fc_header_add_self(&h);
	int rc = fc_writer_open(&w, path, &h, e);
	if (rc == 0 && (rc = fc_writer_map(w, map->v, map->n, e)) < 0)
		fc_writer_abort(w);
	else if (rc == 0)
		rc = fc_writer_finish(w, e);
	fc_header_release(&h);
	return rc;
}

static void note_rules(const struct align_map_list *map, size_t n, size_t n_pairs)
{
	struct fc_buf b = FC_BUF_INIT;
	size_t by[FC_N_MAP_RULE] = {0}, mapped = 0;
	for (size_t i = 0; i < map->n; i++)
		by[map->v[i].rule] += map->v[i].chosen;
	for (int rule = 1; rule < FC_N_MAP_RULE; rule++) {
		mapped += by[rule];
		if (by[rule])
			fc_buf_addf(
			    &b, "%zu by %s, ", by[rule], fc_map_rule_name((enum fc_map_rule)rule));
	}
	fc_note("%zu source tokens: %s%zu not mapped; %zu different pairs seen", n, b.p ? b.p : "",
	    n - mapped, n_pairs);
	fc_buf_release(&b);
}

/* Edit distances of what tokens stand for, or of how the vocabularies spell them. */
static uint32_t *find_near(
    const struct options *o, const struct side *pivot, const struct side *source)
{
	struct align_spelled from, to;
	uint32_t *near = FC_ARRAY(uint32_t, source->vocab.n + 1);
	if (o->spelling == SPELLING_RAW) {
		const char *mark = align_spelled_mark(&pivot->vocab);
		align_spelled_raw(&from, &source->vocab, align_spelled_mark(&source->vocab), mark);
		align_spelled_raw(&to, &pivot->vocab, mark, mark);
	} else {
		align_spelled_text(&from, &source->vocab);
		align_spelled_text(&to, &pivot->vocab);
	}
	align_spelled_nearest(&from, &to, o->kind == KIND_MINED ? UINT32_MAX : 0, near);
	align_spelled_release(&from);
	align_spelled_release(&to);
	return near;
}

/* pairs: what was counted.  out: {0}. */
static void choose_map(const struct options *o, const struct side *pivot, const struct side *source,
    struct align_pair_counts *pairs, struct align_map_list *out)
{
	uint32_t *near = NULL, *first = NULL;
	if (o->kind == KIND_MINED || o->spelling == SPELLING_RAW)
		near = find_near(o, pivot, source);
	if (o->kind == KIND_STATS || o->kind == KIND_BYTES) {
		first = FC_ARRAY(uint32_t, source->vocab.n + 1);
		align_vocab_first(&source->vocab, pivot->cutter.tokenizer, first);
	}
	uint32_t *published = o->choose == CHOOSE_PUBLISHED
	    ? align_counter_published(&source->vocab, &pivot->vocab, pairs)
	    : NULL;
	struct align_evidence evidence = {.pair = align_pair_counts_sorted(pairs),
	    .n_pair = align_pair_counts_n(pairs),
	    .near = near,
	    .first = first,
	    .no_bytes = o->spelling == SPELLING_RAW,
	    .published = published};
	align_vocabmap_choose(&source->vocab, &pivot->vocab, &evidence, out);
	free(near);
	free(first);
	free(published);
}

static int make_map(const struct options *o, const char *const *paths, int n, struct fc_err *e)
{
	struct side pivot = {0}, source = {0};
	struct align_corpus *corpus = NULL;
	struct align_pair_counts *pairs = align_pair_counts_new();
	struct align_counter *counter = NULL;
	struct align_map_list map = {0};
	int rc = -1;
	if (open_side(&pivot, o->pivot, e) < 0 || open_side(&source, o->source, e) < 0)
		goto end;
	if (o->merge && count_maps(paths, n, &pivot, &source, pairs, e) < 0)
		goto end;
	counter = align_counter_new(o->align, &source.vocab, &pivot.vocab, pairs);
	if (o->kind == KIND_STATS && !o->merge &&
	    (align_corpus_open(&corpus, paths, n, o->tokens, o->pivot, o->template_file,
		 (enum fc_text_cut)o->cut, &pivot.cutter, e) < 0 ||
		count_corpus(corpus, &source, o->limit, counter, e) < 0))
		goto end;
	choose_map(o, &pivot, &source, pairs, &map);
	rc = write_map(&map, &pivot, &source, o->out, e);
	if (rc == 0)
		note_rules(&map, source.vocab.n, align_pair_counts_n(pairs));
end:
	free(map.v);
	align_corpus_close(corpus);
	align_counter_free(counter);
	align_pair_counts_free(pairs);
	close_side(&pivot);
	close_side(&source);
	return rc;
}

/* What needs a corpus takes no map, and the other way round. */
static void check_options(const struct options *o, int n_operand)
{
	bool counts = o->kind == KIND_STATS;
	if (!o->pivot || !o->source)
		fc_die_usage("-%c is missing: the %s's model folder", o->pivot ? 's' : 'p',
		    o->pivot ? "source" : "pivot");
	if (!counts && (n_operand > 0 || o->merge))
		fc_die_usage("only maps of kind stats are made from conversations or merged");
	if ((!counts || o->merge) && (o->template_file || o->tokens || o->limit))
		fc_die_usage(
		    "--template, --tokens and -n are for conversations, which --%s reads none of",
		    o->merge ? "merge" : "kind but stats");
	if (o->merge && n_operand == 0)
		fc_die_usage("--merge needs the maps to put together");
	if (o->cut != FC_CUT_PROMPT && (o->tokens || o->merge || !counts))
		fc_die_usage("--cut is for conversations; a stream says how it was cut");
	if (!counts && (o->align || o->choose))
		fc_die_usage("--align and --choose are for maps of kind stats");
	if (o->spelling == SPELLING_RAW && (counts || o->kind == KIND_BYTES))
		fc_die_usage("--spelling raw is for the kinds exact and mined");
}

void align_command_map(int argc, char **argv)
{
	struct options o = {.cut = FC_CUT_PROMPT};
	const struct fc_opt opts[] = {
	    {FC_OPT_IN, 'p', "pivot", &o.pivot, "DIR", "the pivot's model folder (required)", 0, 0},
	    {FC_OPT_IN, 's', "source", &o.source, "DIR", "the source's model folder (required)", 0,
		0},
	    {FC_OPT_CHOICE, 0, "kind", &o.kind, "stats|exact|mined|bytes",
		"what a token's counterpart is, where neither its role nor its bytes say it", 0, 0},
	    {FC_OPT_CHOICE, 0, "spelling", &o.spelling, "text|raw",
		"of mined and exact: compare what tokens stand for, or how they are spelled", 0, 0},
	    {FC_OPT_CHOICE, 0, "align", &o.align, ALIGN_KIND_KINDS,
		"of stats: pair tokens by their place in the text, or as published", 0, 0},
	    {FC_OPT_CHOICE, 0, "choose", &o.choose, "count|published",
		"of stats: the highest count, or FuseChat's formula", 0, 0},
	    {FC_OPT_FLAG, 0, "merge", &o.merge, NULL,
		"the input is maps of kind stats, whose counts add up", 0, 0},
	    {FC_OPT_IN, 0, "template", &o.template_file, "NAME|FILE",
		"a template by name, or a Jinja file, instead of the pivot's own", 0, 0},
	    {FC_OPT_CHOICE, 0, "cut", &o.cut, FC_CUTS,
		"conversations into tokens: as one text, or the prompt by itself", 0, 0},
	    {FC_OPT_FLAG, 0, "tokens", &o.tokens, NULL,
		"the input is token or distribution streams, not JSONL", 0, 0},
	    {FC_OPT_INT, 'n', "records", &o.limit, "N", "conversations to read at most (0: all)", 0,
		2147483647},
	    {FC_OPT_OUT_STREAM, 'o', "output", &o.out, "FILE", "instead of standard output", 0, 0},
	    FC_OPT_NO_HISTORY,
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... -p PIVOT -s SOURCE [CHATS]...\n"
			"--merge -p PIVOT -s SOURCE MAP...\n"
			"--kind exact|mined|bytes [OPTION]... -p PIVOT -s SOURCE",
	    .summary = "Writes a map from the source's vocabulary to the pivot's.",
	};
	struct fc_err e;
	fc_prog = "fc-align map";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	check_options(&o, argc - first);
	if (make_map(&o, (const char *const *)argv + first, argc - first, &e) < 0)
		fc_die("%s", e.msg);
	fc_finish();
}
