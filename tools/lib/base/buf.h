/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_BUF_H
#define FC_BASE_BUF_H

#include <stddef.h>

/* A growing byte string.  p is NULL until the first byte; p[n] is then always NUL. */
struct fc_buf {
	char *p;
	size_t n, cap;
};
#define FC_BUF_INIT                                                                                \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

void fc_buf_add(struct fc_buf *b, const void *p, size_t n);
void fc_buf_adds(struct fc_buf *b, const char *s);
void fc_buf_addc(struct fc_buf *b, char c);
void fc_buf_addf(struct fc_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes and returns where they go; the caller then adds to b->n. */
char *fc_buf_reserve(struct fc_buf *b, size_t n);
void fc_buf_clear(struct fc_buf *b);   /* n = 0, memory kept */
void fc_buf_release(struct fc_buf *b); /* memory freed, ready for reuse */
char *fc_buf_detach(struct fc_buf *b); /* the string, now the caller's to free(); never NULL */
/* As fit for a terminal; see escape.h. */
void fc_buf_add_escaped(struct fc_buf *b, const char *p, size_t n);

#endif
