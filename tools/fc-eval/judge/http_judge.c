/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fc-eval/judge/asker.h"

/* A judge behind an endpoint: chat completions. */
struct http_judge {
	const struct eval_http_judge *judge;
	const struct eval_asker *asker;
};

static bool next_request(void *ctx /* struct http_judge */, struct fc_http_request *r)
{
	const struct http_judge *h = ctx;
	struct eval_request ask;
	if (!h->asker->next(h->asker->ctx, &ask))
		return false;
	*r = (struct fc_http_request){
	    .id = ask.id, .number = ask.number, .max_tokens = h->judge->max_tokens};
	r->body = json_pack("{s:s, s:O, s:i, s:i, s:i}", "model", h->judge->model, "messages",
	    ask.messages, "n", 1, "temperature", 0, "max_tokens", h->judge->max_tokens);
	return true;
}

static int check_reply(void *ctx /* struct http_judge */, const json_t *o, struct fc_err *e)
{
	(void)ctx;
	return fc_http_message(o, e) ? 0 : -1;
}

/* What of the reply is kept with the judgment: it tells why a judgment ends early, and what it
 * cost. */
static json_t *about_of(const json_t *o, const json_t *choice)
{
	static const char *const members[] = {"model", "system_fingerprint", "usage"};
	json_t *about = json_object();
	json_t *v = json_object_get(choice, "finish_reason");
	if (json_is_string(v))
		json_object_set(about, "finish_reason", v);
	for (size_t i = 0; i < FC_LEN(members); i++) {
		v = json_object_get(o, members[i]);
		if (v && !json_is_null(v))
			json_object_set(about, members[i], v);
	}
	return about;
}

static int take_reply(
    void *ctx /* struct http_judge */, size_t number, json_t *o, const char *why, struct fc_err *e)
{
	const struct http_judge *h = ctx;
	if (!o)
		return h->asker->take(h->asker->ctx, number, &(struct eval_reply){.why = why}, e);
	const json_t *choice = json_array_get(json_object_get(o, "choices"), 0);
	const json_t *content = json_object_get(json_object_get(choice, "message"), "content");
	json_t *about = about_of(o, choice);
	/* No text at all, a refusal: a judgment without a verdict. */
	const struct eval_reply reply = {
	    .text = json_is_string(content) ? json_string_value(content) : "",
	    .n = json_is_string(content) ? json_string_length(content) : 0,
	    .about = about};
	const int ret = h->asker->take(h->asker->ctx, number, &reply, e);
	json_decref(about);
	return ret;
}

int eval_http_judge_run(const struct eval_http_judge *judge, const struct eval_asker *a,
    struct fc_http_usage *used, struct fc_err *e)
{
	struct http_judge h = {judge, a};
	const struct fc_http_asker asker = {
	    &h, "chat/completions", next_request, check_reply, take_reply};
	return fc_http_run(judge->endpoint, &asker, used, e);
}
