/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/map/counter.h"

#include <stdlib.h>

#include "base/mem.h"
#include "fc-align/apply/carry.h"
#include "fc-align/apply/offsets.h"

struct fc_counter {
	struct fc_pairs *pairs;
	uint32_t *match; /* [cap_match] by place */
	size_t cap_match;
	struct fc_dtw *dtw; /* NULL: by place */
	struct fc_wording source, pivot;
	struct fc_dtw_span *span; /* [cap_span] */
	size_t cap_span;
};

struct fc_counter *fc_counter_new(
    int align, const struct fc_vocab *source, const struct fc_vocab *pivot, struct fc_pairs *pairs)
{
	struct fc_counter *c = FC_NEW(struct fc_counter);
	c->pairs = pairs;
	if (align == FC_ALIGN_BYTES)
		return c;
	enum fc_published version = (enum fc_published)(align - FC_ALIGN_FUSELLM);
	const char *mark = fc_spelled_mark(pivot);
	fc_wording_init(&c->source, version, source, NULL, fc_spelled_mark(source), mark);
	fc_wording_init(&c->pivot, version, pivot, NULL, mark, mark);
	c->dtw = fc_dtw_new(version, &c->source, &c->pivot);
	return c;
}

void fc_counter_free(struct fc_counter *c)
{
	if (!c)
		return;
	fc_dtw_free(c->dtw);
	fc_wording_release(&c->source);
	fc_wording_release(&c->pivot);
	free(c->match);
	free(c->span);
	free(c);
}

static bool seen_before(const struct fc_example *source, struct fc_dtw_span span, uint32_t j)
{
	for (uint32_t i = span.first; i < j; i++)
		if (source->tok[i] == source->tok[j])
			return true;
	return false;
}

void fc_counter_example(
    struct fc_counter *c, const struct fc_example *source, const struct fc_example *pivot)
{
	if (!c->dtw) {
		FC_GROW(c->match, c->cap_match, pivot->n_tok);
		fc_offsets_match(pivot, source, c->match);
		for (size_t t = 0; t < pivot->n_tok; t++)
			if (c->match[t] != FC_NO_MATCH)
				fc_pairs_add(c->pairs, source->tok[c->match[t]], pivot->tok[t], 1);
		return;
	}
	if (source->n_tok == 0 || pivot->n_tok == 0)
		return;
	FC_GROW(c->span, c->cap_span, pivot->n_tok);
	fc_dtw_align(c->dtw, source->tok, source->n_tok, pivot->tok, pivot->n_tok, c->span);
	for (size_t t = 0; t < pivot->n_tok; t++)
		for (uint32_t j = c->span[t].first; j <= c->span[t].last; j++)
			if (!seen_before(source, c->span[t], j))
				fc_pairs_add(c->pairs, source->tok[j], pivot->tok[t], 1);
}

static uint32_t forced(const struct fc_vocab *source, const struct fc_vocab *pivot, uint32_t id)
{
	static const enum fc_special role[] = {FC_SPECIAL_BOS, FC_SPECIAL_EOS};
	for (size_t i = 0; i < FC_LEN(role); i++)
		if (source->role[role[i]] == id)
			return pivot->role[role[i]];
	return FC_UNMAPPED;
}

uint32_t *fc_counter_published(
    const struct fc_vocab *source, const struct fc_vocab *pivot, struct fc_pairs *pairs)
{
	uint32_t *to = FC_ARRAY(uint32_t, source->n + 1), unk = pivot->role[FC_SPECIAL_UNK];
	const struct fc_map_entry *pair = fc_pairs_sorted(pairs);
	const char *mark = fc_spelled_mark(pivot);
	struct fc_leven *scratch = fc_leven_new();
	struct fc_wording from, into;
	size_t n_pair = fc_pairs_count(pairs), at = 0, n;
	fc_wording_init(&from, FC_FUSECHAT1, source, NULL, fc_spelled_mark(source), mark);
	fc_wording_init(&into, FC_FUSECHAT1, pivot, NULL, mark, mark);
	for (uint32_t id = 0; id < source->n; id++, at += n) {
		for (n = 0; at + n < n_pair && pair[at + n].source == id;)
			n++;
		to[id] = forced(source, pivot, id);
		if (to[id] == FC_UNMAPPED)
			to[id] = fc_published_choice(&from, id, &into, pair + at, n, scratch);
		if (to[id] == FC_UNMAPPED)
			to[id] = unk != FC_UNMAPPED ? unk : pivot->role[FC_SPECIAL_EOS];
	}
	fc_wording_release(&from);
	fc_wording_release(&into);
	fc_leven_free(scratch);
	return to;
}
