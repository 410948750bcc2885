/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Offset of word in text[from, n), n if it is not there.  NULs are nothing special. */
static size_t find(const char *text, size_t n, size_t from, const char *word)
{
	size_t len = strlen(word);
	for (size_t i = from; i + len <= n; i++) {
		const char *at = memchr(text + i, *word, n - len + 1 - i);
		if (!at)
			break;
		i = (size_t)(at - text);
		if (!memcmp(at, word, len))
			return i;
	}
	return n;
}

const char *eval_verdict_text(const char *text, size_t *n)
{
	size_t start = 0, open, close = find(text, *n, 0, "</think>");
	while (start < *n && is_blank(text[start]))
		start++;
	open = find(text, *n, 0, "<think>");
	if (open != start && open < close) /* talk about thinking, further on */
		return text;
	if (close == *n) {
		if (open == start && open < *n)
			*n = 0;
		return text;
	}
	size_t behind = close + strlen("</think>");
	*n -= behind;
	return text + behind;
}

/* \d+\.?\d* at i; its length, 0 if it is not there. */
static size_t number(const char *text, size_t n, size_t i)
{
	size_t k = i;
	while (k < n && is_digit(text[k]))
		k++;
	if (k == i)
		return 0;
	if (k < n && text[k] == '.')
		k++;
	while (k < n && is_digit(text[k]))
		k++;
	return k - i;
}

static struct eval_rating read_number(const char *p, size_t n)
{
	char digits[64];
	if (n >= sizeof digits)
		return (struct eval_rating){0};
	memcpy(digits, p, n);
	digits[n] = 0;
	return (struct eval_rating){
	    .found = true, .whole = !memchr(p, '.', n), .value = strtod(digits, NULL)};
}

/* The first number between the brackets, nothing else with it. */
static struct eval_rating first_between(
    const char *text, size_t n, const char *left, const char *right)
{
	size_t n_left = strlen(left), n_right = strlen(right);
	for (size_t i = find(text, n, 0, left); i < n; i = find(text, n, i + 1, left)) {
		size_t len = number(text, n, i + n_left), end = i + n_left + len;
		if (len && end + n_right <= n && !memcmp(text + end, right, n_right))
			return read_number(text + i + n_left, len);
	}
	return (struct eval_rating){0};
}

/* [[ 8/10 ]] at i, where the brackets open. */
static struct eval_rating strict_at(const char *text, size_t n, size_t i)
{
	struct eval_rating none = {0};
	i += 2;
	while (i < n && is_blank(text[i]))
		i++;
	size_t len = number(text, n, i), end = i + len;
	if (!len)
		return none;
	if (end + 3 <= n && !memcmp(text + end, "/10", 3))
		end += 3;
	while (end < n && is_blank(text[end]))
		end++;
	if (end + 2 > n || memcmp(text + end, "]]", 2))
		return none;
	struct eval_rating r = read_number(text + i, len);
	return r.found && r.value >= 1 && r.value <= 10 ? r : none;
}

struct eval_rating eval_verdict_rating(const char *text, size_t n, enum eval_verdict_rule rule)
{
	struct eval_rating r = {0};
	if (rule == EVAL_VERDICT_FASTCHAT) {
		r = first_between(text, n, "[[", "]]");
		return r.found ? r : first_between(text, n, "[", "]");
	}
	for (size_t i = find(text, n, 0, "[["); i < n; i = find(text, n, i + 1, "[[")) {
		struct eval_rating at = strict_at(text, n, i);
		if (at.found)
			r = at;
	}
	return r;
}

enum eval_winner eval_verdict_winner(const char *text, size_t n, enum eval_verdict_rule rule)
{
	static const char *const mark[] = {"[[A]]", "[[B]]", "[[C]]"};
	static const enum eval_winner winner[] = {EVAL_WINNER_A, EVAL_WINNER_B, EVAL_WINNER_TIE};
	enum eval_winner last = EVAL_WINNER_ERROR;
	size_t last_at = 0;
	for (size_t m = 0; m < FC_LEN(mark); m++) {
		size_t i = find(text, n, 0, mark[m]);
		if (i < n && rule == EVAL_VERDICT_FASTCHAT)
			return winner[m];
		for (; i < n; i = find(text, n, i + 1, mark[m])) {
			if (last == EVAL_WINNER_ERROR || i > last_at) {
				last = winner[m];
				last_at = i;
			}
		}
	}
	return last;
}

/* left NUMBER , at most one blank NUMBER right */
static bool two_numbers(
    const char *text, size_t n, const char *left, const char *right, double *a, double *b)
{
	size_t n_left = strlen(left), n_right = strlen(right);
	for (size_t i = find(text, n, 0, left); i < n; i = find(text, n, i + 1, left)) {
		size_t at = i + n_left, n_a = number(text, n, at), comma = at + n_a;
		if (!n_a || comma >= n || text[comma] != ',')
			continue;
		size_t second = comma + 1;
		if (second < n && is_blank(text[second]))
			second++;
		size_t n_b = number(text, n, second), end = second + n_b;
		if (!n_b || end + n_right > n || memcmp(text + end, right, n_right))
			continue;
		struct eval_rating x = read_number(text + at, n_a),
				   y = read_number(text + second, n_b);
		*a = x.value;
		*b = y.value;
		return x.found && y.found;
	}
	return false;
}

enum eval_winner eval_verdict_ratings(const char *text, size_t n)
{
	double a, b;
	if (!two_numbers(text, n, "[[", "]]", &a, &b) && !two_numbers(text, n, "[", "]", &a, &b))
		return EVAL_WINNER_ERROR;
	if (fabs(a - b) <= 0.1)
		return EVAL_WINNER_TIE;
	return a > b ? EVAL_WINNER_A : EVAL_WINNER_B;
}

const char *eval_verdict_arena(const char *text, size_t n, size_t *n_found)
{
	static const char *const known[] = {"A>>B", "A>B", "A=B", "B>A", "B>>A"};
	const char *first = NULL, *verdict = NULL;
	size_t n_first = 0;
	bool same = true;
	*n_found = 0;
	for (size_t i = find(text, n, 0, "[["); i < n; i = find(text, n, i + 1, "[[")) {
		size_t at = i + 2, end = at;
		while (end < n && text[end] && strchr("AB<>=", text[end]))
			end++;
		if (end == at || end + 2 > n || memcmp(text + end, "]]", 2))
			continue;
		if ((*n_found)++ == 0) {
			first = text + at;
			n_first = end - at;
		} else if (end - at != n_first || memcmp(first, text + at, n_first)) {
			same = false;
		}
	}
	for (size_t k = 0; same && first && k < FC_LEN(known); k++)
		if (strlen(known[k]) == n_first && !memcmp(known[k], first, n_first))
			verdict = known[k];
	return verdict;
}

void eval_rating_write(struct fc_buf *b, struct eval_rating r)
{
	if (!r.found)
		fc_buf_adds(b, "-1");
	else if (r.whole)
		fc_buf_addf(b, "%.0f", r.value);
	else if (r.value == floor(r.value))
		fc_buf_addf(b, "%.1f", r.value);
	else
		fc_buf_addf(b, "%.15g", r.value);
}
