/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/pair.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chat/columns.h"
#include "chat/message_parse.h"

const char *fc_pair_side_name(enum fc_pair_side s)
{
	static const char *const name[] = {"chosen", "rejected", "source_chosen"};
	return name[s];
}

/* A line's answers, and what stands before them. */
struct source {
	json_t *line, *prompt, *answer[FC_PAIR_SIDES]; /* answer: NULL where there is none */
	const char *id, *where;
};

/* Messages: one, or a list of them. */
static bool is_messages(const json_t *v)
{
	return json_is_object(v) || json_is_array(v);
}

static size_t n_messages(const json_t *v)
{
	return json_is_object(v) ? 1 : json_array_size(v);
}

static json_t *message_at(json_t *v, size_t i)
{
	return json_is_object(v) ? v : json_array_get(v, i);
}

static int check_kinds(const struct source *s, struct fc_err *e)
{
	const bool messages = is_messages(s->answer[0]);
	for (int i = 0; i < FC_PAIR_SIDES; i++) {
		const json_t *v = s->answer[i];
		const char *name = fc_pair_side_name((enum fc_pair_side)i);
		if (!v)
			continue;
		if (!json_is_string(v) && !is_messages(v))
			return fc_fail(
			    e, "%s: \"%s\" is neither text nor messages", s->where, name);
		if (is_messages(v) != messages)
			return fc_fail(e, "%s: \"chosen\" is %s and \"%s\" is %s", s->where,
			    messages ? "messages" : "text", name, messages ? "text" : "messages");
	}
	if (s->prompt && !json_is_string(s->prompt) && !is_messages(s->prompt))
		return fc_fail(e, "%s: \"prompt\" is neither text nor messages", s->where);
	if (s->prompt && is_messages(s->prompt) && !messages)
		return fc_fail(e, "%s: \"prompt\" is messages and \"chosen\" is text", s->where);
	return 0;
}

/* Messages at which all answers begin alike; text before answers in messages is the same prompt
 * once more (UltraFeedback), and is not read. */
static size_t shared_messages(const struct source *s)
{
	size_t n = n_messages(s->answer[0]);
	for (int i = 1; i < FC_PAIR_SIDES; i++) {
		size_t same = 0;
		if (!s->answer[i])
			continue;
		while (same < n && same < n_messages(s->answer[i]) &&
		    json_equal(message_at(s->answer[0], same), message_at(s->answer[i], same)))
			same++;
		n = same;
	}
	return n;
}

/* Bytes at which both texts begin alike, without a broken character, and without the space that
 * ends them, which belongs to the answers, as TRL has it. */
static size_t shared_bytes(const struct source *s)
{
	const char *a = json_string_value(s->answer[0]);
	size_t n = json_string_length(s->answer[0]);
	for (int i = 1; i < FC_PAIR_SIDES; i++) {
		const char *b = json_string_value(s->answer[i]);
		size_t same = 0, most = json_string_length(s->answer[i]);
		if (!b)
			continue;
		while (same < n && same < most && a[same] == b[same])
			same++;
		n = same;
	}
	while (n && ((unsigned char)a[n] & 0xc0) == 0x80)
		n--;
	return n && a[n - 1] == ' ' ? n - 1 : n;
}

static int add_messages(struct fc_conversation *c, json_t *list, size_t first, size_t n,
    bool trained, const struct source *s, struct fc_err *e)
{
	for (size_t i = first; i < n; i++) {
		const json_t *m = message_at(list, i);
		c->form = json_object_get(m, "from") ? FC_FORM_SHAREGPT : FC_FORM_MESSAGES;
		if (fc_message_parse(c, m, c->n_message + 1, s->where, e) < 0)
			return -1;
		struct fc_message *last = &c->message[c->n_message - 1];
		last->untrained = last->untrained || (!trained && last->role == FC_ROLE_ASSISTANT);
	}
	return 0;
}

static bool has_answer(const struct fc_conversation *c)
{
	bool learned = false;
	for (size_t i = 0; i < c->n_message; i++)
		learned = learned ||
		    (c->message[i].role == FC_ROLE_ASSISTANT && !c->message[i].untrained);
	return learned;
}

/* What a side's conversation says besides its messages. */
static void describe_side(struct fc_conversation *c, const struct source *s, enum fc_pair_side side)
{
	struct fc_buf id = FC_BUF_INIT;
	json_t *pair = json_object();
	fc_buf_addf(&id, "%s/%s", s->id, fc_pair_side_name(side));
	c->id = fc_buf_detach(&id);
	json_object_set_new(pair, "id", json_string(s->id));
	json_object_set_new(pair, "side", json_string(fc_pair_side_name(side)));
	c->extra = json_copy(s->line);
	json_object_set_new(c->extra, "pair", pair);
}

/* n_shared: the prompt's messages at the beginning of each answer, where no prompt stands alone. */
static int parse_messages(struct fc_conversation *c, const struct source *s, enum fc_pair_side side,
    size_t n_shared, struct fc_err *e)
{
	json_t *answer = s->answer[side];
	json_t *prompt = n_shared ? answer : s->prompt;
	const size_t n_prompt = n_shared ? n_shared : n_messages(prompt);
	if (add_messages(c, prompt, 0, n_prompt, false, s, e) < 0 ||
	    add_messages(c, answer, n_shared, n_messages(answer), true, s, e) < 0)
		return -1;
	if (!has_answer(c))
		return fc_fail(e, "%s: \"%s\" holds no answer of an assistant behind the prompt",
		    s->where, fc_pair_side_name(side));
	return 0;
}

static int parse_text(struct fc_conversation *c, const struct source *s, enum fc_pair_side side,
    size_t n_shared, struct fc_err *e)
{
	const char *answer = json_string_value(s->answer[side]);
	const char *prompt = s->prompt ? json_string_value(s->prompt) : answer;
	const size_t n_prompt = s->prompt ? json_string_length(s->prompt) : n_shared;
	const size_t n = json_string_length(s->answer[side]);
	c->form = FC_FORM_TEXT;
	c->ends = true;
	if (n == n_shared)
		return fc_fail(e, "%s: \"%s\" has no text%s", s->where, fc_pair_side_name(side),
		    n_shared ? " behind what all answers begin with" : "");
	if (n_prompt)
		fc_conversation_add(c, FC_ROLE_USER, prompt, n_prompt);
	fc_conversation_add(c, FC_ROLE_ASSISTANT, answer + n_shared, n - n_shared);
	return 0;
}

/* WRPO's released data have both preferred answers in one list, that of the sources first. */
static void part_wrpo(struct source *s)
{
	json_t *both = s->answer[FC_PAIR_CHOSEN], *prompt = s->prompt;
	const bool is_it = json_is_array(both) && json_array_size(both) == 2 && prompt &&
	    is_messages(prompt) && n_messages(s->answer[FC_PAIR_REJECTED]) == 1 &&
	    !s->answer[FC_PAIR_SOURCE];
	for (size_t i = 0; is_it && i < 2; i++) {
		const json_t *m = json_array_get(both, i);
		const char *role = json_string_value(json_object_get(m, "role"));
		if (!role || strcmp(role, "assistant") != 0)
			return;
	}
	if (!is_it)
		return;
	s->answer[FC_PAIR_SOURCE] = json_array_get(both, 0);
	s->answer[FC_PAIR_CHOSEN] = json_array_get(both, 1);
}

static int find_shared(const struct source *s, size_t *n_shared, struct fc_err *e)
{
	const bool messages = is_messages(s->answer[0]);
	*n_shared = 0;
	if (json_equal(s->answer[FC_PAIR_CHOSEN], s->answer[FC_PAIR_REJECTED]))
		return fc_fail(e,
		    "%s: \"chosen\" and \"rejected\" are the same; jq -c "
		    "'select(.chosen != .rejected)' leaves such lines out",
		    s->where);
	if (s->prompt && is_messages(s->prompt) && !n_messages(s->prompt))
		return fc_fail(e, "%s: \"prompt\" is empty", s->where);
	if (s->prompt && is_messages(s->prompt) == messages)
		return 0;
	*n_shared = messages ? shared_messages(s) : shared_bytes(s);
	if (!*n_shared)
		return fc_fail(e,
		    "%s: \"chosen\" and \"rejected\" are answers to different prompts: %s",
		    s->where,
		    messages ? "their first messages differ, and no \"prompt\" is messages"
			     : "they begin differently, and there is no \"prompt\"");
	return 0;
}

/* The answers of LLaMA-Factory's alpaca format, text, as an assistant's messages. */
static int wrap_answers(json_t *line, const char *where, struct fc_err *e)
{
	for (int i = 0; i < FC_PAIR_SIDES; i++) {
		const char *name = fc_pair_side_name((enum fc_pair_side)i);
		json_t *v = json_object_get(line, name);
		if (v && !json_is_string(v))
			return fc_fail(e, "%s: \"%s\" is not a string", where, name);
		if (v)
			json_object_set_new(
			    line, name, json_pack("{s:s, s:O}", "role", "assistant", "content", v));
	}
	return 0;
}

/* The conversation beside the answers of its sharegpt format. */
static json_t *sharegpt_prompt(const json_t *line, const char *where, struct fc_err *e)
{
	json_t *list = json_object_get(line, "conversations");
	if (json_is_array(list))
		return json_incref(list);
	fc_fail(e, "%s: \"conversations\" is not a list", where);
	return NULL;
}

/* A new line of TRL's shape; NULL: error. */
static json_t *as_trl(const json_t *from, enum fc_shape shape, const char *where, struct fc_err *e)
{
	static const char *const used[] = {"instruction", "input", "history", "conversations"};
	json_t *line = json_copy((json_t *)(uintptr_t)from), *prompt;
	if (shape == FC_SHAPE_PAIR)
		return line;
	fc_columns_wrap_tools(line);
	if (shape == FC_SHAPE_ALPACA_PAIR && wrap_answers(line, where, e) < 0)
		prompt = NULL;
	else if (shape == FC_SHAPE_ALPACA_PAIR)
		prompt = fc_columns_alpaca_prompt(from, where, e);
	else
		prompt = sharegpt_prompt(from, where, e);
	if (!prompt) {
		json_decref(line);
		return NULL;
	}
	for (size_t i = 0; i < FC_LEN(used); i++)
		json_object_del(line, used[i]);
	json_object_set_new(line, "prompt", prompt);
	return line;
}

static int parse_sides(
    struct fc_conversation side[FC_PAIR_SIDES], struct source *s, struct fc_err *e)
{
	size_t n_shared;
	int n = 0, ret = 0;
	if (json_object_get(s->line, "pair"))
		return fc_fail(
		    e, "%s: \"pair\" is what this program adds; give it another name", s->where);
	part_wrpo(s);
	if (check_kinds(s, e) < 0 || find_shared(s, &n_shared, e) < 0)
		return -1;
	for (; ret == 0 && n < FC_PAIR_SIDES && s->answer[n]; n++) {
		const enum fc_pair_side at = (enum fc_pair_side)n;
		struct fc_conversation *c = &side[n];
		*c = (struct fc_conversation){0};
		describe_side(c, s, at);
		ret = is_messages(s->answer[n]) ? parse_messages(c, s, at, n_shared, e)
						: parse_text(c, s, at, n_shared, e);
		if (ret == 0)
			ret = fc_columns_system(c, c->extra, s->where, e);
	}
	if (ret == 0)
		return n;
	while (n > 0)
		fc_conversation_release(&side[--n]);
	return -1;
}

int fc_pair_parse(struct fc_conversation side[FC_PAIR_SIDES], const json_t *line,
    enum fc_shape shape, const char *id, const char *where, struct fc_err *e)
{
	static const char *const members[] = {
	    "id", "prompt", "chosen", "rejected", "source_chosen"};
	json_t *trl = as_trl(line, shape, where, e);
	if (!trl)
		return -1;
	struct source s = {.line = json_copy(trl), .id = id, .where = where};
	s.prompt = json_object_get(trl, "prompt");
	if (json_is_null(s.prompt))
		s.prompt = NULL;
	for (int i = 0; i < FC_PAIR_SIDES; i++) {
		s.answer[i] = json_object_get(trl, fc_pair_side_name((enum fc_pair_side)i));
		if (json_is_null(s.answer[i]))
			s.answer[i] = NULL;
	}
	for (size_t i = 0; i < FC_LEN(members); i++)
		json_object_del(s.line, members[i]);
	const int n = parse_sides(side, &s, e);
	json_decref(s.line);
	json_decref(trl);
	return n;
}
