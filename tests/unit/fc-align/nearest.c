/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/nearest.h"

#include "base/rng.h"
#include "cases.h"
#include "fc-align/vocab/spelled.h"

/* The definition, column by column. */
static uint32_t slow_distance(struct align_chars a, struct align_chars b)
{
	uint32_t *row = FC_ARRAY(uint32_t, (a.n + 1) * (b.n + 1));
	size_t w = b.n + 1;
	for (size_t i = 0; i <= a.n; i++)
		for (size_t j = 0; j <= b.n; j++) {
			uint32_t best = (uint32_t)(i + j);
			if (i && j) {
				best = row[(i - 1) * w + j - 1] + (a.v[i - 1] != b.v[j - 1]);
				best = row[(i - 1) * w + j] + 1 < best ? row[(i - 1) * w + j] + 1
								       : best;
				best =
				    row[i * w + j - 1] + 1 < best ? row[i * w + j - 1] + 1 : best;
			}
			row[i * w + j] = best;
		}
	uint32_t d = row[w * (a.n + 1) - 1];
	free(row);
	return d;
}

static struct align_chars chars(const char *s, uint32_t *buf)
{
	return (struct align_chars){buf, align_chars_decode(s, strlen(s), buf)};
}

static void test_cases(void)
{
	json_t *o = cases_open("01_edit_distance.json");
	if (!o)
		return;
	const json_t *cases = cases_get(o, "cases");
	struct align_leven *p = align_leven_new();
	uint32_t a_buf[500], b_buf[500];
	bool distance = true, contained = true;
	for (size_t i = 0; i < cases_n(cases); i++) {
		const json_t *c = json_array_get(cases, i);
		struct align_chars a = chars(cases_str(c, "a"), a_buf),
				   b = chars(cases_str(c, "b"), b_buf);
		uint32_t d = (uint32_t)json_integer_value(cases_get(c, "levenshtein"));
		bool in = align_chars_contain(a, b) || align_chars_contain(b, a);
		align_leven_set(p, a);
		distance = distance && align_leven_distance(p, b, UINT32_MAX) == d;
		contained = contained && in == json_is_true(cases_get(c, "contained")) &&
		    d * (in ? 0.1 : 1.0) == json_number_value(cases_get(c, "fusechat1_weighted"));
	}
	T_OK(cases_n(cases) > 20 && distance, "case 01: %zu distances", cases_n(cases));
	T_OK(contained, "case 01: containment and FuseChat 1's weight");
	align_leven_free(p);
	json_decref(o);
}

static void random_chars(struct fc_rng *rng, uint32_t *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = (uint32_t)(fc_rng_below(rng, 3) ? 'a' + fc_rng_below(rng, 3)
							 : 0x4e00 + fc_rng_below(rng, 4));
}

static void test_random_distances(void)
{
	enum { MOST = 90 };
	uint32_t a[MOST], b[MOST];
	struct fc_rng rng;
	struct align_leven *p = align_leven_new();
	bool same = true, bounded = true;
	fc_rng_seed(&rng, 3);
	for (int round = 0; round < 3000; round++) {
		size_t most = round % 3 ? 12 : MOST;
		struct align_chars x = {a, fc_rng_below(&rng, most)},
				   y = {b, fc_rng_below(&rng, most)};
		random_chars(&rng, a, x.n);
		random_chars(&rng, b, y.n);
		uint32_t d = slow_distance(x, y), limit = (uint32_t)fc_rng_below(&rng, 12);
		align_leven_set(p, x);
		same = same && align_leven_distance(p, y, UINT32_MAX) == d;
		uint32_t cut = align_leven_distance(p, y, limit);
		bounded = bounded && (d <= limit ? cut == d : cut > limit);
	}
	T_OK(same, "distance: as by the definition, also beyond 64 characters");
	T_OK(bounded, "distance: exact up to a limit, above it beyond");
	align_leven_free(p);
}

/* Every other character, of an alphabet so large that few strings hold one. */
static void rare_chars(struct fc_rng *rng, struct align_chars s, uint32_t *buf)
{
	for (size_t i = 0; i < s.n; i += 2)
		buf[i] = (uint32_t)(0x3b1 + fc_rng_below(rng, 60));
}

/* Against comparing with every string. */
static void test_random_nearest(void)
{
	enum { N = 1500, ROUNDS = 600, MOST = 24 };
	static uint32_t chars_of[N][MOST];
	static struct align_chars list[N];
	struct fc_rng rng;
	struct align_leven *p = align_leven_new();
	size_t by[4] = {0};
	bool same = true;
	fc_rng_seed(&rng, 8);
	for (size_t i = 0; i < N; i++) {
		/* most are short, as tokens are; some are empty */
		size_t n = fc_rng_below(&rng, 9) + (i % 10 ? 0 : fc_rng_below(&rng, MOST - 9));
		list[i] = (struct align_chars){chars_of[i], i % 50 ? n : 0};
		random_chars(&rng, chars_of[i], n);
		if (i % 4 == 0)
			rare_chars(&rng, list[i], chars_of[i]);
	}
	struct align_nearest *x = align_nearest_new(list, N);
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t buf[40], best = UINT32_MAX, distance = UINT32_MAX, got;
		struct align_chars s = {buf, 1 + fc_rng_below(&rng, round % 8 ? 10 : 39)};
		random_chars(&rng, buf, s.n);
		for (size_t i = 0; round % 5 == 0 && i < s.n; i += 2)
			buf[i] = 'z'; /* which no string has */
		if (round % 3 == 0)
			rare_chars(&rng, s, buf);
		for (uint32_t i = 0; i < N; i++) {
			uint32_t d = list[i].n ? slow_distance(s, list[i]) : UINT32_MAX;
			if (d < distance) {
				distance = d;
				best = i;
			}
		}
		same = same && align_nearest_find(x, p, s, &got) == best && got == distance;
		by[distance < 3 ? distance : 3]++;
	}
	T_OK(same, "nearest: as by comparing with all, the lowest index of equals");
	T_OK(by[0] && by[1] && by[2] && by[3],
	    "nearest: at distances 0, 1, 2 and above (%zu, %zu, %zu, %zu)", by[0], by[1], by[2],
	    by[3]);
	align_nearest_free(x);
	x = align_nearest_new(list, 1);
	T_OK(list[0].n == 0 && align_nearest_find(x, p, list[1], NULL) == UINT32_MAX,
	    "nearest: nothing in a list of nothing");
	align_nearest_free(x);
	align_leven_free(p);
}

/* FuseLLM's map of least edit distance. */
static void test_mined_cases(void)
{
	json_t *o = cases_open("06_vocab_mapping.json");
	if (!o)
		return;
	const json_t *meta = cases_get(o, "meta"), *cases = cases_get(o, "cases");
	struct align_vocab pivot = cases_vocab(cases_get(meta, "pivot_vocab"));
	struct align_spelled to;
	align_spelled_raw(&to, &pivot, "\u2581", "\u2581");
	struct align_nearest *x = align_nearest_new(to.v, to.n);
	struct align_leven *p = align_leven_new();
	size_t n = 0;
	bool same = true;
	for (size_t i = 0; i < cases_n(cases); i++) {
		const json_t *c = json_array_get(cases, i);
		if (strcmp(cases_str(c, "kind"), "fusellm_mined") != 0)
			continue;
		const char *token = cases_str(c, "source_token");
		struct align_word word = {token, strlen(token), token, false};
		struct align_vocab source = {.word = &word, .n = 1};
		struct align_spelled from;
		align_spelled_raw(
		    &from, &source, cases_str(c, "source_mark"), cases_str(c, "pivot_mark"));
		uint32_t near = align_nearest_find(x, p, from.v[0], NULL);
		same = same && near == json_integer_value(cases_get(c, "best_id"));
		align_spelled_release(&from);
		n++;
	}
	T_OK(n > 50 && same, "case 06: FuseLLM's MinED of %zu tokens", n);
	align_leven_free(p);
	align_nearest_free(x);
	align_spelled_release(&to);
	free(pivot.word);
	json_decref(o);
}

int main(void)
{
	test_cases();
	test_random_distances();
	test_random_nearest();
	test_mined_cases();
	return t_done();
}
