/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/reply.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct reply_token *infer_reply_add_token(struct reply *r)
{
	FC_GROW(r->token, r->cap_token, r->n_token + 1);
	struct reply_token *t = &r->token[r->n_token++];
	*t = (struct reply_token){.word = {.id = FC_NO_TOKEN}, .logprob = NAN, .first = r->n_entry};
	return t;
}

struct reply_entry *infer_reply_add_entry(struct reply *r)
{
	FC_GROW(r->entry, r->cap_entry, r->n_entry + 1);
	r->token[r->n_token - 1].n_entry++;
	r->entry[r->n_entry] = (struct reply_entry){.word = {.id = FC_NO_TOKEN}};
	return &r->entry[r->n_entry++];
}

void infer_reply_set_text(struct reply *r, struct reply_word *w, const json_t *text)
{
	if (!json_is_string(text))
		return;
	w->at = r->text.n;
	w->n = json_string_length(text);
	w->has_text = true;
	fc_buf_add(&r->text, json_string_value(text), w->n);
}

int infer_reply_logprob(
    const json_t *v, const char *where, const char *place, double *logprob, struct fc_err *e)
{
	*logprob = NAN;
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_number(v) || !(json_number_value(v) <= 0.001))
		return fc_fail(e,
		    "%s: %s: a natural logarithm of a probability, 0 or less, is expected", where,
		    place);
	*logprob = json_number_value(v);
	return 0;
}

int infer_reply_id(
    const json_t *v, const char *where, const char *place, uint32_t *id, struct fc_err *e)
{
	const json_int_t i = json_integer_value(v);
	if (!json_is_integer(v) || i < 0 || i >= FC_NO_TOKEN)
		return fc_fail(e, "%s: %s: a token's id is expected", where, place);
	*id = (uint32_t)i;
	return 0;
}

const json_t *infer_reply_first(const json_t *o, const char *key)
{
	return json_array_get(json_object_get(o, key), 0);
}

static void clear_reply(struct reply *r)
{
	r->scope = REPLY_WHOLE;
	r->n_before = r->n_token = r->n_entry = r->n_choice = 0;
	r->message = r->answer = r->finish_reason = NULL;
	fc_buf_clear(&r->text);
}

int infer_reply_read(struct reply *r, const json_t *o, const char *where, struct fc_err *e)
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
		return fc_fail(e,
		    "%s: response: it has no log-probabilities: none of prompt_logprobs (vLLM), "
		    "choices[0].logprobs (OpenAI), details (TGI) and meta_info (SGLang)",
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
