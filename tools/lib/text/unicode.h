/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_UNICODE_H
#define FC_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unicode's character database, by the tables of utf8proc (Debian 12: Unicode 14); the one door to
 * that library.  Code points it does not know, and such as cannot be, have category CN, no mapping
 * and class 0. */

/* General categories; those of a first letter follow each other. */
enum fc_unicode_category {
	FC_UC_CN,
	FC_UC_LU,
	FC_UC_LL,
	FC_UC_LT,
	FC_UC_LM,
	FC_UC_LO,
	FC_UC_MN,
	FC_UC_MC,
	FC_UC_ME,
	FC_UC_ND,
	FC_UC_NL,
	FC_UC_NO,
	FC_UC_PC,
	FC_UC_PD,
	FC_UC_PS,
	FC_UC_PE,
	FC_UC_PI,
	FC_UC_PF,
	FC_UC_PO,
	FC_UC_SM,
	FC_UC_SC,
	FC_UC_SK,
	FC_UC_SO,
	FC_UC_ZS,
	FC_UC_ZL,
	FC_UC_ZP,
	FC_UC_CC,
	FC_UC_CF,
	FC_UC_CS,
	FC_UC_CO,
};
enum fc_unicode_category fc_unicode_category(uint32_t cp);

/* Simple case mappings: one code point each. */
uint32_t fc_unicode_lower(uint32_t cp);
uint32_t fc_unicode_upper(uint32_t cp);
uint32_t fc_unicode_title(uint32_t cp);

/* Canonical combining class. */
uint8_t fc_unicode_combining_class(uint32_t cp);
/* The full decomposition, canonical or for compatibility, not reordered; returns its length. */
#define FC_UNICODE_DECOMPOSITION_MAX 32 /* code points; the longest has 18 */
size_t fc_unicode_decompose(uint32_t cp, bool compat, uint32_t to[FC_UNICODE_DECOMPOSITION_MAX]);
/* Composes [n] decomposed code points in canonical order in place; returns how many are left. */
size_t fc_unicode_compose(uint32_t *cp, size_t n);

/* Does a grapheme cluster end between two neighbours?  *state: 0 at the start of a text. */
bool fc_unicode_breaks(uint32_t cp, uint32_t next, int32_t *state);

#endif
