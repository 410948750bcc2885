/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/answer.h"

#include <stdlib.h>

#include "base/mem.h"
#include "t.h"

static const struct {
	const char *answer, *reference;
	bool exact, last_word;
} cases[] = {
    {"42", "42", true, true},
    {" 42\n", "42", true, true},
    {"It is 42.", "42", false, true},
    {"It is 42", "It is 42", true, true},
    {"It is 142.", "42", false, false},
    {"42 it is", "42", false, false},
    {"It is **42**!", "42", false, true},
    {"They live in New York.", "New York", false, true},
    {"They live in York.", "New York", false, false},
    {"It is a-l-u.", "a-l-u", false, true},
    {"It is -3", "3", false, false},
    {"", "42", false, false},
    {"", "", true, true},
    {"42", "", false, false},
    {"42", "42.0", false, false},
    {"Finnish", "finnish", false, false},
    {"\"Finnish\"", "Finnish", false, true},
    {"So it is ] ) }", "] ) }", false, true},
    {"] ) }", "} ) ]", false, false},
    {"!", "?", false, false},
    {"", "?", false, false},
};

static void test_right(void)
{
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		T_OK(eval_answer_right(cases[i].answer, cases[i].reference, EVAL_ANSWER_EXACT,
			 false) == cases[i].exact,
		    "exact: \"%s\" for \"%s\"", cases[i].answer + (*cases[i].answer == ' '),
		    cases[i].reference);
		T_OK(eval_answer_right(cases[i].answer, cases[i].reference, EVAL_ANSWER_LAST_WORD,
			 false) == cases[i].last_word,
		    "last word: case %zu, for \"%s\"", i, cases[i].reference);
	}
	T_OK(eval_answer_right("FINNISH", "finnish", EVAL_ANSWER_EXACT, true), "ignoring case");
	T_OK(eval_answer_right("It is FINNISH.", "finnish", EVAL_ANSWER_LAST_WORD, true),
	    "ignoring case, last word");
	T_OK(!eval_answer_right("swedish", "finnish", EVAL_ANSWER_EXACT, true), "ignoring no more");
}

static void test_members(void)
{
	struct fc_err e;
	struct fc_conversation c = {0};
	c.extra = fc_json_text("{\"answer\": 7}", 13, "test", &e);
	char *s = eval_answer_member(&c);
	T_STR(s, "7", "a number as reference");
	free(s);
	json_object_set_new(c.extra, "answer", json_string("x y"));
	s = eval_answer_member(&c);
	T_STR(s, "x y", "a string as reference");
	free(s);
	json_object_del(c.extra, "answer");
	T_OK(!eval_answer_member(&c), "no reference");
	T_OK(!eval_answer_given(&c), "no message, no answer");
	fc_conversation_add(&c, FC_ROLE_ASSISTANT, "a", 1);
	T_STR(eval_answer_given(&c), "a", "the last message is the answer");
	fc_conversation_add(&c, FC_ROLE_USER, "b", 1);
	T_OK(!eval_answer_given(&c), "a user's message is none");
	fc_conversation_release(&c);
}

int main(void)
{
	test_right();
	test_members();
	return t_done();
}
