/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "fc-eval/judge/asker.h"

/* What of the reply is kept with the judgment: it tells why a judgment ends early, and what it
 * cost. */
static json_t *about_of(const json_t *o, const json_t *choice)
{
	static const char *const members[] = {"model", "system_fingerprint", "usage"};
	json_t *about = json_object();
	json_t *v = json_object_get(choice, "finish_reason");
	if (json_is_string(v))
		json_object_set(about, "finish_reason", v);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		v = json_object_get(o, members[i]);
		if (v && !json_is_null(v))
			json_object_set(about, members[i], v);
	}
	return about;
}

int eval_http_completion(json_t *o, struct eval_reply *reply, uint64_t *n_token, struct fc_err *e)
{
	*reply = (struct eval_reply){0};
	*n_token = 0;
	const json_t *choices = json_object_get(o, "choices");
	if (!json_is_array(choices))
		return fc_fail(e, "reply: no choices in it");
	const json_t *choice = json_array_get(choices, 0);
	const json_t *content = json_object_get(json_object_get(choice, "message"), "content");
	const json_t *total = json_object_get(json_object_get(o, "usage"), "total_tokens");
	if (json_is_integer(total) && json_integer_value(total) > 0)
		*n_token = (uint64_t)json_integer_value(total);
	/* No text at all, a refusal: a judgment without a verdict. */
	reply->text = json_is_string(content) ? json_string_value(content) : "";
	reply->n = json_is_string(content) ? json_string_length(content) : 0;
	reply->about = about_of(o, choice);
	json_object_set_new(o, "about", reply->about); /* lives as long as the reply */
	return 0;
}
