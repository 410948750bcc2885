/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"

char *fc_buf_reserve(struct fc_buf *b, size_t n)
{
	FC_GROW(b->p, b->cap, b->n + n + 1);
	b->p[b->n] = 0;
	return b->p + b->n;
}

void fc_buf_add(struct fc_buf *b, const void *p, size_t n)
{
	char *to = fc_buf_reserve(b, n);
	if (n)
		memcpy(to, p, n);
	b->n += n;
	b->p[b->n] = 0;
}

void fc_buf_adds(struct fc_buf *b, const char *s)
{
	fc_buf_add(b, s, strlen(s));
}

void fc_buf_addc(struct fc_buf *b, char c)
{
	fc_buf_add(b, &c, 1);
}

void fc_buf_addf(struct fc_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n <= 0)
		return;
	char *to = fc_buf_reserve(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void fc_buf_clear(struct fc_buf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = 0;
}

void fc_buf_release(struct fc_buf *b)
{
	free(b->p);
	*b = (struct fc_buf)FC_BUF_INIT;
}

char *fc_buf_detach(struct fc_buf *b)
{
	fc_buf_reserve(b, 0);
	char *s = b->p;
	*b = (struct fc_buf)FC_BUF_INIT;
	return s;
}

void fc_buf_add_escaped(struct fc_buf *b, const char *p, size_t n)
{
	char out[FC_ESCAPE_MAX];
	size_t n_out;
	for (size_t i = 0; i < n;) {
		i += fc_escape_next(out, &n_out, p + i, n - i);
		fc_buf_add(b, out, n_out);
	}
}
