/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/number.h"

#include <string.h>

#include "base/mem.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Does a fraction without a digit before its point begin there, as in "$.5"?  In "fig.5" and "...5"
 * the full stop ends what is before. */
static bool is_bare_point(const char *text, const char *p)
{
	return *p == '.' && (p == text || !(is_digit(p[-1]) || is_letter(p[-1]) || p[-1] == '.'));
}

/* Where the number that ends before `end`, a digit's end, begins: digits, commas between digits, at
 * most one full stop between digits or before the first. */
static const char *begin_of(const char *text, const char *end)
{
	const char *p = end - 1;
	bool point = false;
	while (p > text) {
		const bool between = p - 1 > text && is_digit(p[-2]);
		if (is_digit(p[-1])) {
			p--;
		} else if (p[-1] == ',' && between) {
			p -= 2;
		} else if (p[-1] == '.' && between && !point) {
			point = true;
			p -= 2;
		} else {
			break;
		}
	}
	return !point && p > text && is_bare_point(text, p - 1) ? p - 1 : p;
}

/* Where the number that ends before `end` begins when full stops part its thousands, as in
 * "1.000.000": from two on they can mean nothing else.  NULL: they do not. */
static const char *begin_of_thousands(const char *text, const char *end)
{
	size_t stops = 0, digits = 0;
	const char *p = end;
	for (; p > text && (is_digit(p[-1]) || (p[-1] == '.' && digits == 3)); p--) {
		stops += p[-1] == '.';
		digits = p[-1] == '.' ? 0 : digits + 1;
	}
	const bool ends = p == text || !(is_letter(p[-1]) || p[-1] == '.' || p[-1] == ',');
	return stops > 1 && digits >= 1 && digits <= 3 && ends ? p : NULL;
}

/* Where the word begins that ends before p, or NULL. */
static const char *word_before(const char *text, const char *p, const char *word)
{
	const size_t n = strlen(word);
	return (size_t)(p - text) >= n && !memcmp(p - n, word, n) ? p - n : NULL;
}

/* Is there a minus, of ASCII or U+2212, before the number at p, or before its currency? */
static bool is_negative(const char *text, const char *p)
{
	static const char *const currency[] = {
	    "\\$", "$", "\xe2\x82\xac" /* euro */, "\xc2\xa3" /* pound */, "\xc2\xa5" /* yen */};
	const char *at = NULL;
	for (size_t i = 0; i < FC_LEN(currency) && !at; i++)
		at = word_before(text, p, currency[i]);
	p = at ? at : p;
	at = word_before(text, p, "-");
	if (!at)
		at = word_before(text, p, "\xe2\x88\x92");
	return at && (at == text || !(is_digit(at[-1]) || is_letter(at[-1])));
}

bool eval_number_last(struct fc_buf *out, const char *text)
{
	const char *end = text + strlen(text);
	while (end > text && !is_digit(end[-1]))
		end--;
	if (end == text)
		return false;
	const char *p = begin_of_thousands(text, end), between = p ? '.' : ',';
	p = p ? p : begin_of(text, end);
	const bool minus = is_negative(text, p);
	bool point = false;
	fc_buf_clear(out);
	for (; p < end; p++) {
		if (*p == between || (*p == '0' && out->n == 0))
			continue;
		point = point || *p == '.';
		fc_buf_addc(out, *p);
	}
	while (point && out->p[out->n - 1] == '0')
		out->n--;
	if (point && out->p[out->n - 1] == '.')
		out->n--;
	struct fc_buf digits = *out;
	*out = (struct fc_buf)FC_BUF_INIT;
	if (minus && digits.n)
		fc_buf_addc(out, '-');
	if (!digits.n || digits.p[0] == '.')
		fc_buf_addc(out, '0');
	fc_buf_add(out, digits.p, digits.n);
	fc_buf_release(&digits);
	return true;
}

bool eval_number_same_last(const char *a, const char *b)
{
	struct fc_buf x = FC_BUF_INIT, y = FC_BUF_INIT;
	const bool same = eval_number_last(&x, a) && eval_number_last(&y, b) && !strcmp(x.p, y.p);
	fc_buf_release(&x);
	fc_buf_release(&y);
	return same;
}
