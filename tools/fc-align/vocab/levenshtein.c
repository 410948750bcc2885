/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/levenshtein.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"

enum { WORD = 64, N_ASCII = 128, N_OTHER = 128 };
#define NOT_UTF8 UINT32_C(0x110000)

struct align_leven {
	struct align_chars s;
	uint64_t ascii[N_ASCII]; /* bit i: the pattern's character i is this one */
	uint32_t other[N_OTHER]; /* open addressing; 0: free */
	uint64_t mask[N_OTHER];
	bool has_other;
	uint32_t *row; /* [cap] of the plain recurrence */
	size_t cap;
};

struct align_leven *align_leven_new(void)
{
	return FC_NEW(struct align_leven);
}

void align_leven_free(struct align_leven *p)
{
	if (!p)
		return;
	free(p->row);
	free(p);
}

/* Where c is or could be; a pattern fills at most half of the slots. */
static size_t slot_of(const struct align_leven *p, uint32_t c)
{
	size_t i = (c * UINT32_C(2654435761)) >> 25;
	while (p->other[i] && p->other[i] != c)
		i = (i + 1) % N_OTHER;
	return i;
}

void align_leven_set(struct align_leven *p, struct align_chars s)
{
	p->s = s;
	if (s.n > WORD)
		return;
	memset(p->ascii, 0, sizeof p->ascii);
	if (p->has_other)
		memset(p->other, 0, sizeof p->other);
	p->has_other = false;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t bit = UINT64_C(1) << i;
		if (s.v[i] < N_ASCII) {
			p->ascii[s.v[i]] |= bit;
			continue;
		}
		size_t k = slot_of(p, s.v[i]);
		p->mask[k] = p->other[k] ? p->mask[k] | bit : bit;
		p->other[k] = s.v[i];
		p->has_other = true;
	}
}

static uint64_t matches_of(const struct align_leven *p, uint32_t c)
{
	if (c < N_ASCII)
		return p->ascii[c];
	if (!p->has_other)
		return 0;
	size_t k = slot_of(p, c);
	return p->other[k] ? p->mask[k] : 0;
}

/* pv, mv: in which rows the column of distances rises or falls by one; `score`: its last entry. */
static uint32_t by_bits(const struct align_leven *p, struct align_chars s, uint32_t most)
{
	uint64_t last = UINT64_C(1) << (p->s.n - 1), pv = ~UINT64_C(0), mv = 0;
	uint32_t score = (uint32_t)p->s.n, left = (uint32_t)s.n;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t eq = matches_of(p, s.v[i]);
		uint64_t xv = eq | mv, xh = (((eq & pv) + pv) ^ pv) | eq;
		uint64_t ph = mv | ~(xh | pv), mh = pv & xh;
		score += (ph & last) != 0;
		score -= (mh & last) != 0;
		left--;
		/* the score falls by at most one a character */
		if (score > left && score - left > most)
			return most + 1;
		ph = ph << 1 | 1;
		mh <<= 1;
		pv = mh | ~(xv | ph);
		mv = ph & xv;
	}
	return score;
}

static uint32_t distance_plainly(struct align_leven *p, struct align_chars s)
{
	FC_GROW(p->row, p->cap, s.n + 1);
	for (size_t j = 0; j <= s.n; j++)
		p->row[j] = (uint32_t)j;
	for (size_t i = 0; i < p->s.n; i++) {
		uint32_t diagonal = p->row[0]++;
		for (size_t j = 0; j < s.n; j++) {
			uint32_t up = p->row[j + 1], best = diagonal + (p->s.v[i] != s.v[j]);
			best = best < up + 1 ? best : up + 1;
			best = best < p->row[j] + 1 ? best : p->row[j] + 1;
			diagonal = up;
			p->row[j + 1] = best;
		}
	}
	return p->row[s.n];
}

uint32_t align_leven_distance(struct align_leven *p, struct align_chars s, uint32_t most)
{
	size_t more = s.n > p->s.n ? s.n - p->s.n : p->s.n - s.n;
	if (more > most)
		return most + 1;
	if (p->s.n == 0 || s.n == 0)
		return (uint32_t)more;
	return p->s.n > WORD ? distance_plainly(p, s) : by_bits(p, s, most);
}

bool align_chars_contain(struct align_chars a, struct align_chars b)
{
	for (size_t i = 0; i + b.n <= a.n; i++)
		if (b.n == 0 || !memcmp(a.v + i, b.v, b.n * sizeof *b.v))
			return true;
	return false;
}

size_t align_chars_decode(const char *p, size_t n, uint32_t *out)
{
	size_t n_out = 0;
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t len = fc_utf8_get(p + i, n - i, &c);
		out[n_out++] = len ? c : NOT_UTF8 + (unsigned char)p[i];
		i += len ? len : 1;
	}
	return n_out;
}
