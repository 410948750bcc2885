/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "fc-infer/served/reply.h"

/*
 * Replies in which tokens are a list of ids, and distributions lists of ids and lists of values.
 *
 * DistillKit (distillkit/compression, sample_logits_vllm.py): input_ids, and token_ids with
 * top_values, of which item i is about token i + 1.  Ids beyond the lists are left out, as its
 * pack_logits does: the last one is a padding token that was put there to be scored.
 * Its other two forms are packed to bits by a configuration that is not in the data, and its packed
 * data have several texts a line, numbered by attention_mask: both are refused by name.
 * TRL (trl/scripts/vllm_serve.py): of /get_sequence_logprobs/ the request has sequences and
 * prompt_lengths, the response logprobs and logprob_token_ids of what is behind the prompts, by
 * rank; of /generate/ and /chat/ the response has prompt_ids and completion_ids as well.
 */
struct lists {
	const json_t *before, *ids; /* of tokens: those without distributions, and the others */
	size_t n_ids;               /* of ids, the first that count */
	const json_t *top, *values; /* [][] */
	size_t skip;                /* ids before the first one that top and values are about */
	const char *top_name, *values_name;
};

static const json_t *list_in(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_array(v) ? v : NULL;
}

/* What top and values say of the token last added; an item without a value is none. */
static int read_row(
    struct reply *r, const struct lists *l, size_t row, const char *where, struct fc_err *e)
{
	const json_t *top = json_array_get(l->top, row), *values = json_array_get(l->values, row);
	char place[64];
	snprintf(place, sizeof place, "%s[%zu]", l->values_name, row);
	if (!json_is_array(top) || json_array_size(top) != json_array_size(values))
		return fc_fail(e, "%s: %s: a list as long as that of %s is expected", where, place,
		    l->top_name);
	for (size_t i = 0; i < json_array_size(top); i++) {
		double logprob;
		uint32_t id;
		if (infer_reply_logprob(json_array_get(values, i), where, place, &logprob, e) < 0)
			return -1;
		if (isnan(logprob))
			continue;
		snprintf(place, sizeof place, "%s[%zu]", l->top_name, row);
		if (infer_reply_id(json_array_get(top, i), where, place, &id, e) < 0)
			return -1;
		snprintf(place, sizeof place, "%s[%zu]", l->values_name, row);
		struct reply_entry *entry = infer_reply_add_entry(r);
		struct reply_token *t = &r->token[r->n_token - 1];
		entry->word.id = id;
		entry->logprob = logprob;
		if (id == t->word.id) {
			t->logprob = logprob;
			t->has_row = true;
		}
	}
	return 0;
}

static int add_ids(struct reply *r, const json_t *ids, size_t n, const struct lists *l,
    const char *where, struct fc_err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct reply_token *t = infer_reply_add_token(r);
		if (infer_reply_id(json_array_get(ids, i), where, "ids", &t->word.id, e) < 0)
			return -1;
		if (l && i >= l->skip && read_row(r, l, i - l->skip, where, e) < 0)
			return -1;
	}
	return 0;
}

static int read_lists(struct reply *r, const struct lists *l, const char *where, struct fc_err *e)
{
	r->tells_text = true;
	r->n_context = json_array_size(l->before);
	if (add_ids(r, l->before, r->n_context, NULL, where, e) < 0 ||
	    add_ids(r, l->ids, l->n_ids, l, where, e) < 0)
		return -1;
	return 1;
}

static int read_distillkit(struct reply *r, const json_t *o, const char *where, struct fc_err *e)
{
	const json_t *mask = json_object_get(o, "attention_mask");
	struct lists l = {.ids = list_in(o, "input_ids"),
	    .top = list_in(o, "token_ids"),
	    .values = list_in(o, "top_values"),
	    .skip = 1,
	    .top_name = "token_ids",
	    .values_name = "top_values"};
	for (size_t i = 0; i < json_array_size(mask); i++)
		if (json_integer_value(json_array_get(mask, i)) > 1)
			return fc_fail(e,
			    "%s: several texts in one line, as attention_mask numbers them "
			    "(DistillKit); OTHER FORMS of fc-infer(1) has lines that part them",
			    where);
	if (!l.ids)
		return fc_fail(e, "%s: input_ids is missing, or no list", where);
	l.n_ids = json_array_size(l.values);
	if (json_array_size(l.top) != l.n_ids || json_array_size(l.ids) < l.n_ids)
		return fc_fail(e,
		    "%s: there are %zu input_ids, %zu token_ids and %zu top_values; the last two "
		    "are alike, and no more than the first",
		    where, json_array_size(l.ids), json_array_size(l.top), l.n_ids);
	return read_lists(r, &l, where, e);
}

/* A batch of one: the item of the list. */
static const json_t *only(const json_t *o, const char *key)
{
	const json_t *v = list_in(o, key);
	return json_array_size(v) == 1 ? json_array_get(v, 0) : NULL;
}

static int read_trl(
    struct reply *r, const json_t *request, const json_t *o, const char *where, struct fc_err *e)
{
	static const struct reply_setting settings[] = {{"temperature", 1, 1}, {NULL, 0, 0}};
	const json_t *length = only(request, "prompt_lengths");
	const bool generated = list_in(o, "completion_ids") != NULL;
	struct lists l = {.before = generated ? only(o, "prompt_ids") : NULL,
	    .ids = generated ? only(o, "completion_ids") : only(request, "sequences"),
	    .top = only(o, "logprob_token_ids"),
	    .values = only(o, "logprobs"),
	    .top_name = "logprob_token_ids[0]",
	    .values_name = "logprobs[0]"};
	if (json_array_size(list_in(o, "logprobs")) > 1)
		return fc_fail(e,
		    "%s: several sequences in one response (TRL); OTHER FORMS of fc-infer(1) has "
		    "the line of jq that parts them",
		    where);
	if (infer_reply_check_settings(request, settings, where, e) < 0)
		return -1;
	if (!l.ids || !l.values || (generated ? !l.before : !json_is_integer(length)))
		return fc_fail(e,
		    "%s: sequences and prompt_lengths of the request, or prompt_ids and "
		    "completion_ids of the response, are expected beside logprob_token_ids (TRL)",
		    where);
	l.n_ids = json_array_size(l.ids);
	if (!generated && json_integer_value(length) >= 0 &&
	    (size_t)json_integer_value(length) <= l.n_ids)
		l.skip = (size_t)json_integer_value(length);
	if (json_array_size(l.top) != l.n_ids - l.skip ||
	    json_array_size(l.values) != l.n_ids - l.skip)
		return fc_fail(e,
		    "%s: response: logprobs and logprob_token_ids of %zu tokens are expected",
		    where, l.n_ids - l.skip);
	const int ret = read_lists(r, &l, where, e);
	if (!generated)
		r->n_context = l.skip;
	return ret;
}

int infer_reply_read_rows(
    struct reply *r, const json_t *request, const json_t *o, const char *where, struct fc_err *e)
{
	static const char *const packed[] = {
	    "compressed_logprobs", "bytepacked_indices", "packed_indices"};
	for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
		if (json_object_get(o, packed[i]))
			return fc_fail(e,
			    "%s: %s is compressed (DistillKit); OTHER FORMS of fc-infer(1) has the "
			    "lines that make token_ids and top_values of it",
			    where, packed[i]);
	if (json_object_get(o, "logprobs_b64"))
		return fc_fail(e,
		    "%s: response: logprobs_b64 is TRL's binary form; ask with "
		    "\"response_format\": \"json\"",
		    where);
	if (list_in(o, "token_ids") && list_in(o, "top_values"))
		return read_distillkit(r, o, where, e);
	if (list_in(o, "logprob_token_ids"))
		return read_trl(r, request, o, where, e);
	return 0;
}

bool infer_reply_is_stored(const json_t *o)
{
	return json_object_get(o, "input_ids") &&
	    (json_object_get(o, "top_values") || json_object_get(o, "compressed_logprobs") ||
		json_object_get(o, "packed_indices"));
}
