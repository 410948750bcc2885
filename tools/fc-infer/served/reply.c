/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/reply.h"

#include <stdlib.h>

static void clear_reply(struct reply *r)
{
	r->scope = REPLY_WHOLE;
	r->n_before = r->n_token = r->n_entry = r->n_choice = r->n_context = 0;
	r->tells_text = false;
	r->message = r->answer = r->finish_reason = NULL;
	fc_buf_clear(&r->text);
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
	int got = infer_reply_read_ids(r, o, where, e);
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
	return got < 0 ? -1 : 0;
}

void infer_reply_release(struct reply *r)
{
	free(r->token);
	free(r->entry);
	fc_buf_release(&r->text);
	*r = (struct reply){0};
}
