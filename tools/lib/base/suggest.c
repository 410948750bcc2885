/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { WORD_MAX = 63 };

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, substitutions and exchanges of neighbours that make a into b (optimal
 * string alignment). */
static size_t edit_distance(const char *a, const char *b)
{
	const size_t n_a = strlen(a), n_b = strlen(b);
	size_t d[WORD_MAX + 1][WORD_MAX + 1];
	if (n_a > WORD_MAX || n_b > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n_a; i++)
		for (size_t k = 0; k <= n_b; k++) {
			if (!i || !k) {
				d[i][k] = i + k;
				continue;
			}
			d[i][k] = least_of(d[i - 1][k - 1] + (a[i - 1] != b[k - 1]),
			    least_of(d[i - 1][k], d[i][k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				d[i][k] = least_of(d[i][k], d[i - 2][k - 2] + 1);
		}
	return d[n_a][n_b];
}

/* How far the name is from the word by each rule; SIZE_MAX: it is not meant. */
typedef size_t (*measure)(const char *word, const char *name);

static size_t by_beginning(const char *word, const char *name)
{
	return *word && !strncmp(name, word, strlen(word)) ? 0 : SIZE_MAX;
}

/* --max-new-tokens for --max-new: the longest such name. */
static size_t by_more_words(const char *word, const char *name)
{
	const size_t n = strlen(name);
	return !strncmp(word, name, n) && word[n] == '-' ? strlen(word) - n : SIZE_MAX;
}

static size_t by_slips(const char *word, const char *name)
{
	const size_t d = edit_distance(word, name), n = strlen(word);
	return n && d <= (n < 6 ? 1 : n / 3) ? d : SIZE_MAX;
}

static size_t by_first_word(const char *word, const char *name)
{
	const size_t n = strcspn(word, "-");
	return n > 2 && word[n] && !strncmp(word, name, n + 1) ? 0 : SIZE_MAX;
}

void fc_suggest(struct fc_buf *b, const char *word, const char *const *names, size_t n)
{
	static const measure rules[] = {by_beginning, by_more_words, by_slips, by_first_word};
	char *w = fc_strdup(word);
	size_t best = SIZE_MAX, n_best = 0, n_told = 0;
	for (char *p = w; (p = strchr(p, '_'));)
		*p = '-';
	for (size_t r = 0; r < FC_LEN(rules) && !n_best; r++) {
		for (size_t i = 0; i < n; i++)
			best = least_of(best, rules[r](w, names[i]));
		for (size_t i = 0; i < n && best < SIZE_MAX; i++)
			n_best += rules[r](w, names[i]) == best;
		for (size_t i = 0; i < n && n_best; i++)
			if (rules[r](w, names[i]) == best) {
				const char *sep = n_told == 0 ? ""
				    : n_told + 1 == n_best    ? " or "
							      : ", ";
				fc_buf_addf(b, "%s--%s", sep, names[i]);
				n_told++;
			}
	}
	free(w);
}
