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
	bool *whole; /* [n_message] more than its content appears: header to end is what it says */
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

/* Tools as the JSON text that some data sets have, read; *tools NULL: they are no text. */
static int read_tools(const struct fc_conversation *c, json_t **tools, struct fc_err *e)
{
	const json_t *v = json_object_get(c->extra, "tools");
	*tools = NULL;
	if (!json_is_string(v))
		return 0;
	json_t *list = fc_json_text(json_string_value(v), json_string_length(v), "\"tools\"", e);
	if (!list)
		return -1;
	*tools = json_pack("{s:o}", "tools", list);
	return 0;
}

/* What the template calls the speaker.  LLaMA-Factory's "observation" of ShareGPT is a tool's
 * message for a template that asks for tools by name, and for no observations. */
static const char *role_for(const struct fc_jinja *jinja, const struct fc_message *m)
{
	const char *role = fc_message_role(m);
	const bool renamed = !strcmp(role, "observation") &&
	    !fc_jinja_spells(jinja, "observation") && fc_jinja_spells(jinja, "tool");
	return renamed ? "tool" : role;
}

static int put_message(const struct fc_jinja *jinja, const struct fc_message *from, size_t number,
    struct fc_jinja_message *to, struct fc_err *e)
{
	if (fc_utf8_check(from->content, from->n) != from->n)
		return fc_fail(e, "message %zu: not UTF-8", number);
	if (!fc_message_is_known(from) &&
	    !(from->speaker && fc_jinja_mentions(jinja, from->speaker)))
		return fc_fail(e,
		    "message %zu: unknown role \"%.40s\", which the chat template does not know "
		    "either; expected system, user, assistant or tool",
		    number, fc_message_role(from));
	*to = (struct fc_jinja_message){.role = role_for(jinja, from),
	    .content = from->no_text ? NULL : from->content,
	    .n = from->n,
	    .members = from->members};
	return 0;
}

int fc_chat_run(const struct fc_chat *chat, const struct fc_conversation *c, bool generate,
    bool trial, struct fc_jinja_out *out, struct fc_err *e)
{
	struct fc_jinja_message *m = FC_ARRAY(struct fc_jinja_message, c->n_message);
	const json_t *given = json_object_get(c->extra, "tools");
	const bool has_tools = given && !json_is_null(given) && chat->jinja_tools;
	const struct fc_jinja *jinja = has_tools ? chat->jinja_tools : chat->jinja;
	json_t *tools;
	int ret = read_tools(c, &tools, e);
	for (size_t i = 0; i < c->n_message && ret == 0; i++)
		ret = put_message(jinja, &c->message[i], i + 1, &m[i], e);
	const json_t *const vars[] = {chat->none, c->extra,
	    json_object_get(c->extra, "chat_template_kwargs"), tools, chat->vars};
	const struct fc_jinja_input in = {.vars = vars,
	    .n_vars = FC_LEN(vars),
	    .message = m,
	    .n_message = c->n_message,
	    .add_generation_prompt = generate,
	    .now_s = FC_CHAT_NOW,
	    .trial = trial};
	if (ret == 0)
		ret = fc_jinja_run(jinja, &in, out, e);
	json_decref(tools);
	free(m);
	return ret;
}

static enum fc_role role_of(const struct segments *s, int message)
{
	return message < 0 ? FC_ROLE_NONE : s->c->message[message].role;
}

/* Is what message says to be learned? */
static bool learns_message(const struct segments *s, int message)
{
	return role_of(s, message) == FC_ROLE_ASSISTANT && !s->c->message[message].untrained;
}

/* Text up to end becomes a segment; joins the last one where they are alike. */
static void add_segment(
    struct segments *s, size_t end, enum fc_role role, enum fc_part part, bool trained)
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

/* Behind the last header of an assistant's turn in text[from, end); end if there is none. */
static size_t behind_header(const struct segments *s, size_t from, size_t end)
{
	const char *header = s->chat->header;
	const size_t n = strlen(header);
	for (size_t at = end; n && at >= from + n; at--)
		if (!memcmp(s->text->text.p + at - n, header, n))
			return at;
	return end;
}

/* The message that piece i, inside {% generation %}, belongs to; -1: none. */
static int owner_of(const struct segments *s, size_t i)
{
	const struct fc_jinja_piece *p = s->text->piece;
	if (p[i].origin >= 0)
		return p[i].origin;
	if (i > 0 && p[i - 1].generation && p[i - 1].origin >= 0)
		return p[i - 1].origin;
	return i + 1 < s->text->n && p[i + 1].generation ? p[i + 1].origin : -1;
}

/* Is piece i inside {% generation %}, and not of a message that is untrained? */
static bool is_generated(const struct segments *s, size_t i)
{
	const int message = owner_of(s, i);
	return s->text->piece[i].generation && !(message >= 0 && s->c->message[message].untrained);
}

/* Template text of piece i, whose pieces before and behind are of one message. */
static void add_between(struct segments *s, size_t i, size_t end)
{
	const int message = s->text->piece[i + 1].origin;
	add_segment(s, end, role_of(s, message), FC_PART_TEMPLATE,
	    s->marked ? is_generated(s, i) : learns_message(s, message));
}

/* text[at, end), all of it the template's own and of piece i. */
static void add_outside(struct segments *s, size_t i, size_t at, size_t end)
{
	const char *text = s->text->text.p;
	/* that a truncated answer ends is nothing that its model said */
	const bool is_truncated =
	    s->after >= 0 && fc_message_is_truncated(&s->c->message[s->after]);
	const bool trained = s->marked && !is_truncated && is_generated(s, i);
	const enum fc_role other = trained ? FC_ROLE_ASSISTANT : FC_ROLE_NONE;
	size_t mark = find_turn_end(s, at, end);
	while (at < end) {
		bool near = s->after >= 0 &&
		    (at + fc_chat_space(text + at, mark - at) == mark ||
			(s->whole[s->after] && mark < end));
		enum fc_role role = near && mark < end ? role_of(s, s->after) : other;
		bool t = s->marked
		    ? trained
		    : near && mark < end && !is_truncated && learns_message(s, s->after);
		add_segment(s, mark, role, FC_PART_TEMPLATE, t);
		if (!near || mark < end)
			s->after = -1;
		if (mark == end)
			break;
		at = mark + strlen(s->chat->turn_end);
		add_segment(s, at, role, FC_PART_TURN_END, t);
		mark = find_turn_end(s, at, end);
	}
}

/* Of the template's text[at, end) before message next's content: where what counts as content
 * begins.  A space there is the first word's in most vocabularies; but an answer begins where the
 * prompt that asks for it ends. */
static size_t content_start(const struct segments *s, int next, size_t at, size_t end)
{
	const char *text = s->text->text.p, *lead = s->chat->lead;
	if (s->out->cut != FC_CUT_PROMPT || role_of(s, next) != FC_ROLE_ASSISTANT || !lead)
		return end > at && text[end - 1] == ' ' ? end - 1 : end;
	const size_t n = strlen(lead);
	return n <= end - at && !memcmp(text + end - n, lead, n) ? end - n : end;
}

/* Piece i is the template's own text. */
static void add_template(struct segments *s, size_t i)
{
	const struct fc_jinja_piece *piece = &s->text->piece[i];
	const char *text = s->text->text.p;
	size_t at = piece->start, end = piece->end, n_bos = strlen(s->chat->bos);
	int next = i + 1 < s->text->n ? piece[1].origin : -1;
	if (at == 0 && n_bos && n_bos <= end && !memcmp(text, s->chat->bos, n_bos)) {
		at = n_bos;
		add_segment(s, at, FC_ROLE_NONE, FC_PART_BOS, false);
	}
	if (next >= 0)
		end = content_start(s, next, at, end);
	if (next >= 0 && i > 0 && piece[-1].origin == next && piece[-1].from != FC_JINJA_ASIDE &&
	    piece[1].from != FC_JINJA_ASIDE && find_turn_end(s, at, end) == end) {
		add_between(s, i, end);
		return;
	}
	size_t head = end; /* what a whole message begins with behind its header */
	if (next >= 0 && s->whole[next] && !s->marked)
		head = behind_header(s, at, end);
	add_outside(s, i, at, head);
	if (head < end)
		add_segment(s, end, role_of(s, next), FC_PART_TEMPLATE, learns_message(s, next));
}

static void add_content(struct segments *s, size_t i)
{
	const struct fc_jinja_piece *piece = &s->text->piece[i];
	const bool aside = piece->from == FC_JINJA_ASIDE;
	add_segment(s, piece->end, role_of(s, piece->origin), FC_PART_CONTENT,
	    s->marked ? is_generated(s, i) : !aside && learns_message(s, piece->origin));
	s->after = aside ? -1 : piece->origin;
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
		if (m->role == FC_ROLE_ASSISTANT && !m->untrained && !blank && !seen[i])
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
	if (fc_chat_run(chat, c, generate, false, &text, e) < 0 || check_answers(&s, e) < 0)
		goto out;
	s.whole = FC_ARRAY(bool, c->n_message);
	for (size_t i = 0; i < text.n; i++) {
		const struct fc_jinja_piece *p = &text.piece[i];
		s.marked = s.marked || p->generation;
		if (p->origin >= 0 && p->from == FC_JINJA_MEMBER)
			s.whole[p->origin] = c->message[p->origin].role == FC_ROLE_ASSISTANT;
	}
	for (size_t i = 0; i < text.n; i++)
		if (text.piece[i].origin >= 0)
			add_content(&s, i);
		else
			add_template(&s, i);
	fc_buf_add(&out->text, text.text.p, text.text.n);
	ret = 0;
out:
	free(s.whole);
	fc_jinja_out_release(&text);
	return ret;
}
