/* SPDX-License-Identifier: Apache-2.0 */
#include "token/unigram.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "text/utf8.h"
#include "token/component.h"
#include "token/spmodel.h"
#include "token/tokenizer.h"
#include "token/trie.h"

#define NONE FC_NO_TOKEN
#define UNK_PENALTY 10 /* below the lowest score: both libraries' constant */

struct unigram {
	struct fc_tokmodel base;
	struct fc_trie trie; /* what may be found in text */
	double *score;       /* [n_id] */
	double unk_score;
	uint32_t byte_id[256]; /* of "<0xHH>" */
	bool byte_fallback;
	bool single; /* sums in single precision */
	bool whole; /* look up unknown characters together: they may be a piece that has no score */
};

/* The best way to cut the text up to a place. */
struct best {
	double score;
	uint32_t id, start; /* of its last piece; start NONE: not reached */
};

struct work {
	struct best *best; /* [n + 1] */
	size_t cap;
	uint32_t *end; /* of the pieces chosen, last first */
	size_t n_end, cap_end;
};

static void *work_new(void)
{
	return FC_NEW(struct work);
}

static void work_free(void *own)
{
	struct work *w = own;
	free(w->best);
	free(w->end);
	free(w);
}

static void improve_best(
    const struct unigram *u, struct best *to, double score, uint32_t id, uint32_t start)
{
	if (to->start == NONE || score > to->score)
		*to = (struct best){u->single ? (double)(float)score : score, id, start};
}

static void search_paths(const struct unigram *u, struct work *w, const char *p, size_t n)
{
	const struct fc_trie *t = &u->trie;
	FC_GROW(w->best, w->cap, n + 1);
	for (size_t i = 0; i <= n; i++)
		w->best[i] = (struct best){0, NONE, NONE};
	for (size_t i = 0, len; i < n; i += len) {
		double here = w->best[i].score;
		uint32_t node = 0;
		bool single = false; /* is there a piece of this one character? */
		len = fc_utf8_valid(p + i, n - i);
		for (size_t k = i; k < n && (node = fc_trie_next(t, node, (unsigned char)p[k]));
		     k++) {
			uint32_t id = t->id[node];
			if (id == NONE || u->base.forbidden[id])
				continue;
			improve_best(u, &w->best[k + 1], u->score[id] + here, id, (uint32_t)i);
			single = single || k + 1 - i == len;
		}
		if (!single)
			improve_best(
			    u, &w->best[i + len], u->unk_score + here, u->base.unk, (uint32_t)i);
	}
}

static bool has_bytes(const struct unigram *u, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (u->byte_id[(unsigned char)p[i]] == NONE)
			return false;
	return u->byte_fallback;
}

static void add_unknown(const struct unigram *u, struct fc_tokwork *out, uint32_t base,
    const char *p, size_t start, size_t end)
{
	uint32_t id = u->whole && end - start <= FC_PIECE_MAX
	    ? fc_pieces_find(u->base.pieces, p + start, end - start)
	    : NONE;
	if (id == NONE && has_bytes(u, p + start, end - start)) {
		for (size_t i = start; i < end; i++)
			fc_tokwork_add(out, base, u->byte_id[(unsigned char)p[i]], i, i + 1);
		return;
	}
	fc_tokwork_add(out, base, id != NONE ? id : u->base.unk, start, end);
}

static void encode_word(const struct fc_tokmodel *m, struct fc_tokwork *out, const char *p,
    size_t n, uint32_t base, bool raw_bytes)
{
	const struct unigram *u = (const struct unigram *)m;
	struct work *w = out->own;
	(void)raw_bytes; /* never: takes_bytes is false */
	search_paths(u, w, p, n);
	w->n_end = 0;
	for (size_t i = n; i; i = w->best[i].start) {
		FC_GROW(w->end, w->cap_end, w->n_end + 1);
		w->end[w->n_end++] = (uint32_t)i;
	}
	for (size_t k = w->n_end; k; k--) {
		const struct best *b = &w->best[w->end[k - 1]];
		size_t end = w->end[k - 1];
		if (b->id != u->base.unk) {
			fc_tokwork_add(out, base, b->id, b->start, end);
			continue;
		}
		while (k > 1 && w->best[w->end[k - 2]].id == u->base.unk)
			end = w->end[--k - 1];
		add_unknown(u, out, base, p, b->start, end);
	}
}

static void unigram_free(struct fc_tokmodel *m)
{
	struct unigram *u = (struct unigram *)m;
	fc_trie_release(&u->trie);
	free(u->score);
	free(u);
}

static const struct fc_tokmodel_class class = {
    unigram_free, work_new, work_free, encode_word, NULL};

static struct unigram *unigram_new(const struct fc_pieces *pieces)
{
	struct unigram *u = FC_NEW(struct unigram);
	fc_tokmodel_init(&u->base, &class, pieces);
	u->score = FC_ARRAY(double, pieces->n_id + 1);
	for (unsigned byte = 0; byte < 256; byte++) {
		char s[8];
		int n = snprintf(s, sizeof s, "<0x%02X>", byte);
		u->byte_id[byte] = fc_pieces_find(pieces, s, (size_t)n);
	}
	return u;
}

static void finish_scores(struct unigram *u, double lowest)
{
	u->unk_score = lowest - UNK_PENALTY;
	uint64_t part[] = {u->base.unk, u->byte_fallback, u->single, u->whole,
	    fc_hash(u->score, u->base.pieces->n_id * sizeof *u->score, 0)};
	u->base.hash = fc_hash(part, sizeof part, 2);
}

/* The scores of ["PIECE", SCORE] by id. */
struct scores {
	double *v;
	size_t n, cap;
};

static double power_of_ten(int exponent)
{
	static const double exact[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	char text[16];
	if (exponent < (int)FC_LEN(exact))
		return exact[exponent];
	snprintf(text, sizeof text, "1e%d", exponent);
	return strtod(text, NULL);
}

/*
 * A number as `tokenizers` reads it (serde_json): the digits as one integer, rounded to a double,
 * times or by a power of ten, rounded again.  That is often the neighbour of the nearest double,
 * and decides between ways to cut a text that have the same pieces in another order.  v: the
 * nearest one, for numbers no vocabulary has.
 */
static double rounded_twice(const char *p, size_t n, double v)
{
	uint64_t digits = 0;
	int exponent = 0, behind_point = 0;
	size_t i = *p == '-';
	for (; i < n && (p[i] | 32) != 'e'; i++) {
		if (p[i] == '.') {
			behind_point = 1;
			continue;
		}
		uint64_t digit = (uint64_t)(p[i] - '0');
		if (digits > (UINT64_MAX - digit) / 10) { /* serde_json ignores further digits */
			if (!behind_point)
				return v;
			while (i + 1 < n && (p[i + 1] | 32) != 'e')
				i++;
			continue;
		}
		digits = digits * 10 + digit;
		exponent -= behind_point;
	}
	if (i < n)
		exponent += (int)strtol(p + i + 1, NULL, 10);
	if (exponent < -300 || exponent > 300)
		return v;
	double d = exponent < 0 ? (double)digits / power_of_ten(-exponent)
				: (double)digits * power_of_ten(exponent);
	return *p == '-' ? -d : d;
}

static int vocab_item(struct fc_pieces *pieces, struct fc_jsonscan *s, struct fc_buf *b,
    struct scores *score, const char *where, struct fc_err *e)
{
	const char *piece;
	size_t n, id = score->n;
	double v;
	if (!fc_jsonscan_char(s, '[') || !fc_jsonscan_string(s, b, &piece, &n) ||
	    !fc_jsonscan_char(s, ','))
		return fc_fail(e, "%s: vocab: item %zu: expected [\"PIECE\", SCORE]", where, id);
	if (fc_pieces_add(pieces, piece, n, (int64_t)id, where, e) < 0)
		return -1;
	fc_jsonscan_space(s);
	const char *number = s->p + s->i;
	size_t from = s->i;
	if (!fc_jsonscan_real(s, &v) || !isfinite(v))
		return fc_fail(e, "%s: vocab: item %zu: expected [\"PIECE\", SCORE]", where, id);
	v = rounded_twice(number, s->i - from, v);
	if (!fc_jsonscan_char(s, ']'))
		return fc_fail(e, "%s: vocab: item %zu: expected [\"PIECE\", SCORE]", where, id);
	FC_GROW(score->v, score->cap, id + 1);
	score->v[score->n++] = v;
	return 0;
}

static int vocab_read(struct fc_pieces *pieces, const struct fc_modeltext *text,
    struct scores *score, const char *where, struct fc_err *e)
{
	struct fc_jsonscan s = {text->vocab, text->n_vocab, 0};
	struct fc_buf b = FC_BUF_INIT;
	if (!text->n_vocab || !fc_jsonscan_char(&s, '['))
		return fc_fail(e, "%s: vocab: expected a list", where);
	int rc = 0;
	do
		rc = vocab_item(pieces, &s, &b, score, where, e);
	while (rc == 0 && fc_jsonscan_char(&s, ','));
	fc_buf_release(&b);
	if (rc == 0 && !fc_jsonscan_char(&s, ']'))
		return fc_fail(e, "%s: vocab: byte %zu: expected , or ]", where, s.i);
	return rc;
}

static int options_json(struct unigram *u, const json_t *o, const char *where, struct fc_err *e)
{
	int64_t unk;
	if (fc_component_keys(o, "vocab unk_id byte_fallback", where, e) < 0 ||
	    fc_json_int(o, "unk_id", -1, &unk, where, e) < 0 ||
	    fc_json_bool(o, "byte_fallback", false, &u->byte_fallback, where, e) < 0)
		return -1;
	if (unk < 0 || (size_t)unk >= u->base.pieces->n_id)
		return fc_fail(
		    e, "%s: unk_id: expected an id below %zu", where, u->base.pieces->n_id);
	u->base.unk = (uint32_t)unk;
	return 0;
}

int fc_unigram_read(struct fc_tokmodel **out, struct fc_pieces *pieces, const json_t *o,
    const struct fc_modeltext *text, const char *where, struct fc_err *e)
{
	struct scores score = {0};
	struct unigram *u = NULL;
	double lowest = 0;
	size_t n;
	*out = NULL;
	int rc = vocab_read(pieces, text, &score, where, e);
	if (rc == 0) {
		u = unigram_new(pieces);
		u->whole = true;
		rc = options_json(u, o, where, e);
	}
	for (uint32_t id = 0; rc == 0 && id < score.n; id++) {
		const char *piece = fc_pieces_get(pieces, id, &n);
		u->score[id] = score.v[id];
		lowest = !id || score.v[id] < lowest ? score.v[id] : lowest;
		fc_trie_add(&u->trie, piece, n, id);
	}
	free(score.v);
	if (rc < 0) {
		fc_tokmodel_free(u ? &u->base : NULL);
		return -1;
	}
	finish_scores(u, lowest);
	*out = &u->base;
	return 0;
}

struct fc_tokmodel *fc_unigram_scored(const struct fc_pieces *pieces, const float *score,
    const uint8_t *kind, bool byte_fallback, uint32_t unk)
{
	struct unigram *u = unigram_new(pieces);
	float low = FLT_MAX, high = -FLT_MAX;
	size_t n;
	u->single = true;
	u->byte_fallback = byte_fallback;
	u->base.unk = unk;
	for (uint32_t id = 0; id < pieces->n_id; id++) {
		if (kind[id] != FC_PIECE_NORMAL)
			continue;
		low = score[id] < low ? score[id] : low;
		high = score[id] > high ? score[id] : high;
	}
	for (uint32_t id = 0; id < pieces->n_id; id++) {
		const char *piece = fc_pieces_get(pieces, id, &n);
		if (!piece || (kind[id] != FC_PIECE_NORMAL && kind[id] != FC_PIECE_USER))
			continue;
		/* user's pieces win against all ways to cut them */
		u->score[id] =
		    kind[id] == FC_PIECE_USER ? (double)((float)n * high) - 0.1 : (double)score[id];
		fc_trie_add(&u->trie, piece, n, id);
	}
	finish_scores(u, low == FLT_MAX ? 0 : (double)low);
	return &u->base;
}
