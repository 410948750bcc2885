/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/line.h"

#include <string.h>

static const json_t *object_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_object(v) || json_is_array(v) ? v : NULL;
}

/* The words of an error, which is a string, or an object with a message. */
static const char *words_of(const json_t *error)
{
	const json_t *message = json_object_get(error, "message");
	const char *words = json_string_value(json_is_object(error) ? message : error);
	return words ? words : "an error";
}

int infer_line_find(struct line *l, const json_t *o, const char *where, struct fc_err *e)
{
	*l =
	    (struct line){.request = object_of(o, "request"), .response = object_of(o, "response")};
	const json_t *error = json_object_get(o, "error");
	if (!json_is_object(o))
		return fc_fail(e, "%s: an object is expected in every line", where);
	if (!l->request)
		l->request = object_of(o, "body");
	if (object_of(l->request, "body"))
		l->request = object_of(l->request, "body");
	const json_t *status = json_object_get(l->response, "status_code");
	if (object_of(l->response, "body"))
		l->response = object_of(l->response, "body");
	if (!error || json_is_null(error))
		error = json_object_get(l->response, "error");
	if (error && !json_is_null(error))
		l->error = words_of(error);
	else if (json_is_integer(status) && json_integer_value(status) != 200)
		l->error = "another status than 200";
	else if (!l->response)
		return fc_fail(e,
		    "%s: there is no \"response\"; a line has the request and what the server "
		    "said, {\"id\", \"request\": {...}, \"response\": {...}}",
		    where);
	return 0;
}

/* Members of the request that a chat template reads as variables. */
static void take_variables(json_t *o, const json_t *request)
{
	static const char *const keys[] = {"tools", "documents", "chat_template_kwargs"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		json_t *v = json_object_get(request, keys[i]);
		if (v && !json_is_null(v) && !json_object_get(o, keys[i]))
			json_object_set(o, keys[i], v);
	}
}

/* The answer without the members that say nothing (null, an empty list), and why it ended. */
static json_t *copy_answer(const struct reply *r)
{
	json_t *answer = json_object(), *from = (json_t *)(uintptr_t)r->message;
	const char *key;
	json_t *v;
	json_object_foreach(from, key, v)
	{
		if (!json_is_null(v) && !(json_is_array(v) && !json_array_size(v)))
			json_object_set(answer, key, v);
	}
	json_object_set_new(answer, "role", json_string("assistant"));
	if (json_is_string(r->finish_reason))
		json_object_set(answer, "finish_reason", (json_t *)(uintptr_t)r->finish_reason);
	return answer;
}

static int take_messages(
    json_t *o, const json_t *messages, const struct reply *r, const char *where, struct fc_err *e)
{
	json_t *all = json_copy((json_t *)(uintptr_t)messages); /* makes a list of its own */
	json_object_set_new(o, "messages", all);
	if (r->scope == REPLY_WHOLE)
		return 0;
	if (!json_is_object(r->message))
		return fc_fail(e, "%s: response: choices[0].message is expected", where);
	json_array_append_new(all, copy_answer(r));
	return 0;
}

static int take_text(
    json_t *o, const json_t *prompt, const struct reply *r, const char *where, struct fc_err *e)
{
	if (!json_is_string(prompt))
		return fc_fail(e,
		    "%s: request: there are neither messages nor a prompt of text in it; the "
		    "conversation that was scored may stand beside it, as messages or text",
		    where);
	if (r->scope == REPLY_WHOLE) {
		json_object_set(o, "text", (json_t *)(uintptr_t)prompt);
		return 0;
	}
	if (!json_is_string(r->answer))
		return fc_fail(e, "%s: response: it has no text", where);
	json_object_set(o, "context", (json_t *)(uintptr_t)prompt);
	json_object_set(o, "text", (json_t *)(uintptr_t)r->answer);
	return 0;
}

int infer_line_conversation(struct fc_conversation *c, json_t *o, const struct line *l,
    const struct reply *r, bool train_opening, uint64_t number, const char *where, struct fc_err *e)
{
	static const char *const used[] = {"request", "response", "body", "method", "url", "error"};
	static const char *const prompts[] = {"prompt", "inputs", "text"};
	const json_t *messages = json_object_get(l->request, "messages");
	json_t *id = json_object_get(o, "custom_id");
	if (id)
		json_object_set(o, "id", id);
	json_object_del(o, "custom_id");
	int ret = 0;
	if (!json_object_get(o, "messages") && !json_object_get(o, "conversations") &&
	    !json_object_get(o, "text")) {
		const json_t *prompt = NULL;
		take_variables(o, l->request);
		for (size_t i = 0; i < sizeof prompts / sizeof *prompts && !prompt; i++)
			prompt = json_object_get(l->request, prompts[i]);
		if (json_is_array(messages))
			ret = take_messages(o, messages, r, where, e);
		else
			ret = take_text(o, prompt, r, where, e);
	}
	for (size_t i = 0; i < sizeof used / sizeof *used; i++)
		json_object_del(o, used[i]);
	if (ret < 0)
		return -1;
	return fc_conversation_read(c, o, FC_LINE_TEXTS, train_opening, number, where, e);
}
