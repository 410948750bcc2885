/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/fallback.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-align/apply/transfer.h"

struct align_filler {
	enum align_fallback kind;
	size_t n_vocab;
	size_t top_k;          /* entries of a row at most */
	struct fc_reader *own; /* NULL unless the pivot's own rows fill the gaps */
	struct fc_example own_example, old;
};

int align_filler_open(struct align_filler **out, enum align_fallback kind, const char *own,
    const struct fc_header *h, struct fc_err *e)
{
	struct align_filler *f = FC_NEW(struct align_filler);
	*f = (struct align_filler){.kind = kind, .n_vocab = h->n_vocab, .top_k = h->top_k};
	fc_example_init(&f->own_example);
	fc_example_init(&f->old);
	*out = f;
	if (kind != ALIGN_FALLBACK_PIVOT)
		return 0;
	int rc = fc_reader_open(&f->own, own, FC_KIND_DISTS, e);
	if (rc < 0)
		f->own = NULL;
	else if (fc_reader_header(f->own)->tokenizer != h->tokenizer)
		rc = fc_fail(e, "%s is over other tokens than the pivot's", fc_reader_name(f->own));
	else if (fc_reader_header(f->own)->cut != h->cut)
		rc = fc_fail(e,
		    "the text of %s was cut into tokens by --cut %s, that of the source by --cut "
		    "%s; make it again with fc-infer",
		    fc_reader_name(f->own), fc_text_cut_words[fc_reader_header(f->own)->cut],
		    fc_text_cut_words[h->cut]);
	else
		rc = fc_header_same_draws(
		    h, "the source's stream", fc_reader_header(f->own), fc_reader_name(f->own), e);
	if (rc < 0) {
		align_filler_close(f);
		*out = NULL;
	}
	return rc;
}

uint32_t align_filler_n_output(const struct align_filler *f)
{
	return f->own ? fc_header_n_output(fc_reader_header(f->own)) : 0;
}

void align_filler_close(struct align_filler *f)
{
	if (!f)
		return;
	if (f->own)
		fc_reader_close(f->own);
	fc_example_release(&f->own_example);
	fc_example_release(&f->old);
	free(f);
}

static bool same_bytes(const struct fc_buf *a, const struct fc_buf *b)
{
	return a->n == b->n && (a->n == 0 || !memcmp(a->p, b->p, a->n));
}

/* The pivot's own rows for the conversation of x. */
static int next_own(struct align_filler *f, const struct fc_example *x, struct fc_err *e)
{
	const struct fc_example *own = &f->own_example;
	enum fc_read got = fc_reader_example(f->own, &f->own_example, e);
	if (got == FC_READ_ERROR)
		return -1;
	if (got == FC_READ_END)
		return fc_fail(e, "%s ends before conversation '%.*s'", fc_reader_name(f->own),
		    (int)x->id.n, x->id.p);
	if (!same_bytes(&own->id, &x->id))
		return fc_fail(e, "%s has conversation '%.*s' where '%.*s' is expected",
		    fc_reader_name(f->own), (int)own->id.n, own->id.p, (int)x->id.n, x->id.p);
	size_t n = own->n_tok < x->n_tok ? own->n_tok : x->n_tok;
	if (!same_bytes(&own->text, &x->text) || memcmp(own->tok, x->tok, n * sizeof *x->tok) != 0)
		return fc_fail(e, "conversation '%.*s': its text or tokens in %s are others",
		    (int)x->id.n, x->id.p, fc_reader_name(f->own));
	return 0;
}

static void copy_row(
    const struct align_filler *f, struct fc_example *to, const struct fc_example *from, size_t r)
{
	size_t off = from->row_off[r], n = from->row_off[r + 1] - off;
	fc_example_add_row(to, from->row_tok[r], n < f->top_k ? n : f->top_k, from->entry_id + off,
	    from->entry_logprob + off, from->true_logprob[r]);
}

static void fill_token(struct align_filler *f, struct fc_example *x, uint32_t t, size_t *own_row,
    struct align_ledger *ledger)
{
	const struct fc_example *own = &f->own_example;
	uint32_t id = x->tok[f->kind == ALIGN_FALLBACK_CURRENT ? t - 1 : t];
	float certain = 0;
	if (f->kind != ALIGN_FALLBACK_PIVOT) {
		float truth = align_transfer_lookup(1, &id, &certain, x->tok[t], f->n_vocab);
		fc_example_add_row(x, t, f->top_k > 0, &id, &certain, truth);
		ledger->n_onehot++;
		return;
	}
	while (*own_row < own->n_row && own->row_tok[*own_row] < t)
		++*own_row;
	if (*own_row == own->n_row || own->row_tok[*own_row] != t)
		return;
	copy_row(f, x, own, *own_row);
	ledger->n_pivot++;
}

int align_filler_example(
    struct align_filler *f, struct fc_example *x, struct align_ledger *ledger, struct fc_err *e)
{
	size_t row = 0, own_row = 0;
	if (f->kind == ALIGN_FALLBACK_NONE)
		return 0;
	if (f->own && next_own(f, x, e) < 0)
		return -1;
	fc_example_copy(&f->old, x);
	fc_example_clear_rows(x);
	for (uint32_t t = 1; t < x->n_tok; t++) {
		if (row < f->old.n_row && f->old.row_tok[row] == t)
			copy_row(f, x, &f->old, row++);
		else if (fc_example_trained(x, t))
			fill_token(f, x, t, &own_row, ledger);
	}
	return 0;
}
