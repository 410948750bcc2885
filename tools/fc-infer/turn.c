/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-infer/generate.h"
#include "text/utf8.h"

int infer_turn_check(const struct session *s, const struct fc_conversation *c, struct fc_err *e)
{
	struct task t = {.c = *c};
	struct fc_rendered r = {.cut = s->opt->cut};
	int ret = 0;
	if (infer_turn_find(&t, 0)) {
		t.c.n_message = t.turn + 1;
		ret = fc_chat_render(s->chat, &t.c, true, &r, e);
	}
	fc_rendered_release(&r);
	return ret;
}

bool infer_turn_find(struct task *t, size_t from)
{
	const struct fc_conversation *c = &t->c;
	for (t->turn = from; t->turn < c->n_message; t->turn++) {
		const struct fc_message *m = &c->message[t->turn];
		const bool last = t->turn + 1 == c->n_message;
		if (!fc_message_asks(m))
			continue;
		/* several tools that were called at once are answered together */
		if (last || (m[1].role != FC_ROLE_ASSISTANT && (m[1].role || !m[1].speaker)))
			return true;
	}
	return false;
}

static int encode_turns(const struct session *s, const struct fc_conversation *head,
    struct fc_example *x, struct fc_err *e)
{
	struct fc_rendered r = {.cut = s->opt->cut};
	struct fc_err why;
	int ret = 0;
	fc_example_clear(x);
	if (fc_chat_render(s->chat, head, true, &r, &why) < 0 ||
	    fc_rendered_encode(&r, s->tokenizer, s->turn_end, x, &why) < 0)
		ret = fc_fail(e, "conversation %s: %s", head->id, why.msg);
	else if (!x->n_tok)
		ret = fc_fail(e, "conversation %s: the prompt has no tokens", head->id);
	fc_rendered_release(&r);
	return ret;
}

/* Drops the oldest turn, a user's message and what follows it up to the next user's; system
 * messages before the first turn stay.  false: only the open turn is left. */
static bool drop_turn(struct fc_conversation *head)
{
	size_t first = 0, next;
	while (first < head->n_message && head->message[first].role == FC_ROLE_SYSTEM)
		first++;
	for (next = first + 1; next < head->n_message; next++)
		if (head->message[next].role == FC_ROLE_USER)
			break;
	if (next >= head->n_message)
		return false;
	memmove(head->message + first, head->message + next,
	    (head->n_message - next) * sizeof *head->message);
	head->n_message -= next - first;
	return true;
}

/* Truncating makes room for an answer, not for a token of one: --max-new, but no more than a
 * quarter of the context. */
static int cut_to_fit(const struct session *s, struct fc_conversation *head, size_t max_new,
    struct fc_example *x, struct overflow *over, struct fc_err *e)
{
	size_t room = s->max_length / 4 < max_new ? s->max_length / 4 : max_new;
	if (!room)
		room = 1;
	over->n_truncated++;
	while (x->n_tok + room > s->max_length && drop_turn(head)) {
		over->n_turns++;
		if (encode_turns(s, head, x, e) < 0)
			return -1;
	}
	return 0;
}

int infer_turn_prompt(const struct session *s, const struct task *t, struct fc_example *x,
    struct overflow *over, struct fc_err *e)
{
	struct fc_conversation head = t->c;
	head.n_message = t->turn + 1;
	if (encode_turns(s, &head, x, e) < 0)
		return -1;
	if (x->n_tok < s->max_length)
		return 1;
	if (s->opt->long_rule == LONG_SKIP) {
		over->n_skipped++;
		return 0;
	}
	int ret = 0;
	if (s->opt->long_rule == LONG_TRUNCATE) {
		head.message = FC_ARRAY(struct fc_message, head.n_message);
		memcpy(head.message, t->c.message, head.n_message * sizeof *head.message);
		ret = cut_to_fit(s, &head, (size_t)infer_max_new(s->opt, t->c.form), x, over, e);
		free(head.message);
	}
	if (ret < 0)
		return -1;
	if (x->n_tok >= s->max_length)
		return fc_fail(e,
		    "conversation %s: the prompt has %zu tokens%s, the limit is %zu with the "
		    "answer; see --long",
		    t->c.id, x->n_tok,
		    s->opt->long_rule == LONG_TRUNCATE ? " in its last turn" : "", s->max_length);
	return 1;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Are the n bytes at p the start of a character and nothing else? */
static bool is_unfinished(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	const size_t len = *u >= 0xf0 ? 4 : *u >= 0xe0 ? 3 : 2;
	if (*u < 0xc2 || *u > 0xf4 || n >= len)
		return false;
	for (size_t i = 1; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* Appends valid UTF-8 for the n bytes at p. */
static void add_repaired(struct fc_buf *out, const char *p, size_t n)
{
	while (n) {
		const size_t good = fc_utf8_check(p, n);
		fc_buf_add(out, p, good);
		p += good;
		n -= good;
		if (!n || is_unfinished(p, n))
			return;
		fc_buf_adds(out, "\xef\xbf\xbd");
		p++;
		n--;
	}
}

/* Leaves out white space at both ends, as FastChat does. */
static void strip_space(const char **p, size_t *n)
{
	while (*n && is_space(**p)) {
		++*p;
		--*n;
	}
	while (*n && is_space((*p)[*n - 1]))
		--*n;
}

/* Leaves out the first n_lead bytes if they are lead. */
static void leave_one(const char *lead, size_t n_lead, const char **p, size_t *n)
{
	if (n_lead && n_lead <= *n && !memcmp(*p, lead, n_lead)) {
		*p += n_lead;
		*n -= n_lead;
	}
}

/* Leaves out what is put before an answer when it is read again: by the tokenizer behind the last
 * token of the prompt, then by the template. */
static void leave_lead(const struct session *s, uint32_t last, const char **p, size_t *n)
{
	const char *lead = fc_chat_lead(s->chat);
	if (fc_tokenizer_spaces_behind(s->tokenizer, last))
		leave_one(" ", 1, p, n);
	leave_one(lead, strlen(lead), p, n);
}

static void insert_answer(
    struct fc_conversation *c, size_t at, const char *p, size_t n, const char *why)
{
	c->message = fc_realloc(c->message, c->n_message + 1, sizeof *c->message);
	memmove(c->message + at + 1, c->message + at, (c->n_message - at) * sizeof *c->message);
	c->message[at] = (struct fc_message){.role = FC_ROLE_ASSISTANT,
	    .content = fc_memdup0(n ? p : "", n),
	    .n = n,
	    .finish_reason = why ? fc_strdup(why) : NULL};
	c->n_message++;
}

void infer_turn_put(struct task *t, const char *p, size_t n, const char *why, size_t n_token)
{
	if (t->c.form == FC_FORM_QUESTION || t->c.form == FC_FORM_ARENA)
		strip_space(&p, &n);
	insert_answer(&t->c, t->turn + 1, p, n, why);
	FC_GROW(t->answer_tokens, t->cap_answer_tokens, t->n_answer + 1);
	t->answer_tokens[t->n_answer++] = n_token;
}

void infer_turn_answer(const struct session *s, struct task *t, const struct stops *st,
    uint32_t last, const uint32_t *id, size_t n, const char *why)
{
	struct fc_buf bytes = FC_BUF_INIT, text = FC_BUF_INIT;
	fc_tokenizer_decode_on(s->tokenizer, id, n, true, &bytes);
	add_repaired(&text, bytes.p, infer_stops_find(st, bytes.p, bytes.n));
	const char *p = text.p;
	size_t n_text = text.n;
	if (t->c.form != FC_FORM_QUESTION && t->c.form != FC_FORM_ARENA)
		leave_lead(s, last, &p, &n_text);
	infer_turn_put(t, p, n_text, why, n);
	fc_buf_release(&bytes);
	fc_buf_release(&text);
}
