/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fc-infer/served/reply.h"
#include "text/utf8.h"

/*
 * Replies in which tokens are texts, of OpenAI's two interfaces and their many imitations.
 *
 * Chat (openai-openapi, ChatCompletionTokenLogprob): choices[0].logprobs.content is a list of
 * {"token", "bytes", "logprob", "top_logprobs": [{"token", "bytes", "logprob"}]} of the answer;
 * bytes is a list of numbers, or null where the token has none; a logprob of -9999 stands for one
 * that is not told.
 * Completions: choices[0].logprobs has tokens, token_logprobs, top_logprobs (objects from token to
 * logprob, or null) and text_offset, which counts characters.  With echo the prompt's come first,
 * of which the first has null.
 * A part of a character is "bytes:\\xe4\\xb8" there, also with characters of a byte that stand
 * before it ("bytes: \\xf0\\x9f"; HELM's convert_tokens_to_text() reads them so).  Ollama gives the
 * bytes of U+FFFD for such parts instead. vLLM with return_tokens_as_token_ids has "token_id:7" for
 * a token's text in both. llama.cpp (tools/server/server-task.cpp) writes the items of a chat's
 * content in both, and as completion_probabilities of its own /completion, each with the token's
 * "id"; a special token, as the end of a turn, has no bytes there.
 */

/* "token_id:7" is an id. */
static bool is_id(const char *p, uint32_t *id)
{
	static const char prefix[] = "token_id:";
	char *end;
	if (!p || strncmp(p, prefix, sizeof prefix - 1) || p[9] < '0' || p[9] > '9')
		return false;
	const unsigned long v = strtoul(p + 9, &end, 10);
	*id = (uint32_t)v;
	return !*end && v < FC_NO_TOKEN;
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* "bytes:\xe4\xb8" as the bytes that it names; false: p[n] is no such text. */
static bool set_escaped(struct reply *r, struct reply_word *w, const char *p, size_t n)
{
	static const char prefix[] = "bytes:";
	const size_t start = r->text.n;
	size_t i = sizeof prefix - 1;
	bool escaped = false;
	if (n < i || memcmp(p, prefix, i) != 0)
		return false;
	for (; i < n; i++) {
		if (p[i] != '\\') {
			fc_buf_addc(&r->text, p[i]);
			continue;
		}
		const int high = n - i > 3 && p[i + 1] == 'x' ? hex(p[i + 2]) : -1;
		const int low = high >= 0 ? hex(p[i + 3]) : -1;
		if (low < 0)
			break;
		fc_buf_addc(&r->text, (char)(high << 4 | low));
		escaped = true;
		i += 3;
	}
	if (i < n || !escaped) { /* a text like any other */
		r->text.n = start;
		return false;
	}
	w->at = start;
	w->n = r->text.n - start;
	w->has_text = w->is_bytes = true;
	return true;
}

/* The string by which a token is called. */
static void set_string(struct reply *r, struct reply_word *w, const json_t *text)
{
	const char *p = json_string_value(text);
	if (!p || (!is_id(p, &w->id) && !set_escaped(r, w, p, json_string_length(text))))
		infer_reply_set_text(r, w, text);
}

static int read_bytes(struct reply *r, struct reply_word *w, const json_t *bytes, const char *where,
    const char *place, struct fc_err *e)
{
	w->at = r->text.n;
	w->n = json_array_size(bytes);
	w->has_text = w->is_bytes = true;
	for (size_t i = 0; i < w->n; i++) {
		const json_t *v = json_array_get(bytes, i);
		if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 255)
			return fc_fail(e, "%s: %s: bytes are numbers from 0 to 255", where, place);
		fc_buf_addc(&r->text, (char)json_integer_value(v));
	}
	/* those of U+FFFD may stand for a part of a character, as they do in a string */
	if (!r->by_bytes && fc_utf8_has_replacement(r->text.p + w->at, w->n))
		w->is_bytes = false;
	return 0;
}

static int read_word(struct reply *r, struct reply_word *w, const json_t *v, const char *where,
    const char *place, struct fc_err *e)
{
	const json_t *token = json_object_get(v, "token"), *bytes = json_object_get(v, "bytes"),
		     *id = json_object_get(v, "id");
	if (!json_is_string(token))
		return fc_fail(e, "%s: %s: a string is expected as token", where, place);
	if (is_id(json_string_value(token), &w->id))
		return 0;
	if (json_is_integer(id) && !r->by_bytes && infer_reply_id(id, where, place, &w->id, e) < 0)
		return -1;
	if (json_is_array(bytes))
		return read_bytes(r, w, bytes, where, place, e);
	set_string(r, w, token);
	return 0;
}

/* What OpenAI says of an answer's token that is not among the 20 likeliest. */
static const double BEYOND_TOP = -9999;

/* content, called name, is the list. */
static int read_chat(
    struct reply *r, const json_t *content, const char *name, const char *where, struct fc_err *e)
{
	r->scope = REPLY_ANSWER;
	for (size_t i = 0; i < json_array_size(content); i++) {
		char place[64];
		const json_t *v = json_array_get(content, i);
		const json_t *top = json_object_get(v, "top_logprobs");
		struct reply_token *t = infer_reply_add_token(r);
		snprintf(place, sizeof place, "%s[%zu]", name, i);
		if (json_object_get(v, "prob"))
			return fc_fail(e,
			    "%s: %s: probabilities after the sampling (post_sampling_probs), which "
			    "are not the model's",
			    where, place);
		if (read_word(r, &t->word, v, where, place, e) < 0 ||
		    infer_reply_logprob(
			json_object_get(v, "logprob"), where, place, &t->logprob, e) < 0)
			return -1;
		if (t->logprob <= BEYOND_TOP)
			t->logprob = NAN;
		t->has_row = !isnan(t->logprob);
		for (size_t j = 0; j < json_array_size(top); j++) {
			const json_t *item = json_array_get(top, j);
			struct reply_entry *entry = infer_reply_add_entry(r);
			if (read_word(r, &entry->word, item, where, place, e) < 0 ||
			    infer_reply_logprob(json_object_get(item, "logprob"), where, place,
				&entry->logprob, e) < 0)
				return -1;
			if (isnan(entry->logprob))
				return fc_fail(e, "%s: %s: a number is expected", where, place);
		}
	}
	return 1;
}

static int read_top(
    struct reply *r, const json_t *row, const char *where, const char *place, struct fc_err *e)
{
	json_t *o = (json_t *)(uintptr_t)row; /* iterators take no const object, and change none */
	if (row && !json_is_object(row) && !json_is_null(row))
		return fc_fail(e, "%s: %s: an object or null is expected", where, place);
	for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
		struct reply_entry *entry = infer_reply_add_entry(r);
		json_t *key = json_string(json_object_iter_key(it));
		set_string(r, &entry->word, key);
		json_decref(key);
		if (infer_reply_logprob(
			json_object_iter_value(it), where, place, &entry->logprob, e) < 0)
			return -1;
		if (isnan(entry->logprob))
			return fc_fail(e, "%s: %s: a number is expected", where, place);
	}
	return 0;
}

static int read_completion(
    struct reply *r, const json_t *logprobs, const char *where, struct fc_err *e)
{
	const json_t *tokens = json_object_get(logprobs, "tokens"),
		     *own = json_object_get(logprobs, "token_logprobs"),
		     *top = json_object_get(logprobs, "top_logprobs"),
		     *offset = json_object_get(logprobs, "text_offset");
	const size_t n = json_array_size(tokens);
	if (json_array_size(own) != n || (json_is_array(top) && json_array_size(top) != n) ||
	    (json_is_array(offset) && json_array_size(offset) != n))
		return fc_fail(e,
		    "%s: choices[0].logprobs: tokens, token_logprobs, top_logprobs and text_offset "
		    "have different lengths",
		    where);
	/* the prompt's first token has no log-probability, an answer's has */
	r->scope = n && json_is_null(json_array_get(own, 0)) ? REPLY_WHOLE : REPLY_ANSWER;
	for (size_t i = 0; i < n; i++) {
		char place[64];
		struct reply_token *t = infer_reply_add_token(r);
		snprintf(place, sizeof place, "choices[0].logprobs.tokens[%zu]", i);
		if (!json_is_string(json_array_get(tokens, i)))
			return fc_fail(e, "%s: %s: a string is expected", where, place);
		set_string(r, &t->word, json_array_get(tokens, i));
		snprintf(place, sizeof place, "choices[0].logprobs.token_logprobs[%zu]", i);
		if (infer_reply_logprob(json_array_get(own, i), where, place, &t->logprob, e) < 0)
			return -1;
		t->has_row = !isnan(t->logprob);
		snprintf(place, sizeof place, "choices[0].logprobs.top_logprobs[%zu]", i);
		if (read_top(r, json_array_get(top, i), where, place, e) < 0)
			return -1;
	}
	return 1;
}

int infer_reply_read_text(struct reply *r, const json_t *o, const char *where, struct fc_err *e)
{
	const json_t *choice = infer_reply_first(o, "choices");
	const json_t *logprobs = json_object_get(choice, "logprobs");
	r->message = json_object_get(choice, "message");
	r->finish_reason = json_object_get(choice, "finish_reason");
	r->answer =
	    r->message ? json_object_get(r->message, "content") : json_object_get(choice, "text");
	const json_t *content = json_object_get(logprobs, "content"),
		     *own = json_object_get(o, "completion_probabilities");
	if (json_is_array(content))
		return read_chat(r, content, "choices[0].logprobs.content", where, e);
	if (json_is_array(own)) {
		r->answer = json_object_get(o, "content");
		return read_chat(r, own, "completion_probabilities", where, e);
	}
	if (json_is_array(json_object_get(logprobs, "tokens")))
		return read_completion(r, logprobs, where, e);
	return 0;
}
