/* SPDX-License-Identifier: Apache-2.0 */
#include "base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The character at p with its length; 0 where there is no valid one.  lib/text, which decodes UTF-8
 * for everybody else, stands above this layer. */
static size_t decode_utf8(const unsigned char *p, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (len == 1) {
		*cp = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	uint32_t c = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	*cp = c;
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : len;
}

/* Directions: Unicode's property Bidi_Control. */
static bool is_shown(uint32_t c)
{
	bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
	bool direction = c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069);
	bool line = c == 0x2028 || c == 0x2029;
	bool order_mark = c == 0xfeff; /* not seen, and at a wrong place the error itself */
	return !control && !direction && !line && !order_mark;
}

size_t fc_escape_next(char *out, size_t *n_out, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c = 0;
	size_t len = decode_utf8(p, n, &c);
	if (len && is_shown(c)) {
		memcpy(out, p, len);
		*n_out = len;
		return len;
	}
	if (*p == '\n' || *p == '\t') {
		out[0] = '\\';
		out[1] = *p == '\n' ? 'n' : 't';
		*n_out = 2;
		return 1;
	}
	len = len ? len : 1;
	*n_out = 0;
	for (size_t i = 0; i < len; i++) {
		out[(*n_out)++] = '\\';
		out[(*n_out)++] = 'x';
		out[(*n_out)++] = hex[p[i] >> 4];
		out[(*n_out)++] = hex[p[i] & 15];
	}
	return len;
}
