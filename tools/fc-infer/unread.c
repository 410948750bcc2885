/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/unread.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"

/* Names told; there may be one for every message. */
#define NAMES_MAX 12

static void count_member(struct unread_list *l, const char *name)
{
	size_t i = 0;
	while (i < l->n && strcmp(l->v[i].name, name) != 0)
		i++;
	if (i == l->n && l->n == 4 * NAMES_MAX)
		return; /* "and others" is told */
	if (i == l->n) {
		FC_GROW(l->v, l->cap, l->n + 1);
		l->v[l->n++] = (struct unread_name){fc_strdup(name), 0};
	}
	l->v[i].n++;
}

/* Members of a message that are read here, whatever the template does. */
static bool is_read(const char *name)
{
	static const char *const known[] = {
	    "role", "content", "weight", "train", "training", "train_on_turn", "train_detail"};
	for (size_t i = 0; i < FC_LEN(known); i++)
		if (!strcmp(name, known[i]))
			return true;
	return false;
}

/* Members of a line that a template is meant to read; all others are data about it. */
static void add_line(struct unread *u, const struct fc_chat *chat, const struct fc_conversation *c)
{
	static const char *const meant[] = {"tools", "documents", "images", "videos", "audios"};
	const json_t *system = json_object_get(c->extra, "system");
	json_t *kwargs = json_object_get(c->extra, "chat_template_kwargs"), *v;
	const char *key;
	for (size_t i = 0; i < FC_LEN(meant); i++) {
		v = json_object_get(c->extra, meant[i]);
		const bool empty = json_is_null(v) || (json_is_array(v) && !json_array_size(v));
		if (v && !empty && !fc_chat_mentions(chat, meant[i]))
			count_member(&u->of_line, meant[i]);
	}
	json_object_foreach(kwargs, key, v)
	{
		if (!fc_chat_mentions(chat, key))
			count_member(&u->of_line, key);
	}
	if (json_is_string(system) && json_string_length(system))
		count_member(&u->of_line, "system");
	/* a message says that, and this line's last one does not */
	if (fc_finish_truncates(json_string_value(json_object_get(c->extra, "finish_reason"))) &&
	    c->n_message && c->message[c->n_message - 1].role == FC_ROLE_ASSISTANT &&
	    !c->message[c->n_message - 1].finish_reason)
		count_member(&u->of_line, "finish_reason");
}

/* Calls whose arguments are JSON as text, as OpenAI's interface has them: templates expect objects
 * (transformers, "Tool use"), and quote text once more. */
static uint64_t count_text_arguments(const struct fc_message *m)
{
	uint64_t n = 0;
	size_t i;
	json_t *call;
	json_array_foreach(json_object_get(m->members, "tool_calls"), i, call)
	{
		const json_t *function = json_object_get(call, "function");
		n += json_is_string(json_object_get(function, "arguments"));
	}
	return n;
}

void infer_unread_add(struct unread *u, const struct fc_chat *chat, const struct fc_conversation *c)
{
	const char *key;
	json_t *v;
	u->n_opening += c->n_opening;
	for (size_t i = 0; i < c->n_message; i++) {
		const char *why = c->message[i].finish_reason;
		u->n_untrained += c->message[i].untrained;
		u->n_text_arguments += count_text_arguments(&c->message[i]);
		u->n_truncated +=
		    !c->message[i].untrained && fc_message_is_truncated(&c->message[i]);
		if (!c->message[i].untrained && why && !fc_finish_is_known(why))
			count_member(&u->of_finish, why);
		json_object_foreach(c->message[i].members, key, v)
		{
			if (!json_is_null(v) && !is_read(key) && !fc_chat_mentions(chat, key))
				count_member(&u->of_message, key);
		}
	}
	u->n_untrained -= c->n_opening;
	add_line(u, chat, c);
}

/* what: "members of lines that the chat template does not read" */
static void tell_list(const struct unread_list *l, const char *what)
{
	struct fc_buf b = FC_BUF_INIT;
	for (size_t i = 0; i < l->n && i < NAMES_MAX; i++) {
		fc_buf_adds(&b, i ? ", " : "");
		fc_json_quote(&b, l->v[i].name, strlen(l->v[i].name));
		fc_buf_addf(&b, " (%" PRIu64 ")", l->v[i].n);
	}
	if (l->n)
		fc_warn("%s: %s%s", what, b.p, l->n > NAMES_MAX ? " and others" : "");
	fc_buf_release(&b);
}

void infer_unread_tell(const struct unread *u)
{
	tell_list(&u->of_message, "members of messages that the chat template does not read");
	tell_list(&u->of_line, "members of lines that the chat template does not read");
	tell_list(&u->of_finish,
	    "answers are learned as whole ones though their finish_reason is not known to say so");
	if (u->n_opening)
		fc_warn("%" PRIu64 " answers that no user's message precedes are not learned; see "
			"--train-opening",
		    u->n_opening);
	if (u->n_untrained)
		fc_note("%" PRIu64 " answers are not learned, as their lines say", u->n_untrained);
	if (u->n_text_arguments)
		fc_warn("%" PRIu64
			" tool calls have arguments as text, where chat templates expect "
			"objects; see fc-infer(1), OTHER FORMS",
		    u->n_text_arguments);
	if (u->n_truncated)
		fc_note("%" PRIu64
			" answers were truncated, as their finish_reason says: that they end "
			"is not learned",
		    u->n_truncated);
}

static void list_release(struct unread_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
}

void infer_unread_release(struct unread *u)
{
	list_release(&u->of_message);
	list_release(&u->of_line);
	list_release(&u->of_finish);
	*u = (struct unread){0};
}
