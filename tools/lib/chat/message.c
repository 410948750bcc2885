/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation in memory, and as a line of JSON; reading lines is conversation.c. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "chat/conversation.h"

const char *fc_role_name(enum fc_role role)
{
	static const char *const name[] = {"none", "system", "user", "assistant"};
	return name[role];
}

static const char *sharegpt_role_name(enum fc_role role)
{
	return role == FC_ROLE_USER ? "human" : role == FC_ROLE_ASSISTANT ? "gpt" : "system";
}

/* Speakers of chat templates and data sets whose messages are what a tool returned. */
static const char *const tools[] = {
    "tool", "tool_response", "tool_result", "function", "ipython", "observation"};

const char *fc_message_role(const struct fc_message *m)
{
	return m->role == FC_ROLE_NONE && m->speaker ? m->speaker : fc_role_name(m->role);
}

static bool is_tool(const struct fc_message *m)
{
	for (size_t i = 0; m->speaker && i < FC_LEN(tools); i++)
		if (!strcmp(m->speaker, tools[i]))
			return true;
	return false;
}

bool fc_message_asks(const struct fc_message *m)
{
	return m->role == FC_ROLE_USER || is_tool(m);
}

/* finish_reason in OpenAI's interface; what vLLM and SGLang (abort), Mistral (model_length, error)
 * and DeepSeek (insufficient_system_resource) add to it; Anthropic's and Gemini's own words, which
 * some gateways pass on.  In capitals, too. */
static const char *const truncating[] = {"length", "content_filter", "abort", "model_length",
    "max_tokens", "error", "insufficient_system_resource", NULL};
static const char *const ending[] = {"stop", "eos", "eos_token", "stop_sequence", "end_turn",
    "tool_calls", "tool_use", "function_call", NULL};

static bool is_among(const char *const *word, const char *s)
{
	for (; s && *word; word++)
		if (!strcasecmp(s, *word))
			return true;
	return false;
}

bool fc_finish_truncates(const char *reason)
{
	return is_among(truncating, reason);
}

bool fc_finish_is_known(const char *reason)
{
	return is_among(ending, reason) || is_among(truncating, reason);
}

bool fc_message_is_truncated(const struct fc_message *m)
{
	return fc_finish_truncates(m->finish_reason);
}

bool fc_message_is_known(const struct fc_message *m)
{
	return m->role != FC_ROLE_NONE || is_tool(m) ||
	    (m->speaker && !strcmp(m->speaker, "developer"));
}

void fc_message_release(struct fc_message *m)
{
	free(m->content);
	free(m->speaker);
	free(m->finish_reason);
	json_decref(m->members);
	*m = (struct fc_message){0};
}

void fc_conversation_release(struct fc_conversation *c)
{
	for (size_t i = 0; i < c->n_message; i++)
		fc_message_release(&c->message[i]);
	free(c->message);
	free(c->id);
	json_decref(c->extra);
	*c = (struct fc_conversation){0};
}

void fc_conversation_add(
    struct fc_conversation *c, enum fc_role role, const char *content, size_t n)
{
	c->message = fc_realloc(c->message, c->n_message + 1, sizeof *c->message);
	c->message[c->n_message++] =
	    (struct fc_message){.role = role, .content = fc_memdup0(content, n), .n = n};
}

void fc_conversation_add_copy(struct fc_conversation *c, const struct fc_message *m)
{
	fc_conversation_add(c, m->role, m->content, m->n);
	struct fc_message *to = &c->message[c->n_message - 1];
	to->speaker = m->speaker ? fc_strdup(m->speaker) : NULL;
	to->members = json_incref(m->members);
	to->no_text = m->no_text;
	to->untrained = m->untrained;
	to->finish_reason = m->finish_reason ? fc_strdup(m->finish_reason) : NULL;
}

/* Ends a message. */
static void write_finish(struct fc_buf *b, const struct fc_message *m)
{
	if (m->finish_reason) {
		fc_buf_adds(b, ",\"finish_reason\":");
		fc_json_quote(b, m->finish_reason, strlen(m->finish_reason));
	}
	fc_buf_addc(b, '}');
}

static void write_message(struct fc_buf *b, const struct fc_message *m, bool sharegpt)
{
	const char *role =
	    sharegpt && m->role != FC_ROLE_NONE ? sharegpt_role_name(m->role) : fc_message_role(m);
	const char *first = sharegpt ? "{\"from\":" : "{\"role\":", *key;
	const char *second = sharegpt ? ",\"value\":" : ",\"content\":";
	json_t *v;
	if (!m->members) {
		fc_buf_adds(b, first);
		fc_json_quote(b, role, strlen(role));
		fc_buf_adds(b, second);
		fc_json_quote(b, m->content, m->n);
		write_finish(b, m);
		return;
	}
	char mark = '{';
	json_object_foreach(m->members, key, v)
	{
		const bool is_role = !strcmp(key, "role"), is_content = !strcmp(key, "content");
		const char *name = !sharegpt ? key : is_role ? "from" : is_content ? "value" : key;
		fc_buf_addc(b, mark);
		fc_json_quote(b, name, strlen(name));
		fc_buf_addc(b, ':');
		if (is_role)
			fc_json_quote(b, role, strlen(role));
		else if (is_content && !m->no_text)
			fc_json_quote(b, m->content, m->n);
		else
			fc_json_dump(b, v);
		mark = ',';
	}
	write_finish(b, m);
}

void fc_conversation_write(struct fc_buf *b, const struct fc_conversation *c)
{
	fc_buf_adds(b, "{\"id\":");
	fc_json_quote(b, c->id, strlen(c->id));
	const bool sharegpt = c->form == FC_FORM_SHAREGPT;
	fc_buf_adds(b, sharegpt ? ",\"conversations\":[" : ",\"messages\":[");
	for (size_t i = 0; i < c->n_message; i++) {
		fc_buf_adds(b, i ? "," : "");
		write_message(b, &c->message[i], sharegpt);
	}
	fc_buf_addc(b, ']');
	if (json_object_size(c->extra)) {
		size_t at = b->n;
		fc_json_dump(b, c->extra);
		b->p[at] = ','; /* was the extra object's "{"; its "}" closes the line's */
	} else {
		fc_buf_addc(b, '}');
	}
	fc_buf_addc(b, '\n');
}
