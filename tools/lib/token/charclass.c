/* SPDX-License-Identifier: Apache-2.0 */
#include "token/charclass.h"

#include "text/unicode.h"

bool fc_char_is_space(uint32_t cp)
{
	if (cp < 0x80)
		return cp == ' ' || (cp >= '\t' && cp <= '\r');
	return cp == 0x85 || cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) ||
	    cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

bool fc_char_is_numeric(uint32_t cp)
{
	if (cp < 0x80)
		return cp >= '0' && cp <= '9';
	enum fc_unicode_category c = fc_unicode_category(cp);
	return c >= FC_UC_ND && c <= FC_UC_NO;
}

bool fc_char_is_punct(uint32_t cp)
{
	if (cp < 0x80)
		return (cp >= '!' && cp <= '/') || (cp >= ':' && cp <= '@') ||
		    (cp >= '[' && cp <= '`') || (cp >= '{' && cp <= '~');
	enum fc_unicode_category c = fc_unicode_category(cp);
	return c >= FC_UC_PC && c <= FC_UC_PO;
}

bool fc_char_is_mark(uint32_t cp)
{
	enum fc_unicode_category c = fc_unicode_category(cp);
	return c >= FC_UC_MN && c <= FC_UC_ME;
}

bool fc_char_is_nonspacing(uint32_t cp)
{
	return fc_unicode_category(cp) == FC_UC_MN;
}

/* Alphabetic is L, Nl and Other_Alphabetic, which holds marks and the circled and squared letters
 * (category So) listed here. */
static bool is_letter_symbol(uint32_t cp)
{
	return (cp >= 0x24b6 && cp <= 0x24e9) || (cp >= 0x1f130 && cp <= 0x1f149) ||
	    (cp >= 0x1f150 && cp <= 0x1f169) || (cp >= 0x1f170 && cp <= 0x1f189);
}

bool fc_char_is_word(uint32_t cp)
{
	if (cp < 0x80)
		return (cp >= '0' && cp <= '9') || (cp >= 'A' && cp <= 'Z') ||
		    (cp >= 'a' && cp <= 'z') || cp == '_';
	enum fc_unicode_category c = fc_unicode_category(cp);
	return (c >= FC_UC_LU && c <= FC_UC_NL) || c == FC_UC_PC || cp == 0x200c || cp == 0x200d ||
	    is_letter_symbol(cp);
}

size_t fc_char_lower(uint32_t cp, uint32_t out[2])
{
	if (cp == 0x130) { /* the only unconditional two-character mapping of SpecialCasing.txt */
		out[0] = 'i';
		out[1] = 0x307;
		return 2;
	}
	out[0] = fc_unicode_lower(cp);
	return 1;
}

/* 33..126, 161..172 and 174..255 stand for themselves, the other 68 bytes for U+0100 onwards. */
static bool stands_for_itself(uint32_t byte)
{
	return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

uint32_t fc_byte_char(unsigned char byte)
{
	if (stands_for_itself(byte))
		return byte;
	return byte <= 32 ? 0x100u + byte : byte <= 160 ? 0x100u + 33 + (byte - 127u) : 0x143;
}

int fc_char_byte(uint32_t cp)
{
	if (cp < 0x100)
		return stands_for_itself(cp) ? (int)cp : -1;
	if (cp <= 0x120)
		return (int)(cp - 0x100);
	if (cp <= 0x142)
		return (int)(cp - 0x121 + 127);
	return cp == 0x143 ? 173 : -1;
}
