/* SPDX-License-Identifier: Apache-2.0 */
#include "text/base64.h"

#include <stdint.h>

void fc_base64_encode(struct fc_buf *b, const void *bytes, size_t n)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = bytes;
	for (size_t i = 0; i < n; i += 3) {
		const size_t left = n - i;
		const uint32_t bits = (uint32_t)p[i] << 16 |
		    (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0u);
		char *to = fc_buf_reserve(b, 4);
		to[0] = digits[bits >> 18];
		to[1] = digits[bits >> 12 & 63];
		to[2] = left > 1 ? digits[bits >> 6 & 63] : '=';
		to[3] = left > 2 ? digits[bits & 63] : '=';
		b->n += 4;
		b->p[b->n] = 0;
	}
}

static int digit_of(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A'
	    : c >= 'a' && c <= 'z'  ? c - 'a' + 26
	    : c >= '0' && c <= '9'  ? c - '0' + 52
	    : c == '+'              ? 62
	    : c == '/'              ? 63
				    : -1;
}

size_t fc_base64_decode(struct fc_buf *b, const char *p, size_t n)
{
	size_t end = n, i = 0;
	uint32_t bits = 0;
	while (end && n - end < 2 && p[end - 1] == '=')
		end--;
	for (; i < end && digit_of(p[i]) >= 0; i++) {
		bits = bits << 6 | (uint32_t)digit_of(p[i]);
		if (i % 4)
			fc_buf_addc(b, (char)(bits >> (6 - 2 * (i % 4)) & 255));
	}
	return i == end && end % 4 != 1 ? n : i;
}
