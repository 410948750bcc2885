/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/scored.h"

#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "t.h"

enum { TEXT = 40, MOST = 4 };

/* Pieces with random borders and gaps, the nats powers of two, so that sums tell which were taken.
 */
static struct eval_scored random_pieces(struct fc_rng *rng)
{
	struct eval_scored s = {.piece = FC_ARRAY(struct eval_piece, TEXT), .parts = true};
	for (uint32_t at = 0; at < TEXT;) {
		const uint32_t n = 1 + (uint32_t)fc_rng_below(rng, 4),
			       end = at + n > TEXT ? TEXT : at + n;
		if (fc_rng_below(rng, 12)) {
			const double nats = ldexp(1, (int)s.n);
			s.piece[s.n++] = (struct eval_piece){at, end, nats};
			s.bytes += end - at;
			s.nats += nats;
		}
		at = end;
	}
	return s;
}

/* Byte by byte: what all cover, without the bytes of tokens that are not wholly in it, until there
 * is no such token. */
static uint64_t slowly(const struct eval_scored *const *s, size_t n, double *nats)
{
	bool in[TEXT], changed = true;
	uint64_t bytes = 0;
	for (uint32_t b = 0; b < TEXT; b++) {
		size_t covered = 0;
		for (size_t k = 0; k < n; k++)
			for (size_t i = 0; i < s[k]->n; i++)
				covered += s[k]->piece[i].start <= b && b < s[k]->piece[i].end;
		in[b] = covered == n;
	}
	while (changed) {
		changed = false;
		for (size_t k = 0; k < n; k++)
			for (size_t i = 0; i < s[k]->n; i++) {
				const struct eval_piece *p = &s[k]->piece[i];
				uint32_t inside = 0;
				for (uint32_t b = p->start; b < p->end; b++)
					inside += in[b];
				if (!inside || inside == p->end - p->start)
					continue;
				for (uint32_t b = p->start; b < p->end; b++)
					in[b] = false;
				changed = true;
			}
	}
	for (size_t k = 0; k < n; k++) {
		nats[k] = 0;
		for (size_t i = 0; i < s[k]->n; i++)
			nats[k] += in[s[k]->piece[i].start] ? s[k]->piece[i].nats : 0;
	}
	for (uint32_t b = 0; b < TEXT; b++)
		bytes += in[b];
	return bytes;
}

static void test_random(void)
{
	struct fc_rng rng;
	size_t n_wrong = 0, n_some = 0, n_all = 0, n_none = 0;
	fc_rng_seed(&rng, 5);
	for (size_t trial = 0; trial < 20000; trial++) {
		struct eval_scored s[MOST];
		const struct eval_scored *p[MOST];
		const size_t n = 1 + (size_t)fc_rng_below(&rng, MOST);
		double got[MOST], want[MOST];
		uint64_t union_bytes = 0;
		for (size_t k = 0; k < n; k++) {
			s[k] = random_pieces(&rng);
			p[k] = &s[k];
			union_bytes = s[k].bytes > union_bytes ? s[k].bytes : union_bytes;
		}
		const uint64_t bytes = eval_scored_common(p, n, got);
		n_wrong += bytes != slowly(p, n, want);
		for (size_t k = 0; k < n; k++)
			n_wrong += bytes && got[k] != want[k];
		n_none += bytes == 0;
		n_all += bytes == union_bytes;
		n_some += bytes && bytes < union_bytes;
		for (size_t k = 0; k < n; k++)
			eval_scored_release(&s[k]);
	}
	T_EQ(n_wrong, 0, "random tokens: what byte by byte gives");
	T_OK(n_none > 100 && n_some > 1000 && n_all > 1000,
	    "... of %zu without any, %zu with some, %zu with all", n_none, n_some, n_all);
}

/* Three trained tokens "ab" "cde" "" behind "x", and one that is not trained behind them. */
static void build(struct fc_example *x, double nll, uint32_t n_label, uint32_t label_bytes)
{
	fc_example_init(x);
	fc_buf_adds(&x->text, "xabcdef");
	static const uint32_t ends[] = {1, 3, 6, 6, 7};
	for (size_t t = 0; t < 5; t++)
		fc_example_add_token(
		    x, 0, ends[t], FC_TOK_FLAGS(t >= 1 && t <= 3, FC_ROLE_ASSISTANT, 0));
	for (uint32_t t = 1; t <= 3; t++)
		fc_example_add_row(x, t, 1, (const uint32_t[]){0}, (const float[]){-.5F}, -.5F);
	x->nll = nll;
	x->n_label = n_label;
	x->label_bytes = label_bytes;
}

static void test_example(void)
{
	struct fc_example x;
	build(&x, 1.5, 3, 5);
	struct eval_scored s = eval_scored_of(&x, EVAL_SCORE_NLL);
	T_OK(s.parts && s.n == 2 && s.bytes == 5 && s.nats == 1.5, "rows of all labels");
	T_OK(s.piece[0].start == 1 && s.piece[0].end == 3 && s.piece[0].nats == .5,
	    "the first token");
	T_OK(s.piece[1].start == 3 && s.piece[1].end == 6 && s.piece[1].nats == 1,
	    "a token without bytes belongs to the one before");

	/* another model's first two bytes of them */
	struct eval_piece two = {1, 3, 7};
	const struct eval_scored other = {&two, 1, 2, 7, true};
	const struct eval_scored *p[] = {&s, &other};
	double nats[2];
	T_EQ(eval_scored_common(p, 2, nats), 2, "what both have scored");
	T_OK(nats[0] == .5 && nats[1] == 7, "... and its nats");
	eval_scored_release(&s);
	fc_example_release(&x);

	build(&x, 2.5, 2, 5); /* another tokenizer's cross-entropy over the same bytes */
	s = eval_scored_of(&x, EVAL_SCORE_NLL);
	T_OK(!s.parts && s.n == 1 && s.bytes == 5 && s.nats == 2.5,
	    "aligned rows: the conversation as a whole");
	p[0] = &s;
	T_EQ(eval_scored_common(p, 2, nats), 0, "which cannot be parted");
	struct eval_piece five[] = {{1, 2, 1}, {2, 6, 1}};
	const struct eval_scored whole = {five, 2, 5, 2, true};
	p[1] = &whole;
	T_OK(eval_scored_common(p, 2, nats) == 5 && nats[0] == 2.5 && nats[1] == 2,
	    "but compared as a whole");
	eval_scored_release(&s);
	s = eval_scored_of(&x, EVAL_SCORE_ROWS);
	T_OK(s.parts && s.bytes == 5 && s.nats == 1.5, "the rows, if asked for");
	eval_scored_release(&s);
	fc_example_release(&x);

	build(&x, 2.5, 2, 4); /* over bytes that nobody knows */
	s = eval_scored_of(&x, EVAL_SCORE_NLL);
	T_OK(s.n == 0 && s.bytes == 4, "labels of another tokenizer elsewhere: not known where");
	p[0] = &s;
	T_EQ(eval_scored_common(p, 2, nats), 0, "so nothing is common");
	eval_scored_release(&s);
	fc_example_release(&x);
}

int main(void)
{
	test_random();
	test_example();
	return t_done();
}
