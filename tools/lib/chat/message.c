/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation in memory, and as a line of JSON; reading lines is conversation.c. */
#include <stdlib.h>
#include <string.h>

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

void fc_conversation_release(struct fc_conversation *c)
{
	for (size_t i = 0; i < c->n_message; i++)
		free(c->message[i].content);
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

void fc_conversation_write(struct fc_buf *b, const struct fc_conversation *c)
{
	fc_buf_adds(b, "{\"id\":");
	fc_json_quote(b, c->id, strlen(c->id));
	const bool sharegpt = c->form == FC_FORM_SHAREGPT;
	fc_buf_adds(b, sharegpt ? ",\"conversations\":[" : ",\"messages\":[");
	for (size_t i = 0; i < c->n_message; i++) {
		const struct fc_message *m = &c->message[i];
		fc_buf_addf(b, "%s{\"%s\":\"%s\",\"%s\":", i ? "," : "", sharegpt ? "from" : "role",
		    sharegpt ? sharegpt_role_name(m->role) : fc_role_name(m->role),
		    sharegpt ? "value" : "content");
		fc_json_quote(b, m->content, m->n);
		fc_buf_addc(b, '}');
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
