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
	b->over = false;
}

size_t fc_growth_max(size_t n_bytes)
{
	size_t max = UINT32_MAX / 2; /* places are 32 bits wide */
	return n_bytes < (max - FC_GROWTH_BYTES) / FC_GROWTH_TIMES
	    ? n_bytes * FC_GROWTH_TIMES + FC_GROWTH_BYTES
	    : max;
}

int fc_alignpair_check(const struct fc_alignpair *p, const char *kind, const char *name,
    size_t n_name, size_t no, struct fc_err *e)
{
	if (!p->b[p->last].over)
		return 0;
	return fc_fail(e,
	    "%s %zu (%.*s) makes the text longer than %d times its bytes and %zu more, which no "
	    "model's does",
	    kind, no, (int)n_name, name, FC_GROWTH_TIMES, FC_GROWTH_BYTES);
}

static bool fits_in(struct fc_alignbuf *b, size_t n)
{
	b->over = b->over || n > b->max || b->text.n > b->max - n;
	return !b->over;
}

void fc_alignbuf_copy(struct fc_alignbuf *b, const struct fc_aligned *a, size_t from, size_t to)
{
	size_t n = to - from;
	if (!n || !fits_in(b, n))
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
	if (!fits_in(b, n))
		return;
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
