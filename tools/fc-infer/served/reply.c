/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/reply.h"

#include <inttypes.h>
#include <stdlib.h>

static void clear_reply(struct reply *r)
{
	r->scope = REPLY_WHOLE;
	r->n_before = r->n_token = r->n_entry = r->n_choice = r->n_context = 0;
	r->tells_text = false;
	r->message = r->answer = r->finish_reason = NULL;
	fc_buf_clear(&r->text);
}

/* A prompt of ids says what was read, and what a token is that the response leaves open, as vLLM's
 * does the first one. */
static int take_prompt_ids(
    struct reply *r, const json_t *request, const char *where, struct fc_err *e)
{
	const json_t *prompt = json_object_get(request, "prompt");
	if (json_array_size(prompt) == 1 && json_is_array(json_array_get(prompt, 0)))
		prompt = json_array_get(prompt, 0);
	const size_t n = json_array_size(prompt);
	if (!json_is_integer(json_array_get(prompt, 0)) || r->scope != REPLY_WHOLE || r->n_before ||
	    r->by_bytes)
		return 0;
	if (r->n_token < n)
		return fc_fail(e, "%s: response: it has %zu tokens, the prompt of the request %zu",
		    where, r->n_token, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t id;
		struct reply_word *w = &r->token[i].word;
		if (infer_reply_id(json_array_get(prompt, i), where, "request: prompt", &id, e) < 0)
			return -1;
		if (w->id != FC_NO_TOKEN && w->id != id)
			return fc_fail(e,
			    "%s: response: token %zu has the id %" PRIu32
			    ", in the prompt of the request it is %" PRIu32,
			    where, i, w->id, id);
		w->id = id;
	}
	r->tells_text = true;
	r->n_token = n;
	return 0;
}

int infer_reply_read(
    struct reply *r, const json_t *request, const json_t *o, const char *where, struct fc_err *e)
{
	clear_reply(r);
	if (json_is_array(o) &&
	    json_array_size(o) == 1) /* as TGI's and SGLang's of a list of one */
		o = json_array_get(o, 0);
	if (!json_is_object(o))
		return fc_fail(e, "%s: response: an object is expected", where);
	int got = infer_reply_read_ids(r, request, o, where, e);
	if (got == 0)
		got = infer_reply_read_text(r, o, where, e);
	if (got == 0)
		got = infer_reply_read_rows(r, request, o, where, e);
	if (got == 0)
		return fc_fail(e,
		    "%s: response: it has no log-probabilities: none of prompt_logprobs (vLLM), "
		    "choices[0].logprobs (OpenAI), details (TGI), meta_info (SGLang), "
		    "completion_probabilities (llama.cpp), logprob_token_ids (TRL) and token_ids "
		    "with top_values (DistillKit)",
		    where);
	return got < 0 ? -1 : take_prompt_ids(r, request, where, e);
}

void infer_reply_release(struct reply *r)
{
	free(r->token);
	free(r->entry);
	fc_buf_release(&r->text);
	*r = (struct reply){0};
}
