/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/mem.h"
#include "stream/check.h"
#include "stream/plane.h"
#include "stream/record.h"

static void put_bytes(struct fc_buf *to, const ProtobufCBinaryData *b)
{
	fc_buf_clear(to);
	fc_buf_add(to, b->data, b->len);
}

/* Fields this version does not know, as they stood on the wire. */
static void keep_unknown(struct fc_buf *to, const ProtobufCMessage *m)
{
	fc_buf_clear(to);
	for (unsigned i = 0; i < m->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *f = &m->unknown_fields[i];
		uint64_t key = (uint64_t)f->tag << 3 | f->wire_type;
		for (; key >= 0x80; key >>= 7)
			fc_buf_addc(to, (char)(key | 0x80));
		fc_buf_addc(to, (char)key);
		fc_buf_add(to, f->data, f->len);
	}
}

static int get_segments(
    struct fc_packer *p, struct fc_example *x, const Fc__Example *m, struct fc_err *e)
{
	size_t n = m->segment_flags.len;
	uint64_t end = 0;
	FC_GROW(x->seg, x->cap_seg, n);
	FC_GROW(p->value, p->cap_value, n);
	if (fc_get_planes(p->value, &m->segment, n, "segments", e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		end += p->value[i];
		x->seg[i] = (struct fc_segment){(uint32_t)end, m->segment_flags.data[i]};
		if (!p->value[i] || end > m->text.len || x->seg[i].flags >= FC_FLAG_ROW)
			return fc_fail(e, "impossible segment %zu", i);
	}
	if (n && end != m->text.len)
		return fc_fail(e, "segments cover %" PRIu64 " of %zu bytes", end, m->text.len);
	x->n_seg = n;
	return 0;
}

static int get_tokens(const struct fc_header *h, struct fc_example *x, const Fc__Example *m,
    size_t *n_row, struct fc_err *e)
{
	size_t n = m->n_token;
	if (m->flags.len != n)
		return fc_fail(e, "%zu flags for %zu tokens", m->flags.len, n);
	fc_example_reserve(x, n, 0, 0);
	if (fc_get_planes(x->tok, &m->token, n, "tokens", e) < 0 ||
	    fc_get_planes(x->end, &m->span, n, "spans", e) < 0)
		return -1;
	if (n && fc_plane_max(x->tok, n) >= h->n_vocab)
		return fc_fail(e, "token id %" PRIu32 ", the vocabulary has %" PRIu32,
		    fc_plane_max(x->tok, n), h->n_vocab);
	uint64_t end = 0;
	size_t rows = 0;
	uint8_t any = 0;
	for (size_t t = 0; t < n; t++) {
		uint8_t f = m->flags.data[t];
		end += x->end[t];
		x->end[t] = (uint32_t)end;
		x->flags[t] = f & (FC_FLAG_ROW - 1);
		rows += f / FC_FLAG_ROW & 1;
		any |= f;
	}
	if (end > m->text.len)
		return fc_fail(
		    e, "tokens for %" PRIu64 " bytes of a text of %zu", end, m->text.len);
	if (any >= 2 * FC_FLAG_ROW || (n && m->flags.data[0] & FC_FLAG_ROW))
		return fc_fail(e, "impossible token flags");
	x->n_tok = n;
	*n_row = rows;
	return 0;
}

/* row_tok[] and row_off[] */
static int get_row_lengths(const struct fc_header *h, struct fc_example *x, const Fc__Example *m,
    size_t n_row, struct fc_err *e)
{
	if (n_row && h->kind != FC_KIND_DISTS)
		return fc_fail(e, "rows in a %s", fc_kind_name(h->kind));
	fc_example_reserve(x, 0, n_row, 0);
	size_t r = 0;
	for (size_t t = 0; t < x->n_tok; t++) {
		x->row_tok[r] = (uint32_t)t; /* one beyond the last row is room enough */
		r += m->flags.data[t] / FC_FLAG_ROW;
	}
	if (m->row_lengths.len) {
		if (fc_get_planes(x->row_off + 1, &m->row_lengths, n_row, "row lengths", e) < 0)
			return -1;
	} else {
		for (r = 0; r < n_row; r++)
			x->row_off[r + 1] = m->row_length;
	}
	if (n_row && fc_plane_max(x->row_off + 1, n_row) > h->top_k)
		return fc_fail(e, "a row of %" PRIu32 " entries, the header announces %" PRIu32,
		    fc_plane_max(x->row_off + 1, n_row), h->top_k);
	/* No more entries than bytes for them, so the sum cannot wrap once it is compared. */
	uint64_t n_entry = 0;
	x->row_off[0] = 0;
	for (r = 0; r < n_row; r++) {
		n_entry += x->row_off[r + 1];
		x->row_off[r + 1] = (uint32_t)n_entry;
	}
	if (n_entry > m->entry_id.len)
		return fc_fail(e, "%" PRIu64 " entries in %zu bytes", n_entry, m->entry_id.len);
	x->n_row = n_row;
	return 0;
}

/*
 * Sums the differences of each row.  False when a value is out of range or out of order, or equal
 * values do not stand by ascending id.  With steps below 2^15 a row's last value is its largest;
 * the sum of as many as a row may have stays below 2^64.
 */
static bool sum_rows(const struct fc_example *x, uint32_t *bits)
{
	uint64_t largest = 0;
	uint32_t any = 0;
	bool bad = false;
	for (size_t r = 0; r < x->n_row; r++) {
		size_t i = x->row_off[r], end = x->row_off[r + 1];
		uint64_t sum = i < end ? bits[i] : 0;
		for (i++; i < end; i++) {
			uint32_t step = bits[i];
			any |= step;
			bad |= (step == 0) & (x->entry_id[i] <= x->entry_id[i - 1]);
			sum += step;
			bits[i] = (uint32_t)sum;
		}
		largest = sum > largest ? sum : largest;
	}
	return !bad && any < 1u << 15 && largest <= FC_MAX_LOGPROB_BITS;
}

static int get_true(
    struct fc_packer *p, struct fc_example *x, const Fc__Example *m, struct fc_err *e)
{
	size_t n_row = x->n_row, n = 0, next = 0;
	FC_GROW(p->row, p->cap_row, 2 * n_row + 1);
	uint32_t *rank = p->row, *bits = p->row + n_row;
	if (fc_get_planes(rank, &m->true_rank, n_row, "true ranks", e) < 0)
		return -1;
	for (size_t r = 0; r < n_row; r++)
		n += rank[r] == 0;
	if (fc_get_planes(bits, &m->true_logprob, n, "true log-probabilities", e) < 0)
		return -1;
	if (fc_plane_max(bits, n) > FC_MAX_LOGPROB_BITS)
		return fc_fail(e, "a true token's log-probability is not a number");
	/* The explicit values go to the front of the array they are then spread over from the back.
	 */
	fc_logprob_values(x->true_logprob, bits, n);
	next = n;
	for (size_t r = n_row; r-- > 0;) {
		if (rank[r] > x->row_off[r + 1] - x->row_off[r])
			return fc_fail(e,
			    "row %zu: its true token is entry %" PRIu32 " of %" PRIu32, r, rank[r],
			    x->row_off[r + 1] - x->row_off[r]);
		x->true_logprob[r] = rank[r] ? x->entry_logprob[x->row_off[r] + rank[r] - 1]
					     : x->true_logprob[--next];
	}
	return 0;
}

static int get_entries(struct fc_packer *p, const struct fc_header *h, struct fc_example *x,
    const Fc__Example *m, struct fc_err *e)
{
	size_t n_row = x->n_row, n = n_row ? x->row_off[n_row] : 0;
	fc_example_reserve(x, 0, 0, n);
	FC_GROW(p->value, p->cap_value, n);
	if (fc_get_planes(x->entry_id, &m->entry_id, n, "entry ids", e) < 0 ||
	    fc_get_planes(p->value, &m->entry_logprob, n, "log-probabilities", e) < 0)
		return -1;
	if (n && fc_plane_max(x->entry_id, n) >= fc_header_n_output(h))
		return fc_fail(e, "entry id %" PRIu32 ", the model has %" PRIu32 " outputs",
		    fc_plane_max(x->entry_id, n), fc_header_n_output(h));
	if (!sum_rows(x, p->value))
		return fc_fail(e, "log-probabilities of a row are not in order");
	fc_logprob_values(x->entry_logprob, p->value, n);
	if (get_true(p, x, m, e) < 0)
		return -1;
	return fc_check_rows(&p->checker, h, x,
	    &(struct fc_row_values){x->entry_id, p->value, p->row, p->row + n_row}, e);
}

int fc_unpack_example(struct fc_packer *p, const struct fc_header *h, struct fc_example *x,
    const Fc__Example *m, struct fc_err *e)
{
	size_t n_row = 0;
	fc_example_clear(x);
	put_bytes(&x->id, &m->id);
	put_bytes(&x->meta, &m->meta);
	put_bytes(&x->text, &m->text);
	keep_unknown(&x->unknown, &m->base);
	x->nll = m->nll;
	x->n_label = m->n_label;
	x->label_bytes = m->label_bytes;
	x->source = m->source;
	if (get_segments(p, x, m, e) < 0 || get_tokens(h, x, m, &n_row, e) < 0 ||
	    get_row_lengths(h, x, m, n_row, e) < 0 || fc_check_example(h, x, e) < 0)
		return -1;
	return get_entries(p, h, x, m, e);
}
