/* SPDX-License-Identifier: Apache-2.0 */
#include "token/bertnorm.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "token/charclass.h"

#define GRAPHEME_MAX 6 /* bytes; a longer one is taken apart */

struct range {
	uint32_t first, last;
};

static bool is_in(uint32_t cp, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n && cp >= r[i].first; i++)
		if (cp <= r[i].last)
			return true;
	return false;
}

/* Cc, Cf and Co as `tokenizers` 0.23 knows them (measured, all code points), U+FFFD with them. */
static bool is_control(uint32_t cp)
{
	static const struct range list[] = {{0, 8}, {0xb, 0xc}, {0xe, 0x1f}, {0x7f, 0x9f},
	    {0xad, 0xad}, {0x600, 0x605}, {0x61c, 0x61c}, {0x6dd, 0x6dd}, {0x70f, 0x70f},
	    {0x180e, 0x180e}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},
	    {0x2066, 0x206f}, {0xe000, 0xf8ff}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
	    {0xfffd, 0xfffd}, {0x110bd, 0x110bd}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
	    {0xe0001, 0xe0001}, {0xe0020, 0xe007f}, {0xf0000, 0xffffd}, {0x100000, 0x10fffd}};
	return is_in(cp, list, FC_LEN(list));
}

static bool is_ideograph(uint32_t cp)
{
	static const struct range list[] = {{0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xf900, 0xfaff},
	    {0x20000, 0x2a6df}, {0x2a700, 0x2b81f}, {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f}};
	return is_in(cp, list, FC_LEN(list));
}

void fc_bertnorm_clean(const struct fc_aligned *text, struct fc_alignbuf *b)
{
	for (size_t i = 0, len; i < text->n; i += len) {
		uint32_t cp = 0;
		len = fc_utf8_get(text->p + i, text->n - i, &cp);
		if (is_control(cp))
			continue;
		if (fc_char_is_space(cp))
			fc_alignbuf_put(b, " ", 1, fc_aligned_span(text, i, i + len));
		else
			fc_alignbuf_copy(b, text, i, i + len);
	}
}

void fc_bertnorm_ideographs(const struct fc_aligned *text, struct fc_alignbuf *b)
{
	for (size_t i = 0, len; i < text->n; i += len) {
		uint32_t cp = 0;
		len = fc_utf8_get(text->p + i, text->n - i, &cp);
		bool spaced = is_ideograph(cp);
		if (spaced)
			fc_alignbuf_put(b, " ", 1, fc_aligned_gap(text, i));
		fc_alignbuf_copy(b, text, i, i + len);
		if (spaced)
			fc_alignbuf_put(b, " ", 1, fc_aligned_gap(text, i + len));
	}
}

void fc_nmtnorm_run(const struct fc_aligned *text, struct fc_alignbuf *b)
{
	static const struct range gone[] = {
	    {1, 8}, {0xb, 0xb}, {0xe, 0x1f}, {0x7f, 0x7f}, {0x8f, 0x8f}, {0x9f, 0x9f}};
	static const struct range space[] = {{9, 0xa}, {0xc, 0xd}, {' ', ' '}, {0x1680, 0x1680},
	    {0x200b, 0x200f}, {0x2028, 0x2029}, {0x2581, 0x2581}, {0xfeff, 0xfeff},
	    {0xfffd, 0xfffd}};
	for (size_t i = 0, len; i < text->n; i += len) {
		uint32_t cp = 0;
		len = fc_utf8_get(text->p + i, text->n - i, &cp);
		if (is_in(cp, gone, FC_LEN(gone)))
			continue;
		if (is_in(cp, space, FC_LEN(space)))
			fc_alignbuf_put(b, " ", 1, fc_aligned_span(text, i, i + len));
		else
			fc_alignbuf_copy(b, text, i, i + len);
	}
}

static bool add_replaced(const struct fc_charsmap *map, const struct fc_aligned *text, size_t from,
    size_t to, struct fc_alignbuf *b)
{
	const char *form;
	size_t n;
	if (!fc_charsmap_shortest(map, text->p + from, to - from, &form, &n))
		return false;
	if (n == to - from && !memcmp(form, text->p + from, n))
		fc_alignbuf_copy(b, text, from, to);
	else
		fc_alignbuf_put(b, form, n, fc_aligned_span(text, from, to));
	return true;
}

static size_t grapheme_end(const struct fc_aligned *text, size_t from)
{
	uint32_t cp = 0, next = 0;
	int32_t state = 0;
	size_t to = from + fc_utf8_get(text->p + from, text->n - from, &cp);
	while (to < text->n) {
		size_t len = fc_utf8_get(text->p + to, text->n - to, &next);
		if (fc_unicode_breaks(cp, next, &state))
			break;
		cp = next;
		to += len;
	}
	return to;
}

void fc_precompiled_run(
    const struct fc_charsmap *map, const struct fc_aligned *text, struct fc_alignbuf *b)
{
	for (size_t i = 0, end; i < text->n; i = end) {
		end = grapheme_end(text, i);
		if (end - i < GRAPHEME_MAX && add_replaced(map, text, i, end, b))
			continue;
		for (size_t k = i, len; k < end; k += len) {
			len = fc_utf8_valid(text->p + k, end - k);
			if (!add_replaced(map, text, k, k + len, b))
				fc_alignbuf_copy(b, text, k, k + len);
		}
	}
}
