/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/served/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "text/utf8.h"

static const char *bytes_of(const struct words *w, uint32_t id, size_t *n)
{
	return fc_tokenizer_bytes(w->tokenizer, id, n);
}

/* "<0x0A>" */
static bool is_byte_token(const struct words *w, uint32_t id)
{
	const char *piece = fc_tokenizer_piece(w->tokenizer, id);
	return piece && strlen(piece) == 6 && !strncmp(piece, "<0x", 3) && piece[5] == '>';
}

static uint32_t *slot_of(const struct words *w, const char *p, size_t n)
{
	size_t i = fc_hash(p, n, 0) & (w->n_slot - 1);
	for (; w->slot[i] != FC_NO_TOKEN; i = (i + 1) & (w->n_slot - 1)) {
		size_t n_own;
		const char *own = bytes_of(w, w->slot[i], &n_own);
		if (n_own == n && !memcmp(own, p, n))
			break;
	}
	return &w->slot[i];
}

void infer_words_init(struct words *w, const struct fc_tokenizer *t)
{
	const size_t n_vocab = fc_tokenizer_n_vocab(t);
	*w = (struct words){.tokenizer = t, .n_slot = 1024};
	while (w->n_slot < 2 * n_vocab)
		w->n_slot *= 2;
	w->slot = FC_ARRAY(uint32_t, w->n_slot);
	for (size_t i = 0; i < w->n_slot; i++)
		w->slot[i] = FC_NO_TOKEN;
	for (uint32_t id = 0; id < n_vocab; id++) {
		size_t n;
		const char *p = bytes_of(w, id, &n);
		if (!n)
			continue;
		uint32_t *slot = slot_of(w, p, n);
		if (*slot == FC_NO_TOKEN || (is_byte_token(w, *slot) && !is_byte_token(w, id)))
			*slot = id;
	}
}

void infer_words_release(struct words *w)
{
	free(w->slot);
	*w = (struct words){0};
}

uint32_t infer_words_find(
    const struct words *w, const struct reply *r, const struct reply_word *word)
{
	if (word->id != FC_NO_TOKEN)
		return word->id;
	const char *p = r->text.p + word->at;
	if (!word->has_text || !word->n || (!word->is_bytes && fc_utf8_has_replacement(p, word->n)))
		return FC_NO_TOKEN;
	const uint32_t id = *slot_of(w, p, word->n);
	if (id != FC_NO_TOKEN)
		return id;
	/* special tokens have a name and no bytes */
	char *name = fc_memdup0(p, word->n);
	const uint32_t named = fc_tokenizer_find(w->tokenizer, name);
	free(name);
	return named != FC_NO_TOKEN && fc_tokenizer_is_special(w->tokenizer, named) ? named
										    : FC_NO_TOKEN;
}

static bool same(const char *p, size_t n, const char *q, size_t n_q)
{
	return n == n_q && (!n || !memcmp(p, q, n));
}

enum words_fit infer_words_fit(const struct words *w, const struct reply *r,
    const struct reply_word *word, uint32_t id, const char *span, size_t n)
{
	size_t n_own;
	const char *own = bytes_of(w, id, &n_own), *p = r->text.p + word->at;
	const char *piece = fc_tokenizer_piece(w->tokenizer, id);
	if (word->id != FC_NO_TOKEN)
		return word->id == id ? WORDS_FIT : WORDS_DIFFER;
	if (!word->has_text) /* the server does not say what it is */
		return WORDS_FIT;
	if (same(p, word->n, own, n_own) || same(p, word->n, span, n))
		return WORDS_FIT;
	if (fc_tokenizer_is_special(w->tokenizer, id) &&
	    (!word->n || (piece && same(p, word->n, piece, strlen(piece)))))
		return WORDS_FIT;
	if (word->is_bytes)
		return WORDS_DIFFER;
	if (fc_utf8_has_replacement(p, word->n) || !word->n)
		return fc_utf8_check(own, n_own) < n_own ? WORDS_FIT : WORDS_DIFFER;
	return n_own && *own == ' ' && same(p, word->n, own + 1, n_own - 1) ? WORDS_SPACELESS
									    : WORDS_DIFFER;
}
