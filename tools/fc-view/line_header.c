/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fc-view/from_jsonl.h"

/* By enum fc_kind, less one; the names of proto/fc.proto. */
static const char *const kind_words[] = {"tokens", "dists", "tensors", "map", "update", NULL};
static const char *const known[] = {"kind", "tokenizer", "model", "template_hash", "cut", "n_vocab",
    "n_output", "top_k", "n_sample", "sample_temperature", "source_tokenizer", "source_n_vocab",
    "part", "parts", "sources", "history", NULL};
static const char *const known_source[] = {"name", "model", "tokenizer", NULL};
static const char *const known_program[] = {"name", "version", "args", NULL};

static void add_print(struct fc_buf *b, const char *key, uint64_t print)
{
	if (print)
		fc_buf_addf(b, ",\"%s\":\"%016" PRIx64 "\"", key, print);
}

static void add_whole(struct fc_buf *b, const char *key, uint32_t n)
{
	if (n)
		fc_buf_addf(b, ",\"%s\":%" PRIu32, key, n);
}

static void add_text(struct fc_buf *b, const char *key, const char *text)
{
	fc_buf_addf(b, "\"%s\":", key);
	fc_json_quote(b, text, strlen(text));
}

void view_header_line_add(struct fc_buf *b, const struct fc_header *h)
{
	fc_buf_addf(b, "{\"header\":{\"kind\":\"%s\"", kind_words[h->kind - 1]);
	add_print(b, "tokenizer", h->tokenizer);
	add_print(b, "model", h->model);
	add_print(b, "template_hash", h->template_hash);
	fc_buf_adds(b, ",");
	add_text(b, "cut", fc_text_cut_words[h->cut]);
	add_whole(b, "n_vocab", h->n_vocab);
	add_whole(b, "n_output", h->n_output);
	add_whole(b, "top_k", h->top_k);
	add_whole(b, "n_sample", h->n_sample);
	if (h->n_sample)
		fc_buf_addf(b, ",\"sample_temperature\":%.17g", h->sample_temperature);
	add_print(b, "source_tokenizer", h->source_tokenizer);
	add_whole(b, "source_n_vocab", h->source_n_vocab);
	add_whole(b, "part", (uint32_t)h->part.i);
	add_whole(b, "parts", (uint32_t)h->part.n);
	fc_buf_adds(b, ",\"sources\":[");
	for (size_t i = 0; i < h->n_source; i++) {
		fc_buf_adds(b, i ? ",{" : "{");
		add_text(b, "name", h->source[i].name);
		add_print(b, "model", h->source[i].model);
		add_print(b, "tokenizer", h->source[i].tokenizer);
		fc_buf_addc(b, '}');
	}
	fc_buf_adds(b, "],\"history\":[");
	for (size_t i = 0; i < h->n_history; i++) {
		fc_buf_adds(b, i ? ",{" : "{");
		add_text(b, "name", h->history[i].name);
		fc_buf_addc(b, ',');
		add_text(b, "version", h->history[i].version);
		fc_buf_addc(b, ',');
		add_text(b, "args", h->history[i].args);
		fc_buf_addc(b, '}');
	}
	fc_buf_adds(b, "]}}\n");
}

static int read_sources(
    const struct view_place *at, const json_t *o, struct fc_header *h, struct fc_err *e)
{
	const json_t *list;
	if (view_member_get_list(at, o, "sources", &list, e) < 0)
		return -1;
	if (json_array_size(list) > FC_HEADER_MAX_SOURCES)
		return fc_fail(e, "%s: more than %d sources", at->line, FC_HEADER_MAX_SOURCES);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const struct view_place in = {at->line, "sources", i};
		const json_t *v = json_array_get(list, i);
		const char *name = NULL;
		uint64_t model = 0, tokenizer = 0;
		if (!json_is_object(v))
			return view_member_fail(&in, "name", NULL, "a source with a name", e);
		if (view_member_check_names(&in, v, known_source, e) < 0 ||
		    view_member_get_text(&in, v, "name", &name, e) < 0 ||
		    view_member_get_print(&in, v, "model", &model, e) < 0 ||
		    view_member_get_print(&in, v, "tokenizer", &tokenizer, e) < 0)
			return -1;
		if (!name)
			return view_member_fail(&in, "name", NULL, "a string", e);
		fc_header_add_source(h, name, model, tokenizer);
	}
	return 0;
}

static int read_history(
    const struct view_place *at, const json_t *o, struct fc_header *h, struct fc_err *e)
{
	const json_t *list;
	if (view_member_get_list(at, o, "history", &list, e) < 0)
		return -1;
	if (json_array_size(list) >= FC_HEADER_MAX_PROGRAMS)
		return fc_fail(e, "%s: more than %d programs in the history", at->line,
		    FC_HEADER_MAX_PROGRAMS - 1);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const struct view_place in = {at->line, "history", i};
		const json_t *v = json_array_get(list, i);
		const char *name = NULL, *version = "", *args = "";
		if (!json_is_object(v))
			return view_member_fail(&in, "name", NULL, "a program with a name", e);
		if (view_member_check_names(&in, v, known_program, e) < 0 ||
		    view_member_get_text(&in, v, "name", &name, e) < 0 ||
		    view_member_get_text(&in, v, "version", &version, e) < 0 ||
		    view_member_get_text(&in, v, "args", &args, e) < 0)
			return -1;
		if (!name)
			return view_member_fail(&in, "name", NULL, "a string", e);
		fc_header_add_program(h, name, version, args);
	}
	return 0;
}

static int read_part(
    const struct view_place *at, const json_t *o, struct fc_header *h, struct fc_err *e)
{
	struct fc_shard *p = &h->part;
	if (view_member_get_whole(at, o, "part", UINT32_MAX, &p->i, e) < 0 ||
	    view_member_get_whole(at, o, "parts", UINT32_MAX, &p->n, e) < 0)
		return -1;
	return p->i <= p->n && (p->i > 0 || p->n == 0)
	    ? 0
	    : view_member_fail(at, "part", json_object_get(o, "part"),
		  "a number from 1 to parts, or neither,", e);
}

static int read_numbers(
    const struct view_place *at, const json_t *o, struct fc_header *h, struct fc_err *e)
{
	unsigned cut = h->cut;
	if (view_member_get_print(at, o, "tokenizer", &h->tokenizer, e) < 0 ||
	    view_member_get_print(at, o, "model", &h->model, e) < 0 ||
	    view_member_get_print(at, o, "template_hash", &h->template_hash, e) < 0 ||
	    view_member_get_word(at, o, "cut", fc_text_cut_words, &cut, e) < 0 ||
	    view_member_get_u32(at, o, "n_vocab", FC_MAX_VOCAB, &h->n_vocab, e) < 0 ||
	    view_member_get_u32(at, o, "n_output", FC_MAX_VOCAB, &h->n_output, e) < 0 ||
	    view_member_get_u32(at, o, "top_k", FC_MAX_VOCAB, &h->top_k, e) < 0 ||
	    view_member_get_u32(at, o, "n_sample", FC_MAX_DRAWS, &h->n_sample, e) < 0 ||
	    view_member_get_real(at, o, "sample_temperature", &h->sample_temperature, e) < 0 ||
	    view_member_get_print(at, o, "source_tokenizer", &h->source_tokenizer, e) < 0 ||
	    view_member_get_u32(at, o, "source_n_vocab", FC_MAX_VOCAB, &h->source_n_vocab, e) < 0)
		return -1;
	h->cut = cut;
	return 0;
}

/* Takes from the tokenizer what the line does not say. */
static int use_tokenizer(const struct view_place *at, const struct fc_tokenizer *t,
    struct fc_header *h, struct fc_err *e)
{
	const uint64_t print = fc_tokenizer_fingerprint(t);
	const uint32_t n_vocab = (uint32_t)fc_tokenizer_n_vocab(t);
	if (h->tokenizer && h->tokenizer != print)
		return fc_fail(e,
		    "%s: header: tokenizer is %016" PRIx64 ", that of --tokenizer %016" PRIx64,
		    at->line, h->tokenizer, print);
	if (h->n_vocab && h->n_vocab != n_vocab)
		return fc_fail(e,
		    "%s: header: n_vocab is %" PRIu32 ", that of --tokenizer %" PRIu32, at->line,
		    h->n_vocab, n_vocab);
	h->tokenizer = print;
	h->n_vocab = n_vocab;
	return 0;
}

int view_header_line_read(const struct view_place *at, const json_t *o,
    const struct fc_tokenizer *t, struct fc_header *h, struct fc_err *e)
{
	unsigned kind = 0;
	fc_header_init(h, FC_KIND_TOKENS);
	if (!json_is_object(o))
		return view_member_fail(at, "header", o, "an object", e);
	if (view_member_check_names(at, o, known, e) < 0)
		return -1;
	if (!json_object_get(o, "kind"))
		return view_member_fail(at, "kind", NULL,
		    "one of \"tokens\", \"dists\", \"tensors\", \"map\", \"update\"", e);
	if (view_member_get_word(at, o, "kind", kind_words, &kind, e) < 0)
		return -1;
	h->kind = kind + 1;
	if (read_numbers(at, o, h, e) < 0 || read_part(at, o, h, e) < 0 ||
	    read_sources(at, o, h, e) < 0 || read_history(at, o, h, e) < 0)
		return -1;
	if (t && !fc_kind_has_tensors(h->kind) && use_tokenizer(at, t, h, e) < 0)
		return -1;
	if (!h->n_vocab && !fc_kind_has_tensors(h->kind))
		return view_member_fail(at, "n_vocab", NULL,
		    "the vocabulary's highest id + 1, or --tokenizer, which knows it,", e);
	if (h->kind == FC_KIND_DISTS && !json_object_get(o, "top_k"))
		return view_member_fail(
		    at, "top_k", NULL, "the largest number of a row's entries", e);
	return 0;
}
