/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Offset of word in text[from, n), n if it is not there.  NULs are nothing special. */
static size_t find_word(const char *text, size_t n, size_t from, const char *word)
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

/* The text behind what the judge thought, borrowed; *n changes. */
static const char *skip_thoughts(const char *text, size_t *n)
{
	size_t start = 0, open, close = find_word(text, *n, 0, "</think>");
	while (start < *n && is_blank(text[start]))
		start++;
	open = find_word(text, *n, 0, "<think>");
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
static size_t number_length(const char *text, size_t n, size_t i)
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
	for (size_t i = find_word(text, n, 0, left); i < n; i = find_word(text, n, i + 1, left)) {
		size_t len = number_length(text, n, i + n_left), end = i + n_left + len;
		if (len && end + n_right <= n && !memcmp(text + end, right, n_right))
			return read_number(text + i + n_left, len);
	}
	return (struct eval_rating){0};
}

/* The next double brackets at or after *i, for the strict rule: what they enclose, up to the first
 * closing ones, without the blanks around it.  *i moves behind the opening bracket, so that of
 * three in a row the last two open.  False: there are none. */
static bool next_brackets(const char *text, size_t n, size_t *i, const char **p, size_t *len)
{
	size_t open = find_word(text, n, *i, "[["), close = find_word(text, n, open, "]]");
	if (close == n)
		return false;
	*i = open + 1;
	for (open += 2; open < close && is_blank(text[open]);)
		open++;
	while (close > open && is_blank(text[close - 1]))
		close--;
	*p = text + open;
	*len = close - open;
	return true;
}

/* Is p the word, blanks aside? */
static bool is_word(const char *p, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (!is_blank(p[i]) && p[i] != *word++)
			return false;
	return !*word;
}

/* A rating from 1 to 10 that is all of the text: "8", "8/10". */
static struct eval_rating strict_number(const char *p, size_t n)
{
	const struct eval_rating none = {0};
	const size_t len = number_length(p, n, 0);
	if (!len || (len != n && !is_word(p + len, n - len, "/10")))
		return none;
	const struct eval_rating r = read_number(p, len);
	return r.found && r.value >= 1 && r.value <= 10 ? r : none;
}

struct eval_rating eval_verdict_rating(const char *text, size_t n, enum eval_verdict_rule rule)
{
	struct eval_rating r = {0};
	text = skip_thoughts(text, &n);
	if (rule == EVAL_VERDICT_FASTCHAT) {
		r = first_between(text, n, "[[", "]]");
		return r.found ? r : first_between(text, n, "[", "]");
	}
	const char *p;
	size_t len;
	for (size_t i = 0; next_brackets(text, n, &i, &p, &len);) {
		struct eval_rating at = strict_number(p, len);
		if (at.found)
			r = at;
	}
	return r;
}

static enum eval_winner strict_winner(const char *text, size_t n)
{
	enum eval_winner last = EVAL_WINNER_ERROR;
	const char *p;
	size_t len;
	for (size_t i = 0; next_brackets(text, n, &i, &p, &len);)
		last = is_word(p, len, "A") ? EVAL_WINNER_A
		    : is_word(p, len, "B")  ? EVAL_WINNER_B
		    : is_word(p, len, "C")  ? EVAL_WINNER_TIE
					    : last;
	return last;
}

enum eval_winner eval_verdict_winner(const char *text, size_t n, enum eval_verdict_rule rule)
{
	text = skip_thoughts(text, &n);
	if (rule == EVAL_VERDICT_STRICT)
		return strict_winner(text, n);
	return find_word(text, n, 0, "[[A]]") < n ? EVAL_WINNER_A
	    : find_word(text, n, 0, "[[B]]") < n  ? EVAL_WINNER_B
	    : find_word(text, n, 0, "[[C]]") < n  ? EVAL_WINNER_TIE
						  : EVAL_WINNER_ERROR;
}

/* The first "left NUMBER, NUMBER right" in the text, with at most one blank behind the comma. */
static bool two_numbers(
    const char *text, size_t n, const char *left, const char *right, double *a, double *b)
{
	size_t n_left = strlen(left), n_right = strlen(right);
	for (size_t i = find_word(text, n, 0, left); i < n; i = find_word(text, n, i + 1, left)) {
		size_t at = i + n_left, n_a = number_length(text, n, at), comma = at + n_a;
		if (!n_a || comma >= n || text[comma] != ',')
			continue;
		size_t second = comma + 1;
		if (second < n && is_blank(text[second]))
			second++;
		size_t n_b = number_length(text, n, second), end = second + n_b;
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

/* The last two ratings in double brackets, with a comma between. */
static bool strict_numbers(const char *text, size_t n, double *a, double *b)
{
	bool found = false;
	const char *p;
	size_t len;
	for (size_t i = 0; next_brackets(text, n, &i, &p, &len);) {
		const char *comma = memchr(p, ',', len);
		if (!comma)
			continue;
		size_t n_a = (size_t)(comma - p), n_b = len - n_a - 1;
		const char *second = comma + 1;
		while (n_a && is_blank(p[n_a - 1]))
			n_a--;
		while (n_b && is_blank(*second)) {
			second++;
			n_b--;
		}
		const struct eval_rating x = strict_number(p, n_a), y = strict_number(second, n_b);
		if (!x.found || !y.found)
			continue;
		*a = x.value;
		*b = y.value;
		found = true;
	}
	return found;
}

static enum eval_winner winner_of_ratings(double a, double b)
{
	if (fabs(a - b) <= 0.1)
		return EVAL_WINNER_TIE;
	return a > b ? EVAL_WINNER_A : EVAL_WINNER_B;
}

enum eval_winner eval_verdict_ratings(const char *text, size_t n, enum eval_verdict_rule rule)
{
	double a, b;
	text = skip_thoughts(text, &n);
	if (rule == EVAL_VERDICT_STRICT ? !strict_numbers(text, n, &a, &b)
					: !two_numbers(text, n, "[[", "]]", &a, &b) &&
		    !two_numbers(text, n, "[", "]", &a, &b))
		return EVAL_WINNER_ERROR;
	return winner_of_ratings(a, b);
}

enum eval_winner eval_verdict_pair(const char *text, size_t n, enum eval_verdict_rule rule)
{
	const enum eval_winner named = eval_verdict_winner(text, n, rule);
	double a, b;
	if (named != EVAL_WINNER_ERROR)
		return named;
	text = skip_thoughts(text, &n);
	if (rule == EVAL_VERDICT_STRICT ? !strict_numbers(text, n, &a, &b)
					: !two_numbers(text, n, "[[", "]]", &a, &b))
		return EVAL_WINNER_ERROR;
	return winner_of_ratings(a, b);
}

const char *const eval_verdict_arena_names[] = {"A>>B", "A>B", "A=B", "B>A", "B>>A"};

static const char *strict_arena(const char *text, size_t n, size_t *n_found)
{
	const char *last = NULL, *p;
	size_t len;
	*n_found = 0;
	for (size_t i = 0; next_brackets(text, n, &i, &p, &len);)
		for (size_t k = 0; k < EVAL_VERDICT_N_ARENA; k++)
			if (is_word(p, len, eval_verdict_arena_names[k])) {
				last = eval_verdict_arena_names[k];
				++*n_found;
			}
	return last;
}

/* Arena-Hard's pattern: verdicts that differ are none. */
const char *eval_verdict_arena(
    const char *text, size_t n, enum eval_verdict_rule rule, size_t *n_found)
{
	const char *first = NULL, *verdict = NULL;
	size_t n_first = 0;
	bool same = true;
	text = skip_thoughts(text, &n);
	if (rule == EVAL_VERDICT_STRICT)
		return strict_arena(text, n, n_found);
	*n_found = 0;
	for (size_t i = find_word(text, n, 0, "[["); i < n; i = find_word(text, n, i + 1, "[[")) {
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
	for (size_t k = 0; same && first && k < EVAL_VERDICT_N_ARENA; k++)
		if (strlen(eval_verdict_arena_names[k]) == n_first &&
		    !memcmp(eval_verdict_arena_names[k], first, n_first))
			verdict = eval_verdict_arena_names[k];
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
