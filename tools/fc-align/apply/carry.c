/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/carry.h"

#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-align/apply/bytewise.h"
#include "fc-align/apply/transfer.h"
#include "fc-align/vocab/mapfile.h"

struct align_carry {
	struct align_cutter pivot, source;
	struct align_vocab pivot_vocab, source_vocab;
	struct align_mapping map;
	size_t top_k;
	enum fc_text_cut cut;          /* of the source's stream, and so of the pivot's tokens */
	const struct fc_header *drawn; /* of a stream of draws; NULL: of the likeliest entries */
	/* the one that is not NULL carries the rows over */
	struct align_transfer *transfer;
	struct align_bytewise *bytewise;
	struct align_published_transfer *published;
	/* of the published transfer alone: */
	struct align_dtw *dtw;
	struct align_wording pivot_words, source_words;
};

#define KNOWN 0.5
struct align_carry_options align_carry_asked = {.known = KNOWN};

const char *const align_kind_words[] = {[ALIGN_KIND_BYTES] = "bytes",
    [ALIGN_KIND_FUSELLM] = "dtw-fusellm",
    [ALIGN_KIND_FUSECHAT1] = "dtw-fusechat1",
    [ALIGN_KIND_FUSECHAT2] = "dtw-fusechat2",
    NULL};
_Static_assert(FC_LEN(align_kind_words) == ALIGN_KIND_N + 1, "a word each");
static const char *const pick_words[] = {[ALIGN_PUBLISHED_DEFAULT] = "default",
    [ALIGN_PUBLISHED_SINGLE] = "single",
    [ALIGN_PUBLISHED_HARD] = "hard",
    [ALIGN_PUBLISHED_SOFT] = "soft",
    NULL};
_Static_assert(FC_LEN(pick_words) == ALIGN_PUBLISHED_N + 1, "a word each");
static const char *const collision_words[] = {
    [ALIGN_COLLISION_ADD] = "add", [ALIGN_COLLISION_FIRST] = "first", NULL};
_Static_assert(FC_LEN(collision_words) == ALIGN_COLLISION_N + 1, "a word each");

const struct fc_opt align_carry_table[] = {
    FC_OPT_TEXT('p', "pivot", FC_OPT_IN, &align_carry_asked.pivot, "DIR",
	"the pivot's model folder (required)"),
    FC_OPT_TEXT('s', "source", FC_OPT_IN, &align_carry_asked.source, "DIR",
	"the source's model folder, for a byte-exact transfer or --align dtw-*"),
    FC_OPT_TEXT('m', "map", FC_OPT_IN, &align_carry_asked.map, "FILE",
	"go by a vocabulary map, not byte-exactly"),
    FC_OPT_WORD(0, "align", FC_OPT_DECIDES, &align_carry_asked.align, align_kind_words,
	"pair tokens by their place in the text, or as published"),
    FC_OPT_WORD(0, "match", FC_OPT_DECIDES, &align_carry_asked.match, pick_words,
	"which rows the published transfers take"),
    FC_OPT_WORD(0, "collide", FC_OPT_DECIDES, &align_carry_asked.collide, collision_words,
	"candidates that meet in a published transfer"),
    FC_OPT_REAL(0, "known", FC_OPT_DECIDES, &align_carry_asked.known, "X", 0, 1,
	"no row where less of what follows is known, byte-exactly"),
    FC_OPT_END,
};

enum align_published align_kind_published(enum align_kind kind)
{
	static const enum align_published published[ALIGN_KIND_N] = {
	    [ALIGN_KIND_FUSELLM] = ALIGN_FUSELLM,
	    [ALIGN_KIND_FUSECHAT1] = ALIGN_FUSECHAT1,
	    [ALIGN_KIND_FUSECHAT2] = ALIGN_FUSECHAT2};
	return published[kind];
}

void align_carry_check_usage(const struct align_carry_options *o)
{
	bool dtw = o->align != ALIGN_KIND_BYTES;
	if (!o->pivot)
		fc_die_usage("-p is missing: the pivot's model folder");
	if (!dtw && o->source && o->map)
		fc_die_usage("-s and -m: candidates go by their bytes or by a map");
	if (dtw && (!o->source || (!o->map && o->match != ALIGN_PUBLISHED_HARD)))
		fc_die_usage("--align dtw-* needs -s, and -m unless with --match hard");
	if (!dtw && (o->match || o->collide))
		fc_die_usage("--match and --collide go with --align dtw-*");
	if ((dtw || o->map) && o->known != KNOWN)
		fc_die_usage("--known is for a byte-exact transfer, by -s alone");
	if (o->align == ALIGN_KIND_FUSELLM && o->match != ALIGN_PUBLISHED_HARD &&
	    o->match != ALIGN_PUBLISHED_SOFT)
		fc_die_usage("FuseLLM's transfer is --match hard or soft");
	if (o->align == ALIGN_KIND_FUSECHAT1 && o->match != ALIGN_PUBLISHED_DEFAULT &&
	    o->match != ALIGN_PUBLISHED_SINGLE)
		fc_die_usage("FuseChat 1's transfer is --match default or single");
}

static int open_source(struct align_carry *c, const struct align_carry_options *o,
    const struct fc_header *stream, const char *name, struct fc_err *e)
{
	if (align_cutter_open(&c->source, o->source, e) < 0)
		return -1;
	if (fc_tokenizer_fingerprint(c->source.tokenizer) != stream->tokenizer)
		return fc_fail(
		    e, "%s is over the tokens of another tokenizer than %s", name, o->source);
	align_vocab_init(&c->source_vocab, c->source.tokenizer, c->source.turn_end);
	if (stream->n_vocab > c->source_vocab.n)
		return fc_fail(e, "%s has ids that %s has no tokens for", name, o->source);
	return 0;
}

static int open_map(
    struct align_carry *c, const char *path, const struct fc_header *stream, struct fc_err *e)
{
	struct fc_header h;
	fc_header_init(&h, FC_KIND_MAP);
	int rc = align_mapfile_read(path, true, &c->map, &h, e);
	if (rc == 0)
		rc = align_mapfile_check(path, &h, stream->tokenizer,
		    fc_tokenizer_fingerprint(c->pivot.tokenizer), c->pivot_vocab.n, e);
	fc_header_release(&h);
	return rc;
}

static void open_pick(struct align_carry *c, const struct align_carry_options *o)
{
	enum align_published version = align_kind_published(o->align);
	const char *mark = align_spelled_mark(&c->pivot_vocab);
	struct align_published_transfer_options how = {
	    version, o->match, o->collide == ALIGN_COLLISION_FIRST, c->pivot_vocab.n, c->top_k};
	align_wording_init(&c->source_words, version, &c->source_vocab, NULL,
	    align_spelled_mark(&c->source_vocab), mark);
	align_wording_init(&c->pivot_words, version, &c->pivot_vocab, NULL, mark, mark);
	c->dtw = align_dtw_new(version, &c->source_words, &c->pivot_words);
	c->published =
	    align_published_transfer_new(&how, &c->source_words, &c->pivot_words, &c->map);
}

/* Entries of a row of draws.  By a map, one token more may get a part of another's; byte-exactly,
 * candidates of several rows come together.  A fallback's own rows may have as many as
 * there are draws. */
static size_t most_drawn(const struct fc_header *stream, bool bytewise, size_t n_pivot)
{
	const size_t most = stream->top_k > stream->n_sample ? stream->top_k : stream->n_sample;
	return bytewise || most >= n_pivot ? n_pivot : most + 1;
}

static int check_draws(const struct align_carry_options *o, const struct fc_header *stream,
    const char *name, bool bytewise, struct fc_err *e)
{
	char draws[80];
	fc_header_draws_text(stream, draws, sizeof draws);
	if (o->align != ALIGN_KIND_BYTES)
		return fc_fail(e,
		    "%s has %s; the published transfers (--align dtw-*) are for the likeliest "
		    "entries: "
		    "leave --align out",
		    name, draws);
	if (bytewise && stream->sample_temperature != 1)
		return fc_fail(e,
		    "%s has %s; byte-exactly a row is conditional on what was read, whose "
		    "probability "
		    "is known at temperature 1 only: go by a map (-m)",
		    name, draws);
	return 0;
}

static int open_all(struct align_carry *c, const struct align_carry_options *o,
    const struct fc_header *stream, const char *name, struct fc_err *e)
{
	if (align_cutter_open(&c->pivot, o->pivot, e) < 0)
		return -1;
	align_vocab_init(&c->pivot_vocab, c->pivot.tokenizer, c->pivot.turn_end);
	c->cut = stream->cut;
	c->top_k = stream->top_k < c->pivot_vocab.n ? stream->top_k : c->pivot_vocab.n;
	c->drawn = stream->n_sample ? stream : NULL;
	bool same = stream->tokenizer == fc_tokenizer_fingerprint(c->pivot.tokenizer);
	if (c->drawn && check_draws(o, stream, name, !o->map && !same, e) < 0)
		return -1;
	if (c->drawn) /* a truncated row would no longer be right on average */
		c->top_k = most_drawn(stream, !o->map && !same, c->pivot_vocab.n);
	if (o->map && open_map(c, o->map, stream, e) < 0)
		return -1;
	if (o->source && open_source(c, o, stream, name, e) < 0)
		return -1;
	if (o->align != ALIGN_KIND_BYTES) {
		open_pick(c, o);
		return 0;
	}
	if (!o->map && !same && !o->source)
		return fc_fail(e,
		    "%s is over the tokens of another tokenizer than %s; give the source's model "
		    "folder (-s) or a map (-m)",
		    name, o->pivot);
	if (!o->map && !same) {
		c->bytewise = align_bytewise_new(
		    &c->source_vocab, &c->pivot_vocab, c->pivot.tokenizer, c->top_k, o->known);
		return 0;
	}
	if (!o->map)
		align_mapping_identity(&c->map, c->pivot_vocab.n);
	c->transfer = align_transfer_new(c->map.to, c->map.n, c->pivot_vocab.n);
	if (same)
		align_transfer_same_tokens(c->transfer);
	return 0;
}

int align_carry_open(struct align_carry **out, const struct align_carry_options *o,
    const struct fc_header *stream, const char *name, struct fc_err *e)
{
	struct align_carry *c = FC_NEW(struct align_carry);
	int rc = open_all(c, o, stream, name, e);
	if (rc < 0) {
		align_carry_close(c);
		c = NULL;
	}
	*out = c;
	return rc;
}

void align_carry_close(struct align_carry *c)
{
	if (!c)
		return;
	align_transfer_free(c->transfer);
	align_bytewise_free(c->bytewise);
	align_published_transfer_free(c->published);
	align_dtw_free(c->dtw);
	align_wording_release(&c->pivot_words);
	align_wording_release(&c->source_words);
	align_vocab_release(&c->pivot_vocab);
	align_vocab_release(&c->source_vocab);
	align_mapping_release(&c->map);
	align_cutter_close(&c->pivot);
	align_cutter_close(&c->source);
	free(c);
}

const struct align_vocab *align_carry_source(const struct align_carry *c)
{
	return c->source_vocab.word ? &c->source_vocab : NULL;
}

void align_carry_header(const struct align_carry *c, struct fc_header *h)
{
	h->tokenizer = fc_tokenizer_fingerprint(c->pivot.tokenizer);
	h->n_vocab = (uint32_t)c->pivot_vocab.n;
	h->n_output = 0; /* only tokens are carried over */
	h->top_k = (uint32_t)c->top_k;
}

/* Trained tokens of the pivot where the source has read nothing any more. */
static uint64_t count_unread(const struct fc_example *source, const struct fc_example *pivot)
{
	const uint32_t end = fc_example_start(source, source->n_tok);
	uint64_t n = 0;
	for (size_t t = pivot->n_tok; t-- > 1 && fc_example_start(pivot, t) >= end;)
		n += fc_example_trained(pivot, t);
	return n;
}

int align_carry_example(struct align_carry *c, const struct fc_example *source,
    struct fc_example *pivot, struct align_ledger *ledger, struct fc_err *e)
{
	if (align_cutter_recut(&c->pivot, c->cut, source, pivot, e) < 0)
		return -1;
	struct align_draws draws = {0};
	if (c->drawn)
		draws = align_draws_of(c->drawn, source);
	if (c->bytewise)
		align_bytewise_set_draws(c->bytewise, &draws);
	if (c->transfer)
		align_transfer_set_draws(c->transfer, &draws);
	if (c->bytewise)
		align_bytewise_example(c->bytewise, source, pivot, ledger);
	else if (c->published)
		align_published_transfer_example(c->published, c->dtw, source, pivot, ledger);
	else
		align_transfer_example(c->transfer, source, pivot, c->top_k, ledger);
	ledger->n_unread += count_unread(source, pivot);
	return 0;
}
