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

static char *with_hyphens(const char *word)
{
	char *w = fc_strdup(word);
	for (char *p = w; (p = strchr(p, '_'));)
		*p = '-';
	return w;
}

/* Sets far[i] to how far names[i] is from the word by this rule, and returns how many are nearest.
 */
static size_t measure_all(
    measure rule, size_t *far, size_t *best, const char *word, const char *const *names, size_t n)
{
	size_t n_best = 0;
	*best = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		char *name = with_hyphens(names[i]);
		far[i] = rule(word, name);
		*best = least_of(*best, far[i]);
		free(name);
	}
	for (size_t i = 0; i < n && *best < SIZE_MAX; i++)
		n_best += far[i] == *best;
	return n_best;
}

void fc_suggest(
    struct fc_buf *b, const char *prefix, const char *word, const char *const *names, size_t n)
{
	static const measure rules[] = {by_beginning, by_more_words, by_slips, by_first_word};
	char *w = with_hyphens(word);
	size_t *far = FC_ARRAY(size_t, n + 1), best = SIZE_MAX, n_best = 0, n_told = 0;
	for (size_t r = 0; r < FC_LEN(rules) && !n_best; r++)
		n_best = measure_all(rules[r], far, &best, w, names, n);
	for (size_t i = 0; i < n && n_best; i++) {
		if (far[i] != best)
			continue;
		const char *sep = n_told == 0 ? "" : n_told + 1 == n_best ? " or " : ", ";
		fc_buf_addf(b, "%s%s%s", sep, prefix, names[i]);
		n_told++;
	}
	free(far);
	free(w);
}
