/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/bpe_parts.h"
#include "token/spmodel.h"
#include "token/tokenizer.h"

/* SentencePiece's merges as ranked ones: for every way to cut a piece into two pieces there is one,
 * and its rank is the place of the piece's score among all scores. */

struct scored {
	float score;
	uint32_t id;
};

static int by_score(const void *a, const void *b) /* falling */
{
	float x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
	return x > y ? -1 : x < y;
}

static bool may_merge(const uint8_t *kind, uint32_t id)
{
	return id != FC_NO_TOKEN && (kind[id] == FC_PIECE_NORMAL || kind[id] == FC_PIECE_UNUSED);
}

/* The symbol of a side: a piece, or a character that is none but part of one. */
static uint32_t symbol_of(struct fc_bpe *b, const uint8_t *kind, const char *p, size_t n,
    const char *where, struct fc_err *e)
{
	uint32_t id = fc_pieces_find(b->base.pieces, p, n);
	if (may_merge(kind, id))
		return id;
	if (id != FC_NO_TOKEN || fc_utf8_valid(p, n) != n)
		return FC_NO_TOKEN;
	id = fc_pieces_find(&b->rare, p, n);
	if (id == FC_NO_TOKEN) {
		id = (uint32_t)b->rare.n_id;
		if (fc_pieces_add(&b->rare, p, n, id, where, e) < 0)
			return FC_NO_TOKEN;
	}
	return (uint32_t)b->base.pieces->n_id + id;
}

static int add_cuts(struct fc_bpe *b, struct fc_mergelist *l, const uint8_t *kind, uint32_t id,
    uint32_t rank, const char *where, struct fc_err *e)
{
	size_t n;
	const char *p = fc_pieces_get(b->base.pieces, id, &n);
	if (n > FC_SP_PIECE_MAX)
		return fc_fail(e, "%s: piece %u has %zu bytes; at most %d are read", where,
		    (unsigned)id, n, FC_SP_PIECE_MAX);
	for (size_t i = fc_utf8_valid(p, n); i < n; i += fc_utf8_valid(p + i, n - i)) {
		uint32_t left = symbol_of(b, kind, p, i, where, e);
		uint32_t right = symbol_of(b, kind, p + i, n - i, where, e);
		if (left != FC_NO_TOKEN && right != FC_NO_TOKEN)
			fc_mergelist_put(l, left, right, rank, id);
	}
	return 0;
}

/* Which pieces symbols may start as, which are taken first, which are taken apart. */
static void sort_kinds(struct fc_bpe *b, const uint8_t *kind)
{
	size_t n, n_id = b->base.pieces->n_id;
	b->whole = FC_ARRAY(bool, n_id);
	for (uint32_t id = 0; id < n_id; id++) {
		const char *p = fc_pieces_get(b->base.pieces, id, &n);
		b->whole[id] = p && may_merge(kind, id);
		if (p && kind[id] == FC_PIECE_USER)
			fc_trie_add(&b->user, p, n, id);
		if (p && kind[id] == FC_PIECE_UNUSED && !b->unused)
			b->unused = FC_ARRAY(bool, n_id);
		if (p && kind[id] == FC_PIECE_UNUSED)
			b->unused[id] = true;
	}
}

static int fill_merges(
    struct fc_bpe *b, const float *score, const uint8_t *kind, const char *where, struct fc_err *e)
{
	size_t n_id = b->base.pieces->n_id, n_scored = 0;
	struct scored *s = FC_ARRAY(struct scored, n_id);
	struct fc_mergelist l = {0};
	int rc = 0;
	for (uint32_t id = 0; id < n_id; id++)
		if (b->whole[id])
			s[n_scored++] = (struct scored){score[id], id};
	qsort(s, n_scored, sizeof *s, by_score);
	uint32_t rank = 0;
	for (size_t i = 0; i < n_scored && rc == 0; i++) {
		rank += i && s[i].score < s[i - 1].score;
		rc = add_cuts(b, &l, kind, s[i].id, rank, where, e);
	}
	fc_merges_build(&b->merges, &l);
	free(s);
	return rc;
}

int fc_bpe_scored(struct fc_tokmodel **out, const struct fc_pieces *pieces, const float *score,
    const uint8_t *kind, bool byte_fallback, uint32_t unk, const char *where, struct fc_err *e)
{
	struct fc_bpe *b = FC_NEW(struct fc_bpe);
	fc_tokmodel_init(&b->base, &fc_bpe_class, pieces);
	b->base.unk = unk;
	b->byte_fallback = byte_fallback;
	b->fuse_unk = true;
	*out = NULL;
	sort_kinds(b, kind);
	if (fill_merges(b, score, kind, where, e) < 0) {
		fc_tokmodel_free(&b->base);
		return -1;
	}
	fc_bpe_finish(b);
	b->base.takes_bytes = false;
	*out = &b->base;
	return 0;
}
