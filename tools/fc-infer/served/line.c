/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chat/shape.h"
#include "text/utf8.h"

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
	l->is_stored = !l->response && infer_reply_is_stored(o);
	if (l->is_stored)
		l->response = o;
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
	if (json_array_size(prompt) == 1 && json_is_string(json_array_get(prompt, 0)))
		prompt = json_array_get(prompt, 0);
	if (json_array_size(prompt) > 1 && json_is_string(json_array_get(prompt, 0)))
		return fc_fail(e,
		    "%s: request: several prompts; OTHER FORMS of fc-infer(1) has the line of jq "
		    "that parts them",
		    where);
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

static bool has_conversation(const json_t *o)
{
	return fc_shape_list(o) || json_object_get(o, "text") || json_object_get(o, "completion");
}

/* The text of all tokens of the reply, that of the context first; returns its length. */
static size_t decode_all(struct fc_buf *b, const struct reply *r, const struct fc_tokenizer *t)
{
	uint32_t *id = FC_ARRAY(uint32_t, r->n_token + 1);
	for (size_t i = 0; i < r->n_token; i++)
		id[i] = r->token[i].word.id;
	/* a text has its BOS by itself */
	const size_t first = r->n_token && id[0] == fc_tokenizer_bos(t);
	const size_t n = r->n_context > first ? r->n_context : first;
	fc_buf_clear(b);
	fc_tokenizer_decode(t, id + first, n - first, false, b);
	const size_t n_context = b->n;
	if (n_context)
		fc_tokenizer_decode_on(t, id + n, r->n_token - n, false, b);
	else
		fc_tokenizer_decode(t, id + n, r->n_token - n, false, b);
	free(id);
	return n_context;
}

int infer_line_text(
    json_t *o, struct reply *r, const struct fc_tokenizer *t, const char *where, struct fc_err *e)
{
	enum { MOST = 8 }; /* tokens of one character */
	struct fc_buf b = FC_BUF_INIT;
	int ret = 0;
	if (!r->tells_text || has_conversation(o))
		return 0;
	size_t n_context = decode_all(&b, r, t);
	for (int i = 0; i < MOST && r->n_token > r->n_context && fc_utf8_check(b.p, b.n) < b.n;
	     i++) {
		r->n_token--;
		n_context = decode_all(&b, r, t);
	}
	json_t *context = json_stringn(b.p ? b.p : "", n_context),
	       *text = json_stringn(b.p ? b.p + n_context : "", b.n - n_context);
	if (!context || !text)
		ret = fc_fail(e, "%s: the ids are of no text: their bytes are not UTF-8", where);
	if (ret == 0 && n_context)
		json_object_set(o, "context", context);
	if (ret == 0)
		json_object_set(o, "text", text);
	json_decref(context);
	json_decref(text);
	fc_buf_release(&b);
	return ret;
}

int infer_line_conversation(struct fc_conversation *c, json_t *o, const struct line *l,
    const struct reply *r, bool train_opening, uint64_t number, const char *where, struct fc_err *e)
{
	static const char *const used[] = {"request", "response", "body", "method", "url", "error",
	    "input_ids", "token_ids", "top_values", "attention_mask", "labels"};
	enum { STORED = 5 }; /* the last ones */
	const size_t n_used = sizeof used / sizeof *used - (l->is_stored ? 0 : STORED);
	static const char *const prompts[] = {"prompt", "inputs", "text"};
	const json_t *messages = json_object_get(l->request, "messages");
	json_t *id = json_object_get(o, "custom_id");
	if (id)
		json_object_set(o, "id", id);
	json_object_del(o, "custom_id");
	int ret = 0;
	if (!has_conversation(o)) {
		const json_t *prompt = NULL;
		take_variables(o, l->request);
		for (size_t i = 0; i < sizeof prompts / sizeof *prompts && !prompt; i++)
			prompt = json_object_get(l->request, prompts[i]);
		if (json_is_array(messages))
			ret = take_messages(o, messages, r, where, e);
		else
			ret = take_text(o, prompt, r, where, e);
	}
	for (size_t i = 0; i < n_used; i++)
		json_object_del(o, used[i]);
	if (ret < 0)
		return -1;
	return fc_conversation_read(c, o, FC_LINE_TEXTS, train_opening, number, where, e);
}
