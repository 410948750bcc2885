/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* le64toh */
#include "text/utf8.h"

#include <endian.h>
#include <string.h>

size_t fc_utf8_get(const char *s, size_t n, uint32_t *cp)
{
	const unsigned char *p = (const unsigned char *)s;
	if (!n)
		return 0;
	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	uint32_t c = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*cp = c;
	return len;
}

size_t fc_utf8_valid(const char *p, size_t n)
{
	uint32_t cp;
	return fc_utf8_get(p, n, &cp);
}

size_t fc_utf8_put(char *out, uint32_t cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	size_t len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = len - 1; i > 0; i--, cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)(lead[len] | cp);
	return len;
}

size_t fc_utf8_count(const char *p, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; count++) {
		const size_t len = fc_utf8_valid(p + i, n - i);
		i += len ? len : 1;
	}
	return count;
}

/* As far as eight bytes at a time are characters of one byte or two: most texts and vocabularies.
 * A bit of each byte tells its kind, as the highest of it. */
static size_t skip_short(const char *p, size_t n)
{
	const uint64_t all = 0x8080808080808080u;
	uint64_t open = 0; /* a first byte at the end of the word before */
	size_t i = 0;
	for (; n - i >= 8; i += 8) {
		uint64_t word;
		memcpy(&word, p + i, 8);
		word = le64toh(word);
		const uint64_t high = word & all, second = word << 1 & all, third = word << 2 & all;
		const uint64_t follows = high & ~second, two = high & second & ~third;
		const uint64_t proper = ((word & 0x1e1e1e1e1e1e1e1eu) + 0x7e7e7e7e7e7e7e7eu) & all;
		if ((high & second & third) | (two & ~proper) | (follows ^ (two << 8 | open)))
			break;
		open = two >> 56;
	}
	return open ? i - 1 : i;
}

size_t fc_utf8_check(const char *p, size_t n)
{
	size_t i = skip_short(p, n);
	while (i < n) {
		const size_t len = fc_utf8_valid(p + i, n - i);
		if (!len)
			return i;
		i += len;
		i += skip_short(p + i, n - i);
	}
	return n;
}

bool fc_utf8_has_replacement(const char *p, size_t n)
{
	for (size_t i = 0; i + 3 <= n; i++)
		if (!memcmp(p + i, "\xef\xbf\xbd", 3))
			return true;
	return false;
}
