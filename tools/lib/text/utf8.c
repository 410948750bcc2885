/* SPDX-License-Identifier: Apache-2.0 */
#include "text/utf8.h"

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

size_t fc_utf8_check(const char *p, size_t n)
{
	size_t i = 0;
	while (i < n) {
		uint64_t word;
		if (n - i >= 8 && (memcpy(&word, p + i, 8), !(word & 0x8080808080808080u))) {
			i += 8;
			continue;
		}
		size_t len = fc_utf8_valid(p + i, n - i);
		if (!len)
			return i;
		i += len;
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
