/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/vocab.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"

void align_vocab_init(struct align_vocab *v, const struct fc_tokenizer *t, uint32_t turn_end)
{
	*v = (struct align_vocab){
	    .n = fc_tokenizer_n_vocab(t),
	    .role = {[ALIGN_SPECIAL_TURN_END] = turn_end,
		[ALIGN_SPECIAL_BOS] = fc_tokenizer_bos(t),
		[ALIGN_SPECIAL_EOS] = fc_tokenizer_eos(t),
		[ALIGN_SPECIAL_UNK] = fc_tokenizer_unk(t),
		[ALIGN_SPECIAL_PAD] = fc_tokenizer_pad(t)},
	};
	v->word = FC_ARRAY(struct align_word, v->n + 1);
	for (uint32_t i = 0; i < v->n; i++) {
		struct align_word *w = &v->word[i];
		w->piece = fc_tokenizer_piece(t, i);
		w->special = fc_tokenizer_is_special(t, i);
		w->bytes = fc_tokenizer_bytes(t, i, &w->n);
	}
}

void align_vocab_release(struct align_vocab *v)
{
	free(v->word);
	*v = (struct align_vocab){0};
}

/* The first of the tokens after `skip` bytes of text, if those tokens spell the rest exactly. */
static uint32_t first_after(
    const struct fc_tokenizer *t, const struct fc_buf *text, size_t skip, struct fc_tokens *tokens)
{
	struct fc_span all = {0, (uint32_t)text->n};
	struct fc_err ignored;
	tokens->n = 0;
	if (fc_tokenizer_encode(t, text->p, text->n, &all, 1, tokens, &ignored) < 0)
		return ALIGN_UNMAPPED;
	size_t i = 0, at = skip;
	while (i < tokens->n && tokens->v[i].start < skip)
		i++;
	if (i == tokens->n)
		return ALIGN_UNMAPPED;
	for (size_t k = i; k < tokens->n; k++) {
		size_t n;
		const char *bytes = fc_tokenizer_bytes(t, tokens->v[k].id, &n);
		if (n > text->n - at || memcmp(text->p + at, bytes, n) != 0)
			return ALIGN_UNMAPPED;
		at += n;
	}
	return at == text->n ? tokens->v[i].id : ALIGN_UNMAPPED;
}

void align_vocab_first(
    const struct align_vocab *source, const struct fc_tokenizer *pivot, uint32_t *first)
{
#pragma omp parallel
	{
		struct fc_tokens tokens = {0};
		struct fc_buf text = FC_BUF_INIT;
#pragma omp for schedule(dynamic, 1024)
		for (size_t i = 0; i < source->n; i++) {
			const struct align_word *w = &source->word[i];
			first[i] = ALIGN_UNMAPPED;
			if (w->special || w->n == 0 || fc_utf8_check(w->bytes, w->n) < w->n)
				continue;
			fc_buf_clear(&text);
			fc_buf_add(&text, w->bytes, w->n);
			first[i] = first_after(pivot, &text, 0, &tokens);
			if (first[i] != ALIGN_UNMAPPED)
				continue;
			/* At a text's beginning some encoders put a space of their own. */
			fc_buf_clear(&text);
			fc_buf_addc(&text, '\n');
			fc_buf_add(&text, w->bytes, w->n);
			first[i] = first_after(pivot, &text, 1, &tokens);
		}
		fc_tokens_release(&tokens);
		fc_buf_release(&text);
	}
}
