/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/progress.h"
#include "fc-align/commands.h"
#include "fc-align/corpus.h"
#include "fc-align/lexicon.h"
#include "fc-align/offsets.h"
#include "fc-align/pairs.h"
#include "stream/writer.h"

struct options {
	const char *pivot, *source, *template_file, *out;
	bool tokens;
	int limit;
};

struct side {
	struct fc_cutter cutter;
	struct fc_vocab vocab;
};

static int open_side(struct side *s, const char *model, struct fc_err *e)
{
	if (fc_cutter_open(&s->cutter, model, e) < 0)
		return -1;
	fc_lexicon_init(&s->vocab, s->cutter.tokenizer, s->cutter.turn_end);
	return 0;
}

static void close_side(struct side *s)
{
	fc_lexicon_release(&s->vocab);
	fc_cutter_close(&s->cutter);
}

/* Counts which tokens start together. */
static int count_corpus(struct fc_corpus *corpus, const struct side *source, int limit,
    struct fc_pairs *pairs, struct fc_err *e)
{
	struct fc_example p, s;
	uint32_t *match = NULL;
	size_t cap = 0;
	int got = 0;
	fc_example_init(&p);
	fc_example_init(&s);
	fc_progress_start("conversations", (uint64_t)limit);
	for (uint64_t n = 0; !limit || n < (uint64_t)limit; fc_progress_set(++n, NULL)) {
		got = fc_corpus_next(corpus, &p, e);
		if (got > 0 && fc_cutter_recut(&source->cutter, &p, &s, e) < 0)
			got = -1;
		if (got <= 0)
			break;
		FC_GROW(match, cap, p.n_tok);
		fc_offsets_match(&p, &s, match);
		for (size_t t = 0; t < p.n_tok; t++)
			if (match[t] != FC_NO_MATCH)
				fc_pairs_add(pairs, s.tok[match[t]], p.tok[t], 1);
	}
	fc_progress_end();
	fc_example_release(&p);
	fc_example_release(&s);
	free(match);
	return got < 0 ? -1 : 0;
}

static int write_map(const struct fc_choice *choice, const struct side *pivot,
    const struct side *source, const char *path, struct fc_err *e)
{
	struct fc_header h;
	struct fc_writer *w;
	struct fc_map_entry *entry = FC_ARRAY(struct fc_map_entry, source->vocab.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < source->vocab.n; i++)
		if (choice[i].pivot != FC_UNMAPPED)
			entry[n++] =
			    (struct fc_map_entry){(uint32_t)i, choice[i].pivot, choice[i].count};
	fc_header_init(&h, FC_KIND_MAP);
	h.tokenizer = fc_tokenizer_fingerprint(pivot->cutter.tokenizer);
	h.n_vocab = (uint32_t)pivot->vocab.n;
	h.source_tokenizer = fc_tokenizer_fingerprint(source->cutter.tokenizer);
	h.source_n_vocab = (uint32_t)source->vocab.n;
	fc_header_add_self(&h);
	int rc = fc_writer_open(&w, path, &h, e);
	if (rc == 0 && (rc = fc_writer_map(w, entry, n, e)) < 0)
		fc_writer_abort(w);
	else if (rc == 0)
		rc = fc_writer_finish(w, e);
	fc_header_release(&h);
	free(entry);
	return rc;
}

static void report(const struct fc_choice *choice, size_t n, size_t n_pairs)
{
	size_t by[FC_N_RULE] = {0};
	for (size_t i = 0; i < n; i++)
		by[choice[i].rule]++;
	fc_note("%zu source tokens: %zu by bytes, %zu by role, %zu by count, %zu by first token, "
		"%zu not mapped; %zu different pairs seen",
	    n, by[FC_RULE_BYTES], by[FC_RULE_ROLE], by[FC_RULE_COUNT], by[FC_RULE_FIRST],
	    by[FC_RULE_NONE], n_pairs);
}

static int make_map(const struct options *o, const char *const *paths, int n, struct fc_err *e)
{
	struct side pivot = {0}, source = {0};
	struct fc_corpus *corpus = NULL;
	struct fc_pairs *pairs = fc_pairs_new();
	struct fc_choice *choice = NULL;
	uint32_t *first = NULL;
	int rc = -1;
	if (open_side(&pivot, o->pivot, e) < 0 || open_side(&source, o->source, e) < 0 ||
	    fc_corpus_open(
		&corpus, paths, n, o->tokens, o->pivot, o->template_file, &pivot.cutter, e) < 0 ||
	    count_corpus(corpus, &source, o->limit, pairs, e) < 0)
		goto end;
	choice = FC_ARRAY(struct fc_choice, source.vocab.n + 1);
	first = FC_ARRAY(uint32_t, source.vocab.n + 1);
	fc_lexicon_first(&source.vocab, pivot.cutter.tokenizer, first);
	fc_vocabmap_choose(&source.vocab, &pivot.vocab, fc_pairs_sorted(pairs),
	    fc_pairs_count(pairs), first, choice);
	rc = write_map(choice, &pivot, &source, o->out, e);
	if (rc == 0)
		report(choice, source.vocab.n, fc_pairs_count(pairs));
end:
	free(choice);
	free(first);
	fc_corpus_close(corpus);
	fc_pairs_free(pairs);
	close_side(&pivot);
	close_side(&source);
	return rc;
}

void fc_command_map(int argc, char **argv)
{
	struct options o = {0};
	const struct fc_opt opts[] = {
	    {FC_OPT_FILE, 'p', "pivot", &o.pivot, "DIR", "the pivot's model folder (required)", 0,
		0},
	    {FC_OPT_FILE, 's', "source", &o.source, "DIR", "the source's model folder (required)",
		0, 0},
	    {FC_OPT_FILE, 0, "template", &o.template_file, "FILE",
		"Jinja template instead of the pivot's own", 0, 0},
	    {FC_OPT_FLAG, 0, "tokens", &o.tokens, NULL,
		"the input is token or distribution streams, not JSONL", 0, 0},
	    {FC_OPT_INT, 'n', "records", &o.limit, "N", "conversations to read at most (0: all)", 0,
		2147483647},
	    {FC_OPT_FILE, 'o', "output", &o.out, "FILE", "instead of standard output", 0, 0},
	    FC_OPT_NO_HISTORY,
	    FC_OPT_COMMON,
	    {0},
	};
	static const struct fc_usage usage = {
	    .synopsis = "[OPTION]... -p PIVOT -s SOURCE [CHATS]...",
	    .summary =
		"Reads conversations, writes a map from the source's vocabulary to the pivot's.",
	};
	struct fc_err e;
	fc_prog = "fc-align map";
	int first = fc_opt_parse(opts, &usage, argc, argv);
	if (!o.pivot || !o.source)
		fc_die_usage("-%c is missing: the %s's model folder", o.pivot ? 's' : 'p',
		    o.pivot ? "source" : "pivot");
	if (make_map(&o, (const char *const *)argv + first, argc - first, &e) < 0)
		fc_die("%s", e.msg);
	fc_finish();
}
