/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chat/chat_impl.h"
#include "text/utf8.h"

/* From the template's output, whose pieces know their message, to segments. */

struct segments {
	const struct fc_chat *chat;
	const struct fc_conversation *c;
	const struct fc_jinja_out *text;
	struct fc_rendered *out;
	bool marked; /* the template has {% generation %}: that is what is trained */
	int after;   /* message whose content ended here, white space aside; -1: none */
};

void fc_rendered_release(struct fc_rendered *r)
{
	fc_buf_release(&r->text);
	free(r->segment);
	*r = (struct fc_rendered){0};
}

size_t fc_chat_space(const char *p, size_t n)
{
	size_t i = 0;
	while (i < n && (p[i] == ' ' || (p[i] >= '\t' && p[i] <= '\r')))
		i++;
	return i;
}

int fc_chat_run(const struct fc_chat *chat, const struct fc_conversation *c, bool generate,
    struct fc_jinja_out *out, struct fc_err *e)
{
	struct fc_jinja_message *m = FC_ARRAY(struct fc_jinja_message, c->n_message);
	int ret = 0;
	for (size_t i = 0; i < c->n_message && ret == 0; i++) {
		const struct fc_message *from = &c->message[i];
		if (fc_utf8_check(from->content, from->n) != from->n)
			ret = fc_fail(e, "message %zu: not UTF-8", i + 1);
		m[i] = (struct fc_jinja_message){
		    .role = fc_role_name(from->role), .content = from->content, .n = from->n};
	}
	const json_t *const vars[] = {chat->vars};
	const struct fc_jinja_input in = {.vars = vars,
	    .n_vars = FC_LEN(vars),
	    .message = m,
	    .n_message = c->n_message,
	    .add_generation_prompt = generate,
	    .now_s = FC_CHAT_NOW};
	if (ret == 0)
		ret = fc_jinja_run(chat->jinja, &in, out, e);
	free(m);
	return ret;
}

static enum fc_role role_of(const struct segments *s, int message)
{
	return message < 0 ? FC_ROLE_NONE : s->c->message[message].role;
}

/* Text up to end becomes a segment; joins the last one where they are alike. */
static void add(struct segments *s, size_t end, enum fc_role role, enum fc_part part, bool trained)
{
	struct fc_rendered *r = s->out;
	struct fc_segment *last = r->n ? &r->segment[r->n - 1] : NULL;
	uint8_t flags = FC_TOK_FLAGS(trained, role, part);
	if (end == (last ? last->end : 0))
		return;
	bool joins = part == FC_PART_CONTENT || part == FC_PART_TEMPLATE;
	if (last && joins && last->flags == flags) {
		last->end = (uint32_t)end;
		return;
	}
	FC_GROW(r->segment, r->cap, r->n + 1);
	r->segment[r->n++] = (struct fc_segment){(uint32_t)end, flags};
}

/* Offset of the next turn end in text[from, end); end if there is none. */
static size_t find_turn_end(const struct segments *s, size_t from, size_t end)
{
	const char *p = s->text->text.p, *mark = s->chat->turn_end;
	size_t n = strlen(mark);
	for (; n && from + n <= end; from++)
		if (p[from] == *mark && !memcmp(p + from, mark, n))
			return from;
	return end;
}

/* Piece i is the template's own text. */
static void add_template(struct segments *s, size_t i)
{
	const struct fc_jinja_piece *piece = &s->text->piece[i];
	const char *text = s->text->text.p;
	size_t at = piece->start, end = piece->end, n_bos = strlen(s->chat->bos);
	int next = i + 1 < s->text->n ? s->text->piece[i + 1].origin : -1;
	bool trained = s->marked && piece->generation;
	enum fc_role other = trained ? FC_ROLE_ASSISTANT : FC_ROLE_NONE;
	if (at == 0 && n_bos && n_bos <= end && !memcmp(text, s->chat->bos, n_bos)) {
		at = n_bos;
		add(s, at, FC_ROLE_NONE, FC_PART_BOS, false);
	}
	/* the space before a content is its first token's in most vocabularies */
	if (next >= 0 && end > at && text[end - 1] == ' ')
		end--;
	size_t mark = find_turn_end(s, at, end);
	bool inside = next >= 0 && i > 0 && s->text->piece[i - 1].origin == next && mark == end;
	if (inside) { /* between two parts of one content */
		enum fc_role role = role_of(s, next);
		add(s, end, role, FC_PART_TEMPLATE,
		    s->marked ? trained : role == FC_ROLE_ASSISTANT);
		return;
	}
	while (at < end) {
		bool near = s->after >= 0 && at + fc_chat_space(text + at, mark - at) == mark;
		enum fc_role role = near && mark < end ? role_of(s, s->after) : other;
		bool t = s->marked ? trained : role == FC_ROLE_ASSISTANT;
		add(s, mark, role, FC_PART_TEMPLATE, t);
		if (!near || mark < end)
			s->after = -1;
		if (mark == end)
			break;
		at = mark + strlen(s->chat->turn_end);
		add(s, at, role, FC_PART_TURN_END, t);
		mark = find_turn_end(s, at, end);
	}
}

static void add_content(struct segments *s, const struct fc_jinja_piece *piece)
{
	enum fc_role role = role_of(s, piece->origin);
	bool trained = s->marked ? piece->generation : role == FC_ROLE_ASSISTANT;
	add(s, piece->end, role, FC_PART_CONTENT, trained);
	s->after = piece->origin;
}

/* A template that drops or rewrites an answer leaves nothing to train on: an error, not a loss. */
static int check_answers(const struct segments *s, struct fc_err *e)
{
	int ret = 0;
	bool *seen = FC_ARRAY(bool, s->c->n_message);
	for (size_t i = 0; i < s->text->n; i++)
		if (s->text->piece[i].origin >= 0)
			seen[s->text->piece[i].origin] = true;
	for (size_t i = 0; i < s->c->n_message && ret == 0; i++) {
		const struct fc_message *m = &s->c->message[i];
		bool blank = fc_chat_space(m->content, m->n) == m->n;
		if (m->role == FC_ROLE_ASSISTANT && !blank && !seen[i])
			ret = fc_fail(e,
			    "message %zu (assistant) does not appear in the text that the chat "
			    "template "
			    "makes",
			    i + 1);
	}
	free(seen);
	return ret;
}

int fc_chat_render(const struct fc_chat *chat, const struct fc_conversation *c, bool generate,
    struct fc_rendered *out, struct fc_err *e)
{
	struct fc_jinja_out text = {0};
	struct segments s = {.chat = chat, .c = c, .text = &text, .out = out, .after = -1};
	int ret = -1;
	out->n = 0;
	fc_buf_clear(&out->text);
	if (fc_chat_run(chat, c, generate, &text, e) < 0 || check_answers(&s, e) < 0)
		goto out;
	for (size_t i = 0; i < text.n; i++)
		s.marked = s.marked || text.piece[i].generation;
	for (size_t i = 0; i < text.n; i++)
		if (text.piece[i].origin >= 0)
			add_content(&s, &text.piece[i]);
		else
			add_template(&s, i);
	fc_buf_add(&out->text, text.text.p, text.text.n);
	ret = 0;
out:
	fc_jinja_out_release(&text);
	return ret;
}
