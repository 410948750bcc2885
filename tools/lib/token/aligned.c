/* SPDX-License-Identifier: Apache-2.0 */
#include "token/aligned.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/charclass.h"

void fc_alignbuf_release(struct fc_alignbuf *b)
{
	fc_buf_release(&b->text);
	free(b->at);
	*b = (struct fc_alignbuf){0};
}

void fc_alignbuf_clear(struct fc_alignbuf *b)
{
	fc_buf_clear(&b->text);
}

void fc_alignbuf_copy(struct fc_alignbuf *b, const struct fc_aligned *a, size_t from, size_t to)
{
	size_t n = to - from;
	if (!n)
		return;
	FC_GROW(b->at, b->cap, b->text.n + n);
	struct fc_span *at = b->at + b->text.n;
	if (a->at)
		memcpy(at, a->at + from, n * sizeof *at);
	else
		for (size_t i = 0; i < n; i++) {
			uint32_t o = a->base + (uint32_t)(from + i);
			at[i] = (struct fc_span){o, o + 1};
		}
	fc_buf_add(&b->text, a->p + from, n);
}

void fc_alignbuf_put(struct fc_alignbuf *b, const char *p, size_t n, struct fc_span span)
{
	FC_GROW(b->at, b->cap, b->text.n + n);
	for (size_t i = 0; i < n; i++)
		b->at[b->text.n + i] = span;
	fc_buf_add(&b->text, p, n);
}

struct fc_aligned fc_alignbuf_done(const struct fc_alignbuf *b, uint32_t base)
{
	static const struct fc_span none;
	return (struct fc_aligned){
	    b->text.p ? b->text.p : "", b->text.n, b->at ? b->at : &none, base};
}

void fc_alignbuf_put_bytes(
    struct fc_alignbuf *b, const struct fc_aligned *a, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		char c[4];
		size_t n = fc_utf8_put(c, fc_byte_char((unsigned char)a->p[i]));
		fc_alignbuf_put(b, c, n, fc_aligned_span(a, i, i + 1));
	}
}
