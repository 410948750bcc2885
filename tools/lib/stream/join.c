/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/join.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct input {
	struct fc_reader *reader;
	struct fc_example example;
	uint32_t *source; /* [n_source] numbers of its sources in the joined header */
	size_t n_source;
};

struct fc_join {
	struct input *input; /* [n] */
	size_t n;
	uint64_t n_record;
};

int fc_join_open(struct fc_join **out, const char *const *paths, size_t n, struct fc_err *e)
{
	struct fc_join *j = FC_NEW(struct fc_join);
	*out = j;
	j->input = FC_ARRAY(struct input, n);
	for (; j->n < n; j->n++) {
		struct input *in = &j->input[j->n];
		fc_example_init(&in->example);
		if (fc_reader_open(&in->reader, paths[j->n], FC_KIND_DISTS, e) < 0)
			goto fail;
		const struct fc_header *a = fc_reader_header(j->input[0].reader);
		if (fc_reader_header(in->reader)->tokenizer == a->tokenizer)
			continue;
		fc_fail(e, "%s is over other tokens than %s; run fc-align apply on it first",
		    fc_reader_name(in->reader), fc_reader_name(j->input[0].reader));
		fc_reader_close(in->reader);
		goto fail;
	}
	return 0;
fail:
	fc_join_close(j);
	*out = NULL;
	return -1;
}

void fc_join_close(struct fc_join *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->n; i++) {
		fc_reader_close(j->input[i].reader);
		fc_example_release(&j->input[i].example);
		free(j->input[i].source);
	}
	free(j->input);
	free(j);
}

uint32_t fc_join_top_k(const struct fc_join *j)
{
	uint32_t most = 0;
	for (size_t i = 0; i < j->n; i++) {
		uint32_t k = fc_reader_header(j->input[i].reader)->top_k;
		most = k > most ? k : most;
	}
	return most;
}

const char *fc_join_label(const struct fc_join *j, size_t i)
{
	const struct fc_header *h = fc_reader_header(j->input[i].reader);
	return h->n_source == 1 ? h->source[0].name : fc_reader_name(j->input[i].reader);
}

void fc_join_header(struct fc_join *j, struct fc_header *h)
{
	fc_header_copy(h, fc_reader_header(j->input[0].reader));
	for (size_t i = 0; i < j->n; i++) {
		struct input *in = &j->input[i];
		const struct fc_header *from = fc_reader_header(in->reader);
		h->n_vocab = from->n_vocab > h->n_vocab ? from->n_vocab : h->n_vocab;
		in->n_source = from->n_source;
		in->source = FC_ARRAY(uint32_t, in->n_source + 1);
		for (size_t k = 0; k < in->n_source; k++)
			in->source[k] = (uint32_t)fc_header_find_source(h, &from->source[k]);
		for (size_t k = 0; i > 0 && k < from->n_history; k++) {
			const struct fc_program *p = &from->history[k];
			fc_header_add_program(h, p->name, p->version, p->args);
		}
	}
}

static bool same_bytes(const struct fc_buf *a, const struct fc_buf *b)
{
	return a->n == b->n && (a->n == 0 || !memcmp(a->p, b->p, a->n));
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Up to where the shorter was cut. */
static bool same_tokens(const struct fc_example *a, const struct fc_example *b)
{
	size_t n = min_size(a->n_tok, b->n_tok);
	return n == 0 ? a->n_tok == b->n_tok
		      : !memcmp(a->tok, b->tok, n * sizeof *a->tok) &&
		!memcmp(a->end, b->end, n * sizeof *a->end) && !memcmp(a->flags, b->flags, n);
}

/* Gives x all tokens of the first stream and no others: fc-infer may have cut a long conversation
 * in one of them. */
static void fit_tokens(const struct fc_example *first, struct fc_example *x)
{
	x->n_tok = min_size(x->n_tok, first->n_tok);
	while (x->n_row && x->row_tok[x->n_row - 1] >= x->n_tok)
		x->n_row--;
	for (size_t t = x->n_tok; t < first->n_tok; t++)
		fc_example_add_token(x, first->tok[t], first->end[t], first->flags[t]);
}

static int check_same(const struct fc_join *j, size_t i, struct fc_err *e)
{
	const struct fc_example *a = &j->input[0].example, *b = &j->input[i].example;
	const char *a_name = fc_reader_name(j->input[0].reader);
	const char *b_name = fc_reader_name(j->input[i].reader);
	if (!same_bytes(&a->id, &b->id))
		return fc_fail(e,
		    "conversation %" PRIu64 " is '%.*s' in %s and '%.*s' in %s; both must hold "
		    "the same conversations in the same order",
		    j->n_record, (int)a->id.n, a->id.p, a_name, (int)b->id.n, b->id.p, b_name);
	if (!same_bytes(&a->text, &b->text))
		return fc_fail(e,
		    "conversation '%.*s': its text in %s differs from that in %s; make both with "
		    "the "
		    "same template",
		    (int)a->id.n, a->id.p, b_name, a_name);
	if (!same_tokens(a, b))
		return fc_fail(e,
		    "conversation '%.*s': its tokens in %s differ from those in %s; run fc-align "
		    "apply "
		    "on the stream of the source",
		    (int)a->id.n, a->id.p, b_name, a_name);
	return 0;
}

int fc_join_next(struct fc_join *j, struct fc_err *e)
{
	bool first_has = false;
	j->n_record++;
	for (size_t i = 0; i < j->n; i++) {
		struct input *in = &j->input[i];
		enum fc_read got = fc_reader_example(in->reader, &in->example, e);
		if (got == FC_READ_ERROR)
			return -1;
		bool has = got == FC_READ_RECORD;
		if (i == 0)
			first_has = has;
		if (has != first_has) {
			const struct fc_example *x = &j->input[has ? i : 0].example;
			return fc_fail(e,
			    "%s ends before conversation %" PRIu64 ", '%.*s', which %s has",
			    fc_reader_name(j->input[has ? 0 : i].reader), j->n_record, (int)x->id.n,
			    x->id.p, fc_reader_name(j->input[has ? i : 0].reader));
		}
		if (has && check_same(j, i, e) < 0)
			return -1;
		fit_tokens(&j->input[0].example, &in->example);
		if (has && in->example.source < in->n_source)
			in->example.source = in->source[in->example.source];
		else if (has && in->n_source)
			return fc_fail(e,
			    "%s: a later part of it has a source that its beginning "
			    "does not name; fuse the parts one by one",
			    fc_reader_name(in->reader));
	}
	return first_has;
}

struct fc_example *fc_join_at(struct fc_join *j, size_t i)
{
	return &j->input[i].example;
}
