/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_UTF8_H
#define FC_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * text/: characters, lines and JSON, before anyone asks what they mean.  In the order in
 * which they build on each other: utf8 (characters as bytes), unicode (what a character is; the
 * door to utf8proc), jsonscan (JSON read value by value) and json (as a tree; the door to jansson,
 * with the ceilings of files), json_write; a file's bytes, unpacked (decompress: the door to zlib,
 * and to zstd for what others packed; infile), its lines, its records (lines, or the elements of an
 * array) and jsonl (these as trees); category (what a JSON object is filed under), table (small
 * tables for people and programs), base64.
 */

/* Length (1 to 4) of the valid UTF-8 character at p (n bytes follow), 0 if there is none.
 * Overlong forms, surrogates and values above U+10FFFF are invalid. */
size_t fc_utf8_valid(const char *p, size_t n);
/* Length as fc_utf8_valid() says, with the code point in *cp. */
size_t fc_utf8_get(const char *p, size_t n, uint32_t *cp);
/* Writes cp to out (4 bytes at least), returns the length. */
size_t fc_utf8_put(char *out, uint32_t cp);
/* Number of characters in n bytes; a byte that belongs to none counts as one. */
size_t fc_utf8_count(const char *p, size_t n);
/* Offset of the first byte that is not valid UTF-8; n if all is. */
size_t fc_utf8_check(const char *p, size_t n);
/* Is U+FFFD in it, by which programs replace what is no character? */
bool fc_utf8_has_replacement(const char *p, size_t n);

#endif
