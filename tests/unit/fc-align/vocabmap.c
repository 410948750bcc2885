/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/vocabmap.h"

#include "base/mem.h"
#include "base/rng.h"
#include "fc-align/map/pair_counts.h"
#include "t.h"

#define NONE ALIGN_UNMAPPED

static struct align_word text(const char *s)
{
	return (struct align_word){s, strlen(s), s, false};
}

static struct align_word special(const char *piece)
{
	return (struct align_word){"", 0, piece, true};
}

#define PAIR(s, p, n)                                                                              \
	{                                                                                          \
		.source = (s), .pivot = (p), .count = (n)                                          \
	}

/* c[id]: the choice; returns the number of all entries, whose order is checked. */
static size_t choose(const struct align_vocab *source, const struct align_vocab *pivot,
    const struct align_evidence *e, struct fc_map_entry *c)
{
	struct align_map_list list = {0};
	bool sorted = true;
	for (size_t i = 0; i < source->n; i++)
		c[i] = (struct fc_map_entry){.pivot = NONE};
	align_vocabmap_choose(source, pivot, e, &list);
	for (size_t i = 0; i < list.n; i++) {
		const struct fc_map_entry *one = &list.v[i], *before = i ? one - 1 : NULL;
		sorted = sorted &&
		    (!before || before->source < one->source ||
			(before->source == one->source && before->pivot < one->pivot));
		if (one->chosen)
			c[one->source] = *one;
	}
	T_OK(sorted, "choose: by source, then pivot");
	size_t n = list.n;
	free(list.v);
	return n;
}

static void test_choose(void)
{
	struct align_word pivot_words[] = {
	    special("<s>"), special("</s>"), special("<|end|>"), special("<|tool|>"), /* 0..3 */
	    text("a"), text(" mer"), text("cury"), text("a"), text("\xf0"),           /* 4..8 */
	    text("\xf0\x9f"), text(" quick"), text("ly"), text("a"),                  /* 9..12 */
	};
	struct align_word source_words[] = {
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
	struct align_vocab pivot = {pivot_words, FC_LEN(pivot_words), {2, 0, 1, NONE, NONE}};
	struct align_vocab source = {source_words, FC_LEN(source_words), {0, 9, 0, NONE, NONE}};
	static const struct fc_map_entry pair[] = {
	    PAIR(3, 7, 2),
	    PAIR(3, 12, 1),
	    PAIR(4, 1, 99),
	    PAIR(4, 4, 1),
	    PAIR(4, 5, 9),
	    PAIR(9, 4, 5),
	    PAIR(10, 5, 3),
	    PAIR(10, 10, 3),
	    PAIR(11, 5, 50),
	};
	uint32_t first[FC_LEN(source_words)], near[FC_LEN(source_words)];
	struct fc_map_entry c[FC_LEN(source_words)];
	for (size_t i = 0; i < FC_LEN(first); i++)
		first[i] = near[i] = NONE;
	first[3] = 12;
	first[5] = 10;
	struct align_evidence e = {.pair = pair, .n_pair = FC_LEN(pair), .first = first};
	size_t n = choose(&source, &pivot, &e, c);
	static const uint32_t expect[] = {2, 3, NONE, 7, 5, 10, 9, NONE, NONE, 0, 5, 6};
	static const enum fc_map_rule rule[] = {FC_MAP_ROLE, FC_MAP_ROLE, FC_MAP_NONE, FC_MAP_BYTES,
	    FC_MAP_COUNT, FC_MAP_FIRST, FC_MAP_FIRST, FC_MAP_NONE, FC_MAP_NONE, FC_MAP_ROLE,
	    FC_MAP_COUNT, FC_MAP_BYTES};
	for (size_t i = 0; i < FC_LEN(expect); i++)
		T_OK(c[i].pivot == expect[i] && c[i].rule == rule[i],
		    "choose: source token %zu (got %u by rule %d)", i, c[i].pivot, c[i].rule);
	T_OK(c[3].count == 2 && c[4].count == 9 && c[11].count == 0, "choose: counts");
	/* 9 choices; with them the pairs of 3 and 12, 4 and 4, 10 and 10, 11 and 5 */
	T_EQ(n, 13, "choose: pairs of text tokens go along");

	struct align_evidence bare = {.first = first};
	choose(&source, &pivot, &bare, c);
	T_EQ(c[3].pivot, 12, "choose: same bytes, never seen: the one the tokenizer makes");
	T_OK(c[4].pivot == NONE || c[4].rule == FC_MAP_FIRST, "choose: without pairs no count");
	first[3] = NONE;
	choose(&source, &pivot, &bare, c);
	T_EQ(c[3].pivot, 4, "choose: same bytes, nothing known: the lowest id");

	struct align_evidence none = {0};
	choose(&source, &pivot, &none, c);
	T_OK(c[0].pivot == 2 && c[3].pivot == 4 && c[4].pivot == NONE && c[5].pivot == NONE,
	    "choose: exact: roles and bytes alone");
	near[3] = 11;
	near[4] = 6;
	struct align_evidence mined = {.near = near};
	choose(&source, &pivot, &mined, c);
	T_OK(c[3].pivot == 4 && c[4].pivot == 6 && c[4].rule == FC_MAP_NEAR,
	    "choose: the nearest where the bytes are none's");
	mined.no_bytes = true;
	choose(&source, &pivot, &mined, c);
	T_OK(c[3].pivot == 11 && c[11].pivot == NONE, "choose: by spelling alone");
}

static void test_pairs(void)
{
	enum { N = 300 };
	static uint64_t table[N][N];
	struct fc_rng rng;
	struct align_pair_counts *p = align_pair_counts_new();
	fc_rng_seed(&rng, 1);
	for (int i = 0; i < 200000; i++) {
		/* products lean towards small numbers: some pairs often, most rarely */
		uint32_t s = (uint32_t)(fc_rng_below(&rng, N) * fc_rng_below(&rng, N) / N);
		uint32_t t = (uint32_t)fc_rng_below(&rng, N);
		uint64_t n = fc_rng_below(&rng, 3);
		table[s][t] += n;
		align_pair_counts_add(p, s, t, n);
	}
	size_t n = 0, i = 0;
	for (size_t s = 0; s < N; s++)
		for (size_t t = 0; t < N; t++)
			n += table[s][t] > 0;
	T_EQ(align_pair_counts_n(p), n, "pair counts: how many different ones");
	const struct fc_map_entry *e = align_pair_counts_sorted(p);
	bool same = true;
	for (uint32_t s = 0; s < N; s++)
		for (uint32_t t = 0; t < N; t++)
			if (table[s][t]) {
				same = same && e[i].source == s && e[i].pivot == t &&
				    e[i].count == table[s][t];
				i++;
			}
	T_OK(same, "pair counts: as a dense table, by source, then pivot");
	align_pair_counts_free(p);
}

int main(void)
{
	test_choose();
	test_pairs();
	return t_done();
}
