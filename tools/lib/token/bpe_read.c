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

static uint32_t find(const struct fc_bpe *b, const char *p, size_t n)
{
	return fc_pieces_find(b->pieces, p, n);
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
	b->unk = unk && *unk ? find(b, unk, strlen(unk)) : NONE;
	if (unk && *unk && b->unk == NONE)
		return fc_fail(e, "%s: unk_token \"%.64s\" is not in the vocabulary", where, unk);
	return 0;
}

static int vocab_item(struct fc_pieces *pieces, struct fc_jsonscan *s, struct fc_buf *b,
    const char *where, struct fc_err *e)
{
	const char *piece;
	size_t n;
	int64_t id;
	if (!fc_jsonscan_string(s, b, &piece, &n) || !fc_jsonscan_char(s, ':'))
		return fc_fail(e, "%s: vocab: byte %zu: expected \"PIECE\": ID", where, s->i);
	if (!fc_jsonscan_integer(s, &id))
		return fc_fail(e, "%s: vocab: \"%.*s\": expected an integer", where,
		    n < 64 ? (int)n : 64, piece);
	return fc_pieces_add(pieces, piece, n, id, where, e);
}

/* {"piece": id, ...} */
static int vocab_items(struct fc_pieces *pieces, struct fc_jsonscan *s, struct fc_buf *b,
    const char *where, struct fc_err *e)
{
	if (!fc_jsonscan_char(s, '{'))
		return fc_fail(e, "%s: vocab: expected an object", where);
	if (fc_jsonscan_char(s, '}'))
		return 0;
	do
		if (vocab_item(pieces, s, b, where, e) < 0)
			return -1;
	while (fc_jsonscan_char(s, ','));
	if (!fc_jsonscan_char(s, '}'))
		return fc_fail(e, "%s: vocab: byte %zu: expected , or }", where, s->i);
	return 0;
}

static int vocab_read(
    struct fc_pieces *pieces, const struct fc_modeltext *text, const char *where, struct fc_err *e)
{
	struct fc_jsonscan s = {text->vocab, text->n_vocab, 0};
	struct fc_buf b = FC_BUF_INIT;
	if (!text->n_vocab)
		return fc_fail(e, "%s: vocab is missing", where);
	int rc = vocab_items(pieces, &s, &b, where, e);
	fc_buf_release(&b);
	return rc;
}

static void fill_bytes(struct fc_bpe *b)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		char s[8];
		b->byte_id[byte] = find(b, s, (size_t)snprintf(s, sizeof s, "<0x%02X>", byte));
		b->char_id[byte] = find(b, s, fc_utf8_put(s, fc_byte_char((unsigned char)byte)));
	}
}

uint32_t fc_bpe_last_char(const char *p, size_t n)
{
	uint32_t cp = 0;
	size_t at = n - 1;
	while (at && ((unsigned char)p[at] & 0xc0) == 0x80)
		at--;
	fc_utf8_get(p + at, n - at, &cp);
	return cp;
}

bool fc_bpe_blocks(const struct fc_bpe *b, uint32_t cp)
{
	for (size_t i = 0; i < b->n_blocker; i++)
		if (b->blocker[i] == cp)
			return true;
	return false;
}

/* May text be cut between any character and a MARK behind it? */
static void find_blockers(struct fc_bpe *b)
{
	b->cuts = !b->ignore_merges && !b->prefix && !b->suffix &&
	    find(b, FC_MARK, FC_MARK_BYTES) != NONE;
	for (size_t i = 0; b->cuts && i >> b->merges.bits == 0; i++) {
		const struct fc_merge *m = &b->merges.v[i];
		if (m->left == NONE)
			continue;
		size_t n_left, n_right;
		const char *left = fc_pieces_get(b->pieces, m->left, &n_left);
		const char *right = fc_pieces_get(b->pieces, m->right, &n_right);
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
}

int fc_bpe_read(struct fc_bpe **out, struct fc_pieces *pieces, const json_t *o,
    const struct fc_modeltext *text, const char *where, struct fc_err *e)
{
	struct fc_bpe *b = FC_NEW(struct fc_bpe);
	b->pieces = pieces;
	*out = NULL;
	if (vocab_read(pieces, text, where, e) < 0 || options_json(b, o, where, e) < 0 ||
	    fc_merges_read(&b->merges, text, pieces, b->prefix ? strlen(b->prefix) : 0, where, e) <
		0) {
		fc_bpe_free(b);
		return -1;
	}
	b->forbidden = FC_ARRAY(bool, pieces->n_id);
	fill_bytes(b);
	find_blockers(b);
	*out = b;
	return 0;
}

void fc_bpe_free(struct fc_bpe *b)
{
	if (!b)
		return;
	fc_merges_release(&b->merges);
	free(b->prefix);
	free(b->suffix);
	free(b->forbidden);
	free(b);
}

bool fc_bpe_takes_bytes(const struct fc_bpe *b)
{
	return !b->prefix && !b->suffix && !b->byte_fallback;
}

uint32_t fc_bpe_unk(const struct fc_bpe *b)
{
	return b->unk;
}

uint64_t fc_bpe_hash(const struct fc_bpe *b)
{
	uint64_t part[] = {fc_merges_hash(&b->merges), b->unk, b->fuse_unk, b->byte_fallback,
	    b->ignore_merges, b->prefix ? fc_hash(b->prefix, strlen(b->prefix), 0) : 0,
	    b->suffix ? fc_hash(b->suffix, strlen(b->suffix), 0) : 0};
	return fc_hash(part, sizeof part, 0);
}

void fc_bpe_forbid(struct fc_bpe *b, uint32_t id)
{
	if (id < b->pieces->n_id)
		b->forbidden[id] = true;
}
