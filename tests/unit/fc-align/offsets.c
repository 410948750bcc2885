/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/offsets.h"

#include "base/mem.h"
#include "base/rng.h"
#include "t.h"
#include "text/json.h"

#define CONTENT FC_TOK_FLAGS(1, FC_ROLE_ASSISTANT, FC_PART_CONTENT)
#define TURN_END FC_TOK_FLAGS(1, FC_ROLE_ASSISTANT, FC_PART_TURN_END)
#define BOS FC_TOK_FLAGS(0, FC_ROLE_NONE, FC_PART_BOS)

static void fill(struct fc_example *x, const uint32_t *end, const uint8_t *flags, size_t n)
{
	fc_example_clear(x);
	for (size_t i = 0; i < n; i++)
		fc_example_add_token(x, (uint32_t)i, end[i], flags ? flags[i] : CONTENT);
}

/* Every pair of tokens compared: what the two pointers must come to. */
static uint32_t slow_match(const struct fc_example *p, size_t t, const struct fc_example *s)
{
	for (size_t j = 0; j < s->n_tok; j++)
		if (fc_example_start(p, t) == fc_example_start(s, j) &&
		    p->end[t] > fc_example_start(p, t) && s->end[j] > fc_example_start(s, j))
			return (uint32_t)j;
	return ALIGN_NO_MATCH;
}

static size_t random_ends(struct fc_rng *rng, uint32_t n_text, uint32_t *end)
{
	size_t n = 0;
	for (uint32_t at = 0; at < n_text;) {
		at += 1 + (uint32_t)fc_rng_below(rng, 4);
		end[n++] = at < n_text ? at : n_text;
	}
	return n;
}

static void test_random(void)
{
	struct fc_rng rng;
	struct fc_example p, s;
	uint32_t a[64], b[64], match[64];
	bool same = true, starts = true, increasing = true, self = true;
	fc_rng_seed(&rng, 3);
	fc_example_init(&p);
	fc_example_init(&s);
	for (int round = 0; round < 2000; round++) {
		uint32_t n_text = (uint32_t)fc_rng_below(&rng, 60);
		fill(&p, a, NULL, random_ends(&rng, n_text, a));
		fill(&s, b, NULL, random_ends(&rng, n_text, b));
		align_offsets_match(&p, &s, match);
		uint32_t last = 0;
		for (size_t t = 0; t < p.n_tok; t++) {
			same = same && match[t] == slow_match(&p, t, &s);
			if (match[t] == ALIGN_NO_MATCH)
				continue;
			starts =
			    starts && fc_example_start(&p, t) == fc_example_start(&s, match[t]);
			increasing = increasing && (t == 0 || match[t] > last);
			last = match[t];
		}
		align_offsets_match(&p, &p, match);
		for (size_t t = 0; t < p.n_tok; t++)
			self = self && match[t] == t;
	}
	T_OK(same, "offsets: as comparing all pairs");
	T_OK(starts, "offsets: a match starts at the same byte on both sides");
	T_OK(increasing, "offsets: matches increase");
	T_OK(self, "offsets: with itself every token meets itself");
	fc_example_release(&p);
	fc_example_release(&s);
}

static void test_roles(void)
{
	struct fc_example p, s;
	uint32_t match[8];
	fc_example_init(&p);
	fc_example_init(&s);

	/* text "hi<end>": BOS and the turn end are tokens of their own on both sides */
	fill(&p, (uint32_t[]){0, 2, 7}, (uint8_t[]){BOS, CONTENT, TURN_END}, 3);
	fill(&s, (uint32_t[]){0, 1, 2, 7}, (uint8_t[]){BOS, CONTENT, CONTENT, TURN_END}, 4);
	align_offsets_match(&p, &s, match);
	T_OK(match[0] == ALIGN_NO_MATCH, "offsets: BOS has no counterpart");
	T_EQ(match[1], 1, "offsets: the text after BOS");
	T_EQ(match[2], 3, "offsets: turn end with turn end");

	/* only the pivot has a turn end of its own */
	fill(&s, (uint32_t[]){0, 1, 2, 3, 7},
	    (uint8_t[]){BOS, CONTENT, CONTENT, TURN_END, TURN_END}, 5);
	align_offsets_match(&p, &s, match);
	T_OK(match[2] == ALIGN_NO_MATCH, "offsets: a turn end does not meet the text of one");
	T_EQ(match[1], 1, "offsets: the token before does");
	align_offsets_match(&s, &p, match);
	T_OK(
	    match[3] == ALIGN_NO_MATCH && match[4] == ALIGN_NO_MATCH, "offsets: nor the other way");

	fill(&s, (uint32_t[]){0, 2, 7}, (uint8_t[]){BOS, CONTENT, CONTENT}, 3);
	align_offsets_match(&p, &s, match);
	T_OK(match[2] == ALIGN_NO_MATCH, "offsets: nor text of the same bytes");

	/* no BOS on one side; a token without bytes (a word mark alone) on the other */
	fill(&p, (uint32_t[]){2, 4}, NULL, 2);
	fill(&s, (uint32_t[]){0, 0, 2, 4}, (uint8_t[]){BOS, CONTENT, CONTENT, CONTENT}, 4);
	align_offsets_match(&p, &s, match);
	T_EQ(match[0], 2, "offsets: the token with the bytes, not the empty ones before it");
	align_offsets_match(&s, &p, match);
	T_OK(match[1] == ALIGN_NO_MATCH && match[2] == 0, "offsets: an empty token meets none");
	align_offsets_match(&s, &s, match);
	T_OK(match[1] == 1 && match[2] == 2, "offsets: an empty token meets itself");
	fill(&p, NULL, NULL, 0);
	align_offsets_match(&p, &s, match);
	align_offsets_match(&s, &p, match);
	T_OK(match[3] == ALIGN_NO_MATCH, "offsets: no tokens, no matches");
	fc_example_release(&p);
	fc_example_release(&s);
}

static size_t read_ends(const json_t *a, uint32_t *end)
{
	size_t n = json_array_size(a);
	for (size_t i = 0; i < n; i++)
		end[i] = (uint32_t)json_integer_value(json_array_get(a, i));
	end[n] = end[n - 1] + 1; /* one more token, to see what comes after the last */
	return n;
}

/* transfer_source[t] names the source token that ends where pivot token t ends: its row, in the
 * reference's numbering, predicts what comes after both.  Here rows are numbered by the token they
 * predict, so that is the match of t + 1. */
static void test_case(const json_t *c)
{
	struct fc_example p, s;
	uint32_t end[32], match[32];
	fc_example_init(&p);
	fc_example_init(&s);
	size_t n = read_ends(json_object_get(c, "pivot_end_offsets"), end);
	fill(&p, end, NULL, n + 1);
	fill(&s, end, NULL, 1 + read_ends(json_object_get(c, "source_end_offsets"), end));
	align_offsets_match(&p, &s, match);
	const json_t *expect = json_object_get(c, "transfer_source");
	bool good = json_array_size(expect) == n;
	for (size_t t = 0; t < n; t++) {
		const json_t *v = json_array_get(expect, t);
		uint32_t want =
		    json_is_null(v) ? ALIGN_NO_MATCH : (uint32_t)json_integer_value(v) + 1;
		good = good && match[t + 1] == want;
	}
	T_OK(good, "offsets: case 15: %s", json_string_value(json_object_get(c, "name")));
	fc_example_release(&p);
	fc_example_release(&s);
}

static void test_cases(void)
{
	if (!t_shared()) {
		t_skip("no shared inputs");
		return;
	}
	struct fc_buf path = FC_BUF_INIT;
	struct fc_err e;
	fc_buf_addf(&path, "%s/cases/15_offset_alignment_ideal.json", t_shared());
	json_t *o = fc_json_file(path.p, &e);
	size_t i;
	const json_t *c;
	T_OK(o, "offsets: case 15 can be read");
	json_array_foreach(json_object_get(o, "cases"), i, c) test_case(c);
	T_OK(json_array_size(json_object_get(o, "cases")) >= 11, "offsets: case 15 has its cases");
	json_decref(o);
	fc_buf_release(&path);
}

int main(void)
{
	test_random();
	test_roles();
	test_cases();
	return t_done();
}
