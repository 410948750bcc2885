/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/carry.h"

#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-align/apply/bytewise.h"
#include "fc-align/vocab/mapfile.h"
#include "fc-align/apply/transfer.h"

struct fc_carry {
	struct fc_cutter pivot, source;
	struct fc_vocab pivot_vocab, source_vocab;
	struct fc_mapping map;
	size_t top_k;
	/* one of these */
	struct fc_transfer *transfer;
	struct fc_bytewise *bytewise;
	struct fc_pick *pick;
	/* and with the last: */
	struct fc_dtw *dtw;
	struct fc_wording pivot_words, source_words;
};

void fc_carry_check_usage(const struct fc_carry_options *o)
{
	bool dtw = o->align != FC_ALIGN_BYTES;
	if (!o->pivot)
		fc_die_usage("-p is missing: the pivot's model folder");
	if (!dtw && o->source && o->map)
		fc_die_usage("-s and -m: candidates go by their bytes or by a map");
	if (dtw && (!o->source || (!o->map && o->match != FC_PICK_HARD)))
		fc_die_usage("--align dtw-* needs -s, and -m unless with --match hard");
	if (!dtw && (o->match || o->collide))
		fc_die_usage("--match and --collide go with --align dtw-*");
	if (o->align == FC_ALIGN_FUSELLM && o->match != FC_PICK_HARD && o->match != FC_PICK_SOFT)
		fc_die_usage("FuseLLM's transfer is --match hard or soft");
	if (o->align == FC_ALIGN_FUSECHAT1 && o->match != FC_PICK_DEFAULT &&
	    o->match != FC_PICK_SINGLE)
		fc_die_usage("FuseChat 1's transfer is --match default or single");
}

static int open_source(struct fc_carry *c, const struct fc_carry_options *o,
    const struct fc_header *stream, const char *name, struct fc_err *e)
{
	if (fc_cutter_open(&c->source, o->source, e) < 0)
		return -1;
	if (fc_tokenizer_fingerprint(c->source.tokenizer) != stream->tokenizer)
		return fc_fail(
		    e, "%s is over the tokens of another tokenizer than %s", name, o->source);
	fc_lexicon_init(&c->source_vocab, c->source.tokenizer, c->source.turn_end);
	if (stream->n_vocab > c->source_vocab.n)
		return fc_fail(e, "%s has ids that %s has no tokens for", name, o->source);
	return 0;
}

static int open_map(
    struct fc_carry *c, const char *path, const struct fc_header *stream, struct fc_err *e)
{
	struct fc_header h;
	fc_header_init(&h, FC_KIND_MAP);
	int rc = fc_mapfile_read(path, true, &c->map, &h, e);
	if (rc == 0)
		rc = fc_mapfile_check(path, &h, stream->tokenizer,
		    fc_tokenizer_fingerprint(c->pivot.tokenizer), c->pivot_vocab.n, e);
	fc_header_release(&h);
	return rc;
}

static void open_pick(struct fc_carry *c, const struct fc_carry_options *o)
{
	enum fc_published version = (enum fc_published)(o->align - FC_ALIGN_FUSELLM);
	const char *mark = fc_spelled_mark(&c->pivot_vocab);
	struct fc_pick_options pick = {
	    version, (enum fc_pick_mode)o->match, o->collide, c->pivot_vocab.n, c->top_k};
	fc_wording_init(&c->source_words, version, &c->source_vocab, NULL,
	    fc_spelled_mark(&c->source_vocab), mark);
	fc_wording_init(&c->pivot_words, version, &c->pivot_vocab, NULL, mark, mark);
	c->dtw = fc_dtw_new(version, &c->source_words, &c->pivot_words);
	c->pick = fc_pick_new(&pick, &c->source_words, &c->pivot_words, &c->map);
}

static int open_all(struct fc_carry *c, const struct fc_carry_options *o,
    const struct fc_header *stream, const char *name, struct fc_err *e)
{
	if (fc_cutter_open(&c->pivot, o->pivot, e) < 0)
		return -1;
	fc_lexicon_init(&c->pivot_vocab, c->pivot.tokenizer, c->pivot.turn_end);
	c->top_k = stream->top_k < c->pivot_vocab.n ? stream->top_k : c->pivot_vocab.n;
	bool same = stream->tokenizer == fc_tokenizer_fingerprint(c->pivot.tokenizer);
	if (o->map && open_map(c, o->map, stream, e) < 0)
		return -1;
	if (o->source && open_source(c, o, stream, name, e) < 0)
		return -1;
	if (o->align != FC_ALIGN_BYTES) {
		open_pick(c, o);
		return 0;
	}
	if (!o->map && !same && !o->source)
		return fc_fail(e,
		    "%s is over the tokens of another tokenizer than %s; give the source's model "
		    "folder (-s) or a map (-m)",
		    name, o->pivot);
	if (!o->map && !same) {
		c->bytewise = fc_bytewise_new(
		    &c->source_vocab, &c->pivot_vocab, c->pivot.tokenizer, c->top_k, o->known);
		return 0;
	}
	if (!o->map)
		fc_mapping_identity(&c->map, c->pivot_vocab.n);
	c->transfer = fc_transfer_new(c->map.to, c->map.n, c->pivot_vocab.n);
	return 0;
}

int fc_carry_open(struct fc_carry **out, const struct fc_carry_options *o,
    const struct fc_header *stream, const char *name, struct fc_err *e)
{
	struct fc_carry *c = FC_NEW(struct fc_carry);
	int rc = open_all(c, o, stream, name, e);
	if (rc < 0) {
		fc_carry_close(c);
		c = NULL;
	}
	*out = c;
	return rc;
}

void fc_carry_close(struct fc_carry *c)
{
	if (!c)
		return;
	fc_transfer_free(c->transfer);
	fc_bytewise_free(c->bytewise);
	fc_pick_free(c->pick);
	fc_dtw_free(c->dtw);
	fc_wording_release(&c->pivot_words);
	fc_wording_release(&c->source_words);
	fc_lexicon_release(&c->pivot_vocab);
	fc_lexicon_release(&c->source_vocab);
	fc_mapping_release(&c->map);
	fc_cutter_close(&c->pivot);
	fc_cutter_close(&c->source);
	free(c);
}

const struct fc_cutter *fc_carry_pivot(const struct fc_carry *c)
{
	return &c->pivot;
}

const struct fc_vocab *fc_carry_source(const struct fc_carry *c)
{
	return c->source_vocab.word ? &c->source_vocab : NULL;
}

void fc_carry_header(const struct fc_carry *c, struct fc_header *h)
{
	h->tokenizer = fc_tokenizer_fingerprint(c->pivot.tokenizer);
	h->n_vocab = (uint32_t)c->pivot_vocab.n;
	h->top_k = (uint32_t)c->top_k;
}

int fc_carry_example(struct fc_carry *c, const struct fc_example *source, struct fc_example *pivot,
    struct fc_ledger *ledger, struct fc_err *e)
{
	if (fc_cutter_recut(&c->pivot, source, pivot, e) < 0)
		return -1;
	if (c->bytewise)
		fc_bytewise_example(c->bytewise, source, pivot, ledger);
	else if (c->pick)
		fc_pick_example(c->pick, c->dtw, source, pivot, ledger);
	else
		fc_transfer_example(c->transfer, source, pivot, c->top_k, ledger);
	return 0;
}
