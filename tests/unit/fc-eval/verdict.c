/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/verdict.h"

#include "t.h"
#include "text/json.h"

static double rating(const char *s, enum eval_verdict_rule rule)
{
	size_t n = strlen(s);
	struct eval_rating r = eval_verdict_rating(s, n, rule);
	return r.found ? r.value : -1;
}

/* The worked ratings of FastChat's own regular expressions. */
static void test_worked(void)
{
	if (!t_shared()) {
		t_skip("no shared inputs");
		return;
	}
	char path[4096];
	struct fc_err e;
	snprintf(path, sizeof path, "%s/cases/14_mtbench.json", t_shared());
	json_t *file = fc_json_file(path, &e), *c;
	size_t i;
	json_array_foreach(json_object_get(file, "cases"), i, c)
	{
		if (strcmp(json_string_value(json_object_get(c, "kind")), "rating"))
			continue;
		const char *judgment = json_string_value(json_object_get(c, "judgment"));
		T_NEAR(rating(judgment, EVAL_VERDICT_FASTCHAT),
		    json_number_value(json_object_get(c, "rating")), 0, judgment);
	}
	T_OK(i >= 13, "all cases were there");
	json_decref(file);
}

static void test_rating(void)
{
	static const struct {
		const char *text;
		double fastchat, strict;
	} v[] = {
	    {"", -1, -1},
	    {"[[8.]]", 8, 8},
	    {"[[08]]", 8, 8},
	    {"[[]] [[x]] [[7]]", 7, 7},
	    {"see [1] only", 1, -1},
	    {"[[11]]", 11, -1},
	    {"[[0]]", 0, -1},
	    {"[[0.5]] [[1]]", 0.5, 1},
	    {"[[8/10]]", -1, 8},
	    {"[[ 8 ]]", -1, 8},
	    {"[[8/10]] or [3]", 3, 8},
	    {"for example [[5]]; Rating: [[9]]", 5, 9},
	    {"[[[7]]]", 7, 7},
	    {"[[1.2.3]]", -1, -1},
	    {"[[8", -1, -1},
	    {"[[8]", 8, -1}, /* the second pattern begins at the second bracket */
	    {"\xef\xbc\x98 [[\xef\xbc\x98]]", -1, -1}, /* a fullwidth digit */
	    {"<think>[[2]]</think>[[8]]", 8, 8},
	    {" \n<think>[[2]]", -1, -1},
	    {"it was [[2]]</think> [[8]]", 8, 8},
	    {"[[8]], although it says <think>[[2]]</think>", 8, 2},
	};
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		T_NEAR(rating(v[i].text, EVAL_VERDICT_FASTCHAT), v[i].fastchat, 0, v[i].text);
		T_NEAR(rating(v[i].text, EVAL_VERDICT_STRICT), v[i].strict, 0, v[i].text);
	}
	/* NULs are text */
	struct eval_rating r = eval_verdict_rating("a\0[[7]]", 7, EVAL_VERDICT_FASTCHAT);
	T_OK(r.found && r.value == 7, "behind a NUL");
	r = eval_verdict_rating("[[7]]", 4, EVAL_VERDICT_FASTCHAT);
	T_OK(r.found, "[[7] has a number in single brackets");
	r = eval_verdict_rating("[[7]]", 3, EVAL_VERDICT_FASTCHAT);
	T_OK(!r.found, "nothing is read behind the end");
}

static void test_write(void)
{
	static const struct {
		const char *text, *written;
	} v[] = {{"[[8]]", "8"}, {"[[8.0]]", "8.0"}, {"[[8.]]", "8.0"}, {"[[7.5]]", "7.5"},
	    {"[[8.1]]", "8.1"}, {"none", "-1"}};
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct fc_buf b = FC_BUF_INIT;
		eval_rating_write(
		    &b, eval_verdict_rating(v[i].text, strlen(v[i].text), EVAL_VERDICT_FASTCHAT));
		T_STR(b.p, v[i].written, v[i].text);
		fc_buf_release(&b);
	}
}

/* A text, and who wins by it. */
struct reading {
	const char *text;
	enum eval_winner fastchat, strict;
};

static void read_all(enum eval_winner (*read)(const char *, size_t, enum eval_verdict_rule),
    const struct reading *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const size_t len = strlen(v[i].text);
		T_EQ(read(v[i].text, len, EVAL_VERDICT_FASTCHAT), v[i].fastchat, v[i].text);
		T_EQ(read(v[i].text, len, EVAL_VERDICT_STRICT), v[i].strict, v[i].text);
	}
}

static void test_winner(void)
{
	static const struct reading v[] = {
	    {"[[A]]", EVAL_WINNER_A, EVAL_WINNER_A},
	    {"so [[B]].", EVAL_WINNER_B, EVAL_WINNER_B},
	    {"[[C]]", EVAL_WINNER_TIE, EVAL_WINNER_TIE},
	    {"[A] [[D]]", EVAL_WINNER_ERROR, EVAL_WINNER_ERROR},
	    {"not [[A]] but [[B]]", EVAL_WINNER_A, EVAL_WINNER_B},
	    {"not [[B]] but [[A]]", EVAL_WINNER_A, EVAL_WINNER_A},
	    {"[[C]] [[B]] [[C]]", EVAL_WINNER_B, EVAL_WINNER_TIE},
	    {"[[ A ]]", EVAL_WINNER_ERROR, EVAL_WINNER_A},
	    {"[[A]] no, [[\tB\n]]", EVAL_WINNER_A, EVAL_WINNER_B},
	    {"[[[B]]]", EVAL_WINNER_B, EVAL_WINNER_B},
	    {"[[A B]] [[]] [[", EVAL_WINNER_ERROR, EVAL_WINNER_ERROR},
	};
	read_all(eval_verdict_winner, v, sizeof v / sizeof *v);
}

static void test_pair(void)
{
	static const struct reading v[] = {
	    {"[[B]]", EVAL_WINNER_B, EVAL_WINNER_B},
	    {"[[8,6]]", EVAL_WINNER_A, EVAL_WINNER_A},
	    {"<think>[[8,6]]</think> [[5, 6]]", EVAL_WINNER_B, EVAL_WINNER_B},
	    {"[[8,6]] so [[B]]", EVAL_WINNER_B, EVAL_WINNER_B},
	    {"items [1, 2]", EVAL_WINNER_ERROR, EVAL_WINNER_ERROR},
	};
	read_all(eval_verdict_pair, v, sizeof v / sizeof *v);
}

static void test_ratings(void)
{
	static const struct reading v[] = {
	    {"[[8,6]]", EVAL_WINNER_A, EVAL_WINNER_A},
	    {"[[6.5, 8]]", EVAL_WINNER_B, EVAL_WINNER_B},
	    {"[[7,7.1]]", EVAL_WINNER_TIE, EVAL_WINNER_TIE},
	    {"[[7,7.2]]", EVAL_WINNER_B, EVAL_WINNER_B},
	    {"[7,6]", EVAL_WINNER_A, EVAL_WINNER_ERROR},
	    {"[[7,  6]]", EVAL_WINNER_ERROR, EVAL_WINNER_A},
	    {"[[ 7/10 , 8/10 ]]", EVAL_WINNER_ERROR, EVAL_WINNER_B},
	    {"[[7]]", EVAL_WINNER_ERROR, EVAL_WINNER_ERROR},
	    {"[[7,11]]", EVAL_WINNER_B, EVAL_WINNER_ERROR},
	    {"[1,2] [[9,3]]", EVAL_WINNER_A, EVAL_WINNER_A},
	    {"[[2,1]] so [[1,2]]", EVAL_WINNER_A, EVAL_WINNER_B},
	};
	read_all(eval_verdict_ratings, v, sizeof v / sizeof *v);
}

static void test_arena(void)
{
	static const struct {
		const char *text, *verdict;
		size_t n;
	} v[] = {
	    {"My final verdict: [[A>>B]]", "A>>B", 1},
	    {"[[B>A]] as said: [[B>A]]", "B>A", 2},
	    {"[[B>A]] or [[B>>A]]", NULL, 2},
	    {"[[A=B]]", "A=B", 1},
	    {"A>B", NULL, 0},
	    {"[[A<B]]", NULL, 1}, /* the pattern allows it, no verdict is called so */
	    {"[[]]", NULL, 0},
	};
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		size_t n;
		const char *got =
		    eval_verdict_arena(v[i].text, strlen(v[i].text), EVAL_VERDICT_FASTCHAT, &n);
		T_EQ(n, v[i].n, v[i].text);
		T_STR(got ? got : "none", v[i].verdict ? v[i].verdict : "none", v[i].text);
	}
}

/* The last one, blanks aside. */
static void test_arena_strict(void)
{
	static const struct {
		const char *text, *verdict;
	} v[] = {{"My verdict: [[ A>>B ]]", "A>>B"}, {"[[B > A]]", "B>A"},
	    {"[[B>A]] or [[B>>A]]", "B>>A"}, {"[[A<B]]", "none"}, {"[A>B]", "none"}};
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		size_t n;
		const char *got =
		    eval_verdict_arena(v[i].text, strlen(v[i].text), EVAL_VERDICT_STRICT, &n);
		T_STR(got ? got : "none", v[i].verdict, v[i].text);
		T_OK((n > 0) == (got != NULL), "%s", v[i].text);
	}
}

int main(void)
{
	test_worked();
	test_rating();
	test_write();
	test_winner();
	test_ratings();
	test_pair();
	test_arena();
	test_arena_strict();
	return t_done();
}
