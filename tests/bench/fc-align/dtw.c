/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published alignments against their recurrence written down plainly, on one pair of
 * sequences: two cuts of one text of made-up words, whose lengths are about those of tokens.
 * With the argument "pair" the beginning of the pair is printed, a line a sequence, for another
 * program (dtw.py); with a number, that program's nanoseconds a cell, its ratio is shown too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/rng.h"
#include "fc-align/vocab/dtw.h"

enum { N_WORD = 1500, N_PIECE = 3 * N_WORD, N_TEXT = 2000, MOST = 2 * N_TEXT, N_RUN = 3 };
#define MARK "\xe2\x96\x81"

static char piece[N_PIECE][40]; /* word w, and what it is cut into: N_WORD + 2 w, and the next */
static struct align_word word[N_PIECE];

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void make_words(struct fc_rng *rng)
{
	for (size_t w = 0; w < N_WORD; w++) {
		char s[20];
		size_t n = 2 + fc_rng_below(rng, 7), cut = 1 + fc_rng_below(rng, n - 1);
		for (size_t i = 0; i < n; i++)
			s[i] = (char)('a' + fc_rng_below(rng, 1 + fc_rng_below(rng, 26)));
		s[n] = 0;
		snprintf(piece[w], sizeof piece[w], "%s%s", fc_rng_below(rng, 4) ? MARK : "", s);
		snprintf(piece[N_WORD + 2 * w], sizeof piece[0], "%s%.*s", MARK, (int)cut, s);
		snprintf(piece[N_WORD + 2 * w + 1], sizeof piece[0], "%s", s + cut);
	}
	for (size_t i = 0; i < N_PIECE; i++)
		word[i] = (struct align_word){piece[i], strlen(piece[i]), piece[i], false};
}

/* Words of Zipf's kind; a third of them are cut in two, in one of the cuts or the other. */
static size_t make_text(struct fc_rng *rng, const uint32_t *text, uint32_t *id)
{
	size_t n = 0;
	for (size_t i = 0; i < N_TEXT; i++) {
		if (fc_rng_below(rng, 3)) {
			id[n++] = text[i];
			continue;
		}
		id[n++] = N_WORD + 2 * text[i];
		id[n++] = N_WORD + 2 * text[i] + 1;
	}
	return n;
}

/* str.replace(mark, "") as code points. */
static size_t delete_marks(const char *s, uint32_t *out)
{
	char b[40];
	size_t n = 0;
	while (*s) {
		if (!strncmp(s, MARK, 3))
			s += 3;
		else
			b[n++] = *s++;
	}
	return align_chars_decode(b, n, out);
}

static uint32_t plain_distance(const char *a, const char *b)
{
	uint32_t x[40], y[40], row[41];
	size_t n = delete_marks(a, x), m = delete_marks(b, y);
	for (size_t j = 0; j <= m; j++)
		row[j] = (uint32_t)j;
	for (size_t i = 0; i < n; i++) {
		uint32_t diagonal = row[0]++;
		for (size_t j = 0; j < m; j++) {
			uint32_t up = row[j + 1], best = diagonal + (x[i] != y[j]);
			best = best < up + 1 ? best : up + 1;
			best = best < row[j] + 1 ? best : row[j] + 1;
			diagonal = up;
			row[j + 1] = best;
		}
	}
	return row[m];
}

/* D of FuseLLM, and its last cell. */
static double plain_align(const uint32_t *s, size_t n, const uint32_t *p, size_t m, double *D)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < m; j++) {
			double cost = plain_distance(piece[s[i]], piece[p[j]]), least = 0;
			if (i && j)
				least = D[(i - 1) * m + j - 1];
			if (i && (!j || D[(i - 1) * m + j] < least))
				least = D[(i - 1) * m + j];
			if (j && (!i || D[i * m + j - 1] < least))
				least = D[i * m + j - 1];
			D[i * m + j] = cost + least;
		}
	return D[n * m - 1];
}

static void print_pair(const uint32_t *s, size_t n, const uint32_t *p, size_t m)
{
	for (size_t i = 0; i < n; i++)
		printf("%s%c", piece[s[i]], i + 1 < n ? ' ' : '\n');
	for (size_t j = 0; j < m; j++)
		printf("%s%c", piece[p[j]], j + 1 < m ? ' ' : '\n');
}

int main(int argc, char **argv)
{
	enum { BEGINNING = 400 };
	const double other_ns = argc > 1 ? strtod(argv[1], NULL) : 0;
	static const char *const name[] = {"dtw-fusellm", "dtw-fusechat1", "dtw-fusechat2"};
	static uint32_t text[N_TEXT], s[MOST], p[MOST];
	static struct align_dtw_span span[MOST];
	struct align_vocab vocab = {.word = word, .n = N_PIECE};
	struct fc_rng rng;
	fc_rng_seed(&rng, 1);
	make_words(&rng);
	for (size_t i = 0; i < N_TEXT; i++) /* rare words are rare */
		text[i] =
		    (uint32_t)(fc_rng_unit(&rng) * fc_rng_unit(&rng) * fc_rng_unit(&rng) * N_WORD);
	size_t n = make_text(&rng, text, s), m = make_text(&rng, text, p);
	if (argc > 1 && !strcmp(argv[1], "pair")) {
		print_pair(s, BEGINNING, p, BEGINNING);
		return 0;
	}
	double *D = FC_ARRAY(double, n *m), plain = 1e9, want = 0;
	for (int run = 0; run < N_RUN; run++) {
		double t = seconds();
		want = plain_align(s, n, p, m, D);
		t = seconds() - t;
		plain = t < plain ? t : plain;
	}
	printf("alignment of %zu by %zu tokens, against the plain recurrence (%.0f ns a cell)\n", n,
	    m, 1e9 * plain / (double)(n * m));
	for (int v = 0; v < 3; v++) {
		struct align_wording w;
		double best = 1e9, got = 0;
		align_wording_init(&w, (enum align_published)v, &vocab, NULL, MARK, MARK);
		for (int run = 0; run < N_RUN; run++) {
			struct align_dtw *d = align_dtw_new((enum align_published)v, &w, &w);
			double t = seconds();
			got = align_dtw_align(d, s, n, p, m, span);
			t = seconds() - t;
			best = t < best ? t : best;
			align_dtw_free(d);
		}
		const double ns = 1e9 * best / (double)(n * m);
		printf("%-44s %6.2f x  %s (%.2f ns a cell)\n", name[v], plain / best,
		    v == 0 && got != want ? "WRONG" : "", ns);
		if (other_ns > 0)
			printf("%-44s %6.0f x  against plain Python (%.0f ns a cell)\n", name[v],
			    other_ns / ns, other_ns);
		align_wording_release(&w);
	}
	free(D);
	return 0;
}
