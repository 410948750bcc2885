/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/header.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"

const char *fc_kind_name(enum fc_kind k)
{
	switch (k) {
	case FC_KIND_TOKENS:
		return "token stream";
	case FC_KIND_DISTS:
		return "distribution stream";
	case FC_KIND_TENSORS:
		return "tensor stream";
	case FC_KIND_MAP:
		return "vocabulary map";
	case FC_KIND_UPDATE:
		return "model update";
	}
	return "stream of unknown kind";
}

bool fc_kind_has_examples(enum fc_kind k)
{
	return k == FC_KIND_TOKENS || k == FC_KIND_DISTS;
}

const char *const fc_text_cut_words[] = {
    [FC_CUT_WHOLE] = "whole", [FC_CUT_PROMPT] = "prompt", NULL};
_Static_assert(FC_LEN(fc_text_cut_words) == FC_CUT_N + 1, "a word each");

bool fc_kind_has_tensors(enum fc_kind k)
{
	return k == FC_KIND_TENSORS || k == FC_KIND_UPDATE;
}

void fc_header_init(struct fc_header *h, enum fc_kind kind)
{
	*h = (struct fc_header){.kind = kind};
}

void fc_header_release(struct fc_header *h)
{
	for (size_t i = 0; i < h->n_source; i++)
		free(h->source[i].name);
	for (size_t i = 0; i < h->n_history; i++) {
		free(h->history[i].name);
		free(h->history[i].version);
		free(h->history[i].args);
	}
	free(h->source);
	free(h->history);
	fc_header_init(h, h->kind);
}

void fc_header_clear_sources(struct fc_header *h)
{
	for (size_t i = 0; i < h->n_source; i++)
		free(h->source[i].name);
	h->n_source = 0;
}

void fc_header_add_source(struct fc_header *h, const char *name, uint64_t model, uint64_t tokenizer)
{
	h->source = fc_realloc(h->source, h->n_source + 1, sizeof *h->source);
	h->source[h->n_source++] = (struct fc_source){fc_strdup(name), model, tokenizer};
}

void fc_header_add_program(
    struct fc_header *h, const char *name, const char *version, const char *args)
{
	h->history = fc_realloc(h->history, h->n_history + 1, sizeof *h->history);
	h->history[h->n_history++] =
	    (struct fc_program){fc_strdup(name), fc_strdup(version), fc_strdup(args)};
}

void fc_header_add_self(struct fc_header *h)
{
	if (!fc_opt_no_history)
		fc_header_add_program(h, fc_prog, fc_version, fc_opt_given());
}

void fc_header_copy(struct fc_header *to, const struct fc_header *from)
{
	*to = *from;
	to->source = NULL;
	to->history = NULL;
	to->n_source = to->n_history = 0;
	for (size_t i = 0; i < from->n_source; i++) {
		const struct fc_source *s = &from->source[i];
		fc_header_add_source(to, s->name, s->model, s->tokenizer);
	}
	for (size_t i = 0; i < from->n_history; i++) {
		const struct fc_program *p = &from->history[i];
		fc_header_add_program(to, p->name, p->version, p->args);
	}
}

uint32_t fc_header_n_output(const struct fc_header *h)
{
	return h->n_output ? h->n_output : h->n_vocab;
}

size_t fc_header_find_source(struct fc_header *h, const struct fc_source *s)
{
	for (size_t i = 0; i < h->n_source; i++) {
		const struct fc_source *at = &h->source[i];
		if (at->model == s->model && at->tokenizer == s->tokenizer &&
		    !strcmp(at->name, s->name))
			return i;
	}
	fc_header_add_source(h, s->name, s->model, s->tokenizer);
	return h->n_source - 1;
}

void fc_header_draws_text(const struct fc_header *h, char *text, size_t size)
{
	*text = 0;
	if (h->n_sample)
		snprintf(text, size, "rows of %" PRIu32 " draw%s at temperature %g", h->n_sample,
		    h->n_sample == 1 ? "" : "s", h->sample_temperature);
}

int fc_header_same_draws(const struct fc_header *a, const char *a_name, const struct fc_header *b,
    const char *b_name, struct fc_err *e)
{
	char text[2][80];
	if (a->n_sample == b->n_sample && a->sample_temperature == b->sample_temperature)
		return 0;
	fc_header_draws_text(a, text[0], sizeof text[0]);
	fc_header_draws_text(b, text[1], sizeof text[1]);
	return fc_fail(e, "%s has %s, %s has %s: make them alike with fc-infer --sample", b_name,
	    b->n_sample ? text[1] : "the likeliest entries of rows", a_name,
	    a->n_sample ? text[0] : "the likeliest entries of rows");
}

int fc_header_set_part(struct fc_header *h, const struct fc_shard *s, struct fc_err *e)
{
	struct fc_shard *p = &h->part;
	if (!s->n)
		return 0;
	if (!p->n)
		*p = (struct fc_shard){1, 1};
	if (s->n > UINT32_MAX / p->n)
		return fc_fail(e,
		    "part %" PRIu64 " of %" PRIu64 " of a stream that is one of %" PRIu64
		    " parts: these are too many",
		    s->i, s->n, p->n);
	/* record r of part i of n is record i - 1 + r n of the whole */
	*p = (struct fc_shard){p->i + (s->i - 1) * p->n, p->n * s->n};
	return 0;
}

void fc_header_part_text(const struct fc_header *h, char *text, size_t size)
{
	if (h->part.n)
		snprintf(text, size, "part %" PRIu64 " of %" PRIu64, h->part.i, h->part.n);
	else
		snprintf(text, size, "no part of a whole");
}

int fc_header_same_part(
    const struct fc_header *a, const struct fc_header *b, const char *name, struct fc_err *e)
{
	char text[2][80];
	if (a->part.i == b->part.i && a->part.n == b->part.n)
		return 0;
	fc_header_part_text(a, text[0], sizeof text[0]);
	fc_header_part_text(b, text[1], sizeof text[1]);
	return fc_fail(e, "%s is %s, the one before %s", name, text[1], text[0]);
}

int fc_header_compatible(
    const struct fc_header *a, const struct fc_header *b, const char *name, struct fc_err *e)
{
	if (a->kind != b->kind)
		return fc_fail(e, "%s: a %s does not go with a %s", name, fc_kind_name(b->kind),
		    fc_kind_name(a->kind));
	bool of_model = a->kind == FC_KIND_UPDATE;
	const struct {
		const char *what;
		uint64_t a, b;
	} same[] = {
	    {"tokenizer", a->tokenizer, b->tokenizer},
	    {"chat template", a->template_hash, b->template_hash},
	    {"source tokenizer", a->source_tokenizer, b->source_tokenizer},
	    {"model", of_model ? a->model : 0, of_model ? b->model : 0},
	};
	for (size_t i = 0; i < FC_LEN(same); i++)
		if (same[i].a != same[i].b)
			return fc_fail(e,
			    "%s: its %s (%016" PRIx64 ") differs from the one before (%016" PRIx64
			    ")",
			    name, same[i].what, same[i].b, same[i].a);
	if (a->cut != b->cut)
		return fc_fail(e,
		    "%s: its text was cut into tokens by --cut %s, the one before by --cut %s",
		    name, fc_text_cut_words[b->cut], fc_text_cut_words[a->cut]);
	if (a->n_vocab != b->n_vocab || a->source_n_vocab != b->source_n_vocab)
		return fc_fail(e, "%s: its vocabulary size (%u) differs from the one before (%u)",
		    name, a->n_vocab != b->n_vocab ? b->n_vocab : b->source_n_vocab,
		    a->n_vocab != b->n_vocab ? a->n_vocab : a->source_n_vocab);
	return fc_header_same_draws(a, "the one before", b, name, e);
}
