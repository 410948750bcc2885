/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fc-infer/served/reply.h"

/*
 * Replies in which tokens have ids.
 *
 * vLLM (vllm/logprobs.py, entrypoints/openai): prompt_logprobs, of a chat's response a member of
 * the response, of a completion's one of choices[0], has for each token of the prompt null (the
 * first) or an object from ids to {"logprob", "rank", "decoded_token"}, the token's own first, then
 * the likeliest; prompt_token_ids are there if return_token_ids was asked for.  What has a
 * probability of 0 has the logarithm -9999. SGLang (srt/managers/tokenizer_manager.py):
 * meta_info.input_token_logprobs is a list of [logprob, id, text or null], the first logprob null;
 * input_top_logprobs has for each token null or such a list; output_token_logprobs and
 * output_top_logprobs are those of the answer.  The first tokens are missing where
 * logprob_start_len was above 0: meta_info.prompt_tokens says how many.  With
 * return_flat_raw_top_logprobs, input_top_logprobs_val_flat and _idx_flat have those of all tokens
 * behind input_top_logprobs_null_prefix in a row, input_top_logprobs_shape[1] for each. TGI
 * (router/src/lib.rs): details.prefill, if decoder_input_details was asked for, is a list of
 * {"id", "text", "logprob"}; details.tokens are those of the answer, and details.top_tokens, if
 * top_n_tokens was, a list of the likeliest for each of these.
 */

static int read_key(
    const char *key, const char *where, const char *place, uint32_t *id, struct fc_err *e)
{
	char *end;
	const unsigned long v = strtoul(key, &end, 10);
	if (*key < '0' || *key > '9' || *end || v >= FC_NO_TOKEN)
		return fc_fail(e, "%s: %s: \"%.40s\" is no token's id", where, place, key);
	*id = (uint32_t)v;
	return 0;
}

static int read_vllm_row(
    struct reply *r, const json_t *row, const char *where, const char *place, struct fc_err *e)
{
	struct reply_token *t = &r->token[r->n_token - 1];
	const uint32_t said = t->word.id;
	json_t *o = (json_t *)(uintptr_t)row; /* iterators take no const object, and change none */
	for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
		struct reply_entry *entry = infer_reply_add_entry(r);
		const json_t *v = json_object_iter_value(it);
		t = &r->token[r->n_token - 1];
		if (read_key(json_object_iter_key(it), where, place, &entry->word.id, e) < 0 ||
		    infer_reply_logprob(
			json_object_get(v, "logprob"), where, place, &entry->logprob, e) < 0)
			return -1;
		if (isnan(entry->logprob))
			return fc_fail(e, "%s: %s: a number is expected as logprob", where, place);
		if (t->n_entry == 1 && said == FC_NO_TOKEN)
			t->word.id = entry->word.id;
		if (entry->word.id == t->word.id) {
			t->logprob = entry->logprob;
			t->has_row = true;
		}
	}
	if (t->n_entry && !t->has_row)
		return fc_fail(e, "%s: %s: the token %u of the prompt is not among its entries",
		    where, place, t->word.id);
	return 0;
}

static int read_vllm(
    struct reply *r, const json_t *rows, const json_t *ids, const char *where, struct fc_err *e)
{
	if (json_is_array(ids) && json_array_size(ids) != json_array_size(rows))
		return fc_fail(e, "%s: prompt_logprobs has %zu items, prompt_token_ids %zu", where,
		    json_array_size(rows), json_array_size(ids));
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		char place[48];
		struct reply_token *t = infer_reply_add_token(r);
		snprintf(place, sizeof place, "prompt_logprobs[%zu]", i);
		if (json_is_array(ids) &&
		    infer_reply_id(json_array_get(ids, i), where, place, &t->word.id, e) < 0)
			return -1;
		if (!json_is_object(row) && !json_is_null(row))
			return fc_fail(e, "%s: %s: an object or null is expected", where, place);
		if (read_vllm_row(r, row, where, place, e) < 0)
			return -1;
	}
	return 1;
}

/* [logprob, id, text or null] */
static int read_triple(struct reply *r, const json_t *v, const char *where, const char *place,
    struct reply_word *w, double *logprob, struct fc_err *e)
{
	if (!json_is_array(v) || json_array_size(v) < 2)
		return fc_fail(e, "%s: %s: [logprob, id, text] is expected", where, place);
	if (infer_reply_logprob(json_array_get(v, 0), where, place, logprob, e) < 0 ||
	    infer_reply_id(json_array_get(v, 1), where, place, &w->id, e) < 0)
		return -1;
	infer_reply_set_text(r, w, json_array_get(v, 2));
	return 0;
}

/* One row for each token: lists beside each other are as long as each other. */
static int check_lengths(const json_t *tokens, const char *own, const json_t *tops, const char *top,
    const char *where, struct fc_err *e)
{
	const size_t n = json_array_size(tokens), n_top = json_array_size(tops);
	if (n_top && n_top != n)
		return fc_fail(
		    e, "%s: response: %s has %zu items, %s %zu", where, own, n, top, n_top);
	return 0;
}

/* The entries of all tokens in two lists, k of each token from the null_prefix-th on. */
struct flat {
	const json_t *ids, *values; /* NULL: there are none */
	size_t prefix, k;
};

/* Versions of SGLang differ in whether the shape counts the tokens of the prefix. */
static int find_flat(
    struct flat *f, const json_t *meta, size_t n, const char *where, struct fc_err *e)
{
	const json_t *shape = json_object_get(meta, "input_top_logprobs_shape"),
		     *prefix = json_object_get(meta, "input_top_logprobs_null_prefix");
	const json_int_t k = json_integer_value(json_array_get(shape, 1));
	*f = (struct flat){.ids = json_object_get(meta, "input_top_logprobs_idx_flat"),
	    .values = json_object_get(meta, "input_top_logprobs_val_flat")};
	if (json_object_get(meta, "input_top_logprobs_val_flat_b64"))
		return fc_fail(e,
		    "%s: response: input_top_logprobs_val_flat_b64 is SGLang's binary form; ask "
		    "without return_flat_raw_top_logprobs_b64",
		    where);
	if (!f->ids && !f->values)
		return 0;
	f->prefix = (size_t)json_integer_value(prefix);
	f->k = (size_t)k;
	if (!json_is_integer(prefix) || json_integer_value(prefix) < 0 || f->prefix > n || k < 0 ||
	    json_array_size(f->ids) != json_array_size(f->values) ||
	    (k ? json_array_size(f->ids) % f->k != 0 ||
			json_array_size(f->ids) / f->k != n - f->prefix
	       : json_array_size(f->ids) != 0))
		return fc_fail(e,
		    "%s: response: the lists input_top_logprobs_val_flat and _idx_flat are not "
		    "as long as input_top_logprobs_shape and _null_prefix say for %zu tokens",
		    where, n);
	return 0;
}

static int read_flat_row(
    struct reply *r, const struct flat *f, size_t token, const char *where, struct fc_err *e)
{
	for (size_t j = 0; token >= f->prefix && j < f->k; j++) {
		const size_t at = (token - f->prefix) * f->k + j;
		struct reply_entry *entry = infer_reply_add_entry(r);
		char place[64];
		snprintf(place, sizeof place, "input_top_logprobs_idx_flat[%zu]", at);
		if (infer_reply_id(json_array_get(f->ids, at), where, place, &entry->word.id, e) <
		    0)
			return -1;
		snprintf(place, sizeof place, "input_top_logprobs_val_flat[%zu]", at);
		if (infer_reply_logprob(
			json_array_get(f->values, at), where, place, &entry->logprob, e) < 0)
			return -1;
		if (isnan(entry->logprob))
			return fc_fail(e, "%s: %s: a number is expected", where, place);
	}
	return 0;
}

static int read_sglang_list(struct reply *r, const json_t *meta, const char *own, const char *top,
    const struct flat *flat, const char *where, struct fc_err *e)
{
	const json_t *tokens = json_object_get(meta, own), *tops = json_object_get(meta, top);
	if (check_lengths(tokens, own, tops, top, where, e) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(tokens); i++) {
		char place[64];
		struct reply_token *t = infer_reply_add_token(r);
		const json_t *row = json_array_get(tops, i);
		snprintf(place, sizeof place, "%s[%zu]", own, i);
		if (read_triple(
			r, json_array_get(tokens, i), where, place, &t->word, &t->logprob, e) < 0)
			return -1;
		t->has_row = !isnan(t->logprob);
		if (flat && read_flat_row(r, flat, i, where, e) < 0)
			return -1;
		snprintf(place, sizeof place, "%s[%zu]", top, i);
		for (size_t j = 0; j < json_array_size(row); j++) {
			struct reply_entry *entry = infer_reply_add_entry(r);
			if (read_triple(r, json_array_get(row, j), where, place, &entry->word,
				&entry->logprob, e) < 0)
				return -1;
			if (isnan(entry->logprob))
				return fc_fail(e, "%s: %s: a number is expected", where, place);
		}
	}
	return 1;
}

/* Of answers, SGLang gives the logarithms of what it draws from (layers/sampler.py): logits with
 * penalties, over the temperature; it takes 0 for the likeliest token at 1. */
static int read_sglang_answer(
    struct reply *r, const json_t *request, const json_t *meta, const char *where, struct fc_err *e)
{
	static const struct reply_setting settings[] = {{"temperature", 1, 0},
	    {"repetition_penalty", 1, 1}, {"frequency_penalty", 0, 0}, {"presence_penalty", 0, 0},
	    {"min_new_tokens", 0, 0}, {"logit_bias", 0, 0}, {"regex", 0, 0}, {"ebnf", 0, 0},
	    {"json_schema", 0, 0}, {"structural_tag", 0, 0}, {NULL, 0, 0}};
	r->scope = REPLY_ANSWER;
	if (infer_reply_check_settings(
		json_object_get(request, "sampling_params"), settings, where, e) < 0)
		return -1;
	return read_sglang_list(
	    r, meta, "output_token_logprobs", "output_top_logprobs", NULL, where, e);
}

static int read_sglang(
    struct reply *r, const json_t *request, const json_t *o, const char *where, struct fc_err *e)
{
	const json_t *meta = json_object_get(o, "meta_info");
	const size_t n = json_array_size(json_object_get(meta, "input_token_logprobs"));
	const json_int_t n_prompt = json_integer_value(json_object_get(meta, "prompt_tokens"));
	struct flat flat;
	r->answer = json_object_get(o, "text");
	if (!n)
		return read_sglang_answer(r, request, meta, where, e);
	if (find_flat(&flat, meta, n, where, e) < 0)
		return -1;
	r->n_before = n_prompt > (json_int_t)n ? (size_t)n_prompt - n : 0;
	return read_sglang_list(
	    r, meta, "input_token_logprobs", "input_top_logprobs", &flat, where, e);
}

static int read_tgi_token(struct reply *r, const json_t *v, const char *where, const char *place,
    struct reply_word *w, double *logprob, struct fc_err *e)
{
	if (infer_reply_id(json_object_get(v, "id"), where, place, &w->id, e) < 0 ||
	    infer_reply_logprob(json_object_get(v, "logprob"), where, place, logprob, e) < 0)
		return -1;
	infer_reply_set_text(r, w, json_object_get(v, "text"));
	return 0;
}

static int read_tgi(
    struct reply *r, const json_t *request, const json_t *o, const char *where, struct fc_err *e)
{
	/* of answers, what is left when all these are through (utils/tokens.py) */
	static const struct reply_setting settings[] = {{"temperature", 1, 1}, {"top_k", 0, 0},
	    {"top_p", 1, 1}, {"typical_p", 1, 1}, {"repetition_penalty", 1, 1},
	    {"frequency_penalty", 0, 0}, {"watermark", 0, 0}, {"grammar", 0, 0}, {NULL, 0, 0}};
	const json_t *details = json_object_get(o, "details");
	const bool whole = json_array_size(json_object_get(details, "prefill")) > 0;
	const char *key = whole ? "prefill" : "tokens";
	const json_t *tokens = json_object_get(details, key),
		     *tops = whole ? NULL : json_object_get(details, "top_tokens");
	r->scope = whole ? REPLY_WHOLE : REPLY_ANSWER;
	r->answer = json_object_get(o, "generated_text");
	if (!whole &&
	    infer_reply_check_settings(json_object_get(request, "parameters"), settings, where, e) <
		0)
		return -1;
	if (check_lengths(tokens, key, tops, "top_tokens", where, e) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(tokens); i++) {
		char place[64];
		struct reply_token *t = infer_reply_add_token(r);
		const json_t *row = json_array_get(tops, i);
		snprintf(place, sizeof place, "details.%s[%zu]", key, i);
		if (read_tgi_token(
			r, json_array_get(tokens, i), where, place, &t->word, &t->logprob, e) < 0)
			return -1;
		t->has_row = !isnan(t->logprob);
		snprintf(place, sizeof place, "details.top_tokens[%zu]", i);
		for (size_t j = 0; j < json_array_size(row); j++) {
			struct reply_entry *entry = infer_reply_add_entry(r);
			if (read_tgi_token(r, json_array_get(row, j), where, place, &entry->word,
				&entry->logprob, e) < 0)
				return -1;
			if (isnan(entry->logprob))
				return fc_fail(e, "%s: %s: a number is expected", where, place);
		}
	}
	return 1;
}

int infer_reply_read_ids(
    struct reply *r, const json_t *request, const json_t *o, const char *where, struct fc_err *e)
{
	const json_t *choice = infer_reply_first(o, "choices");
	const json_t *of_chat = json_object_get(o, "prompt_logprobs"),
		     *of_choice = json_object_get(choice, "prompt_logprobs");
	r->n_choice = json_array_size(json_object_get(o, "choices"));
	if (json_is_array(of_chat))
		return read_vllm(r, of_chat, json_object_get(o, "prompt_token_ids"), where, e);
	if (json_is_array(of_choice))
		return read_vllm(
		    r, of_choice, json_object_get(choice, "prompt_token_ids"), where, e);
	if (json_is_object(json_object_get(o, "meta_info")))
		return read_sglang(r, request, o, where, e);
	if (json_is_object(json_object_get(o, "details")))
		return read_tgi(r, request, o, where, e);
	return 0;
}
