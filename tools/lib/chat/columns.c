/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/columns.h"

#include <string.h>

#include "base/mem.h"
#include "chat/message_parse.h"

/* A member that is text; NULL also where it is missing, null or empty. */
static int get_text(
    const json_t *line, const char *key, const json_t **text, const char *where, struct fc_err *e)
{
	const json_t *v = json_object_get(line, key);
	*text = NULL;
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return fc_fail(e, "%s: \"%s\" is not a string", where, key);
	if (json_string_length(v))
		*text = v;
	return 0;
}

static void append(json_t *list, const char *role, const json_t *content)
{
	json_t *m = json_object();
	json_object_set_new(m, "role", json_string(role));
	json_object_set(m, "content", (json_t *)(uintptr_t)content);
	json_array_append_new(list, m);
}

static int append_history(json_t *list, const json_t *history, const char *where, struct fc_err *e)
{
	size_t i;
	json_t *pair;
	if (!history || json_is_null(history))
		return 0;
	if (!json_is_array(history))
		return fc_fail(e, "%s: \"history\" is not a list", where);
	json_array_foreach(history, i, pair)
	{
		const json_t *asked = json_array_get(pair, 0), *answer = json_array_get(pair, 1);
		if (json_array_size(pair) != 2 || !json_is_string(asked) || !json_is_string(answer))
			return fc_fail(e,
			    "%s: \"history\": turn %zu is not a list of a question and an answer",
			    where, i + 1);
		append(list, "user", asked);
		append(list, "assistant", answer);
	}
	return 0;
}

/* Instruction and input, as one text. */
static json_t *join_question(const json_t *instruction, const json_t *input)
{
	struct fc_buf b = FC_BUF_INIT;
	if (instruction)
		fc_buf_add(&b, json_string_value(instruction), json_string_length(instruction));
	if (instruction && input)
		fc_buf_addc(&b, '\n');
	if (input)
		fc_buf_add(&b, json_string_value(input), json_string_length(input));
	json_t *v = json_stringn(b.p ? b.p : "", b.n);
	fc_buf_release(&b);
	return v;
}

json_t *fc_columns_alpaca_prompt(const json_t *line, const char *where, struct fc_err *e)
{
	const json_t *instruction, *input;
	json_t *list = json_array();
	if (get_text(line, "instruction", &instruction, where, e) < 0 ||
	    get_text(line, "input", &input, where, e) < 0)
		goto fail;
	if (!instruction && !input) {
		fc_fail(e, "%s: \"instruction\" is empty", where);
		goto fail;
	}
	if (append_history(list, json_object_get(line, "history"), where, e) < 0)
		goto fail;
	json_t *question = join_question(instruction, input);
	append(list, "user", question);
	json_decref(question);
	return list;
fail:
	json_decref(list);
	return NULL;
}

static int add_all(
    struct fc_conversation *c, const json_t *list, const char *where, struct fc_err *e)
{
	size_t i;
	json_t *m;
	json_array_foreach(list, i, m)
	{
		if (fc_message_parse(c, m, i + 1, where, e) < 0)
			return -1;
	}
	return 0;
}

int fc_columns_system(struct fc_conversation *c, json_t *line, const char *where, struct fc_err *e)
{
	const json_t *v;
	if (get_text(line, "system", &v, where, e) < 0)
		return -1;
	if (!v)
		return 0;
	if (c->form == FC_FORM_TEXT)
		return fc_fail(e, "%s: \"system\" beside text, which no template reads", where);
	const char *p = json_string_value(v);
	const size_t n = json_string_length(v);
	const struct fc_message *first = &c->message[0];
	if (first->role != FC_ROLE_SYSTEM) {
		fc_conversation_add(c, FC_ROLE_SYSTEM, p, n);
		const struct fc_message system = c->message[c->n_message - 1];
		memmove(c->message + 1, c->message, (c->n_message - 1) * sizeof *c->message);
		c->message[0] = system;
	} else if (first->n != n || memcmp(first->content, p, n) != 0) {
		return fc_fail(e,
		    "%s: \"system\" says something else than the first message, a system's; "
		    "remove one",
		    where);
	}
	json_object_del(line, "system");
	return 0;
}

static void delete_members(json_t *line, const char *const *keys)
{
	for (; *keys; keys++)
		json_object_del(line, *keys);
}

int fc_columns_alpaca(struct fc_conversation *c, json_t *line, const char *where, struct fc_err *e)
{
	static const char *const used[] = {"instruction", "input", "output", "history", NULL};
	const json_t *output = json_object_get(line, "output");
	c->form = FC_FORM_MESSAGES;
	if (!json_is_string(output))
		return fc_fail(e, "%s: \"output\" is not a string", where);
	json_t *list = fc_columns_alpaca_prompt(line, where, e);
	if (!list)
		return -1;
	append(list, "assistant", output);
	const int ret = add_all(c, list, where, e);
	json_decref(list);
	if (ret < 0)
		return -1;
	delete_members(line, used);
	return fc_columns_system(c, line, where, e);
}

/* One message counts as a list of it. */
static json_t *list_of(json_t *v)
{
	return json_is_object(v) ? json_pack("[O]", v) : json_incref(v);
}

/* "train": false in every assistant's message, in copies. */
static json_t *untrained_list(json_t *v)
{
	json_t *from = list_of(v), *list = json_array(), *m;
	size_t i;
	json_array_foreach(from, i, m)
	{
		const char *role = json_string_value(json_object_get(m, "role"));
		json_t *copy = json_is_object(m) ? json_copy(m) : json_incref(m);
		if (role && (!strcmp(role, "assistant") || !strcmp(role, "model")))
			json_object_set_new(copy, "train", json_false());
		json_array_append_new(list, copy);
	}
	json_decref(from);
	return list;
}

static bool is_messages(const json_t *v)
{
	return json_is_object(v) || json_array_size(v) > 0;
}

static int add_text(struct fc_conversation *c, const json_t *prompt, const json_t *completion,
    const char *where, struct fc_err *e)
{
	c->form = FC_FORM_TEXT;
	c->ends = true;
	if (!json_string_length(completion))
		return fc_fail(e, "%s: \"completion\" is empty", where);
	if (json_string_length(prompt))
		fc_conversation_add(
		    c, FC_ROLE_USER, json_string_value(prompt), json_string_length(prompt));
	fc_conversation_add(
	    c, FC_ROLE_ASSISTANT, json_string_value(completion), json_string_length(completion));
	return 0;
}

int fc_columns_completion(
    struct fc_conversation *c, json_t *line, const char *where, struct fc_err *e)
{
	static const char *const used[] = {"prompt", "completion", NULL};
	json_t *prompt = json_object_get(line, "prompt"),
	       *completion = json_object_get(line, "completion");
	int ret;
	if (json_is_string(prompt) && json_is_string(completion)) {
		ret = add_text(c, prompt, completion, where, e);
	} else if (is_messages(prompt) && is_messages(completion)) {
		json_t *before = untrained_list(prompt), *answer = list_of(completion);
		json_array_extend(before, answer);
		c->form = FC_FORM_MESSAGES;
		ret = add_all(c, before, where, e);
		json_decref(before);
		json_decref(answer);
	} else {
		ret = fc_fail(e,
		    "%s: \"prompt\" and \"completion\" are neither both text nor both messages",
		    where);
	}
	if (ret < 0)
		return -1;
	delete_members(line, used);
	return fc_columns_system(c, line, where, e);
}

int fc_columns_prompt(struct fc_conversation *c, json_t *line, const char *where, struct fc_err *e)
{
	static const char *const used[] = {"prompt", NULL};
	json_t *list = list_of(json_object_get(line, "prompt"));
	int ret = -1;
	c->form = FC_FORM_MESSAGES;
	if (!json_is_array(list))
		fc_fail(e, "%s: \"prompt\" is neither text nor messages", where);
	else if (!json_array_size(list))
		fc_fail(e, "%s: \"prompt\" is empty", where);
	else
		ret = add_all(c, list, where, e);
	json_decref(list);
	if (ret < 0)
		return -1;
	delete_members(line, used);
	return fc_columns_system(c, line, where, e);
}

static bool is_bare(const json_t *tool)
{
	return json_is_string(json_object_get(tool, "name")) &&
	    !json_object_get(tool, "function") && !json_object_get(tool, "type");
}

void fc_columns_wrap_tools(json_t *line)
{
	json_t *tools = json_object_get(line, "tools"), *list, *tool, *wrapped;
	struct fc_err ignored; /* what is no JSON is told when a template is to read it */
	size_t i;
	if (json_is_string(tools) && !json_string_length(tools)) {
		json_object_del(line, "tools");
		return;
	}
	list = json_is_string(tools)
	    ? fc_json_text(json_string_value(tools), json_string_length(tools), "tools", &ignored)
	    : json_incref(tools);
	bool bare = false;
	json_array_foreach(list, i, tool) bare = bare || is_bare(tool);
	if (bare) {
		wrapped = json_array();
		json_array_foreach(list, i, tool) json_array_append_new(wrapped,
		    is_bare(tool) ? json_pack("{s:s, s:O}", "type", "function", "function", tool)
				  : json_incref(tool));
		json_object_set_new(line, "tools", wrapped);
	}
	json_decref(list);
}
