/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "text/utf8.h"
#include "token/bpe_parts.h"
#include "token/charclass.h"
#include "token/component.h"
#include "token/tokenizer.h"

#define NONE FC_NO_TOKEN

static uint32_t find_piece(const struct fc_bpe *b, const char *p, size_t n)
{
	return fc_pieces_find(b->base.pieces, p, n);
}

static int affix_json(
    char **to, const json_t *o, const char *key, const char *where, struct fc_err *e)
{
	const char *s;
	if (fc_json_str(o, key, NULL, &s, where, e) < 0)
		return -1;
	if (s && strlen(s) > 256)
		return fc_fail(e, "%s: %s is longer than 256 bytes", where, key);
	*to = s && *s ? fc_strdup(s) : NULL;
	return 0;
}

static int options_json(struct fc_bpe *b, const json_t *o, const char *where, struct fc_err *e)
{
	double dropout;
	const char *unk;
	if (fc_component_keys(o,
		"vocab merges dropout unk_token continuing_subword_prefix end_of_word_suffix "
		"fuse_unk byte_fallback ignore_merges",
		where, e) < 0 ||
	    fc_json_real(o, "dropout", 0, &dropout, where, e) < 0 ||
	    fc_json_str(o, "unk_token", NULL, &unk, where, e) < 0 ||
	    affix_json(&b->prefix, o, "continuing_subword_prefix", where, e) < 0 ||
	    affix_json(&b->suffix, o, "end_of_word_suffix", where, e) < 0 ||
	    fc_json_bool(o, "fuse_unk", false, &b->fuse_unk, where, e) < 0 ||
	    fc_json_bool(o, "byte_fallback", false, &b->byte_fallback, where, e) < 0 ||
	    fc_json_bool(o, "ignore_merges", false, &b->ignore_merges, where, e) < 0)
		return -1;
	if (dropout != 0)
		return fc_fail(
		    e, "%s: dropout %g makes tokens random; only 0 is supported", where, dropout);
	if (b->byte_fallback && (b->prefix || b->suffix))
		return fc_fail(e,
		    "%s: byte_fallback together with a prefix or suffix of symbols is "
		    "not supported",
		    where);
	return fc_tokmodel_unk(b->base.pieces, unk, &b->base.unk, where, e);
}

static void fill_bytes(struct fc_bpe *b)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		char s[8];
		b->byte_id[byte] =
		    find_piece(b, s, (size_t)snprintf(s, sizeof s, "<0x%02X>", byte));
		b->char_id[byte] =
		    find_piece(b, s, fc_utf8_put(s, fc_byte_char((unsigned char)byte)));
	}
}

/* May text be cut between any character and a MARK behind it? */
static void find_blockers(struct fc_bpe *b)
{
	b->cuts = !b->ignore_merges && !b->prefix && !b->suffix && !b->user.edge && !b->unused &&
	    find_piece(b, FC_MARK, FC_MARK_BYTES) != NONE;
	for (size_t i = 0; b->cuts && i >> b->merges.bits == 0; i++) {
		const struct fc_merge *m = &b->merges.v[i];
		if (m->left == NONE)
			continue;
		size_t n_left, n_right;
		const char *left = fc_bpe_symbol(b, m->left, &n_left);
		const char *right = fc_bpe_symbol(b, m->right, &n_right);
		if (n_right < FC_MARK_BYTES || memcmp(right, FC_MARK, FC_MARK_BYTES) != 0)
			continue;
		uint32_t cp = fc_bpe_last_char(left, n_left);
		if (fc_bpe_blocks(b, cp))
			continue;
		if (b->n_blocker == FC_BLOCKERS_MAX)
			b->cuts = false;
		else
			b->blocker[b->n_blocker++] = cp;
	}
	for (uint32_t c = 0; c < FC_LEN(b->ends); c++)
		b->ends[c] = !fc_bpe_blocks(b, c) && find_piece(b, &(char){(char)c}, 1) != NONE;
}

static uint64_t hash_model(const struct fc_bpe *b)
{
	uint64_t part[] = {fc_merges_hash(&b->merges), b->base.unk, b->fuse_unk, b->byte_fallback,
	    b->ignore_merges, b->prefix ? fc_hash(b->prefix, strlen(b->prefix), 0) : 0,
	    b->suffix ? fc_hash(b->suffix, strlen(b->suffix), 0) : 0};
	return fc_hash(part, sizeof part, 0);
}

void fc_bpe_finish(struct fc_bpe *b)
{
	fill_bytes(b);
	find_blockers(b);
	b->base.takes_bytes = !b->prefix && !b->suffix && !b->byte_fallback;
	b->base.hash = hash_model(b);
}

int fc_bpe_read(struct fc_tokmodel **out, struct fc_pieces *pieces, const json_t *o,
    const struct fc_modeltext *text, const char *where, struct fc_err *e)
{
	*out = NULL;
	if (fc_modeltext_vocab(text, pieces, where, e) < 0)
		return -1;
	struct fc_bpe *b = FC_NEW(struct fc_bpe);
	fc_tokmodel_init(&b->base, &fc_bpe_class, pieces);
	if (options_json(b, o, where, e) < 0 ||
	    fc_merges_read(&b->merges, text, pieces, b->prefix ? strlen(b->prefix) : 0, where, e) <
		0) {
		fc_tokmodel_free(&b->base);
		return -1;
	}
	fc_bpe_finish(b);
	*out = &b->base;
	return 0;
}

struct fc_tokmodel *fc_bpe_merged(
    const struct fc_pieces *pieces, struct fc_mergelist *l, bool ignore_merges, uint32_t unk)
{
	struct fc_bpe *b = FC_NEW(struct fc_bpe);
	fc_tokmodel_init(&b->base, &fc_bpe_class, pieces);
	b->ignore_merges = ignore_merges;
	b->base.unk = unk;
	fc_merges_build(&b->merges, l);
	fc_bpe_finish(b);
	return &b->base;
}
