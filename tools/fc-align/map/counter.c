/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/map/counter.h"

#include <stdlib.h>

#include "base/mem.h"
#include "fc-align/apply/offsets.h"

struct align_counter {
	struct align_pair_counts *pairs;
	uint32_t *match; /* [cap_match] by place */
	size_t cap_match;
	struct align_dtw *dtw; /* NULL: by place */
	struct align_wording source, pivot;
	struct align_dtw_span *span; /* [cap_span] */
	size_t cap_span;
};

struct align_counter *align_counter_new(enum align_kind align, const struct align_vocab *source,
    const struct align_vocab *pivot, struct align_pair_counts *pairs)
{
	struct align_counter *c = FC_NEW(struct align_counter);
	c->pairs = pairs;
	if (align == ALIGN_KIND_BYTES)
		return c;
	enum align_published version = align_kind_published(align);
	const char *mark = align_spelled_mark(pivot);
	align_wording_init(&c->source, version, source, NULL, align_spelled_mark(source), mark);
	align_wording_init(&c->pivot, version, pivot, NULL, mark, mark);
	c->dtw = align_dtw_new(version, &c->source, &c->pivot);
	return c;
}

void align_counter_free(struct align_counter *c)
{
	if (!c)
		return;
	align_dtw_free(c->dtw);
	align_wording_release(&c->source);
	align_wording_release(&c->pivot);
	free(c->match);
	free(c->span);
	free(c);
}

static bool seen_before(const struct fc_example *source, struct align_dtw_span span, uint32_t j)
{
	for (uint32_t i = span.first; i < j; i++)
		if (source->tok[i] == source->tok[j])
			return true;
	return false;
}

void align_counter_example(
    struct align_counter *c, const struct fc_example *source, const struct fc_example *pivot)
{
	if (!c->dtw) {
		FC_GROW(c->match, c->cap_match, pivot->n_tok);
		align_offsets_match(pivot, source, c->match);
		for (size_t t = 0; t < pivot->n_tok; t++)
			if (c->match[t] != ALIGN_NO_MATCH)
				align_pair_counts_add(
				    c->pairs, source->tok[c->match[t]], pivot->tok[t], 1);
		return;
	}
	if (source->n_tok == 0 || pivot->n_tok == 0)
		return;
	FC_GROW(c->span, c->cap_span, pivot->n_tok);
	align_dtw_align(c->dtw, source->tok, source->n_tok, pivot->tok, pivot->n_tok, c->span);
	for (size_t t = 0; t < pivot->n_tok; t++)
		for (uint32_t j = c->span[t].first; j <= c->span[t].last; j++)
			if (!seen_before(source, c->span[t], j))
				align_pair_counts_add(c->pairs, source->tok[j], pivot->tok[t], 1);
}

static uint32_t forced_pivot(
    const struct align_vocab *source, const struct align_vocab *pivot, uint32_t id)
{
	static const enum align_special role[] = {ALIGN_SPECIAL_BOS, ALIGN_SPECIAL_EOS};
	for (size_t i = 0; i < FC_LEN(role); i++)
		if (source->role[role[i]] == id)
			return pivot->role[role[i]];
	return ALIGN_UNMAPPED;
}

uint32_t *align_counter_published(const struct align_vocab *source, const struct align_vocab *pivot,
    struct align_pair_counts *pairs)
{
	uint32_t *to = FC_ARRAY(uint32_t, source->n + 1), unk = pivot->role[ALIGN_SPECIAL_UNK];
	const struct fc_map_entry *pair = align_pair_counts_sorted(pairs);
	const char *mark = align_spelled_mark(pivot);
	struct align_leven *scratch = align_leven_new();
	struct align_wording from, into;
	size_t n_pair = align_pair_counts_n(pairs), at = 0, n;
	align_wording_init(&from, ALIGN_FUSECHAT1, source, NULL, align_spelled_mark(source), mark);
	align_wording_init(&into, ALIGN_FUSECHAT1, pivot, NULL, mark, mark);
	for (uint32_t id = 0; id < source->n; id++, at += n) {
		for (n = 0; at + n < n_pair && pair[at + n].source == id;)
			n++;
		to[id] = forced_pivot(source, pivot, id);
		if (to[id] == ALIGN_UNMAPPED)
			to[id] = align_published_choice(&from, id, &into, pair + at, n, scratch);
		if (to[id] == ALIGN_UNMAPPED)
			to[id] = unk != ALIGN_UNMAPPED ? unk : pivot->role[ALIGN_SPECIAL_EOS];
	}
	align_wording_release(&from);
	align_wording_release(&into);
	align_leven_free(scratch);
	return to;
}
