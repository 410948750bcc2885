/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/spelled.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fc-align/vocab/nearest.h"

void align_spelled_release(struct align_spelled *s)
{
	free(s->v);
	free(s->chars);
	*s = (struct align_spelled){0};
}

/* Room for n_bytes characters in all: a character has at least one byte. */
static void init_room(struct align_spelled *s, size_t n, size_t n_bytes)
{
	*s = (struct align_spelled){
	    FC_ARRAY(struct align_chars, n + 1), n, FC_ARRAY(uint32_t, n_bytes + 1)};
}

void align_spelled_text(struct align_spelled *s, const struct align_vocab *vocab)
{
	size_t n_bytes = 0, at = 0;
	for (size_t i = 0; i < vocab->n; i++)
		n_bytes += vocab->word[i].n;
	init_room(s, vocab->n, n_bytes);
	for (size_t i = 0; i < vocab->n; i++) {
		const struct align_word *w = &vocab->word[i];
		size_t n = w->special ? 0 : align_chars_decode(w->bytes, w->n, s->chars + at);
		s->v[i] = (struct align_chars){s->chars + at, n};
		at += n;
	}
}

static void replace_mark(struct fc_buf *b, const char *s, const char *mark, const char *to)
{
	size_t n = strlen(mark);
	fc_buf_clear(b);
	for (const char *found; (found = strstr(s, mark)); s = found + n) {
		fc_buf_add(b, s, (size_t)(found - s));
		fc_buf_adds(b, to);
	}
	fc_buf_adds(b, s);
}

void align_spelled_raw(
    struct align_spelled *s, const struct align_vocab *vocab, const char *mark, const char *to)
{
	struct fc_buf b = FC_BUF_INIT;
	size_t n_bytes = 0, at = 0;
	for (size_t i = 0; i < vocab->n; i++) /* a mark has a byte at least */
		n_bytes += vocab->word[i].piece
		    ? strlen(vocab->word[i].piece) * (strlen(to) > 1 ? strlen(to) : 1)
		    : 0;
	init_room(s, vocab->n, n_bytes);
	for (size_t i = 0; i < vocab->n; i++) {
		s->v[i] = (struct align_chars){s->chars + at, 0};
		if (!vocab->word[i].piece)
			continue;
		replace_mark(&b, vocab->word[i].piece, mark, to);
		s->v[i].n = b.n ? align_chars_decode(b.p, b.n, s->chars + at) : 0;
		at += s->v[i].n;
	}
	fc_buf_release(&b);
}

const char *align_spelled_mark(const struct align_vocab *vocab)
{
	static const char *const mark[] = {"\xe2\x96\x81", "\xc4\xa0"};
	size_t n[2] = {0};
	for (size_t i = 0; i < vocab->n; i++)
		for (int k = 0; k < 2 && vocab->word[i].piece; k++)
			n[k] += !strncmp(vocab->word[i].piece, mark[k], strlen(mark[k]));
	return mark[n[1] > n[0]];
}

void align_spelled_nearest(
    const struct align_spelled *from, const struct align_spelled *to, uint32_t most, uint32_t *near)
{
	struct align_nearest *x = align_nearest_new(to->v, to->n);
#pragma omp parallel
	{
		struct align_leven *p = align_leven_new();
#pragma omp for schedule(dynamic, 256)
		for (size_t i = 0; i < from->n; i++) {
			uint32_t distance;
			near[i] = from->v[i].n ? align_nearest_find(x, p, from->v[i], &distance)
					       : ALIGN_UNMAPPED;
			if (near[i] != ALIGN_UNMAPPED && distance > most)
				near[i] = ALIGN_UNMAPPED;
		}
		align_leven_free(p);
	}
	align_nearest_free(x);
}
