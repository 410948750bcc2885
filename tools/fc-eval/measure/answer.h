/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_ANSWER_H
#define FC_EVAL_ANSWER_H

#include <stdbool.h>

#include "chat/conversation.h"

enum eval_answer_match {
	EVAL_ANSWER_EXACT,       /* equal, but for white space around */
	EVAL_ANSWER_LAST_WORD,   /* the answer's last words are the reference's, see fc-eval(1) */
	EVAL_ANSWER_LAST_NUMBER, /* the last numbers in both are equal; see number.h */
	EVAL_ANSWER_N
};
extern const char *const eval_answer_match_words[];

/* Is it right?  The reference of EVAL_ANSWER_LAST_WORD has as many words as are compared.
 * ignore_case: ASCII letters only. */
bool eval_answer_right(
    const char *answer, const char *reference, enum eval_answer_match match, bool ignore_case);

/* What of an answer is compared, to see whether two end in the same: all of it without white space
 * around, its last word, or its last number in one spelling; new, NULL where there is none. */
char *eval_answer_end(const char *answer, enum eval_answer_match match, bool ignore_case);

/* Where the words that EVAL_ANSWER_LAST_WORD compares are in the answer's n bytes, *len bytes from
 * *at on; false: they are not the reference's, or the reference has none. */
bool eval_answer_last_words(
    const char *answer, size_t n, const char *reference, size_t *at, size_t *len);

/* The conversation's last message if an assistant wrote it, else NULL. */
const char *eval_answer_given(const struct fc_conversation *c);
/* What the answer should be: member "answer" (a string or a number), new, the caller's to free;
 * NULL if it has none. */
char *eval_answer_member(const struct fc_conversation *c);
/* What the answer should be, of a line that is JSON text of n bytes (n may be 0). */
char *eval_answer_member_text(const char *json, size_t n);

#endif
