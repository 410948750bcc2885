/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/published_transfer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "fc-align/apply/transfer.h"

#define NO_ROW UINT32_MAX

struct entry {
	double value;
	uint32_t id;
};

struct align_published_transfer {
	struct align_published_transfer_options o;
	const struct align_wording *source, *pivot;
	const struct align_mapping *map;
	uint32_t *same;      /* [source] pivot token of the same spelling, or ALIGN_UNMAPPED */
	struct entry *entry; /* [n] of the row being made */
	size_t n, cap, cap_out;
	uint32_t *id;              /* [cap_out] */
	float *value;              /* [cap_out] */
	double unmapped, no_token; /* probability of the row that does not go over */
	/* of a conversation */
	struct align_dtw_span *span;
	uint32_t *row_of;
	size_t cap_span, cap_row_of;
};

static bool same_chars(struct align_chars a, struct align_chars b)
{
	return a.n == b.n && (a.n == 0 || !memcmp(a.v, b.v, a.n * sizeof *a.v));
}

static bool chars_end_with(struct align_chars a, struct align_chars end)
{
	return a.n >= end.n && same_chars((struct align_chars){a.v + a.n - end.n, end.n}, end);
}

static bool chars_begin_with(struct align_chars a, struct align_chars with)
{
	return a.n >= with.n && same_chars((struct align_chars){a.v, with.n}, with);
}

/* Pivot tokens by spelling: open addressing over their ids. */
static void find_same(struct align_published_transfer *k)
{
	size_t n_slot = 16;
	while (n_slot < 2 * k->pivot->piece.n)
		n_slot *= 2;
	uint32_t *slot = FC_ARRAY(uint32_t, n_slot);
	for (uint32_t i = 0; i < k->pivot->piece.n; i++) {
		struct align_chars c = k->pivot->piece.v[i];
		size_t at = fc_hash(c.v, c.n * sizeof *c.v, 0) & (n_slot - 1);
		while (slot[at])
			at = (at + 1) & (n_slot - 1);
		if (c.n)
			slot[at] = i + 1;
	}
	for (size_t i = 0; i < k->source->piece.n; i++) {
		struct align_chars c = k->source->piece.v[i];
		size_t at = fc_hash(c.v, c.n * sizeof *c.v, 0) & (n_slot - 1);
		k->same[i] = ALIGN_UNMAPPED;
		for (; c.n && slot[at] && k->same[i] == ALIGN_UNMAPPED;
		     at = (at + 1) & (n_slot - 1))
			if (same_chars(k->pivot->piece.v[slot[at] - 1], c))
				k->same[i] = slot[at] - 1;
	}
	free(slot);
}

struct align_published_transfer *align_published_transfer_new(
    const struct align_published_transfer_options *o, const struct align_wording *source,
    const struct align_wording *pivot, const struct align_mapping *map)
{
	struct align_published_transfer *k = FC_NEW(struct align_published_transfer);
	k->o = *o;
	k->source = source;
	k->pivot = pivot;
	k->map = map;
	k->same = FC_ARRAY(uint32_t, source->piece.n + 1);
	find_same(k);
	return k;
}

void align_published_transfer_free(struct align_published_transfer *k)
{
	if (!k)
		return;
	free(k->same);
	free(k->entry);
	free(k->id);
	free(k->value);
	free(k->span);
	free(k->row_of);
	free(k);
}

static uint32_t mapped_id(const struct align_published_transfer *k, uint32_t id)
{
	return id < k->map->n ? k->map->to[id] : ALIGN_UNMAPPED;
}

/* The pivot's token for a candidate. */
static uint32_t pivot_id(const struct align_published_transfer *k, uint32_t id)
{
	uint32_t same = id < k->source->piece.n ? k->same[id] : ALIGN_UNMAPPED;
	if (k->o.mode == ALIGN_PUBLISHED_SOFT)
		return mapped_id(k, id);
	return same != ALIGN_UNMAPPED || k->o.mode == ALIGN_PUBLISHED_HARD ? same
									   : mapped_id(k, id);
}

/* merge: several rows make one. */
static void add_entry(struct align_published_transfer *k, uint32_t id, double value, bool merge)
{
	for (size_t i = 0; i < k->n; i++) {
		struct entry *e = &k->entry[i];
		if (e->id != id)
			continue;
		if (merge)
			e->value = fmax(e->value, value);
		else if (!k->o.first)
			e->value = fmin(log(exp(e->value) + exp(value)), 0);
		return;
	}
	FC_GROW(k->entry, k->cap, k->n + 1);
	k->entry[k->n++] = (struct entry){value, id};
}

static void add_row(struct align_published_transfer *k, const struct fc_example *x, uint32_t row,
    double w, bool merge)
{
	for (size_t i = x->row_off[row]; i < x->row_off[row + 1]; i++) {
		uint32_t to = pivot_id(k, x->entry_id[i]);
		if (to != ALIGN_UNMAPPED)
			add_entry(k, to, w * x->entry_logprob[i], merge);
		else if (x->entry_id[i] >= k->source->piece.n)
			k->no_token += exp(x->entry_logprob[i]);
		else
			k->unmapped += exp(x->entry_logprob[i]);
	}
}

/* FuseLLM, and FuseChat 2 in the modes hard and soft: one source token that is the pivot's. */
static bool takes_equal(
    const struct align_published_transfer *k, const uint32_t *piv, size_t p, uint32_t s)
{
	struct align_chars b = k->pivot->whole.v[piv[p]], a = k->source->whole.v[s];
	bool mark = k->o.version == ALIGN_FUSELLM && k->source->byte_level && p == 0 &&
	    chars_begin_with(b, k->pivot->mark) && !chars_begin_with(a, k->pivot->mark);
	if (mark) { /* a text's first word has no space before it in byte-level vocabularies */
		struct align_chars rest = {b.v + k->pivot->mark.n, b.n - k->pivot->mark.n};
		return same_chars(rest, a);
	}
	return same_chars(a, b) || (k->o.mode == ALIGN_PUBLISHED_SOFT && mapped_id(k, s) == piv[p]);
}

/* The only position that may be taken of those aligned, or NO_ROW; FuseChat 1 and 2. */
static uint32_t takes_one(const struct align_published_transfer *k, uint32_t piv,
    const uint32_t *src, struct align_dtw_span span)
{
	bool one = span.first == span.last, v1 = k->o.version == ALIGN_FUSECHAT1;
	/* where several are aligned, FuseChat 2 deletes marks first */
	bool bare = !one && !v1;
	const struct align_spelled *from = bare ? &k->source->bare : &k->source->whole;
	struct align_chars b = bare ? k->pivot->bare.v[piv] : k->pivot->whole.v[piv];
	if (!one && (k->o.mode == ALIGN_PUBLISHED_SINGLE || same_chars(b, k->pivot->mark)))
		return NO_ROW;
	for (uint32_t j = span.first; v1 && !one && j <= span.last; j++)
		if (same_chars(from->v[src[j]], b))
			return j;
	for (uint32_t j = span.first; j <= span.last; j++) {
		struct align_chars a = from->v[src[j]];
		if (v1 ? align_chars_contain(a, b) : chars_end_with(a, b) || chars_end_with(b, a))
			return j;
	}
	return NO_ROW;
}

/* FuseChat 1: the aligned tokens that spell the pivot's one after the other, each row scaled by its
 * share of softmax(counts). */
static bool add_pieces(struct align_published_transfer *k, uint32_t piv, const uint32_t *src,
    struct align_dtw_span span, const struct fc_example *x, const uint32_t *row_of)
{
	struct align_chars rest = k->pivot->whole.v[piv];
	double sum = 0, most = 0;
	for (int pass = 0; pass < 3; pass++) {
		struct align_chars left = rest;
		for (uint32_t j = span.first; j <= span.last; j++) {
			struct align_chars a = k->source->whole.v[src[j]];
			if (!chars_begin_with(left, a))
				continue;
			left = (struct align_chars){left.v + a.n, left.n - a.n};
			double count = (double)align_mapping_count(k->map, src[j], piv);
			if (pass == 0)
				most = fmax(most, count);
			else if (pass == 1)
				sum += exp(count - most);
			else if (row_of[j] != NO_ROW)
				add_row(k, x, row_of[j], exp(count - most) / sum, true);
		}
		if (left.n)
			return false;
	}
	return true;
}

static int by_value_then_id(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static struct align_published_row finish_row(struct align_published_transfer *k)
{
	if (k->n)
		qsort(k->entry, k->n, sizeof *k->entry, by_value_then_id);
	if (k->n > k->cap_out) {
		k->cap_out = k->n;
		k->id = fc_realloc(k->id, k->n, sizeof *k->id);
		k->value = fc_realloc(k->value, k->n, sizeof *k->value);
	}
	for (size_t i = 0; i < k->n; i++) {
		k->id[i] = k->entry[i].id;
		k->value[i] = (float)k->entry[i].value;
	}
	return (struct align_published_row){ALIGN_PUBLISHED_ROW, k->n, k->id, k->value};
}

struct align_published_row align_published_transfer_position(struct align_published_transfer *k,
    const uint32_t *piv, size_t p, const uint32_t *src, struct align_dtw_span span,
    const struct fc_example *x, const uint32_t *row_of)
{
	bool one = span.first == span.last;
	uint32_t j = NO_ROW;
	k->n = 0;
	k->unmapped = k->no_token = 0;
	if (k->o.version == ALIGN_FUSELLM || k->o.mode == ALIGN_PUBLISHED_HARD ||
	    k->o.mode == ALIGN_PUBLISHED_SOFT)
		j = one && takes_equal(k, piv, p, src[span.first]) ? span.first : NO_ROW;
	else
		j = takes_one(k, piv[p], src, span);
	if (j != NO_ROW && row_of[j] != NO_ROW) {
		add_row(k, x, row_of[j], 1, false);
		return finish_row(k);
	}
	if (j == NO_ROW && !one && k->o.version == ALIGN_FUSECHAT1 &&
	    k->o.mode == ALIGN_PUBLISHED_DEFAULT && add_pieces(k, piv[p], src, span, x, row_of))
		return finish_row(k);
	return (struct align_published_row){ALIGN_PUBLISHED_NONE, 0, NULL, NULL};
}

/* A row is a distribution; FuseChat 1's scaled rows come to more than 1. */
static void normalise_row(struct align_published_row *row, float *value)
{
	double sum = 0;
	for (size_t i = 0; i < row->n; i++)
		sum += exp(row->value[i]);
	for (size_t i = 0; sum > 1 && i < row->n; i++)
		value[i] = fminf((float)(row->value[i] - log(sum)), 0);
}

static void add_to_ledger(
    const struct align_published_transfer *k, struct align_ledger *l, const struct fc_example *x)
{
	size_t r = x->n_row - 1;
	double out = 0;
	for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++)
		out += exp(x->entry_logprob[i]);
	l->n_row++;
	l->out += out;
	l->lost[ALIGN_LOSS_UNMAPPED] += k->unmapped;
	l->lost[ALIGN_LOSS_NO_TOKEN] += k->no_token;
	l->lost[ALIGN_LOSS_TAIL] += 1 - out - k->unmapped - k->no_token;
}

/* The row for the token after position p; false: there is none. */
static bool transfer_one(struct align_published_transfer *k, const struct fc_example *source,
    struct fc_example *pivot, size_t p, struct align_ledger *ledger)
{
	struct align_published_row row = align_published_transfer_position(
	    k, pivot->tok, p, source->tok, k->span[p], source, k->row_of);
	uint32_t truth = pivot->tok[p + 1];
	if (row.what == ALIGN_PUBLISHED_NONE || row.n == 0)
		return false;
	normalise_row(&row, k->value);
	size_t n = row.n < k->o.top_k ? row.n : k->o.top_k;
	fc_example_add_row(pivot, (uint32_t)p + 1, n, row.id, row.value,
	    align_transfer_lookup(row.n, row.id, row.value, truth, k->o.n_pivot));
	add_to_ledger(k, ledger, pivot);
	return true;
}

void align_published_transfer_example(struct align_published_transfer *k, struct align_dtw *d,
    const struct fc_example *source, struct fc_example *pivot, struct align_ledger *ledger)
{
	if (source->n_tok == 0 || pivot->n_tok == 0)
		return;
	FC_GROW(k->span, k->cap_span, pivot->n_tok);
	FC_GROW(k->row_of, k->cap_row_of, source->n_tok);
	for (size_t j = 0; j < source->n_tok; j++)
		k->row_of[j] = NO_ROW;
	for (size_t r = 0; r < source->n_row; r++)
		k->row_of[source->row_tok[r] - 1] = (uint32_t)r;
	align_dtw_align(d, source->tok, source->n_tok, pivot->tok, pivot->n_tok, k->span);
	for (size_t p = 0; p + 1 < pivot->n_tok; p++) {
		if (!fc_example_trained(pivot, p + 1))
			continue;
		ledger->n_trained++;
		if (!transfer_one(k, source, pivot, p, ledger) && ledger->missed)
			ledger->missed[pivot->tok[p + 1]]++;
	}
}
