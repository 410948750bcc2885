/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "stream/check.h"
#include "stream/frame.h"
#include "stream/plane.h"
#include "stream/record.h"

/*
 * Why this coding: bytes a row with everything around it (text, tokens, spans), zstd level 1, for a
 * capture of stories260K (V = 512, 28,479 rows), and for answers of real chats under an n-gram
 * model with noise (V = 32,000, 12,069 rows, 1.5 tokens a row).
 *
 *                                              V = 512          V = 32,000
 *                                          k = 10   k = 64   k = 10   k = 64
 *  float16, byte planes                      29.2              37.9
 *  differences along the row                 27.5              35.6
 *  and the true value by its rank            26.8    123.7     34.1    161.5
 *    and a block border at every plane       26.8    119.5     33.0    148.7
 *  > and only at planes of 4 KiB             27.3    120.0     34.1    150.2
 *    entries by rank, then row               26.8    119.2     33.3    147.1
 *    planes over all examples of a frame     24.3    117.1     30.2    145.9
 *    level 3                                 26.1              33.3
 *
 * The marked line is what the tools write, the others are of the planes without framing.
 * Borders at every plane halve the speed of reading at k = 10; planes over a frame would make
 * an example unreadable by itself.
 */
static ProtobufCBinaryData bytes_of(const struct fc_buf *b)
{
	return (ProtobufCBinaryData){b->n, (uint8_t *)b->p};
}

static void pack_segments(struct fc_packer *p, Fc__Example *m, const struct fc_example *x)
{
	size_t n = x->n_seg;
	uint32_t last = 0;
	for (size_t i = 0; i < n; last = x->seg[i++].end)
		p->value[i] = x->seg[i].end - last;
	m->segment = fc_put_planes(p, p->value, n, fc_plane_width(fc_plane_max(p->value, n)));
	for (size_t i = 0; i < n; i++)
		p->value[i] = x->seg[i].flags;
	m->segment_flags = fc_put_planes(p, p->value, n, 1);
}

static void pack_tokens(
    struct fc_packer *p, Fc__Example *m, const struct fc_header *h, const struct fc_example *x)
{
	m->n_token = (uint32_t)x->n_tok;
	m->token = fc_put_planes(p, x->tok, x->n_tok, fc_plane_width(h->n_vocab - 1));
	for (size_t t = 0; t < x->n_tok; t++)
		p->value[t] = x->end[t] - fc_example_start(x, t);
	m->span =
	    fc_put_planes(p, p->value, x->n_tok, fc_plane_width(fc_plane_max(p->value, x->n_tok)));
	m->flags.len = x->n_tok;
	m->flags.data = (uint8_t *)p->planes.p + p->planes.n;
	if (x->n_tok)
		memcpy(m->flags.data, x->flags, x->n_tok);
	for (size_t r = 0; r < x->n_row; r++)
		m->flags.data[x->row_tok[r]] |= FC_FLAG_ROW;
	p->planes.n += x->n_tok;
}

static void pack_row_lengths(struct fc_packer *p, Fc__Example *m, const struct fc_example *x)
{
	bool same = true;
	for (size_t r = 0; r < x->n_row; r++) {
		p->value[r] = x->row_off[r + 1] - x->row_off[r];
		same = same && p->value[r] == p->value[0];
	}
	if (same)
		m->row_length = x->n_row ? p->value[0] : 0;
	else
		m->row_lengths = fc_put_planes(
		    p, p->value, x->n_row, fc_plane_width(fc_plane_max(p->value, x->n_row)));
}

/* Writes row's entries to id[] and bits[], values that became equal by rounding by ascending id. */
static int round_row(uint32_t *id, uint32_t *bits, const uint32_t *from_id, const float *logprob,
    size_t n, uint32_t n_output, struct fc_err *e)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t b = fc_logprob_bits(logprob[i]), v = from_id[i];
		if (b == FC_BAD_LOGPROB)
			return fc_fail(e, "log-probability %g", (double)logprob[i]);
		if (v >= n_output)
			return fc_fail(
			    e, "id %" PRIu32 ", the model has %" PRIu32 " outputs", v, n_output);
		if (i && b < bits[i - 1])
			return fc_fail(e, "log-probability %g after the smaller %g",
			    (double)logprob[i], (double)logprob[i - 1]);
		size_t j = i;
		for (; j > 0 && bits[j - 1] == b && id[j - 1] > v; j--)
			id[j] = id[j - 1];
		if (j > 0 && bits[j - 1] == b && id[j - 1] == v)
			return fc_fail(e, "id %" PRIu32 " twice", v);
		id[j] = v;
		bits[i] = b;
	}
	return 0;
}

/* Where row r's true token stands among its entries with just the value bits, from 1; or 0. */
static uint32_t true_rank(
    const struct fc_packer *p, const struct fc_example *x, size_t r, uint32_t bits)
{
	uint32_t tok = x->tok[x->row_tok[r]];
	for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++)
		if (p->id[i] == tok)
			return p->value[i] == bits ? (uint32_t)(i - x->row_off[r] + 1) : 0;
	return 0;
}

static int pack_true(
    struct fc_packer *p, Fc__Example *m, const struct fc_example *x, struct fc_err *e)
{
	uint32_t *rank = p->row, *bits = p->row + x->n_row;
	size_t n = 0;
	for (size_t r = 0; r < x->n_row; r++) {
		bits[n] = fc_logprob_bits(x->true_logprob[r]);
		if (bits[n] == FC_BAD_LOGPROB)
			return fc_fail(e, "row %zu: true token's log-probability %g", r,
			    (double)x->true_logprob[r]);
		rank[r] = true_rank(p, x, r, bits[n]);
		n += rank[r] == 0;
	}
	m->true_rank =
	    fc_put_planes(p, rank, x->n_row, fc_plane_width(fc_plane_max(rank, x->n_row)));
	m->true_logprob = fc_put_planes(p, bits, n, 2);
	return 0;
}

static int pack_entries(struct fc_packer *p, Fc__Example *m, const struct fc_header *h,
    const struct fc_example *x, struct fc_err *e)
{
	size_t n = x->n_row ? x->row_off[x->n_row] : 0;
	for (size_t r = 0; r < x->n_row; r++) {
		size_t off = x->row_off[r], k = x->row_off[r + 1] - off;
		struct fc_err why;
		if (round_row(p->id + off, p->value + off, x->entry_id + off,
			x->entry_logprob + off, k, fc_header_n_output(h), &why) < 0)
			return fc_fail(e, "row %zu: %s", r, why.msg);
	}
	if (pack_true(p, m, x, e) < 0 ||
	    fc_check_rows(&p->checker, h, x,
		&(struct fc_row_values){p->id, p->value, p->row, p->row + x->n_row}, e) < 0)
		return -1;
	for (size_t r = 0; r < x->n_row; r++)
		for (size_t i = x->row_off[r + 1]; i-- > x->row_off[r] + 1u;)
			p->value[i] -= p->value[i - 1];
	m->entry_id = fc_put_planes(p, p->id, n, fc_plane_width(fc_header_n_output(h) - 1));
	m->entry_logprob = fc_put_planes(p, p->value, n, 2);
	return 0;
}

int fc_pack_example(struct fc_packer *p, struct fc_buf *out, const struct fc_header *h,
    const struct fc_example *x, struct fc_err *e)
{
	if (fc_check_example(h, x, e) < 0)
		return -1;
	size_t n_entry = x->n_row ? x->row_off[x->n_row] : 0;
	size_t n_plain = x->text.n + x->meta.n + x->id.n + x->unknown.n;
	size_t room = x->n_seg * (4 + 1) + x->n_tok * (4 + 4 + 1) + x->n_row * (4 + 4 + 2) +
	    n_entry * (4 + 2);
	if (x->n_tok >= FC_FRAME_MAX || n_plain >= FC_FRAME_MAX || n_entry >= FC_FRAME_MAX)
		return fc_fail(e, "larger than a record's limit of %zu bytes", FC_FRAME_MAX);
	fc_buf_clear(&p->planes);
	p->n_plane = 0;
	fc_buf_reserve(&p->planes, room);
	FC_GROW(p->id, p->cap_id, n_entry);
	FC_GROW(
	    p->row, p->cap_row, 2 * x->n_row + 1); /* never NULL: pointers into it are computed */
	FC_GROW(p->value, p->cap_value, x->n_seg);
	FC_GROW(p->value, p->cap_value, x->n_tok);
	FC_GROW(p->value, p->cap_value, n_entry);

	Fc__Example m = FC__EXAMPLE__INIT;
	m.id = bytes_of(&x->id);
	m.meta = bytes_of(&x->meta);
	m.text = bytes_of(&x->text);
	pack_segments(p, &m, x);
	pack_tokens(p, &m, h, x);
	pack_row_lengths(p, &m, x);
	if (pack_entries(p, &m, h, x, e) < 0)
		return -1;
	m.nll = x->nll;
	m.n_label = x->n_label;
	m.label_bytes = x->label_bytes;
	m.source = x->source;
	fc_pack_record(p, out, FC__RECORD__KIND_EXAMPLE, &m.base, &x->unknown);
	return 0;
}
