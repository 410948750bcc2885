/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/check.h"
#include "stream/plane.h"

/* Of what is less likely than e^-32, 65,535 entries come to less than 1e-9. */
enum { N_PROBABILITY = 0x5000 };
/* Probabilities are added up as integers, which wait for each other less than floats. */
#define ONE 0x1p30f

void fc_row_checker_release(struct fc_row_checker *c)
{
	free(c->p);
	free(c->seen);
	*c = (struct fc_row_checker){0};
}

static void prepare_seen(struct fc_row_checker *c, size_t n_vocab)
{
	if (!c->p) {
		uint32_t *bits = FC_ARRAY(uint32_t, N_PROBABILITY);
		float *value = FC_ARRAY(float, N_PROBABILITY);
		c->p = FC_ARRAY(uint32_t, N_PROBABILITY + 1);
		for (uint32_t i = 0; i < N_PROBABILITY; i++)
			bits[i] = i;
		fc_logprob_values(value, bits, N_PROBABILITY);
		for (uint32_t i = 0; i < N_PROBABILITY; i++)
			c->p[i] = (uint32_t)lrintf(expf(value[i]) * ONE);
		c->p[N_PROBABILITY] = 0;
		free(bits);
		free(value);
	}
	if (n_vocab > c->n_vocab) {
		free(c->seen);
		c->seen = FC_ARRAY(uint16_t, n_vocab);
		c->n_vocab = n_vocab;
		c->stamp = 0;
	}
}

/*
 * The most that a row of k entries can come to when its probabilities p add up to 1.  Rounding to
 * binary16 takes b = -ln p to at least b (1 - e), e = 2^-11, so p to at most p^(1 - e); the sum of
 * these is largest when all are 1 / k: k^e.  (Below 2^-14, steps of 2^-25 add nothing that
 * counts.) A softmax in float32 may be as far off as fc_logprob_bits() lets it, 0.001 nats.
 */
static float most_mass(uint32_t k)
{
	return expf(0.001f + logf((float)(k ? k : 1)) * 0x1p-11f);
}

/* The mass of n entries; *twice: an id that occurs twice, else FC_MAX_VOCAB; *lists: is tok there?
 */
static float read_row(struct fc_row_checker *c, const uint32_t *restrict id,
    const uint32_t *restrict bits, size_t n, uint32_t tok, uint32_t *twice, bool *lists)
{
	uint64_t mass = 0;
	uint16_t *restrict seen = c->seen;
	if (++c->stamp == 0) {
		memset(seen, 0, c->n_vocab * sizeof *seen);
		c->stamp = 1;
	}
	const uint16_t stamp = c->stamp;
	uint32_t again = FC_MAX_VOCAB;
	const uint32_t *restrict p = c->p;
	for (size_t i = 0; i < n; i++)
		mass += p[bits[i] < N_PROBABILITY ? bits[i] : N_PROBABILITY];
	for (size_t i = 0; i < n; i++) {
		again = seen[id[i]] == stamp ? id[i] : again;
		seen[id[i]] = stamp;
	}
	*twice = again;
	*lists = seen[tok] == stamp;
	return (float)mass / ONE;
}

bool fc_check_own_rows(const struct fc_header *h, const struct fc_example *x)
{
	if (!h->n_source)
		return true;
	const struct fc_source *s = &h->source[x->source];
	return s->model && s->tokenizer == h->tokenizer;
}

/* Of own rows: a listed token has one log-probability.  Two that were rounded from values computed
 * in two ways may be neighbours. */
static int check_listed(const uint32_t *id, const uint32_t *bits, uint32_t tok, uint32_t truth,
    size_t r, struct fc_err *e)
{
	float value[2];
	size_t i = 0;
	while (id[i] != tok)
		i++;
	if (bits[i] <= truth + 1 && truth <= bits[i] + 1)
		return 0;
	fc_logprob_values(value, (uint32_t[]){bits[i], truth}, 2);
	return fc_fail(e,
	    "row %zu: its true token %" PRIu32
	    " is entry %zu with log-probability %.5g, but has %.5g",
	    r, tok, i + 1, (double)value[0], (double)value[1]);
}

/* Of own rows of n draws: are the entries whole counts?  Rounded as fc-infer rounds them, up to a
 * neighbour: logarithms of two libraries may differ in the last bit before that. */
static int check_counts(const uint32_t *bits, size_t k, uint32_t n, size_t r, struct fc_err *e)
{
	double sum = 0;
	for (size_t i = 0; i < k; i++) {
		float value;
		fc_logprob_values(&value, &bits[i], 1);
		const double count = rint(exp((double)value) * n);
		const uint32_t exact =
		    count > 0 ? fc_logprob_bits((float)log(count / n)) : FC_MAX_LOGPROB_BITS;
		if (count == 0 || exact > bits[i] + 1 || bits[i] > exact + 1)
			return fc_fail(e,
			    "row %zu: entry %zu has log-probability %.5g, which is no whole "
			    "number of %" PRIu32 " draws",
			    r, i + 1, (double)value, n);
		sum += count;
	}
	if (sum > n)
		return fc_fail(
		    e, "row %zu: its counts come to %.0f of %" PRIu32 " draws", r, sum, n);
	return 0;
}

/* What of the mass of a row of n draws is ids drawn more than once. */
static double drawn_again(const uint32_t *bits, size_t k, uint32_t n)
{
	double sum = 0;
	for (size_t i = 0; i < k; i++) {
		float value;
		fc_logprob_values(&value, &bits[i], 1);
		const double p = exp((double)value);
		sum += p * n > 1.5 ? p : 0;
	}
	return sum;
}

int fc_check_hits(const struct fc_row_hits *h, const char *name, struct fc_err *e)
{
	if (h->expected < 20 || (double)h->n_hit > h->expected / 4)
		return 0;
	if (!h->n_hit)
		return fc_fail(e,
		    "%s: the true token is in no row, of %" PRIu64 ": are the rows shifted?", name,
		    h->n_row);
	return fc_fail(e,
	    "%s: the true token is in %" PRIu64 " of %" PRIu64
	    " rows, which by their probabilities it should be in %.0f times: are the rows "
	    "shifted?",
	    name, h->n_hit, h->n_row, h->expected);
}

int fc_check_rows(struct fc_row_checker *c, const struct fc_header *h, const struct fc_example *x,
    const struct fc_row_values *v, struct fc_err *e)
{
	const float most = most_mass(h->top_k);
	const bool own = fc_check_own_rows(h, x);
	const uint32_t *truth = v->truth;
	if (x->n_row)
		prepare_seen(c, fc_header_n_output(h));
	for (size_t r = 0; r < x->n_row; r++) {
		size_t off = x->row_off[r], n = x->row_off[r + 1] - off;
		uint32_t tok = x->tok[x->row_tok[r]], rank = v->rank[r], twice;
		bool lists;
		float mass = read_row(c, v->id + off, v->bits + off, n, tok, &twice, &lists);
		if (twice != FC_MAX_VOCAB)
			return fc_fail(e, "row %zu: id %" PRIu32 " twice", r, twice);
		if (mass > most)
			return fc_fail(e,
			    "row %zu: its %zu entries have a probability of %.5g together", r, n,
			    (double)mass);
		if (rank && v->id[off + rank - 1] != tok)
			return fc_fail(e,
			    "row %zu: its true token is %" PRIu32 ", but entry %" PRIu32
			    ", which true_rank names, is %" PRIu32,
			    r, tok, rank, v->id[off + rank - 1]);
		if (n != 1 || mass < 1) {
			c->hits.n_row++;
			c->hits.n_hit += lists;
			c->hits.expected +=
			    h->n_sample ? drawn_again(v->bits + off, n, h->n_sample) : (double)mass;
		}
		if (h->n_sample) {
			if (own && check_counts(v->bits + off, n, h->n_sample, r, e) < 0)
				return -1;
		} else if (!rank && lists && own &&
		    check_listed(v->id + off, v->bits + off, tok, *truth, r, e) < 0)
			return -1;
		truth += !rank;
	}
	return 0;
}
