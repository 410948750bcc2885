/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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

static struct words strip(struct words w)
{
	while (w.n && is_space(w.p[w.n - 1]))
		w.n--;
	while (w.n && is_space(*w.p)) {
		w.p++;
		w.n--;
	}
	return w;
}

/* Takes the last word off w; empty when there is none. */
static struct words last_word(struct words *w)
{
	*w = strip(*w);
	size_t n = w->n;
	while (w->n && !is_space(w->p[w->n - 1]))
		w->n--;
	struct words out = {w->p + w->n, n - w->n};
	while (out.n && is_wrapping(out.p[out.n - 1]))
		out.n--;
	while (out.n && is_wrapping(*out.p)) {
		out.p++;
		out.n--;
	}
	return out;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equal(struct words a, struct words b, bool ignore_case)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] != b.p[i] && !(ignore_case && lower(a.p[i]) == lower(b.p[i])))
			return false;
	return true;
}

bool fc_answer_right(
    const char *answer, const char *reference, enum fc_answer_match match, bool ignore_case)
{
	struct words a = strip((struct words){answer, strlen(answer)});
	struct words b = strip((struct words){reference, strlen(reference)});
	if (match == FC_ANSWER_EXACT || b.n == 0)
		return equal(a, b, ignore_case);
	while (b.n) {
		struct words x = last_word(&a), y = last_word(&b);
		if (!equal(x, y, ignore_case))
			return false;
		b = strip(b);
	}
	return true;
}

const char *fc_answer_given(const struct fc_conversation *c)
{
	if (c->n_message == 0 || c->message[c->n_message - 1].role != FC_ROLE_ASSISTANT)
		return NULL;
	return c->message[c->n_message - 1].content;
}

char *fc_answer_member(const struct fc_conversation *c)
{
	const json_t *v = json_object_get(c->extra, "answer");
	struct fc_buf b = FC_BUF_INIT;
	if (json_is_string(v))
		fc_buf_add(&b, json_string_value(v), json_string_length(v));
	else if (json_is_number(v))
		fc_json_dump(&b, v);
	else
		return NULL;
	return fc_buf_detach(&b);
}
