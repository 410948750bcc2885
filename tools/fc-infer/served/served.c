/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/served.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "chat/turnend.h"
#include "fc-infer/text.h"
#include "model/config.h"

/* The rows of the model's output matrix where its configuration lies beside the tokenizer. */
static size_t outputs_of(const char *path, size_t n_vocab)
{
	struct fc_config config = {0};
	struct fc_err ignored;
	const size_t n = fc_config_load(&config, path, &ignored) == 0 ? config.n_vocab : 0;
	fc_config_release(&config);
	return n > n_vocab ? n : n_vocab;
}

int infer_served_open(
    struct served *s, const struct infer_options *o, const char *tokenizer, struct fc_err *e)
{
	enum { USUAL = 10 };
	*s = (struct served){.opt = o};
	fc_example_init(&s->x);
	fc_example_init(&s->other);
	if (fc_tokenizer_open(&s->tokenizer, tokenizer, e) < 0)
		return -1;
	if (fc_chat_open(&s->chat, o->pivot ? o->pivot : tokenizer, o->template_file, &s->no_chat) <
		0 &&
	    (o->template_file || o->pivot))
		return fc_fail(e, "%s", s->no_chat.msg);
	s->turn_end = fc_turnend_token(tokenizer, s->tokenizer);
	s->n_output = outputs_of(tokenizer, fc_tokenizer_n_vocab(s->tokenizer));
	infer_words_init(&s->words, s->tokenizer);
	s->rows = (struct rows){.words = &s->words,
	    .top_k = o->top_k >= 0 ? (size_t)o->top_k : USUAL,
	    .n_output = s->n_output,
	    .all_rows = o->all_rows};
	if (s->rows.top_k > s->n_output)
		s->rows.top_k = s->n_output;
	return 0;
}

void infer_served_header(const struct served *s, struct fc_header *h)
{
	char *name = s->opt->name ? fc_strdup(s->opt->name) : fc_path_name(s->opt->model);
	fc_header_init(h, FC_KIND_DISTS);
	h->tokenizer = fc_tokenizer_fingerprint(s->tokenizer);
	h->template_hash = s->chat ? fc_chat_hash(s->chat) : 0;
	h->cut = s->opt->cut;
	h->n_vocab = (uint32_t)fc_tokenizer_n_vocab(s->tokenizer);
	h->n_output = (uint32_t)s->n_output;
	h->top_k = (uint32_t)s->rows.top_k;
	h->part = s->opt->shard;
	/* which weights the server has is not known here */
	fc_header_add_source(h, name, 0, h->tokenizer);
	fc_header_add_self(h);
	free(name);
}

static int encode_cut(struct served *s, const struct fc_conversation *c, enum fc_text_cut cut,
    struct fc_example *x, struct fc_err *e)
{
	struct fc_rendered r = {.cut = cut};
	fc_example_clear(x);
	fc_buf_adds(&x->id, c->id);
	if (json_object_size(c->extra))
		fc_json_dump(&x->meta, c->extra);
	if (c->form == FC_FORM_TEXT)
		return infer_text_encode(s->tokenizer, c, x, e);
	if (!s->chat)
		return fc_fail(e, "%s", s->no_chat.msg);
	int ret = fc_chat_render(s->chat, c, false, &r, e);
	if (ret == 0)
		ret = fc_rendered_encode(&r, s->tokenizer, s->turn_end, x, e);
	fc_rendered_release(&r);
	return ret;
}

int infer_served_encode(struct served *s, const struct fc_conversation *c, struct fc_err *e)
{
	struct fc_err ignored; /* the other cut may not go */
	const enum fc_text_cut cut = s->opt->cut;
	if (encode_cut(s, c, cut, &s->x, e) < 0)
		return -1;
	if (encode_cut(
		s, c, cut == FC_CUT_PROMPT ? FC_CUT_WHOLE : FC_CUT_PROMPT, &s->other, &ignored) < 0)
		fc_example_clear(&s->other);
	return 0;
}

/* Are entries told by strings alone? */
static bool has_strings(const struct reply *r)
{
	for (size_t i = 0; i < r->n_entry; i++)
		if (r->entry[i].word.id == FC_NO_TOKEN && !r->entry[i].word.is_bytes)
			return true;
	return false;
}

int infer_served_example(struct served *s, const struct reply *r, struct fc_err *e)
{
	struct place p;
	if (infer_place_find(&p, &s->x, &s->other, r, &s->words, e) < 0)
		return -1;
	s->n_own += p.spelled;
	if (p.spaceless && has_strings(r))
		return fc_fail(e,
		    "the strings of tokens have lost the spaces that they begin with, so that they "
		    "do not tell which token is meant; ask the server for ids or bytes "
		    "(prompt_logprobs, return_tokens_as_token_ids of vLLM)");
	s->n_choice += r->n_choice > 1 ? r->n_choice - 1 : 0;
	return infer_rows_add(&s->rows, &s->x, &p, r, e);
}

void infer_served_tell(const struct served *s)
{
	const struct rows_count *n = &s->rows.count;
	if (!s->n_line)
		fc_warn("there is no line in the input");
	if (s->n_error)
		fc_warn("%" PRIu64 " of %" PRIu64
			" lines are errors of the server and were left out; the first: %s",
		    s->n_error, s->n_line, s->first_error);
	if (n->n_missing)
		fc_warn("%" PRIu64 " of %" PRIu64
			" trained tokens have no distribution: the server gave none there",
		    n->n_missing, n->n_trained);
	else if (n->n_trained)
		fc_note("all %" PRIu64 " trained tokens have a distribution", n->n_trained);
	if (n->n_alone)
		fc_note(
		    "of these, %" PRIu64
		    " have nothing but their own log-probability: no likeliest tokens are there",
		    n->n_alone);
	if (n->n_silent)
		fc_note("of these, %" PRIu64 " are not among the entries that are there, which do "
			"not tell how likely they are",
		    n->n_silent);
	if (n->n_unknown)
		fc_note(
		    "%" PRIu64
		    " entries were left out: their strings are no token's (parts of characters)",
		    n->n_unknown);
	if (n->n_beyond)
		fc_note("%" PRIu64 " tokens of responses stand behind the texts and were left out",
		    n->n_beyond);
	if (s->n_own)
		fc_note(
		    "%" PRIu64
		    " conversations have other tokens than the tokenizer makes: the response's, "
		    "which spell the text",
		    s->n_own);
	if (s->n_choice)
		fc_note("%" PRIu64 " further answers to a request were left out", s->n_choice);
}

void infer_served_close(struct served *s)
{
	infer_rows_release(&s->rows);
	infer_words_release(&s->words);
	fc_example_release(&s->x);
	fc_example_release(&s->other);
	fc_chat_free(s->chat);
	fc_tokenizer_free(s->tokenizer);
	free(s->first_error);
}
