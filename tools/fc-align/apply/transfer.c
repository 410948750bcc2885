/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/transfer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-align/apply/offsets.h"
#include "fc-align/apply/rowsum.h"

struct slot { /* of a pivot id: where its entry of the current row is */
	uint32_t row, entry;
};

struct align_transfer {
	const uint32_t *map;
	size_t n_map, n_vocab;
	bool same_tokens;
	struct align_draws draws;
	struct align_rowsum *sum; /* of rows of draws; NULL: none came */
	struct slot *slot;        /* [n_vocab] */
	uint32_t row;             /* stamp of the current row; 0: none yet */
	uint32_t *id;             /* [cap] the row being made */
	float *logprob;           /* [cap] */
	size_t cap;
	uint32_t *match; /* [cap_match] */
	size_t cap_match;
};

struct align_transfer *align_transfer_new(const uint32_t *map, size_t n_map, size_t n_vocab)
{
	struct align_transfer *t = FC_NEW(struct align_transfer);
	*t = (struct align_transfer){.map = map, .n_map = n_map, .n_vocab = n_vocab};
	t->slot = FC_ARRAY(struct slot, n_vocab);
	return t;
}

void align_transfer_same_tokens(struct align_transfer *t)
{
	t->same_tokens = true;
}

void align_transfer_free(struct align_transfer *t)
{
	if (!t)
		return;
	align_rowsum_free(t->sum);
	free(t->slot);
	free(t->id);
	free(t->logprob);
	free(t->match);
	free(t);
}

void align_transfer_set_draws(struct align_transfer *t, const struct align_draws *d)
{
	t->draws = *d;
	if (d->n && !t->sum)
		t->sum = align_rowsum_new(t->n_vocab);
}

static void next_stamp(struct align_transfer *t)
{
	if (++t->row != 0)
		return;
	for (size_t i = 0; i < t->n_vocab; i++)
		t->slot[i].row = 0;
	t->row = 1;
}

static float log_add(float a, float b)
{
	double hi = fmax(a, b), lo = fmin(a, b);
	/* rounding may lift a sum of probabilities above 1 */
	return isinf(hi) ? (float)hi : (float)fmin(hi + log1p(exp(lo - hi)), 0);
}

static bool comes_before(float a_logprob, uint32_t a_id, float b_logprob, uint32_t b_id)
{
	return a_logprob > b_logprob || (a_logprob == b_logprob && a_id < b_id);
}

/* Rows come in sorted; only entries that collided or tied have moved. */
static void insertion_sort(size_t n, uint32_t *id, float *logprob)
{
	for (size_t i = 1; i < n; i++) {
		uint32_t one_id = id[i];
		float one = logprob[i];
		size_t j = i;
		for (; j > 0 && comes_before(one, one_id, logprob[j - 1], id[j - 1]); j--) {
			id[j] = id[j - 1];
			logprob[j] = logprob[j - 1];
		}
		id[j] = one_id;
		logprob[j] = one;
	}
}

size_t align_transfer_row(struct align_transfer *t, size_t n, const uint32_t *id,
    const float *logprob, uint32_t *out_id, float *out_logprob)
{
	size_t n_out = 0;
	next_stamp(t);
	for (size_t i = 0; i < n; i++) {
		uint32_t to = id[i] < t->n_map ? t->map[id[i]] : ALIGN_UNMAPPED;
		if (to == ALIGN_UNMAPPED)
			continue;
		struct slot *s = &t->slot[to];
		if (s->row == t->row) {
			out_logprob[s->entry] = log_add(out_logprob[s->entry], logprob[i]);
			continue;
		}
		*s = (struct slot){t->row, (uint32_t)n_out};
		out_id[n_out] = to;
		out_logprob[n_out++] = logprob[i];
	}
	insertion_sort(n_out, out_id, out_logprob);
	return n_out;
}

static double mass_of(size_t n, const float *logprob)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += expf(logprob[i]);
	return sum;
}

float align_transfer_lookup(
    size_t n, const uint32_t *id, const float *logprob, uint32_t token, size_t n_vocab)
{
	for (size_t i = 0; i < n; i++)
		if (id[i] == token)
			return logprob[i];
	/* The rounding of the entries may have eaten the tail; it is never quite empty. */
	double tail = fmax(1 - mass_of(n, logprob), 1e-7);
	return (float)log(tail / (double)(n_vocab - n));
}

static size_t find_token(size_t n, const uint32_t *id, uint32_t token)
{
	size_t i = 0;
	while (i < n && id[i] != token)
		i++;
	return i;
}

size_t align_transfer_move(
    size_t n, uint32_t *id, float *logprob, uint32_t from, uint32_t to, double moved, size_t top_k)
{
	size_t a = find_token(n, id, from), b = find_token(n, id, to);
	if (a == n || from == to)
		return n;
	/* Stored values are rounded, and what should come to 0 may not. */
	double left = exp(logprob[a]) - moved;
	if (b < n) {
		logprob[b] = log_add(logprob[b], (float)log(moved));
	} else {
		id[n] = to;
		logprob[n++] = (float)log(moved);
	}
	if (left > 1e-3 * moved) {
		logprob[a] = (float)log(left);
	} else {
		n--;
		memmove(id + a, id + a + 1, (n - a) * sizeof *id);
		memmove(logprob + a, logprob + a + 1, (n - a) * sizeof *logprob);
	}
	insertion_sort(n, id, logprob);
	return n < top_k ? n : top_k;
}

/* Do the source tokens from row r's on cover the bytes up to `end`? */
enum cover { COVER_NOT, COVER_EXACT, COVER_MORE };

/* *sum: their joint log-probability.  Where they reach beyond `end` it is a lower bound of what the
 * source gives the bytes. */
static enum cover joint_logprob(const struct fc_example *x, size_t r, uint32_t end, double *sum)
{
	size_t s = x->row_tok[r];
	*sum = 0;
	for (size_t i = 0; r + i < x->n_row && x->row_tok[r + i] == s + i; i++) {
		*sum += x->true_logprob[r + i];
		if (x->end[s + i] >= end)
			return x->end[s + i] == end ? COVER_EXACT : COVER_MORE;
	}
	return COVER_NOT;
}

/* Of a row: the probability that is listed, that stands at ids beyond the tokenizer, that has a
 * token of the pivot, and that is in the result. */
static void add_to_ledger(
    struct align_ledger *ledger, double listed, double beyond, double mapped, double out)
{
	ledger->n_row++;
	ledger->out += out;
	ledger->lost[ALIGN_LOSS_TAIL] += 1 - listed;
	ledger->lost[ALIGN_LOSS_NO_TOKEN] += beyond;
	ledger->lost[ALIGN_LOSS_UNMAPPED] += fmax(listed - beyond - mapped, 0); /* of rounding */
	ledger->lost[ALIGN_LOSS_CUT] += mapped - out;
}

/* Returns the probability of ids beyond the source's tokenizer, which the map does not have. */
static double count_unmapped(const struct align_transfer *t, size_t n, const uint32_t *id,
    const float *logprob, double *unmapped)
{
	double beyond = 0;
	for (size_t i = 0; i < n; i++)
		if (id[i] >= t->n_map)
			beyond += expf(logprob[i]);
		else if (unmapped && t->map[id[i]] == ALIGN_UNMAPPED)
			unmapped[id[i]] += expf(logprob[i]);
	return beyond;
}

/* Row r of source for token p of pivot, which it meets at the source token the row predicts.  False
 * where every candidate is unknown to the pivot. */
static bool transfer_one(struct align_transfer *t, const struct fc_example *source, size_t r,
    struct fc_example *pivot, size_t p, size_t top_k, struct align_ledger *ledger)
{
	size_t off = source->row_off[r], n = source->row_off[r + 1] - off;
	const uint32_t *id = source->entry_id + off;
	const float *logprob = source->entry_logprob + off;
	uint32_t first = source->tok[source->row_tok[r]], truth = pivot->tok[p];
	double sum;
	if (n + 1 > t->cap) {
		t->cap = n + 1;
		t->id = fc_realloc(t->id, t->cap, sizeof *t->id);
		t->logprob = fc_realloc(t->logprob, t->cap, sizeof *t->logprob);
	}
	size_t n_out = align_transfer_row(t, n, id, logprob, t->id, t->logprob);
	if (n_out == 0)
		return false;
	double mapped = mass_of(n_out, t->logprob);
	enum cover cover = joint_logprob(source, r, pivot->end[p], &sum);
	if (cover != COVER_NOT && first < t->n_map)
		n_out = align_transfer_move(
		    n_out, t->id, t->logprob, t->map[first], truth, exp(sum), top_k);
	bool listed = find_token(n_out, t->id, truth) < n_out;
	float true_logprob = cover == COVER_EXACT && !(t->same_tokens && listed)
	    ? (float)sum
	    : align_transfer_lookup(n_out, t->id, t->logprob, truth, t->n_vocab);
	fc_example_add_row(pivot, (uint32_t)p, n_out, t->id, t->logprob, true_logprob);
	ledger->n_exact += cover == COVER_EXACT;
	add_to_ledger(ledger, mass_of(n, logprob),
	    count_unmapped(t, n, id, logprob, ledger->unmapped), mapped,
	    mass_of(n_out, t->logprob));
	return true;
}

/* What the source gives token `truth`, of which `share` was drawn. */
static float true_of_draws(const struct align_transfer *t, enum cover cover, double chain_logprob,
    double share, size_t n, const float *logprob)
{
	if (cover == COVER_EXACT)
		return (float)chain_logprob;
	if (cover == COVER_MORE)
		return (float)fmin(fmax(chain_logprob, log(share)), 0);
	return share > 0 ? (float)fmin(log(share), 0)
			 : align_draws_absent(&t->draws, n, logprob, t->n_vocab);
}

/* transfer_one() of a row of draws: in double precision, since counts are to stay whole. */
static bool transfer_draws(struct align_transfer *t, const struct fc_example *source, size_t r,
    struct fc_example *pivot, size_t p, struct align_ledger *ledger)
{
	const uint32_t first = source->tok[source->row_tok[r]], truth = pivot->tok[p];
	double chain_logprob, part = 0, listed = 0, beyond = 0, mapped = 0;
	const enum cover cover = joint_logprob(source, r, pivot->end[p], &chain_logprob);
	if (cover != COVER_NOT)
		part = exp(chain_logprob - (double)source->true_logprob[r]);
	align_rowsum_begin(t->sum);
	for (size_t i = source->row_off[r]; i < source->row_off[r + 1]; i++) {
		const uint32_t id = source->entry_id[i];
		const uint32_t to = id < t->n_map ? t->map[id] : ALIGN_UNMAPPED;
		const double share = align_draws_share(&t->draws, source->entry_logprob[i]);
		const double moved = id == first ? share * part : 0;
		listed += share;
		beyond += id < t->n_map ? 0 : share;
		if (to == ALIGN_UNMAPPED) {
			if (id < t->n_map && ledger->unmapped)
				ledger->unmapped[id] += share;
			continue;
		}
		mapped += share;
		align_rowsum_add(t->sum, truth, moved);
		align_rowsum_add(t->sum, to, share - moved);
	}
	const uint32_t *id;
	const float *logprob;
	const double share = align_rowsum_get(t->sum, truth);
	const size_t n = align_rowsum_finish(t->sum, 1, t->n_vocab, &id, &logprob);
	if (n == 0)
		return false;
	fc_example_add_row(pivot, (uint32_t)p, n, id, logprob,
	    true_of_draws(t, cover, chain_logprob, share, n, logprob));
	ledger->n_exact += cover == COVER_EXACT;
	add_to_ledger(ledger, listed, beyond, mapped, mapped);
	return true;
}

static bool transfer_any(struct align_transfer *t, const struct fc_example *source, size_t r,
    struct fc_example *pivot, size_t p, size_t top_k, struct align_ledger *ledger)
{
	return t->draws.n ? transfer_draws(t, source, r, pivot, p, ledger)
			  : transfer_one(t, source, r, pivot, p, top_k, ledger);
}

void align_transfer_example(struct align_transfer *t, const struct fc_example *source,
    struct fc_example *pivot, size_t top_k, struct align_ledger *ledger)
{
	FC_GROW(t->match, t->cap_match, pivot->n_tok);
	align_offsets_match(pivot, source, t->match);
	size_t r = 0;
	for (size_t p = 1; p < pivot->n_tok; p++) {
		if (!fc_example_trained(pivot, p))
			continue;
		ledger->n_trained++;
		uint32_t s = t->match[p];
		while (s != ALIGN_NO_MATCH && r < source->n_row && source->row_tok[r] < s)
			r++;
		if (s != ALIGN_NO_MATCH && r < source->n_row && source->row_tok[r] == s &&
		    transfer_any(t, source, r, pivot, p, top_k, ledger))
			continue;
		if (ledger->missed)
			ledger->missed[pivot->tok[p]]++;
	}
}
