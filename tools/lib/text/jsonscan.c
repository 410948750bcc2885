/* SPDX-License-Identifier: Apache-2.0 */
#include "text/jsonscan.h"

#include <stdlib.h>
#include <string.h>

#include "text/utf8.h"

#define DEPTH_MAX 512

void fc_jsonscan_space(struct fc_jsonscan *s)
{
	while (s->i < s->n &&
	    (s->p[s->i] == ' ' || s->p[s->i] == '\n' || s->p[s->i] == '\r' || s->p[s->i] == '\t'))
		s->i++;
}

bool fc_jsonscan_char(struct fc_jsonscan *s, char c)
{
	fc_jsonscan_space(s);
	if (s->i >= s->n || s->p[s->i] != c)
		return false;
	s->i++;
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four digits at the scanner. */
static bool hex4(struct fc_jsonscan *s, uint32_t *v)
{
	*v = 0;
	for (int k = 0; k < 4; k++, s->i++) {
		int digit = s->i < s->n ? hex(s->p[s->i]) : -1;
		if (digit < 0)
			return false;
		*v = *v << 4 | (uint32_t)digit;
	}
	return true;
}

/* \uXXXX, with its other half if it is a surrogate; the scanner is behind the u. */
static bool unicode_escape(struct fc_jsonscan *s, struct fc_buf *b)
{
	uint32_t cp, low;
	if (!hex4(s, &cp) || (cp >= 0xdc00 && cp < 0xe000))
		return false;
	if (cp >= 0xd800 && cp < 0xdc00) {
		if (s->n - s->i < 2 || s->p[s->i] != '\\' || s->p[s->i + 1] != 'u')
			return false;
		s->i += 2;
		if (!hex4(s, &low) || low < 0xdc00 || low >= 0xe000)
			return false;
		cp = 0x10000 + ((cp - 0xd800) << 10 | (low - 0xdc00));
	}
	char *to = fc_buf_reserve(b, 4);
	b->n += fc_utf8_put(to, cp);
	return true;
}

/* The rest of a string, from its first escape on. */
static bool escaped_string(struct fc_jsonscan *s, struct fc_buf *b)
{
	static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	while (s->i < s->n) {
		char c = s->p[s->i++];
		if (c == '"')
			return true;
		if ((unsigned char)c < 0x20 || (c == '\\' && s->i >= s->n))
			return false;
		if (c != '\\') {
			fc_buf_addc(b, c);
			continue;
		}
		c = s->p[s->i++];
		const char *known = c ? strchr(letters, c) : NULL;
		if (known)
			fc_buf_addc(b, values[known - letters]);
		else if (c != 'u' || !unicode_escape(s, b))
			return false;
	}
	return false;
}

bool fc_jsonscan_string(struct fc_jsonscan *s, struct fc_buf *b, const char **p, size_t *n)
{
	if (!fc_jsonscan_char(s, '"'))
		return false;
	const char *start = s->p + s->i, *c = start, *end = s->p + s->n;
	while (c < end && *c != '"' && *c != '\\' && (unsigned char)*c >= 0x20)
		c++;
	*p = start;
	*n = (size_t)(c - start);
	s->i += *n;
	if (c < end && *c == '"') {
		s->i++;
		return true;
	}
	fc_buf_clear(b);
	fc_buf_add(b, start, *n);
	if (!escaped_string(s, b))
		return false;
	*p = b->p;
	*n = b->n;
	return true;
}

bool fc_jsonscan_integer(struct fc_jsonscan *s, int64_t *v)
{
	bool minus = fc_jsonscan_char(s, '-');
	size_t first = s->i;
	uint64_t sum = 0;
	while (s->i < s->n && s->p[s->i] >= '0' && s->p[s->i] <= '9' && s->i - first < 18)
		sum = sum * 10 + (uint64_t)(s->p[s->i++] - '0');
	if (s->i == first || (s->p[first] == '0' && s->i - first > 1))
		return false;
	if (s->i < s->n && strchr(".eE0123456789", s->p[s->i]) && s->p[s->i])
		return false;
	*v = minus ? -(int64_t)sum : (int64_t)sum;
	return true;
}

/* Digits at the scanner; false if there are none. */
static bool skip_digits(struct fc_jsonscan *s)
{
	size_t first = s->i;
	while (s->i < s->n && s->p[s->i] >= '0' && s->p[s->i] <= '9')
		s->i++;
	return s->i > first;
}

bool fc_jsonscan_real(struct fc_jsonscan *s, double *v)
{
	char text[64];
	fc_jsonscan_char(s, '-');
	size_t first = s->i;
	if (!skip_digits(s) || (s->p[first] == '0' && s->i - first > 1))
		return false;
	if (s->i < s->n && s->p[s->i] == '.' && (s->i++, !skip_digits(s)))
		return false;
	if (s->i < s->n && (s->p[s->i] | 32) == 'e') {
		s->i++;
		s->i += s->i < s->n && (s->p[s->i] == '-' || s->p[s->i] == '+');
		if (!skip_digits(s))
			return false;
	}
	first -= first && s->p[first - 1] == '-';
	if (s->i - first >= sizeof text)
		return false;
	memcpy(text, s->p + first, s->i - first);
	text[s->i - first] = 0;
	*v = strtod(text, NULL);
	return true;
}

/* Behind the quote that ends the string whose opening quote is behind the scanner. */
static bool skip_string(struct fc_jsonscan *s)
{
	while (s->i < s->n) {
		char c = s->p[s->i++];
		if (c == '"')
			return true;
		if (c == '\\')
			s->i++;
	}
	return false;
}

bool fc_jsonscan_skip(struct fc_jsonscan *s)
{
	static const bool counts[256] = {
	    ['"'] = true, [','] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true};
	char close[DEPTH_MAX];
	size_t depth = 0, first;
	fc_jsonscan_space(s);
	first = s->i;
	while (s->i < s->n) {
		char c = s->p[s->i];
		if (!counts[(unsigned char)c]) {
			s->i++;
			continue;
		}
		bool ends = c == ',' || c == '}' || c == ']';
		if (ends && !depth)
			return s->i > first;
		s->i++;
		if (c == '"') {
			if (!skip_string(s))
				return false;
		} else if (c == '{' || c == '[') {
			if (depth == DEPTH_MAX)
				return false;
			close[depth++] = c == '{' ? '}' : ']';
		} else if (c == '}' || c == ']') {
			if (close[--depth] != c)
				return false;
		}
		if (!depth && (c == '"' || c == '}' || c == ']'))
			return true;
	}
	return !depth && s->i > first;
}
