/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "stream/check.h"
#include "text/json.h"
#include "text/utf8.h"

/*
 * Labels a byte of text.  The tokens of another tokenizer than the stream's may be more than its
 * own: the longest that Unicode's normal forms make of a character is 11 times its bytes (U+FDFA),
 * and every byte of that may be a token.
 */
enum { MAX_LABELS_BYTE = 16 };

static int check_utf8(const char *what, const char *p, size_t n, struct fc_err *e)
{
	size_t good = fc_utf8_check(p, n);
	return good == n ? 0 : fc_fail(e, "%s: byte %zu is no UTF-8", what, good);
}

int fc_check_header_sizes(const struct fc_header *h, struct fc_err *e)
{
	const uint32_t n_output = fc_header_n_output(h);
	const uint32_t most = n_output > h->source_n_vocab ? n_output : h->source_n_vocab;
	if (most > FC_MAX_VOCAB)
		return fc_fail(
		    e, "a vocabulary of %" PRIu32 ", the limit is %u", most, FC_MAX_VOCAB);
	if (n_output < h->n_vocab)
		return fc_fail(
		    e, "%" PRIu32 " outputs for a vocabulary of %" PRIu32, n_output, h->n_vocab);
	if (h->top_k > n_output)
		return fc_fail(e, "top-k is %" PRIu32 ", more than the vocabulary of %" PRIu32,
		    h->top_k, n_output);
	if (h->n_source > FC_HEADER_MAX_SOURCES)
		return fc_fail(
		    e, "%zu sources, the limit is %d", h->n_source, FC_HEADER_MAX_SOURCES);
	if (h->n_history > FC_HEADER_MAX_PROGRAMS)
		return fc_fail(
		    e, "%zu programs, the limit is %d", h->n_history, FC_HEADER_MAX_PROGRAMS);
	return 0;
}

static int check_draws(const struct fc_header *h, struct fc_err *e)
{
	if (h->n_sample > FC_MAX_DRAWS)
		return fc_fail(
		    e, "rows of %" PRIu32 " draws, the limit is %d", h->n_sample, FC_MAX_DRAWS);
	if (h->n_sample && h->kind != FC_KIND_DISTS)
		return fc_fail(e, "draws of rows in a %s", fc_kind_name(h->kind));
	if (h->n_sample ? !(isfinite(h->sample_temperature) && h->sample_temperature > 0)
			: h->sample_temperature != 0)
		return fc_fail(
		    e, "%" PRIu32 " draws at temperature %g", h->n_sample, h->sample_temperature);
	return 0;
}

int fc_check_header(const struct fc_header *h, struct fc_err *e)
{
	const struct fc_shard *part = &h->part;
	if (fc_check_header_sizes(h, e) < 0 || check_draws(h, e) < 0)
		return -1;
	if (part->n ? part->i < 1 || part->i > part->n || part->n > UINT32_MAX : part->i > 0)
		return fc_fail(e, "part %" PRIu64 " of %" PRIu64, part->i, part->n);
	for (size_t i = 0; i < h->n_source; i++) {
		const char *name = h->source[i].name;
		if (check_utf8("a source's name", name, strlen(name), e) < 0)
			return -1;
		for (size_t j = 0; j < i; j++)
			if (!strcmp(h->source[j].name, name))
				return fc_fail(e,
				    "two sources are called '%s'; give them names with fc-infer "
				    "--name",
				    name);
	}
	for (size_t i = 0; i < h->n_history; i++) {
		const struct fc_program *p = &h->history[i];
		if (check_utf8("a program's name", p->name, strlen(p->name), e) < 0 ||
		    check_utf8("a program's version", p->version, strlen(p->version), e) < 0 ||
		    check_utf8("a program's options", p->args, strlen(p->args), e) < 0)
			return -1;
	}
	return 0;
}

static int check_texts(const struct fc_example *x, struct fc_err *e)
{
	struct fc_err why;
	if (check_utf8("id", x->id.p, x->id.n, e) < 0 ||
	    check_utf8("text", x->text.p, x->text.n, e) < 0)
		return -1;
	if (!x->meta.n)
		return 0;
	json_t *v = fc_json_text(x->meta.p, x->meta.n, "meta", &why);
	bool object = json_is_object(v);
	json_decref(v);
	return object ? 0
		      : fc_fail(e, "meta is no JSON object%s%s", v ? "" : ": ", v ? "" : why.msg);
}

static int check_segments(const struct fc_example *x, struct fc_err *e)
{
	uint32_t last = 0;
	for (size_t i = 0; i < x->n_seg; i++) {
		if (x->seg[i].end <= last || x->seg[i].end > x->text.n || x->seg[i].flags >= 32)
			return fc_fail(e,
			    "segment %zu is bytes %" PRIu32 " to %" PRIu32
			    " of %zu, with flags 0x%x",
			    i, last, x->seg[i].end, x->text.n, x->seg[i].flags);
		last = x->seg[i].end;
	}
	if (x->n_seg && last != x->text.n)
		return fc_fail(e, "segments cover %" PRIu32 " of %zu bytes", last, x->text.n);
	return 0;
}

static int check_tokens(const struct fc_header *h, const struct fc_example *x, struct fc_err *e)
{
	uint32_t last = 0;
	for (size_t t = 0; t < x->n_tok; t++) {
		if (x->tok[t] >= h->n_vocab)
			return fc_fail(e,
			    "token %zu has id %" PRIu32 ", the vocabulary has %" PRIu32, t,
			    x->tok[t], h->n_vocab);
		if (x->end[t] < last || x->end[t] > x->text.n)
			return fc_fail(e,
			    "token %zu ends at byte %" PRIu32 ", after %" PRIu32
			    " and in a text of %zu bytes",
			    t, x->end[t], last, x->text.n);
		if (x->flags[t] >= 32)
			return fc_fail(e, "token %zu has flags 0x%x", t, x->flags[t]);
		last = x->end[t];
	}
	return 0;
}

/* Did a template make the text?  Then every token is the template's or a message's; in a text with
 * a context, fc-infer(1) counts tokens instead, as its peers do. */
static bool is_rendered(const struct fc_example *x)
{
	for (size_t i = 0; i < x->n_seg; i++)
		if (FC_TOK_PART(x->seg[i].flags) != FC_PART_CONTENT)
			return true;
	return false;
}

/* Are the flags those of a segment that token t has a byte of, or that begins where it ends (a
 * space that was invented there may have been given bytes before it that no token stands for), or,
 * of a token without bytes, that ends there?  *first: the first segment that does not end before
 * it. */
static bool fits_segment(const struct fc_example *x, size_t t, size_t *first)
{
	uint32_t start = fc_example_start(x, t), end = x->end[t];
	uint8_t flags = x->flags[t], any = t ? 0 : FC_TOK_TRAINED; /* nothing predicts the first */
	while (*first + 1 < x->n_seg && x->seg[*first].end < start)
		++*first;
	for (size_t i = *first; i < x->n_seg; i++) {
		uint32_t from = i ? x->seg[i - 1].end : 0;
		if (from > end)
			break;
		if (x->seg[i].end == start && end > start)
			continue;
		if ((x->seg[i].flags | any) == (flags | any))
			return true;
	}
	return false;
}

static int check_flags(const struct fc_example *x, struct fc_err *e)
{
	bool trained = false, rendered = is_rendered(x);
	size_t first = 0;
	for (size_t i = 0; i < x->n_seg; i++)
		trained = trained || x->seg[i].flags & FC_TOK_TRAINED;
	for (size_t t = 0; x->n_seg && t < x->n_tok; t++) {
		if (x->flags[t] == FC_TOK_FLAGS(0, FC_ROLE_NONE, FC_PART_BOS))
			continue;
		if (!trained && fc_example_trained(x, t))
			return fc_fail(e, "token %zu is trained, and no segment is", t);
		if (rendered && !fits_segment(x, t, &first))
			return fc_fail(e,
			    "token %zu, bytes %" PRIu32 " to %" PRIu32
			    ", has flags 0x%x, which no segment there has",
			    t, fc_example_start(x, t), x->end[t], x->flags[t]);
	}
	return 0;
}

static int check_row_tokens(const struct fc_header *h, const struct fc_example *x, struct fc_err *e)
{
	uint32_t last = 0;
	if (x->n_row && h->kind != FC_KIND_DISTS)
		return fc_fail(e, "rows in a %s", fc_kind_name(h->kind));
	if (x->n_row && x->row_off[0] != 0)
		return fc_fail(e, "the first row starts at entry %" PRIu32, x->row_off[0]);
	for (size_t r = 0; r < x->n_row; r++) {
		if (x->row_tok[r] <= last || x->row_tok[r] >= x->n_tok)
			return fc_fail(e,
			    "row %zu is of token %" PRIu32 ", after %" PRIu32
			    " and with %zu tokens",
			    r, x->row_tok[r], last, x->n_tok);
		last = x->row_tok[r];
		if (x->row_off[r + 1] < x->row_off[r] ||
		    x->row_off[r + 1] - x->row_off[r] > h->top_k)
			return fc_fail(e,
			    "row %zu has %" PRIu32 " entries, the header announces %" PRIu32, r,
			    x->row_off[r + 1] - x->row_off[r], h->top_k);
	}
	return 0;
}

/* The labels may be another tokenizer's tokens, so only the text bounds them.  Each has at least
 * the least log-probability there is, but for rounding. */
static int check_numbers(const struct fc_header *h, const struct fc_example *x, struct fc_err *e)
{
	uint64_t most = MAX_LABELS_BYTE * (uint64_t)x->text.n;
	if (x->source >= (h->n_source ? h->n_source : 1))
		return fc_fail(e, "source %" PRIu32 " of %zu", x->source, h->n_source);
	if (!isfinite(x->nll))
		return fc_fail(e, "its cross-entropy is not finite");
	if (x->nll < 0)
		return fc_fail(e, "its cross-entropy is negative: %g nats", x->nll);
	if (x->n_label > x->n_tok && x->n_label > most)
		return fc_fail(e, "%" PRIu32 " labels in a text of %zu bytes and %zu tokens",
		    x->n_label, x->text.n, x->n_tok);
	if (x->label_bytes > x->text.n)
		return fc_fail(
		    e, "labels for %" PRIu32 " bytes of a text of %zu", x->label_bytes, x->text.n);
	if (x->n_label == 0 && (x->nll != 0 || x->label_bytes != 0))
		return fc_fail(e, "a cross-entropy of %g nats over %" PRIu32 " bytes, and no label",
		    x->nll, x->label_bytes);
	if (x->nll > 65504 * (1 + 0x1p-11) * x->n_label)
		return fc_fail(
		    e, "a cross-entropy of %g nats for %" PRIu32 " labels", x->nll, x->n_label);
	return 0;
}

int fc_check_example(const struct fc_header *h, const struct fc_example *x, struct fc_err *e)
{
	if (check_texts(x, e) < 0 || check_segments(x, e) < 0 || check_tokens(h, x, e) < 0 ||
	    check_flags(x, e) < 0 || check_row_tokens(h, x, e) < 0)
		return -1;
	return check_numbers(h, x, e);
}
