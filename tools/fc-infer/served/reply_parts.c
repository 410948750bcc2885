/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/mem.h"
#include "fc-infer/served/reply.h"

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

static double value_of(const json_t *v)
{
	return json_is_object(v) ? (double)json_object_size(v)
	    : json_is_string(v)  ? (double)json_string_length(v)
	    : json_is_true(v)    ? 1
				 : json_number_value(v);
}

int infer_reply_check_settings(
    const json_t *o, const struct reply_setting *s, const char *where, struct fc_err *e)
{
	for (; s->key; s++) {
		const json_t *v = json_object_get(o, s->key);
		if (!v || json_is_null(v) || value_of(v) == s->neutral || value_of(v) == s->other)
			continue;
		struct fc_buf b = FC_BUF_INIT;
		fc_json_dump(&b, v);
		fc_fail(e,
		    "%s: request: %s %.40s; the model's own log-probabilities are those at "
		    "temperature 1 that nothing else changed",
		    where, s->key, b.p ? b.p : "");
		fc_buf_release(&b);
		return -1;
	}
	return 0;
}

const json_t *infer_reply_first(const json_t *o, const char *key)
{
	return json_array_get(json_object_get(o, key), 0);
}
