/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/example.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void fc_example_init(struct fc_example *x)
{
	*x = (struct fc_example){0};
}

void fc_example_clear_rows(struct fc_example *x)
{
	x->n_row = 0;
	x->nll = 0;
	x->n_label = x->label_bytes = x->source = 0;
}

void fc_example_clear(struct fc_example *x)
{
	fc_buf_clear(&x->id);
	fc_buf_clear(&x->meta);
	fc_buf_clear(&x->text);
	fc_buf_clear(&x->unknown);
	x->n_seg = x->n_tok = 0;
	fc_example_clear_rows(x);
}

void fc_example_release(struct fc_example *x)
{
	fc_buf_release(&x->id);
	fc_buf_release(&x->meta);
	fc_buf_release(&x->text);
	fc_buf_release(&x->unknown);
	free(x->seg);
	free(x->tok);
	free(x->end);
	free(x->flags);
	free(x->row_tok);
	free(x->row_off);
	free(x->true_logprob);
	free(x->entry_id);
	free(x->entry_logprob);
	fc_example_init(x);
}

/* The arrays of one capacity grow alike, each from the same old value. */
void fc_example_reserve(struct fc_example *x, size_t n_tok, size_t n_row, size_t n_entry)
{
	size_t cap = x->cap_tok;
	FC_GROW(x->tok, cap, n_tok);
	cap = x->cap_tok;
	FC_GROW(x->end, cap, n_tok);
	cap = x->cap_tok;
	FC_GROW(x->flags, cap, n_tok);
	x->cap_tok = cap;

	cap = x->cap_row;
	FC_GROW(x->row_tok, cap, n_row + 1);
	cap = x->cap_row;
	FC_GROW(x->row_off, cap, n_row + 1);
	cap = x->cap_row;
	FC_GROW(x->true_logprob, cap, n_row + 1);
	x->cap_row = cap;

	cap = x->cap_entry;
	FC_GROW(x->entry_id, cap, n_entry);
	cap = x->cap_entry;
	FC_GROW(x->entry_logprob, cap, n_entry);
	x->cap_entry = cap;
}

void fc_example_add_segment(struct fc_example *x, uint32_t end, uint8_t flags)
{
	FC_GROW(x->seg, x->cap_seg, x->n_seg + 1);
	x->seg[x->n_seg++] = (struct fc_segment){end, flags};
}

void fc_example_add_token(struct fc_example *x, uint32_t tok, uint32_t end, uint8_t flags)
{
	size_t t = x->n_tok;
	fc_example_reserve(x, t + 1, 0, 0);
	x->tok[t] = tok;
	x->end[t] = end;
	x->flags[t] = flags;
	x->n_tok++;
}

void fc_example_add_row(struct fc_example *x, uint32_t row_tok, size_t n, const uint32_t *id,
    const float *logprob, float true_logprob)
{
	size_t r = x->n_row, off = r ? x->row_off[r] : 0;
	fc_example_reserve(x, 0, r + 1, off + n);
	if (n) {
		memcpy(x->entry_id + off, id, n * sizeof *id);
		memcpy(x->entry_logprob + off, logprob, n * sizeof *logprob);
	}
	x->row_tok[r] = row_tok;
	x->row_off[r] = (uint32_t)off;
	x->row_off[r + 1] = (uint32_t)(off + n);
	x->true_logprob[r] = true_logprob;
	x->n_row++;
}

static void copy_buf(struct fc_buf *to, const struct fc_buf *from)
{
	fc_buf_clear(to);
	fc_buf_add(to, from->p, from->n);
}

static void copy_array(void *to, const void *from, size_t n, size_t size_bytes)
{
	if (n)
		memcpy(to, from, n * size_bytes);
}

void fc_example_copy(struct fc_example *to, const struct fc_example *from)
{
	size_t n_entry = from->n_row ? from->row_off[from->n_row] : 0;
	fc_example_reserve(to, from->n_tok, from->n_row, n_entry);
	copy_buf(&to->id, &from->id);
	copy_buf(&to->meta, &from->meta);
	copy_buf(&to->text, &from->text);
	copy_buf(&to->unknown, &from->unknown);
	FC_GROW(to->seg, to->cap_seg, from->n_seg);
	to->n_seg = from->n_seg;
	copy_array(to->seg, from->seg, from->n_seg, sizeof *to->seg);
	to->n_tok = from->n_tok;
	copy_array(to->tok, from->tok, from->n_tok, sizeof *to->tok);
	copy_array(to->end, from->end, from->n_tok, sizeof *to->end);
	copy_array(to->flags, from->flags, from->n_tok, sizeof *to->flags);
	to->n_row = from->n_row;
	copy_array(to->row_tok, from->row_tok, from->n_row, sizeof *to->row_tok);
	copy_array(
	    to->row_off, from->row_off, from->n_row ? from->n_row + 1 : 0, sizeof *to->row_off);
	copy_array(to->true_logprob, from->true_logprob, from->n_row, sizeof *to->true_logprob);
	copy_array(to->entry_id, from->entry_id, n_entry, sizeof *to->entry_id);
	copy_array(to->entry_logprob, from->entry_logprob, n_entry, sizeof *to->entry_logprob);
	to->nll = from->nll;
	to->n_label = from->n_label;
	to->label_bytes = from->label_bytes;
	to->source = from->source;
}
