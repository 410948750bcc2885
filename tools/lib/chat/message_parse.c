/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/message_parse.h"

#include <string.h>

#include "base/mem.h"

/* ShareGPT's name, then ours, then other spellings that are read. */
static const struct {
	const char *name;
	enum fc_role role;
} role_names[] = {
    {"system", FC_ROLE_SYSTEM},
    {"user", FC_ROLE_USER},
    {"human", FC_ROLE_USER},
    {"assistant", FC_ROLE_ASSISTANT},
    {"gpt", FC_ROLE_ASSISTANT},
    {"model", FC_ROLE_ASSISTANT},
};

/* Members that say that an assistant's message is not to be learned: OpenAI and mistral-finetune;
 * axolotl (message_field_training); Home-LLM's data. */
static const char *const flags[] = {"train", "training", "train_on_turn"};

/* A message being read. */
struct source {
	const json_t *m;
	const char *role_key, *content_key, *where;
	size_t number; /* from 1, for messages */
};

static int parse_role(const struct source *s, struct fc_message *to, struct fc_err *e)
{
	const json_t *v = json_object_get(s->m, s->role_key);
	const char *name = json_string_value(v);
	if (!name)
		return fc_fail(
		    e, "%s: message %zu: \"%s\" is not a string", s->where, s->number, s->role_key);
	for (size_t k = 0; k < FC_LEN(role_names); k++)
		if (!strcmp(name, role_names[k].name)) {
			to->role = role_names[k].role;
			return 0;
		}
	if (!*name || strlen(name) != json_string_length(v))
		return fc_fail(e, "%s: message %zu: \"%s\" is empty or holds a NUL", s->where,
		    s->number, s->role_key);
	to->speaker = fc_strdup(name);
	return 0;
}

static int join_parts(
    const struct source *s, struct fc_buf *b, const json_t *parts, struct fc_err *e)
{
	size_t k;
	json_t *part;
	json_array_foreach(parts, k, part)
	{
		const char *type = json_string_value(json_object_get(part, "type"));
		const json_t *text = json_object_get(part, "text");
		if (!type || strcmp(type, "text") != 0)
			return fc_fail(e, "%s: message %zu: part %zu is not of type \"text\"",
			    s->where, s->number, k + 1);
		if (!json_is_string(text))
			return fc_fail(
			    e, "%s: message %zu: part %zu has no text", s->where, s->number, k + 1);
		fc_buf_add(b, json_string_value(text), json_string_length(text));
	}
	return 0;
}

static int parse_content(const struct source *s, struct fc_message *to, struct fc_err *e)
{
	const json_t *v = json_object_get(s->m, s->content_key);
	struct fc_buf b = FC_BUF_INIT;
	int ret = 0;
	if (json_is_string(v))
		fc_buf_add(&b, json_string_value(v), json_string_length(v));
	else if (json_is_array(v) && to->role != FC_ROLE_NONE)
		ret = join_parts(s, &b, v, e);
	else if (to->role == FC_ROLE_NONE ||
	    (to->role == FC_ROLE_ASSISTANT && (!v || json_is_null(v)) &&
		json_array_size(json_object_get(s->m, "tool_calls"))))
		to->no_text = true;
	else
		ret = fc_fail(e, "%s: message %zu: \"%s\" is not a string%s", s->where, s->number,
		    s->content_key,
		    to->role == FC_ROLE_ASSISTANT ? ", and there are no \"tool_calls\"" : "");
	to->n = b.n;
	to->content = fc_memdup0(b.p ? b.p : "", b.n);
	fc_buf_release(&b);
	return ret;
}

/* *untrained = does flag v say so?  -1: it is neither true nor false. */
static int parse_flag(const json_t *v, bool *untrained)
{
	if (!v || json_is_null(v) || json_is_true(v))
		return 0;
	if (json_is_number(v) && json_number_value(v) == 1)
		return 0;
	*untrained = true;
	return json_is_false(v) || (json_is_number(v) && json_number_value(v) == 0) ? 0 : -1;
}

static int parse_training(const struct source *s, struct fc_message *to, struct fc_err *e)
{
	if (to->role != FC_ROLE_ASSISTANT)
		return 0;
	if (parse_flag(json_object_get(s->m, "weight"), &to->untrained) < 0)
		return fc_fail(
		    e, "%s: message %zu: \"weight\" is neither 0 nor 1", s->where, s->number);
	for (size_t i = 0; i < FC_LEN(flags); i++)
		if (parse_flag(json_object_get(s->m, flags[i]), &to->untrained) < 0)
			return fc_fail(e, "%s: message %zu: \"%s\" is neither true nor false",
			    s->where, s->number, flags[i]);
	if (!to->untrained && json_array_size(json_object_get(s->m, "train_detail")))
		return fc_fail(e,
		    "%s: message %zu: \"train_detail\" is not supported; messages are learned as "
		    "a whole",
		    s->where, s->number);
	return 0;
}

/* Does the member say why an answer ended? */
static bool is_finish(const struct fc_message *to, const char *key)
{
	return to->role == FC_ROLE_ASSISTANT && !strcmp(key, "finish_reason");
}

static int parse_finish(const struct source *s, struct fc_message *to, struct fc_err *e)
{
	const json_t *v = json_object_get(s->m, "finish_reason");
	if (to->role != FC_ROLE_ASSISTANT || !v || json_is_null(v))
		return 0;
	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
		return fc_fail(
		    e, "%s: message %zu: \"finish_reason\" is not a string", s->where, s->number);
	to->finish_reason = fc_strdup(json_string_value(v));
	return 0;
}

/* Is there nothing but role and text, in this order? */
static bool is_plain(const struct source *s, const struct fc_message *to)
{
	json_t *o = (json_t *)s->m; /* jansson's iteration takes no const */
	const size_t n = to->role == FC_ROLE_ASSISTANT && json_object_get(o, "finish_reason");
	return json_object_size(o) == 2 + n && !to->no_text &&
	    !strcmp(json_object_iter_key(json_object_iter(o)), s->role_key);
}

static int keep_members(const struct source *s, struct fc_message *to, struct fc_err *e)
{
	const char *key;
	json_t *v;
	if (is_plain(s, to))
		return 0;
	to->members = json_object();
	json_object_foreach((json_t *)s->m, key, v)
	{
		const bool is_role = !strcmp(key, s->role_key);
		const bool is_content = !strcmp(key, s->content_key);
		const char *name = is_role ? "role" : is_content ? "content" : key;
		if (is_finish(to, key))
			continue;
		if (json_object_get(to->members, name))
			return fc_fail(e, "%s: message %zu: \"%s\" beside \"%s\"", s->where,
			    s->number, name, !strcmp(name, "role") ? s->role_key : s->content_key);
		if (is_role || (is_content && !to->no_text))
			json_object_set_new(to->members, name, json_null());
		else
			json_object_set(to->members, name, v);
	}
	return 0;
}

/* Where the JSON of a call begins, behind the thoughts that may precede it. */
static size_t skip_thoughts(const char *p, size_t n)
{
	static const char end[] = "</think>";
	const size_t n_end = sizeof end - 1;
	for (size_t i = 0; i + n_end <= n; i++)
		if (!memcmp(p + i, end, n_end))
			return i + n_end;
	return 0;
}

/* {"name", "arguments"}, or a list of them, as OpenAI's calls; NULL: it is not that. */
static json_t *make_calls(const char *p, size_t n)
{
	struct fc_err ignored;
	json_t *v = fc_json_text(p, n, "", &ignored), *calls = json_array(), *call;
	json_t *list = json_is_object(v) ? json_pack("[O]", v) : json_incref(v);
	bool good = json_array_size(list) > 0;
	size_t i;
	json_array_foreach(list, i, call)
	{
		json_t *name = json_object_get(call, "name"),
		       *arguments = json_object_get(call, "arguments");
		good = good && json_is_string(name) && arguments;
		if (good)
			json_array_append_new(calls,
			    json_pack("{s:s, s:{s:O, s:O}}", "type", "function", "function", "name",
				name, "arguments", arguments));
	}
	json_decref(list);
	json_decref(v);
	if (good)
		return calls;
	json_decref(calls);
	return NULL;
}

/*
 * LLaMA-Factory's "function_call" of ShareGPT (data/README.md; formatter.py, FunctionFormatter):
 * the value is a call, or a list of calls, as JSON, which thoughts may precede.  A new message of
 * the assistant with tool_calls, as the chat templates of today read them.
 */
static json_t *as_tool_calls(const struct source *s, struct fc_err *e)
{
	const json_t *v = json_object_get(s->m, "value");
	const char *p = json_string_value(v);
	const size_t n = json_string_length(v), at = p ? skip_thoughts(p, n) : 0;
	json_t *calls = p ? make_calls(p + at, n - at) : NULL;
	if (!calls) {
		fc_fail(e,
		    "%s: message %zu: the value of a \"function_call\" is not the JSON of a call, "
		    "{\"name\", \"arguments\"}, or of a list of calls",
		    s->where, s->number);
		return NULL;
	}
	json_t *m = json_copy((json_t *)(uintptr_t)s->m);
	json_object_set_new(m, "from", json_string("gpt"));
	json_object_set_new(m, "value", json_stringn(p, at));
	json_object_set_new(m, "tool_calls", calls);
	return m;
}

static int parse_source(const struct source *s, struct fc_message *to, struct fc_err *e)
{
	if (parse_role(s, to, e) < 0 || parse_content(s, to, e) < 0 ||
	    parse_training(s, to, e) < 0 || parse_finish(s, to, e) < 0)
		return -1;
	return keep_members(s, to, e);
}

int fc_message_parse(
    struct fc_conversation *c, const json_t *m, size_t number, const char *where, struct fc_err *e)
{
	const bool sharegpt = c->form == FC_FORM_SHAREGPT;
	struct source s = {
	    m, sharegpt ? "from" : "role", sharegpt ? "value" : "content", where, number};
	struct fc_message to = {0};
	json_t *calls = NULL;
	if (!json_is_object(m))
		return fc_fail(e, "%s: message %zu: expected an object", where, s.number);
	const char *from = sharegpt ? json_string_value(json_object_get(m, "from")) : NULL;
	if (from && !strcmp(from, "function_call")) {
		s.m = calls = as_tool_calls(&s, e);
		if (!calls)
			return -1;
	}
	const int ret = parse_source(&s, &to, e);
	json_decref(calls);
	if (ret < 0) {
		fc_message_release(&to);
		return -1;
	}
	c->message = fc_realloc(c->message, c->n_message + 1, sizeof *c->message);
	c->message[c->n_message++] = to;
	return 0;
}
