/* SPDX-License-Identifier: Apache-2.0 */
#include "text/unicode.h"

#include <utf8proc.h>

_Static_assert((int)FC_UC_LU == UTF8PROC_CATEGORY_LU && (int)FC_UC_ME == UTF8PROC_CATEGORY_ME &&
	(int)FC_UC_PC == UTF8PROC_CATEGORY_PC && (int)FC_UC_SO == UTF8PROC_CATEGORY_SO &&
	(int)FC_UC_CO == UTF8PROC_CATEGORY_CO,
    "the library's categories");

enum fc_unicode_category fc_unicode_category(uint32_t cp)
{
	return (enum fc_unicode_category)utf8proc_category((utf8proc_int32_t)cp);
}

uint32_t fc_unicode_lower(uint32_t cp)
{
	return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

uint32_t fc_unicode_upper(uint32_t cp)
{
	return (uint32_t)utf8proc_toupper((utf8proc_int32_t)cp);
}

uint32_t fc_unicode_title(uint32_t cp)
{
	return (uint32_t)utf8proc_totitle((utf8proc_int32_t)cp);
}

uint8_t fc_unicode_combining_class(uint32_t cp)
{
	return (uint8_t)utf8proc_get_property((utf8proc_int32_t)cp)->combining_class;
}

size_t fc_unicode_decompose(uint32_t cp, bool compat, uint32_t to[FC_UNICODE_DECOMPOSITION_MAX])
{
	int boundclass = 0;
	utf8proc_int32_t d[FC_UNICODE_DECOMPOSITION_MAX];
	utf8proc_ssize_t n =
	    utf8proc_decompose_char((utf8proc_int32_t)cp, d, FC_UNICODE_DECOMPOSITION_MAX,
		UTF8PROC_DECOMPOSE | UTF8PROC_STABLE | (compat ? UTF8PROC_COMPAT : 0), &boundclass);
	if (n < 1 || n > FC_UNICODE_DECOMPOSITION_MAX) { /* cp is no code point */
		to[0] = cp;
		return 1;
	}
	for (utf8proc_ssize_t i = 0; i < n; i++)
		to[i] = (uint32_t)d[i];
	return (size_t)n;
}

size_t fc_unicode_compose(uint32_t *cp, size_t n)
{
	utf8proc_ssize_t got = utf8proc_normalize_utf32(
	    (utf8proc_int32_t *)cp, (utf8proc_ssize_t)n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	return got < 0 ? n : (size_t)got;
}

bool fc_unicode_breaks(uint32_t cp, uint32_t next, int32_t *state)
{
	return utf8proc_grapheme_break_stateful(
	    (utf8proc_int32_t)cp, (utf8proc_int32_t)next, state);
}
