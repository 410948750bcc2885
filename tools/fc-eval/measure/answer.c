/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-eval/measure/number.h"

const char *const eval_answer_match_words[] = {[EVAL_ANSWER_EXACT] = "exact",
    [EVAL_ANSWER_LAST_WORD] = "last-word",
    [EVAL_ANSWER_LAST_NUMBER] = "last-number",
    NULL};
_Static_assert(FC_LEN(eval_answer_match_words) == EVAL_ANSWER_N + 1, "a word each");

struct words {
	const char *p;
	size_t n;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ASCII punctuation that a sentence may put around a word; a sign or a unit belongs to it. */
static bool is_wrapping(char c)
{
	return c && strchr(".,;:!?\"'`()[]{}*_", c);
}

static struct words strip_space(struct words w)
{
	while (w.n && is_space(w.p[w.n - 1]))
		w.n--;
	while (w.n && is_space(*w.p)) {
		w.p++;
		w.n--;
	}
	return w;
}

/* A word that is nothing but punctuation is that: "]" is no ")". */
static struct words strip_wrapping(struct words w)
{
	const struct words whole = w;
	while (w.n && is_wrapping(w.p[w.n - 1]))
		w.n--;
	while (w.n && is_wrapping(*w.p)) {
		w.p++;
		w.n--;
	}
	return w.n ? w : whole;
}

/* Takes the last word off w; empty when there is none. */
static struct words last_word(struct words *w)
{
	*w = strip_space(*w);
	size_t n = w->n;
	while (w->n && !is_space(w->p[w->n - 1]))
		w->n--;
	return strip_wrapping((struct words){w->p + w->n, n - w->n});
}

static char lower_ascii(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool are_equal(struct words a, struct words b, bool ignore_case)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] != b.p[i] &&
		    !(ignore_case && lower_ascii(a.p[i]) == lower_ascii(b.p[i])))
			return false;
	return true;
}

/* As many of a's last words as b has are b's; *first is then the earliest of them. */
static bool ends_in_words(struct words a, struct words b, bool ignore_case, struct words *first)
{
	while (b.n) {
		struct words x = last_word(&a), y = last_word(&b);
		if (!are_equal(x, y, ignore_case))
			return false;
		*first = x;
		b = strip_space(b);
	}
	return true;
}

bool eval_answer_right(
    const char *answer, const char *reference, enum eval_answer_match match, bool ignore_case)
{
	struct words a = strip_space((struct words){answer, strlen(answer)}), first;
	struct words b = strip_space((struct words){reference, strlen(reference)});
	if (match == EVAL_ANSWER_LAST_NUMBER)
		return eval_number_same_last(answer, reference);
	if (match == EVAL_ANSWER_EXACT || b.n == 0)
		return are_equal(a, b, ignore_case);
	return ends_in_words(a, b, ignore_case, &first);
}

char *eval_answer_end(const char *answer, enum eval_answer_match match, bool ignore_case)
{
	struct words w = strip_space((struct words){answer, strlen(answer)});
	struct fc_buf b = FC_BUF_INIT;
	if (match == EVAL_ANSWER_LAST_NUMBER) {
		if (eval_number_last(&b, answer))
			return fc_buf_detach(&b);
		fc_buf_release(&b);
		return NULL;
	}
	if (match == EVAL_ANSWER_LAST_WORD)
		w = last_word(&w);
	if (!w.n)
		return NULL;
	char *end = fc_memdup0(w.p, w.n);
	for (char *c = end; ignore_case && *c; c++)
		*c = lower_ascii(*c);
	return end;
}

bool eval_answer_last_words(
    const char *answer, size_t n, const char *reference, size_t *at, size_t *len)
{
	struct words a = {answer, n}, b = strip_space((struct words){reference, strlen(reference)}),
		     first;
	if (b.n == 0 || !ends_in_words(a, b, false, &first))
		return false;
	struct words last = last_word(&a);
	*at = (size_t)(first.p - answer);
	*len = (size_t)(last.p + last.n - first.p);
	return true;
}

const char *eval_answer_given(const struct fc_conversation *c)
{
	if (c->n_message == 0 || c->message[c->n_message - 1].role != FC_ROLE_ASSISTANT)
		return NULL;
	return c->message[c->n_message - 1].content;
}

static char *answer_member(const json_t *line)
{
	const json_t *v = json_object_get(line, "answer");
	struct fc_buf b = FC_BUF_INIT;
	if (json_is_string(v))
		fc_buf_add(&b, json_string_value(v), json_string_length(v));
	else if (json_is_number(v))
		fc_json_dump(&b, v);
	else
		return NULL;
	return fc_buf_detach(&b);
}

char *eval_answer_member(const struct fc_conversation *c)
{
	return answer_member(c->extra);
}

char *eval_answer_member_text(const char *json, size_t n)
{
	struct fc_err e;
	json_t *line = n ? fc_json_text(json, n, "line", &e) : NULL;
	char *answer = answer_member(line);
	json_decref(line);
	return answer;
}
