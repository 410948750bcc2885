/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chat/chat.h"
#include "stream/example.h"

/*
 * The tokenizer's own strings are put where the template has those of its model, so that one pass
 * over one text cuts it as the makers' encoder would.  Spans are then carried back: swap i stands
 * for the bytes [from, to) of the new text and for segment seg of the rendered one.
 */
struct swap {
	uint32_t from, to, id;
	size_t seg;
};
struct swapped {
	struct fc_buf text;
	struct swap *swap;
	struct fc_span *guard;
	uint32_t *cut; /* [n_cut] of the new text: where answers and their labels begin */
	size_t n_swap, n_guard, n_cut;
	bool has_bos; /* the template wrote it */
};

/* First byte of segment i. */
static uint32_t seg_start(const struct fc_rendered *r, size_t i)
{
	return i ? r->segment[i - 1].end : 0;
}

/* The token that takes a segment's place; FC_NO_TOKEN: it stays text. */
static uint32_t role_token(enum fc_part part, const struct fc_tokenizer *t, uint32_t turn_end)
{
	return part == FC_PART_BOS     ? fc_tokenizer_bos(t)
	    : part == FC_PART_TURN_END ? turn_end
				       : FC_NO_TOKEN;
}

/* Does an assistant's turn, or what is learned of it, begin with segment i? */
static bool begins_answer(const struct fc_rendered *r, size_t i)
{
	const uint8_t flags = r->segment[i].flags, before = i ? r->segment[i - 1].flags : flags;
	if (FC_TOK_ROLE(flags) != FC_ROLE_ASSISTANT)
		return false;
	return FC_TOK_ROLE(before) != FC_ROLE_ASSISTANT ||
	    ((flags & FC_TOK_TRAINED) && !(before & FC_TOK_TRAINED));
}

static int swap_strings(struct swapped *p, const struct fc_rendered *r,
    const struct fc_tokenizer *t, uint32_t turn_end, struct fc_err *e)
{
	p->swap = FC_ARRAY(struct swap, r->n);
	p->guard = FC_ARRAY(struct fc_span, r->n);
	p->cut = FC_ARRAY(uint32_t, r->n);
	for (size_t i = 0; i < r->n; i++) {
		const enum fc_part part = FC_TOK_PART(r->segment[i].flags);
		const char *text = r->text.p + seg_start(r, i);
		size_t n = r->segment[i].end - seg_start(r, i);
		uint32_t id = role_token(part, t, turn_end), from = (uint32_t)p->text.n;
		if (r->cut == FC_CUT_PROMPT && begins_answer(r, i))
			p->cut[p->n_cut++] = from;
		if (part == FC_PART_BOS && id == FC_NO_TOKEN) {
			p->swap[p->n_swap++] =
			    (struct swap){from, from, id, i}; /* has no such token */
			continue;
		}
		if (id != FC_NO_TOKEN) {
			text = fc_tokenizer_piece(t, id);
			if (!text)
				return fc_fail(e, "the tokenizer has no token %u", id);
			n = strlen(text);
		}
		if (n > UINT32_MAX / 2 - p->text.n)
			return fc_fail(e, "a text of more than 2 GiB");
		fc_buf_add(&p->text, text, n);
		if (id != FC_NO_TOKEN)
			p->swap[p->n_swap++] = (struct swap){from, (uint32_t)p->text.n, id, i};
		p->has_bos = p->has_bos || part == FC_PART_BOS;
		/* the space before a content is the template's; a token may take it */
		size_t skip = part == FC_PART_CONTENT && n && *text == ' ';
		if (part == FC_PART_CONTENT && n > skip)
			p->guard[p->n_guard++] =
			    (struct fc_span){from + (uint32_t)skip, (uint32_t)p->text.n};
	}
	return 0;
}

/* Where offset at of the swapped text lies in the rendered one.  k: the last swap that begins at or
 * before it, or SIZE_MAX. */
static uint32_t original_offset(
    const struct swapped *p, const struct fc_rendered *r, size_t k, uint32_t at)
{
	if (k == SIZE_MAX)
		return at;
	const struct swap *w = &p->swap[k];
	const uint32_t end = r->segment[w->seg].end;
	if (at > w->to)
		return end + (at - w->to);
	return at == w->from && w->to > w->from ? seg_start(r, w->seg) : end;
}

/* Every swap must have come back as its token, else the two texts differ in more than strings. */
static int check_swaps(const struct swapped *p, const struct fc_tokens *tokens,
    const struct fc_tokenizer *t, struct fc_err *e)
{
	size_t i = 0;
	for (size_t k = 0; k < p->n_swap; k++) {
		const struct swap *w = &p->swap[k];
		if (w->id == FC_NO_TOKEN)
			continue;
		while (i < tokens->n && tokens->v[i].end < w->to)
			i++;
		if (i == tokens->n || tokens->v[i].id != w->id || tokens->v[i].start > w->from)
			return fc_fail(e,
			    "the tokenizer does not recognise its own token \"%s\" in a text",
			    fc_tokenizer_piece(t, w->id));
	}
	return 0;
}

static void put_tokens(const struct swapped *p, const struct fc_rendered *r,
    const struct fc_tokens *tokens, struct fc_example *x)
{
	size_t seg = 0, a = SIZE_MAX, b = SIZE_MAX; /* swaps at or before start and end */
	for (size_t i = 0; i < tokens->n; i++) {
		const struct fc_token *t = &tokens->v[i];
		while (a + 1 < p->n_swap && p->swap[a + 1].from <= t->start)
			a++;
		while (b + 1 < p->n_swap && p->swap[b + 1].from <= t->end)
			b++;
		uint32_t start = original_offset(p, r, a, t->start),
			 end = original_offset(p, r, b, t->end);
		while (seg + 1 < r->n && r->segment[seg].end <= start)
			seg++;
		const struct fc_segment *s = &r->segment[seg];
		/* a special token may take white space before it: it is still its segment's */
		if (b != SIZE_MAX && b != a && p->swap[b].id == t->id && p->swap[b].to <= t->end)
			s = &r->segment[p->swap[b].seg];
		fc_example_add_token(x, t->id, end, s->flags);
	}
}

int fc_rendered_encode(const struct fc_rendered *r, const struct fc_tokenizer *t, uint32_t turn_end,
    struct fc_example *x, struct fc_err *e)
{
	struct swapped p = {0};
	struct fc_tokens tokens = {0};
	uint32_t bos = fc_tokenizer_bos(t);
	int ret = -1;
	fc_buf_clear(&x->text);
	fc_example_clear_rows(x);
	x->n_seg = x->n_tok = 0;
	if (swap_strings(&p, r, t, turn_end, e) < 0 ||
	    fc_tokenizer_encode_cut(t, p.text.p ? p.text.p : "", p.text.n, p.guard, p.n_guard,
		p.cut, p.n_cut, &tokens, e) < 0 ||
	    check_swaps(&p, &tokens, t, e) < 0)
		goto out;
	fc_buf_add(&x->text, r->text.p, r->text.n);
	for (size_t i = 0; i < r->n; i++)
		fc_example_add_segment(x, r->segment[i].end, r->segment[i].flags);
	bool has_bos = p.has_bos || (tokens.n && tokens.v[0].id == bos);
	if (!has_bos && fc_tokenizer_adds_bos(t) && bos != FC_NO_TOKEN)
		fc_example_add_token(x, bos, 0, FC_TOK_FLAGS(false, FC_ROLE_NONE, FC_PART_BOS));
	put_tokens(&p, r, &tokens, x);
	ret = 0;
out:
	fc_tokens_release(&tokens);
	fc_buf_release(&p.text);
	free(p.swap);
	free(p.guard);
	free(p.cut);
	return ret;
}
