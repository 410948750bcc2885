/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/transfer.h"

#include "base/mem.h"
#include "base/rng.h"
#include "t.h"

#define NONE ALIGN_UNMAPPED

static void test_row(void)
{
	/* 3 and 1 meet at 0: 0.2 + 0.2; 4 is unknown; 5 moves to 2 */
	static const uint32_t map[] = {1, 0, 3, 0, NONE, 2};
	static const uint32_t id[] = {2, 4, 1, 3, 5};
	float lp[] = {logf(.3f), logf(.25f), logf(.2f), logf(.2f), logf(.05f)}, out[5];
	uint32_t to[5];
	struct align_transfer *t = align_transfer_new(map, FC_LEN(map), 4);
	size_t n = align_transfer_row(t, 5, id, lp, to, out);
	T_EQ(n, 3, "row: three pivot tokens");
	T_OK(to[0] == 0 && to[1] == 3 && to[2] == 2, "row: most likely first");
	T_NEAR(exp(out[0]), .4, 1e-6, "row: candidates that meet add up");
	T_OK(out[1] == lp[0] && out[2] == lp[4], "row: the others keep their bits");

	static const uint32_t beyond[] = {0, 9};
	T_EQ(align_transfer_row(t, 2, beyond, lp, to, out), 1,
	    "row: ids beyond the map are unmapped");
	static const uint32_t tied[] = {0, 1};
	float even[] = {-1, -1};
	T_EQ(align_transfer_row(t, 2, tied, even, to, out), 2,
	    "row: the slots of older rows are free");
	T_OK(to[0] == 0 && to[1] == 1, "row: equal values by ascending id");
	T_EQ(align_transfer_row(t, 0, tied, even, to, out), 0, "row: empty");
	align_transfer_free(t);
}

static void test_lookup(void)
{
	static const uint32_t id[] = {7, 2};
	float lp[] = {logf(.5f), logf(.3f)};
	T_NEAR(align_transfer_lookup(2, id, lp, 2, 10), log(.3), 1e-6, "lookup: its entry");
	T_NEAR(align_transfer_lookup(2, id, lp, 3, 10), log(.2 / 8), 1e-6,
	    "lookup: the tail over the tokens without an entry");
	lp[0] = logf(.75f);
	T_OK(isfinite(align_transfer_lookup(2, id, lp, 3, 10)), "lookup: finite without a tail");
}

/* Probability by pivot id, in the obvious way. */
static void slow_row(const uint32_t *map, size_t n_map, size_t n, const uint32_t *id,
    const float *lp, double *p, double *lost)
{
	*lost = 0;
	for (size_t i = 0; i < n; i++) {
		if (id[i] < n_map && map[id[i]] != NONE)
			p[map[id[i]]] += exp(lp[i]);
		else
			*lost += exp(lp[i]);
	}
}

enum { V_SOURCE = 50, V_PIVOT = 20, K = 12 };

static void random_row(struct fc_rng *rng, uint32_t *id, float *lp)
{
	uint32_t all[V_SOURCE];
	for (uint32_t i = 0; i < V_SOURCE; i++)
		all[i] = i;
	fc_rng_shuffle(rng, all, V_SOURCE, sizeof *all);
	float at = -3; /* together below 1 */
	for (size_t i = 0; i < K; i++) {
		id[i] = all[i];
		lp[i] = at;
		at -= (float)fc_rng_below(rng, 3) * 0.5f;
	}
}

static void test_random_rows(void)
{
	struct fc_rng rng;
	uint32_t map[V_SOURCE], id[K], to[K];
	float lp[K], out[K];
	bool mass = true, sorted = true, values = true;
	fc_rng_seed(&rng, 5);
	for (int round = 0; round < 3000; round++) {
		for (size_t i = 0; i < V_SOURCE; i++)
			map[i] =
			    fc_rng_below(&rng, 8) ? (uint32_t)fc_rng_below(&rng, V_PIVOT) : NONE;
		struct align_transfer *t = align_transfer_new(map, V_SOURCE - 5, V_PIVOT);
		double p[V_PIVOT] = {0}, lost, in = 0, kept = 0;
		random_row(&rng, id, lp);
		slow_row(map, V_SOURCE - 5, K, id, lp, p, &lost);
		size_t n = align_transfer_row(t, K, id, lp, to, out);
		for (size_t i = 0; i < K; i++)
			in += exp(lp[i]);
		for (size_t i = 0; i < n; i++) {
			kept += exp(out[i]);
			values = values && t_near(exp(out[i]), p[to[i]], 1e-6);
			sorted = sorted &&
			    (i == 0 || out[i - 1] > out[i] ||
				(out[i - 1] == out[i] && to[i - 1] < to[i]));
		}
		mass = mass && t_near(in, kept + lost, 1e-5);
		align_transfer_free(t);
	}
	T_OK(values, "row: as adding up probabilities by id");
	T_OK(mass, "row: mass in is mass out plus mass lost");
	T_OK(sorted, "row: descending, ties by id, no id twice");
}

static void test_move(void)
{
	uint32_t id[] = {7, 2, 5, 0};
	float lp[] = {logf(.5f), logf(.3f), logf(.1f), 0};
	T_EQ(align_transfer_move(3, id, lp, 9, 2, .1, 3), 3, "move: nothing without an entry");
	T_EQ(align_transfer_move(3, id, lp, 7, 7, .1, 3), 3, "move: nothing onto itself");
	T_EQ(align_transfer_move(3, id, lp, 7, 5, .35, 3), 3, "move: to an entry");
	T_OK(id[0] == 5 && id[1] == 2 && id[2] == 7, "move: sorted after it");
	T_NEAR(exp(lp[0]), .45, 1e-6, "move: what it came to");
	T_NEAR(exp(lp[2]), .15, 1e-6, "move: what was left");
	T_EQ(align_transfer_move(3, id, lp, 2, 4, .3, 3), 3, "move: all of it, to a new entry");
	T_OK(id[1] == 4 && t_near(exp(lp[1]), .3, 1e-6), "move: in its place");
	T_EQ(align_transfer_move(3, id, lp, 4, 2, .1, 3), 3, "move: no more than top_k stay");
	T_OK(id[0] == 5 && id[1] == 4 && id[2] == 7, "move: the likeliest");
}

/* Source "ab|c|d|e|<end>" with rows at all, pivot "a|b|cd|e|<end>". */
static void make_source(struct fc_example *x)
{
	static const uint32_t end[] = {0, 2, 3, 4, 5, 10};
	static const uint8_t part[] = {FC_PART_BOS, 0, 0, 0, 0, FC_PART_TURN_END};
	for (uint32_t i = 0; i < 6; i++)
		fc_example_add_token(x, i, end[i], FC_TOK_FLAGS(i > 0, FC_ROLE_ASSISTANT, part[i]));
	for (uint32_t i = 1; i < 6; i++)
		fc_example_add_row(x, i, 2, (uint32_t[]){i, 0}, (float[]){-.25f, -2}, -.25f);
}

static void make_pivot(struct fc_example *x)
{
	static const uint32_t end[] = {0, 1, 2, 4, 5, 10};
	static const uint8_t part[] = {FC_PART_BOS, 0, 0, 0, 0, FC_PART_TURN_END};
	for (uint32_t i = 0; i < 6; i++)
		fc_example_add_token(
		    x, 10 + i, end[i], FC_TOK_FLAGS(i > 0, FC_ROLE_ASSISTANT, part[i]));
}

/* Source "a|bc", pivot "ab|c": the pivot's first token ends inside the source's second. */
static void test_straddle(void)
{
	static const uint32_t map[] = {10, 11, 12}, s_end[] = {0, 1, 3}, p_end[] = {0, 2, 3};
	struct align_ledger stats = {0};
	struct fc_example s, p;
	fc_example_init(&s);
	fc_example_init(&p);
	for (uint32_t i = 0; i < 3; i++) {
		fc_example_add_token(&s, i, s_end[i], FC_TOK_FLAGS(i > 0, FC_ROLE_ASSISTANT, 0));
		fc_example_add_token(
		    &p, 15 + i, p_end[i], FC_TOK_FLAGS(i > 0, FC_ROLE_ASSISTANT, 0));
	}
	fc_example_add_row(
	    &s, 1, 2, (uint32_t[]){1, 0}, (float[]){logf(.8f), logf(.1f)}, logf(.8f));
	fc_example_add_row(&s, 2, 1, (uint32_t[]){2}, (float[]){logf(.5f)}, logf(.5f));
	struct align_transfer *t = align_transfer_new(map, 3, 20);
	align_transfer_example(t, &s, &p, K, &stats);
	T_OK(p.n_row == 1 && p.row_tok[0] == 1, "straddle: one common boundary");
	/* .8 * .5 is known to begin with "ab"; the other .4 of "a" may go on otherwise */
	T_OK(p.row_off[1] == 3 && fabs(exp(p.entry_logprob[0]) - .4) < 1e-6 &&
		fabs(exp(p.entry_logprob[1]) - .4) < 1e-6 &&
		fabs(exp(p.entry_logprob[2]) - .1) < 1e-6,
	    "straddle: \"a\" shares its probability with \"ab\"");
	T_NEAR(exp(p.true_logprob[0]), .4, 1e-6, "straddle: what the row has for the truth");
	T_EQ(stats.n_exact, 0, "straddle: a lower bound is not exact");
	align_transfer_free(t);
	fc_example_release(&s);
	fc_example_release(&p);
}

static void test_example(void)
{
	/* "ab" goes to "a", "c" to a pivot's "c" that is not in the text */
	static const uint32_t map[] = {1, 11, 2, 3, 14, 15};
	struct align_ledger stats = {0};
	struct fc_example s, p;
	fc_example_init(&s);
	fc_example_init(&p);
	make_source(&s);
	make_pivot(&p);
	struct align_transfer *t = align_transfer_new(map, 6, 20);
	align_transfer_example(t, &s, &p, K, &stats);
	T_EQ(p.n_row, 4, "example: four common boundaries");
	T_OK(p.row_tok[0] == 1 && p.row_tok[1] == 3 && p.row_tok[2] == 4 && p.row_tok[3] == 5,
	    "example: where");
	T_NEAR(p.true_logprob[0], -.25, 0, "example: \"ab\" for \"a\": by its entry");
	T_NEAR(p.true_logprob[2], -.25, 0, "example: same bytes: the source's own value");
	T_NEAR(p.true_logprob[1], -.5, 1e-6, "example: \"c\", \"d\" for \"cd\": the chain rule");
	T_OK(p.row_off[2] - p.row_off[1] == 3 && p.entry_id[2] == 13 && p.entry_id[3] == 2,
	    "example: \"cd\" has an entry of its own, then \"c\"");
	T_NEAR(exp(p.entry_logprob[2]), exp(-.5), 1e-6, "example: with what is known of it");
	T_NEAR(exp(p.entry_logprob[3]), exp(-.25) - exp(-.5), 1e-6, "example: and \"c\" the rest");
	T_OK(stats.n_trained == 5 && stats.n_row == 4 && stats.n_exact == 3, "example: statistics");
	T_NEAR(
	    stats.lost[ALIGN_LOSS_UNMAPPED] + stats.lost[ALIGN_LOSS_CUT], 0, 1e-6, "example: mass");
	align_transfer_free(t);

	/* "e" is mapped to another pivot token of these bytes than the text's */
	static const uint32_t other[] = {1, 11, 2, 3, 7, 15};
	t = align_transfer_new(other, 6, 20);
	fc_example_clear_rows(&p);
	align_transfer_example(t, &s, &p, K, &stats);
	T_EQ(p.entry_id[p.row_off[2]], 14, "example: the same bytes under another id");
	T_NEAR(p.entry_logprob[p.row_off[2]], -.25, 1e-6, "example: with all of its probability");
	align_transfer_free(t);

	/* every candidate unknown: no row rather than an empty one */
	static const uint32_t nowhere[] = {NONE, NONE, NONE, NONE, NONE, NONE};
	t = align_transfer_new(nowhere, 6, 20);
	fc_example_clear_rows(&p);
	align_transfer_example(t, &s, &p, K, &stats);
	T_EQ(p.n_row, 0, "example: no row without entries");
	align_transfer_free(t);

	/* a source without rows, and one with rows only at "c" and the end */
	t = align_transfer_new(map, 6, 20);
	fc_example_clear_rows(&p);
	fc_example_clear_rows(&s);
	align_transfer_example(t, &s, &p, K, &stats);
	T_EQ(p.n_row, 0, "example: nothing to transfer");
	fc_example_add_row(&s, 2, 1, (uint32_t[]){2}, (float[]){logf(.5f)}, -1);
	fc_example_add_row(&s, 5, 1, (uint32_t[]){5}, (float[]){-1}, -1);
	align_transfer_example(t, &s, &p, K, &stats);
	T_OK(p.n_row == 2 && p.row_tok[0] == 3 && p.row_tok[1] == 5, "example: where the rows are");
	T_NEAR(p.true_logprob[0], log(.5 / 19), 1e-6,
	    "example: no row for \"d\": the tail, shared by all tokens but \"c\"");
	align_transfer_free(t);
	fc_example_release(&s);
	fc_example_release(&p);
}

/* A map that leads a second token to the true one: the entry has both, the true value its own, or,
 * within one tokenizer, the entry's. */
static void test_same_tokens(void)
{
	static const uint32_t map[] = {0, 1, 1};
	struct align_ledger stats = {0};
	for (int same = 0; same < 2; same++) {
		struct fc_example s, p;
		fc_example_init(&s);
		fc_example_init(&p);
		for (uint32_t i = 0; i < 2; i++) {
			fc_example_add_token(&s, i, i + 1, FC_TOK_TRAINED);
			fc_example_add_token(&p, i, i + 1, FC_TOK_TRAINED);
		}
		fc_example_add_row(
		    &s, 1, 2, (uint32_t[]){1, 2}, (float[]){logf(.5f), logf(.25f)}, logf(.5f));
		struct align_transfer *t = align_transfer_new(map, 3, 3);
		if (same)
			align_transfer_same_tokens(t);
		align_transfer_example(t, &s, &p, 2, &stats);
		T_NEAR(exp(p.entry_logprob[0]), .75, 1e-6, "one tokenizer: the entry has both");
		T_NEAR(
		    exp(p.true_logprob[0]), same ? .75 : .5, 1e-6, "one tokenizer: the true value");
		align_transfer_free(t);
		fc_example_release(&s);
		fc_example_release(&p);
	}
}

static void test_identity(void)
{
	uint32_t map[V_SOURCE], id[K];
	float lp[K];
	struct fc_rng rng;
	struct fc_example s, p;
	struct align_ledger stats = {0};
	fc_rng_seed(&rng, 9);
	for (uint32_t i = 0; i < V_SOURCE; i++)
		map[i] = i;
	fc_example_init(&s);
	fc_example_init(&p);
	uint32_t at = 0;
	for (uint32_t i = 0; i < 40; i++) {
		at += (uint32_t)fc_rng_below(&rng, 3);
		uint8_t flags = FC_TOK_FLAGS(i > 9, FC_ROLE_ASSISTANT, FC_PART_CONTENT);
		fc_example_add_token(&s, i % V_SOURCE, at, flags);
		fc_example_add_token(&p, i % V_SOURCE, at, flags);
	}
	for (uint32_t i = 10; i < 40; i++) {
		random_row(&rng, id, lp);
		for (size_t k = 1; k < K; k++) /* as a row must be: no ties out of order */
			lp[k] = lp[k - 1] - .1f;
		fc_example_add_row(&s, i, K, id, lp, -1.5f);
	}
	struct align_transfer *t = align_transfer_new(map, V_SOURCE, V_SOURCE);
	align_transfer_example(t, &s, &p, K, &stats);
	bool same = s.n_row == p.n_row;
	same = same && !memcmp(s.row_tok, p.row_tok, s.n_row * sizeof *s.row_tok) &&
	    !memcmp(s.row_off, p.row_off, (s.n_row + 1) * sizeof *s.row_off) &&
	    !memcmp(s.true_logprob, p.true_logprob, s.n_row * sizeof *s.true_logprob) &&
	    !memcmp(s.entry_id, p.entry_id, s.row_off[s.n_row] * sizeof *s.entry_id) &&
	    !memcmp(s.entry_logprob, p.entry_logprob, s.row_off[s.n_row] * sizeof(float));
	T_OK(same, "identity: rows come out bit for bit");
	T_NEAR(stats.lost[ALIGN_LOSS_UNMAPPED] + stats.lost[ALIGN_LOSS_CUT], 0, 1e-6,
	    "identity: no mass is lost");
	align_transfer_free(t);
	fc_example_release(&s);
	fc_example_release(&p);
}

int main(void)
{
	test_row();
	test_lookup();
	test_random_rows();
	test_move();
	test_straddle();
	test_example();
	test_same_tokens();
	test_identity();
	return t_done();
}
