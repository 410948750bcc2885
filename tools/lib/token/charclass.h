/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_CHARCLASS_H
#define FC_TOKEN_CHARCLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Classes of code points, by the tables of text/unicode.h. */
bool fc_char_is_space(uint32_t cp);      /* White_Space: 25 code points; not U+180E, not U+200B */
bool fc_char_is_numeric(uint32_t cp);    /* Nd, Nl, No */
bool fc_char_is_punct(uint32_t cp);      /* ASCII punctuation and category P */
bool fc_char_is_mark(uint32_t cp);       /* category M */
bool fc_char_is_nonspacing(uint32_t cp); /* category Mn */
bool fc_char_is_word(uint32_t cp);       /* \w of UTS 18: Alphabetic, M, Nd, Pc, joiners */
/* The full lower-case mapping of one character without context: 1 or 2 code points. */
size_t fc_char_lower(uint32_t cp, uint32_t out[2]);

/* Oniguruma's \w, which has no joiners, as items of a PCRE2 class. */
#define FC_CLASS_WORD                                                                              \
	"\\p{L}\\p{M}\\p{Nl}\\p{Nd}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}"                \
	"\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"
/* White_Space; PCRE2's own \s has U+180E in it. */
#define FC_CLASS_SPACE "\\t-\\r\\x{85}\\p{Z}"

/* The alphabet of byte-level tokenizers: every byte as a printable character (GPT-2). */
uint32_t fc_byte_char(unsigned char byte);
int fc_char_byte(uint32_t cp); /* 0 to 255, or -1 for a character outside the alphabet */

#endif
