/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"

/* Length of s without a character that was cut off at its end. */
static size_t whole_characters(const char *s, size_t n)
{
	size_t i = n;
	while (i > 0 && n - i < 3 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
		i--;
	unsigned char lead = i > 0 ? (unsigned char)s[i - 1] : 0;
	size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	return want > n - i + 1 ? i - 1 : n;
}

/* A message is one line of text, whatever names and ids it quotes. */
static void escape_into(struct fc_err *e, const char *s, size_t n)
{
	char out[FC_ESCAPE_MAX];
	size_t n_out, at = 0;
	for (size_t i = 0; i < n;) {
		i += fc_escape_next(out, &n_out, s + i, n - i);
		if (n_out >= sizeof e->msg - at)
			break;
		memcpy(e->msg + at, out, n_out);
		at += n_out;
	}
	e->msg[at] = '\0';
}

int fc_vfail(struct fc_err *e, const char *fmt, va_list ap)
{
	int saved = errno;
	char s[sizeof e->msg]; /* e->msg itself may be among the arguments */
	int want = vsnprintf(s, sizeof s, fmt, ap);
	size_t n = strlen(s);
	if (*fmt && fmt[strlen(fmt) - 1] == ':') {
		snprintf(s + n, sizeof s - n, " %s", strerror(saved));
		n = strlen(s);
	}
	if (want >= (int)sizeof s)
		n = whole_characters(s, n);
	escape_into(e, s, n);
	return -1;
}

int fc_fail(struct fc_err *e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fc_vfail(e, fmt, ap);
	va_end(ap);
	return -1;
}
