/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-view/view.h"

enum { MASS_BINS = 10000 };

/* Mass is counted in bins of 1/MASS_BINS; lengths are kept. */
struct totals {
	enum fc_kind kind;
	char draws[80]; /* "rows of ..."; empty: of the likeliest entries */
	uint64_t n_example, n_tok, n_trained, n_text_bytes;
	uint64_t n_row, n_entry, n_top, n_covered; /* true token first, or anywhere, in the row */
	uint64_t min_row, max_row;
	double mass;
	uint64_t mass_bin[MASS_BINS + 1];
	double nll;
	uint64_t n_label, label_bytes;
	uint32_t *length; /* [n_example] tokens */
	size_t cap_length;
	struct fc_header sources; /* only they are used */
	uint64_t *by_source;      /* [n_by_source] examples */
	size_t n_by_source, cap_by_source;

	uint64_t n_tensor, n_tensor_bytes;
	uint64_t n_map, n_count;
};

static void add_row(struct totals *s, const struct fc_example *x, size_t r)
{
	double mass = 0;
	uint32_t tok = x->tok[x->row_tok[r]];
	uint64_t n = x->row_off[r + 1] - x->row_off[r];
	for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++) {
		mass += exp((double)x->entry_logprob[i]);
		s->n_covered += x->entry_id[i] == tok;
	}
	s->n_top += n && x->entry_id[x->row_off[r]] == tok;
	s->mass += mass;
	s->mass_bin[mass < 1 ? (size_t)(mass * MASS_BINS) : MASS_BINS]++;
	s->min_row = s->n_row == 0 || n < s->min_row ? n : s->min_row;
	s->max_row = n > s->max_row ? n : s->max_row;
	s->n_entry += n;
	s->n_row++;
}

static void add_example(struct view *v, void *data, const struct fc_reader *r, struct fc_example *x)
{
	(void)v;
	struct totals *s = data;
	const struct fc_header *h = fc_reader_header(r);
	if (h->n_source) {
		size_t at = fc_header_find_source(&s->sources, &h->source[x->source]);
		while (s->n_by_source <= at) {
			FC_GROW(s->by_source, s->cap_by_source, s->n_by_source + 1);
			s->by_source[s->n_by_source++] = 0;
		}
		s->by_source[at]++;
	}
	FC_GROW(s->length, s->cap_length, s->n_example + 1);
	s->length[s->n_example++] = (uint32_t)x->n_tok;
	s->n_tok += x->n_tok;
	for (size_t t = 0; t < x->n_tok; t++)
		s->n_trained += fc_example_trained(x, t);
	for (size_t row = 0; row < x->n_row; row++)
		add_row(s, x, row);
	s->n_text_bytes += x->text.n;
	s->nll += x->nll;
	s->n_label += x->n_label;
	s->label_bytes += x->label_bytes;
}

static void add_tensor(struct view *v, void *data, const struct fc_tensor_part *t)
{
	(void)v;
	struct totals *s = data;
	s->n_tensor += t->offset == 0;
	s->n_tensor_bytes += t->n;
}

static void add_map(struct view *v, void *data, const struct fc_map_entry *entry, size_t n)
{
	(void)v;
	struct totals *s = data;
	s->n_map += n;
	for (size_t i = 0; i < n; i++)
		s->n_count += entry[i].count;
}

static void note_kind(struct view *v, void *data, struct fc_reader *r)
{
	(void)v;
	struct totals *s = data;
	s->kind = fc_reader_header(r)->kind;
	fc_header_draws_text(fc_reader_header(r), s->draws, sizeof s->draws);
}

static void add_count(struct fc_buf *b, const char *key, uint64_t n)
{
	fc_buf_addf(b, "%-20s%" PRIu64 "\n", key, n);
}

static void add_ratio(struct fc_buf *b, const char *key, double a, double n)
{
	if (n > 0)
		fc_buf_addf(b, "%-20s%.5g\n", key, a / n);
}

/* Lower end of the bin that holds the value of rank q * (n - 1). */
static double mass_quantile(const struct totals *s, double q)
{
	uint64_t rank = (uint64_t)(q * (double)(s->n_row - 1)), below = 0;
	size_t i = 0;
	while (below + s->mass_bin[i] <= rank)
		below += s->mass_bin[i++];
	return (double)i / MASS_BINS;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void add_lengths(struct fc_buf *b, struct totals *s)
{
	if (!s->n_example)
		return;
	qsort(s->length, s->n_example, sizeof *s->length, ascending);
	fc_buf_addf(b, "%-20s%.5g (", "tokens an example", (double)s->n_tok / (double)s->n_example);
	for (int q = 0; q <= 4; q++)
		fc_buf_addf(
		    b, "%s%" PRIu32, q ? " " : "", s->length[(s->n_example - 1) * (uint64_t)q / 4]);
	fc_buf_adds(b, ")\n");
}

static void add_rows(struct fc_buf *b, const struct totals *s)
{
	static const double quantile[] = {0.05, 0.25, 0.5, 0.75, 0.95};
	add_count(b, "rows", s->n_row);
	if (!s->n_row)
		return;
	double n = (double)s->n_row;
	if (*s->draws)
		fc_buf_addf(b, "%-20s%s\n", "they are", s->draws);
	fc_buf_addf(b, "%-20s%.5g (%" PRIu64 " to %" PRIu64 ")\n", "entries a row",
	    (double)s->n_entry / n, s->min_row, s->max_row);
	fc_buf_addf(b, "%-20s%.5g (", "mass of a row", s->mass / n);
	for (size_t i = 0; i < FC_LEN(quantile); i++)
		fc_buf_addf(b, "%s%.4f", i ? " " : "", mass_quantile(s, quantile[i]));
	fc_buf_adds(b, ")\n");
	add_ratio(b, "true token first", (double)s->n_top, n);
	add_ratio(b, "true token in row", (double)s->n_covered, n);
}

static void add_examples(struct fc_buf *b, struct totals *s)
{
	add_count(b, "examples", s->n_example);
	add_count(b, "tokens", s->n_tok);
	add_count(b, "trained tokens", s->n_trained);
	add_count(b, "text bytes", s->n_text_bytes);
	add_lengths(b, s);
	if (s->kind != FC_KIND_DISTS)
		return;
	add_rows(b, s);
	add_count(b, "labels", s->n_label);
	add_ratio(b, "nats a token", s->nll, (double)s->n_label);
	add_ratio(b, "bits a byte", s->nll / log(2), (double)s->label_bytes);
	for (size_t i = 0; i < s->n_by_source; i++) {
		const char *name = s->sources.source[i].name;
		fc_buf_addf(b, "%-20s%" PRIu64 " examples of ", "source", s->by_source[i]);
		view_add_plain(b, name, strlen(name));
		fc_buf_addc(b, '\n');
	}
}

void view_stats(struct view *v)
{
	struct totals *s = FC_NEW(struct totals);
	struct fc_buf *b = &v->text;
	view_walk(v, &(struct visitor){s, note_kind, add_example, add_tensor, add_map});
	if (fc_kind_has_tensors(s->kind)) {
		add_count(b, "tensors", s->n_tensor);
		add_count(b, "tensor bytes", s->n_tensor_bytes);
	} else if (s->kind == FC_KIND_MAP) {
		add_count(b, "entries", s->n_map);
		add_count(b, "counted", s->n_count);
	} else {
		add_examples(b, s);
	}
	if (!v->limit) { /* all was read */
		add_count(b, "stream bytes", v->n_bytes);
		add_ratio(b, "bytes a token", (double)v->n_bytes, (double)s->n_tok);
		add_ratio(b, "bytes a row", (double)v->n_bytes, (double)s->n_row);
	}
	fc_header_release(&s->sources);
	free(s->length);
	free(s->by_source);
	free(s);
}
