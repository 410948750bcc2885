/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/progress.h"
#include "chat/invalid.h"
#include "fc-align/align.h"
#include "fc-align/apply/carry.h"
#include "fc-align/map/corpus.h"
#include "fc-align/map/counter.h"
#include "fc-align/map/pair_counts.h"
#include "fc-align/vocab/vocab.h"
#include "fc-align/vocab/mapfile.h"
#include "fc-align/vocab/spelled.h"
#include "stream/writer.h"

enum kind { KIND_STATS, KIND_EXACT, KIND_MINED, KIND_BYTES, KIND_N };
enum spelling { SPELLING_TEXT, SPELLING_RAW, SPELLING_N };
enum choose { CHOOSE_COUNT, CHOOSE_PUBLISHED, CHOOSE_N };

struct options {
	const char *pivot, *source, *template_file, *out;
	bool tokens, merge;
	enum kind kind;
	enum spelling spelling;
	enum align_kind align;
	enum choose choose;
	enum fc_text_cut cut;
	int limit;
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
	    (align_corpus_open(&corpus, paths, n, o->tokens, o->pivot, o->template_file, o->cut,
		 &pivot.cutter, e) < 0 ||
		count_corpus(corpus, &source, o->limit, counter, e) < 0 ||
		fc_invalid_finish(e) < 0))
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
	if (fc_opt_is_given("invalid") && (o->tokens || o->merge || !counts))
		fc_die_usage("--invalid is for conversations");
	fc_invalid_check();
	if (!counts && (o->align || o->choose))
		fc_die_usage("--align and --choose are for maps of kind stats");
	if (o->spelling == SPELLING_RAW && (counts || o->kind == KIND_BYTES))
		fc_die_usage("--spelling raw is for the kinds exact and mined");
}

static struct options asked = {.cut = FC_CUT_PROMPT};

static const char *const kind_words[] = {[KIND_STATS] = "stats",
    [KIND_EXACT] = "exact",
    [KIND_MINED] = "mined",
    [KIND_BYTES] = "bytes",
    NULL};
_Static_assert(FC_LEN(kind_words) == KIND_N + 1, "a word each");
static const char *const spelling_words[] = {
    [SPELLING_TEXT] = "text", [SPELLING_RAW] = "raw", NULL};
_Static_assert(FC_LEN(spelling_words) == SPELLING_N + 1, "a word each");
static const char *const choose_words[] = {
    [CHOOSE_COUNT] = "count", [CHOOSE_PUBLISHED] = "published", NULL};
_Static_assert(FC_LEN(choose_words) == CHOOSE_N + 1, "a word each");

static const struct fc_opt own[] = {
    FC_OPT_TEXT(
	'p', "pivot", FC_OPT_IN, &asked.pivot, "DIR", "the pivot's model folder (required)"),
    FC_OPT_TEXT(
	's', "source", FC_OPT_IN, &asked.source, "DIR", "the source's model folder (required)"),
    FC_OPT_WORD(0, "kind", FC_OPT_DECIDES, &asked.kind, kind_words,
	"what a token's counterpart is, where neither its role nor its bytes say it"),
    FC_OPT_WORD(0, "spelling", FC_OPT_DECIDES, &asked.spelling, spelling_words,
	"of mined and exact: compare what tokens stand for, or how they are spelled"),
    FC_OPT_WORD(0, "align", FC_OPT_DECIDES, &asked.align, align_kind_words,
	"of stats: pair tokens by their place in the text, or as published"),
    FC_OPT_WORD(0, "choose", FC_OPT_DECIDES, &asked.choose, choose_words,
	"of stats: the highest count, or FuseChat's formula"),
    FC_OPT_FLAG(0, "merge", FC_OPT_DECIDES, &asked.merge,
	"the input is maps of kind stats, whose counts add up"),
    FC_OPT_TEXT(0, "template", FC_OPT_IN, &asked.template_file, "NAME|FILE",
	"a template by name, or a Jinja file, instead of the pivot's own"),
    FC_OPT_WORD(0, "cut", FC_OPT_DECIDES, &asked.cut, fc_text_cut_words,
	"conversations into tokens: as one text, or the prompt by itself"),
    FC_OPT_FLAG(0, "tokens", FC_OPT_DECIDES, &asked.tokens,
	"the input is token or distribution streams, not JSONL"),
    FC_OPT_INT('n', "records", FC_OPT_DECIDES, &asked.limit, "N", 0, 2147483647,
	"conversations to read at most (0: all)"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT_STREAM, &asked.out, "FILE", "instead of standard output"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {
    own, fc_invalid_options, fc_opt_stream, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... -p PIVOT -s SOURCE [CHATS]...\n"
		"--merge -p PIVOT -s SOURCE MAP...\n"
		"--kind exact|mined|bytes [OPTION]... -p PIVOT -s SOURCE",
    .summary = "Writes a map from the source's vocabulary to the pivot's.",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	struct fc_err e;
	check_options(&o, argc);
	if (make_map(&o, (const char *const *)argv, argc, &e) < 0)
		fc_die("%s", e.msg);
	fc_finish();
}

const struct fc_command align_command_map = {"map", tables, &usage, run};
