/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/question.h"

static void add_turn(struct fc_conversation *c, const json_t *text)
{
	fc_conversation_add(c, FC_ROLE_USER, json_string_value(text), json_string_length(text));
}

static int parse_turns(
    struct fc_conversation *c, const json_t *turns, const char *where, struct fc_err *e)
{
	size_t i;
	json_t *turn;
	if (!json_is_array(turns) || json_array_size(turns) == 0)
		return fc_fail(e, "%s: \"turns\" is not a list of at least one turn", where);
	c->form = json_is_object(json_array_get(turns, 0)) ? FC_FORM_ARENA : FC_FORM_QUESTION;
	json_array_foreach(turns, i, turn)
	{
		const json_t *text =
		    c->form == FC_FORM_ARENA ? json_object_get(turn, "content") : turn;
		if (!json_is_string(text))
			return fc_fail(e, "%s: turn %zu is not %s", where, i + 1,
			    c->form == FC_FORM_ARENA ? "an object with a \"content\" string"
						     : "a string");
		add_turn(c, text);
	}
	return 0;
}

static int parse_text(
    struct fc_conversation *c, const json_t *line, const char *where, struct fc_err *e)
{
	const json_t *context = json_object_get(line, "context"),
		     *text = json_object_get(line, "text");
	c->form = FC_FORM_TEXT;
	if (json_is_null(context))
		context = NULL;
	if (!json_is_string(text))
		return fc_fail(e, "%s: \"text\" is not a string", where);
	if (context && !json_is_string(context))
		return fc_fail(e, "%s: \"context\" is not a string", where);
	if (context)
		add_turn(c, context);
	fc_conversation_add(
	    c, FC_ROLE_ASSISTANT, json_string_value(text), json_string_length(text));
	return 0;
}

static int parse_question(
    struct fc_conversation *c, json_t *line, const char *where, struct fc_err *e)
{
	const json_t *turns = json_object_get(line, "turns"), *uid = json_object_get(line, "uid"),
		     *prompt = json_object_get(line, "prompt"),
		     *question = json_object_get(line, "question");
	if (turns && !json_is_null(turns)) {
		if (parse_turns(c, turns, where, e) < 0)
			return -1;
		json_object_del(line, "turns");
		return 1;
	}
	if (json_is_string(prompt) && uid && !json_is_null(uid)) {
		c->form = FC_FORM_ARENA;
		add_turn(c, prompt);
		json_object_del(line, "prompt");
		return 1;
	}
	if (question && !json_is_null(question)) {
		if (!json_is_string(question))
			return fc_fail(e, "%s: \"question\" is not a string", where);
		c->form = FC_FORM_MESSAGES;
		add_turn(c, question);
		json_object_del(line, "question");
		return 1;
	}
	return 0;
}

int fc_question_parse(
    struct fc_conversation *c, json_t *line, unsigned kinds, const char *where, struct fc_err *e)
{
	int got = kinds & FC_LINE_QUESTIONS ? parse_question(c, line, where, e) : 0;
	if (got || !(kinds & FC_LINE_TEXTS))
		return got;
	if (parse_text(c, line, where, e) < 0)
		return -1;
	json_object_del(line, "context");
	json_object_del(line, "text");
	return 1;
}
