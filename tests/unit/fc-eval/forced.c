/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/forced.h"

#include "t.h"

/* The text "Q It is 4 2.$" as tokens of one word each; the answer is from "It" on, $ ends the turn.
 * rows: a letter for each of the six trained tokens: right, wrong, - none, e without entries, p
 * right behind an id without a token, x nothing but those. */
static enum eval_forced verdict(const char *rows, const char *meta, enum eval_answer_match match)
{
	static const char text[] = "Q It is 4 2.$";
	static const uint32_t end[] = {1, 4, 7, 9, 11, 12, 13};
	struct fc_example x;
	struct fc_err e;
	enum eval_forced v = EVAL_FORCED_UNKNOWN;
	fc_example_init(&x);
	fc_buf_adds(&x.id, "c");
	fc_buf_adds(&x.text, text);
	fc_buf_adds(&x.meta, meta);
	for (uint32_t t = 0; t < 7; t++)
		fc_example_add_token(&x, t, end[t],
		    FC_TOK_FLAGS(t > 0, t ? FC_ROLE_ASSISTANT : FC_ROLE_USER,
			t == 6 ? FC_PART_TURN_END : FC_PART_CONTENT));
	for (uint32_t t = 1; t < 7; t++) {
		const char c = rows[t - 1];
		const uint32_t first = c == 'r' ? t : c == 'p' || c == 'x' ? 40 : 9;
		const uint32_t id[] = {first, c == 'p' ? t : c == 'x' ? 41 : 8};
		const float logprob[] = {-.5f, -1};
		if (c != '-')
			fc_example_add_row(&x, t, c == 'e' ? 0 : 2, id, logprob, -1);
	}
	if (eval_forced_of(&v, &x, 40, match, "s", &e) < 0)
		v = 99;
	fc_example_release(&x);
	return v;
}

int main(void)
{
	static const struct {
		const char *rows, *meta;
		enum eval_answer_match match;
		int want;
		const char *what;
	} t[] = {
	    {"rrrrrr", "", EVAL_ANSWER_EXACT, EVAL_FORCED_RIGHT, "every token"},
	    {"rrrrrw", "", EVAL_ANSWER_EXACT, EVAL_FORCED_WRONG, "the end of the turn counts"},
	    {"wrrrrr", "", EVAL_ANSWER_EXACT, EVAL_FORCED_WRONG, "so does the first"},
	    {"rr-rrr", "", EVAL_ANSWER_EXACT, EVAL_FORCED_UNKNOWN, "a missing row"},
	    {"rrerrr", "", EVAL_ANSWER_EXACT, EVAL_FORCED_UNKNOWN, "a row without entries"},
	    {"rr-rwr", "", EVAL_ANSWER_EXACT, EVAL_FORCED_WRONG, "wrong behind a missing row"},
	    {"rrprrr", "", EVAL_ANSWER_EXACT, EVAL_FORCED_RIGHT,
		"an id without a token is never written"},
	    {"rrxrrr", "", EVAL_ANSWER_EXACT, EVAL_FORCED_UNKNOWN, "only ids without a token"},
	    {"------", "", EVAL_ANSWER_EXACT, EVAL_FORCED_UNKNOWN, "no row at all"},
	    {"wwwrrw", "{\"answer\":2}", EVAL_ANSWER_LAST_WORD, EVAL_FORCED_RIGHT,
		"one word: its token and the next"},
	    {"rrrwrr", "{\"answer\":2}", EVAL_ANSWER_LAST_WORD, EVAL_FORCED_WRONG,
		"the word is wrong"},
	    {"rrrrwr", "{\"answer\":2}", EVAL_ANSWER_LAST_WORD, EVAL_FORCED_WRONG,
		"the next is wrong"},
	    {"wwrrrw", "{\"answer\":\"4 2\"}", EVAL_ANSWER_LAST_WORD, EVAL_FORCED_RIGHT,
		"two words, and the token behind them"},
	    {"wwrrww", "{\"answer\":\"4 2\"}", EVAL_ANSWER_LAST_WORD, EVAL_FORCED_WRONG,
		"which must be right"},
	    {"wwwrrr", "{\"answer\":\"4 2\"}", EVAL_ANSWER_LAST_WORD, EVAL_FORCED_WRONG,
		"the first of the words is wrong"},
	    {"rr-rrr", "{\"answer\":\"4 2\"}", EVAL_ANSWER_LAST_WORD, EVAL_FORCED_UNKNOWN,
		"one has no row"},
	    {"-----r", "{\"answer\":\"4 2\"}", EVAL_ANSWER_LAST_WORD, EVAL_FORCED_UNKNOWN,
		"none has"},
	    {"rrrrrr", "{\"answer\":\"3\"}", EVAL_ANSWER_LAST_WORD, 99,
		"a text that ends otherwise"},
	    {"rrrrrr", "{}", EVAL_ANSWER_LAST_WORD, 99, "no reference"},
	    {"rrrrrr", "{\"answer\":\" \"}", EVAL_ANSWER_LAST_WORD, 99,
		"a reference without words"},
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		T_EQ((int)verdict(t[i].rows, t[i].meta, t[i].match), t[i].want, t[i].what);
	return t_done();
}
