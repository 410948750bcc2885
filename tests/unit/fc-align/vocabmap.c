/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocabmap.h"

#include "base/mem.h"
#include "base/rng.h"
#include "fc-align/pairs.h"
#include "t.h"

#define NONE FC_UNMAPPED

static struct fc_word text(const char *s)
{
	return (struct fc_word){s, strlen(s), s, false};
}

static struct fc_word special(const char *piece)
{
	return (struct fc_word){"", 0, piece, true};
}

static void test_choose(void)
{
	struct fc_word pivot_words[] = {
	    special("<s>"), special("</s>"), special("<|end|>"), special("<|tool|>"), /* 0..3 */
	    text("a"), text(" mer"), text("cury"), text("a"), text("\xf0"),           /* 4..8 */
	    text("\xf0\x9f"), text(" quick"), text("ly"), text("a"),                  /* 9..12 */
	};
	struct fc_word source_words[] = {
	    special("</s>"),        /* 0: turn end of the source */
	    special("<|tool|>"),    /* 1: same spelling */
	    special("<|other|>"),   /* 2: only the source has it */
	    text("a"),              /* 3: three tokens of the same bytes */
	    text(" mercury"),       /* 4: seen */
	    text(" quickly"),       /* 5: never seen; the pivot starts it with 10 */
	    text("\xf0\x9f\x98"),   /* 6: never seen, no UTF-8: longest beginning */
	    text("\xff"),           /* 7: nothing begins it */
	    {NULL, 0, NULL, false}, /* 8: an id without a token */
	    special("<s>"),         /* 9 */
	    text(" qu"),            /* 10: equal counts */
	    text("cury"),           /* 11: the same bytes win over a higher count elsewhere */
	};
	struct fc_vocab pivot = {pivot_words, FC_LEN(pivot_words), {2, 0, 1, NONE, NONE}};
	struct fc_vocab source = {source_words, FC_LEN(source_words), {0, 9, 0, NONE, NONE}};
	static const struct fc_map_entry pair[] = {
	    {3, 7, 2},
	    {3, 12, 1},
	    {4, 1, 99},
	    {4, 4, 1},
	    {4, 5, 9},
	    {10, 5, 3},
	    {10, 10, 3},
	    {11, 5, 50},
	};
	uint32_t first[FC_LEN(source_words)];
	struct fc_choice c[FC_LEN(source_words)];
	for (size_t i = 0; i < FC_LEN(first); i++)
		first[i] = NONE;
	first[3] = 12;
	first[5] = 10;
	fc_vocabmap_choose(&source, &pivot, pair, FC_LEN(pair), first, c);
	static const uint32_t expect[] = {2, 3, NONE, 7, 5, 10, 9, NONE, NONE, 0, 5, 6};
	static const enum fc_rule rule[] = {FC_RULE_ROLE, FC_RULE_ROLE, FC_RULE_NONE, FC_RULE_BYTES,
	    FC_RULE_COUNT, FC_RULE_FIRST, FC_RULE_FIRST, FC_RULE_NONE, FC_RULE_NONE, FC_RULE_ROLE,
	    FC_RULE_COUNT, FC_RULE_BYTES};
	for (size_t i = 0; i < FC_LEN(expect); i++)
		T_OK(c[i].pivot == expect[i] && c[i].rule == rule[i],
		    "choose: source token %zu (got %u by rule %d)", i, c[i].pivot, c[i].rule);
	T_OK(c[3].count == 2 && c[4].count == 9 && c[11].count == 0, "choose: counts");
	fc_vocabmap_choose(&source, &pivot, NULL, 0, first, c);
	T_EQ(c[3].pivot, 12, "choose: same bytes, never seen: the one the tokenizer makes");
	first[3] = NONE;
	fc_vocabmap_choose(&source, &pivot, NULL, 0, first, c);
	T_EQ(c[3].pivot, 4, "choose: same bytes, nothing known: the lowest id");
}

static void test_pairs(void)
{
	enum { N = 300 };
	static uint64_t table[N][N];
	struct fc_rng rng;
	struct fc_pairs *p = fc_pairs_new();
	fc_rng_seed(&rng, 1);
	for (int i = 0; i < 200000; i++) {
		/* products lean towards small numbers: some pairs often, most rarely */
		uint32_t s = (uint32_t)(fc_rng_below(&rng, N) * fc_rng_below(&rng, N) / N);
		uint32_t t = (uint32_t)fc_rng_below(&rng, N);
		uint64_t n = fc_rng_below(&rng, 3);
		table[s][t] += n;
		fc_pairs_add(p, s, t, n);
	}
	size_t n = 0, i = 0;
	for (size_t s = 0; s < N; s++)
		for (size_t t = 0; t < N; t++)
			n += table[s][t] > 0;
	T_EQ(fc_pairs_count(p), n, "pairs: how many different ones");
	const struct fc_map_entry *e = fc_pairs_sorted(p);
	bool same = true;
	for (uint32_t s = 0; s < N; s++)
		for (uint32_t t = 0; t < N; t++)
			if (table[s][t]) {
				same = same && e[i].source == s && e[i].pivot == t &&
				    e[i].count == table[s][t];
				i++;
			}
	T_OK(same, "pairs: as a dense table, by source, then pivot");
	fc_pairs_free(p);
}

int main(void)
{
	test_choose();
	test_pairs();
	return t_done();
}
