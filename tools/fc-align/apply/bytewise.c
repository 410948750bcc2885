/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/bytewise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-align/apply/firsttoken.h"
#include "fc-align/apply/offsets.h"
#include "fc-align/apply/rowsum.h"
#include "fc-align/apply/transfer.h"

/* A source candidate that began before the current byte and so far spells the text.  It is dropped
 * once the current byte passes the last one on which both agree, start + same. */
struct live {
	double log_weight; /* joint with the true tokens before its row */
	uint32_t id, start, same, skip;
};

struct align_bytewise {
	const struct align_vocab *source;
	struct align_firsttoken *first;
	struct align_rowsum *sum;
	uint32_t *role; /* [source->n] pivot's token for a special one, or ALIGN_UNMAPPED */
	size_t n_pivot, top_k;
	double min_known;
	struct align_draws draws;
	struct live *live; /* [n_live] */
	size_t n_live, cap_live;
	uint32_t *match; /* [cap_match] */
	size_t cap_match;

	/* of the conversation */
	const struct fc_example *s;
	struct fc_example *p;
	struct align_ledger *ledger;
	size_t row, next; /* row at the place, first row that is not among the live */
	double log_joint; /* of the true tokens from the last gap up to `row` */
	/* of the place */
	uint32_t before, at;
	double whole, lost[ALIGN_N_LOSS];
	bool exact;
	double chain; /* the exact probability of the true tokens across the pivot's; 0: unknown */
	bool chain_ends; /* the true tokens end where the pivot's token ends */
	bool begins;     /* a token of the source begins at the place */
};

struct align_bytewise *align_bytewise_new(const struct align_vocab *source,
    const struct align_vocab *pivot, const struct fc_tokenizer *t, size_t top_k, double min_known)
{
	struct align_bytewise *b = FC_NEW(struct align_bytewise);
	b->source = source;
	b->first = align_firsttoken_new(t, pivot);
	b->sum = align_rowsum_new(pivot->n);
	b->role = FC_ARRAY(uint32_t, source->n + 1);
	for (uint32_t i = 0; i < source->n; i++)
		b->role[i] = align_vocabmap_special(source, pivot, i);
	b->n_pivot = pivot->n;
	b->top_k = top_k;
	b->min_known = min_known;
	return b;
}

void align_bytewise_set_draws(struct align_bytewise *b, const struct align_draws *d)
{
	b->draws = *d;
}

void align_bytewise_free(struct align_bytewise *b)
{
	if (!b)
		return;
	align_firsttoken_free(b->first);
	align_rowsum_free(b->sum);
	free(b->role);
	free(b->live);
	free(b->match);
	free(b);
}

/* A source candidate.  An id beyond the tokenizer is a word without bytes and without a spelling,
 * as one in a gap of it. */
static const struct align_word *word_of(const struct align_bytewise *b, uint32_t id)
{
	static const struct align_word none = {"", 0, NULL, false};
	return id < b->source->n ? &b->source->word[id] : &none;
}

/* Bytes of token t that the text does not have in front of it, such as the space that some
 * tokenizers put before a text; -1 where a normalizer changed what the token stands for. */
static int invented_bytes(const struct align_bytewise *b, size_t t)
{
	const struct align_word *w = &b->source->word[b->s->tok[t]];
	uint32_t start = fc_example_start(b->s, t);
	size_t n = b->s->end[t] - start;
	const char *text = b->s->text.p + start;
	if (w->n == n && !memcmp(w->bytes, text, n))
		return 0;
	if (w->n == n + 1 && w->bytes[0] == ' ' && !memcmp(w->bytes + 1, text, n))
		return 1;
	return -1;
}

static double true_prob(const struct align_bytewise *b, size_t row)
{
	return exp(b->s->true_logprob[row]);
}

/* What entry i weighs among the entries of its row. */
static double entry_weight(const struct align_bytewise *b, size_t i)
{
	return b->draws.n ? align_draws_share(&b->draws, b->s->entry_logprob[i])
			  : expf(b->s->entry_logprob[i]);
}

/* What the true token weighs among the entries of its row: its share of the draws, or of rows that
 * are not drawn its probability. */
static double true_weight(const struct align_bytewise *b, size_t row)
{
	const struct fc_example *s = b->s;
	if (!b->draws.n)
		return true_prob(b, row);
	for (size_t i = s->row_off[row]; i < s->row_off[row + 1]; i++)
		if (s->entry_id[i] == s->tok[s->row_tok[row]])
			return entry_weight(b, i);
	return 0;
}

/* The weight that the entries of a row leave to the tail.  Counts leave nothing but the rounding of
 * their sum. */
static double rest_of(const struct align_bytewise *b, double used)
{
	const double rest = 1 - used;
	return b->draws.counts && fabs(rest) < 1e-9 ? 0 : rest;
}

static bool next_row_follows(const struct align_bytewise *b, size_t row)
{
	return row + 1 < b->s->n_row && b->s->row_tok[row + 1] == b->s->row_tok[row] + 1;
}

/* The row now begins before the place: its candidates, but the true one, join the live. */
static void enter_row(struct align_bytewise *b, size_t row)
{
	const struct fc_example *s = b->s;
	size_t t = s->row_tok[row];
	uint32_t start = fc_example_start(s, t), n_left = (uint32_t)s->text.n - start;
	const char *text = s->text.p + start;
	int skip = invented_bytes(b, t);
	if (skip < 0 || n_left == 0)
		return;
	for (size_t i = s->row_off[row]; i < s->row_off[row + 1]; i++) {
		uint32_t id = s->entry_id[i];
		const struct align_word *w = word_of(b, id);
		uint32_t lead = skip && w->n && w->bytes[0] == ' ', same = 0;
		const char *bytes = w->bytes + lead;
		if (w->n == lead || id == s->tok[t] || bytes[0] != text[0])
			continue;
		uint32_t most = (uint32_t)(w->n - lead);
		most = most < n_left ? most : n_left;
		while (same < most && bytes[same] == text[same])
			same++;
		FC_GROW(b->live, b->cap_live, b->n_live + 1);
		b->live[b->n_live++] = (struct live){
		    b->log_joint + (b->draws.n ? log(entry_weight(b, i)) : s->entry_logprob[i]), id,
		    start, same, lead};
	}
}

/* Goes on to token t of the source, the rows in between with it.  False: it has no row. */
static bool go_to(struct align_bytewise *b, size_t t)
{
	const struct fc_example *s = b->s;
	while (b->row < s->n_row && s->row_tok[b->row] < t) {
		if (b->next == b->row)
			enter_row(b, b->next++);
		if (next_row_follows(b, b->row)) {
			b->log_joint += s->true_logprob[b->row];
		} else {
			b->n_live = 0;
			b->log_joint = 0;
		}
		b->row++;
	}
	return b->row < s->n_row && s->row_tok[b->row] == t;
}

static void add_loss(struct align_bytewise *b, enum align_loss why, double p)
{
	b->lost[why] += p;
}

static void add_loss_unmapped(struct align_bytewise *b, uint32_t id, double p)
{
	add_loss(b, ALIGN_LOSS_UNMAPPED, p);
	if (b->ledger->unmapped)
		b->ledger->unmapped[id] += p;
}

/* The text goes on with the bytes a and then those of candidate id from `skip` on. */
static void add_hypothesis(
    struct align_bytewise *b, const char *a, size_t n_a, uint32_t id, size_t skip, double p)
{
	const struct align_word *w = word_of(b, id);
	uint32_t to;
	if (!w->piece) {
		add_loss(b, ALIGN_LOSS_NO_TOKEN, p);
		return;
	}
	if (n_a == 0 && (w->special || b->role[id] != ALIGN_UNMAPPED))
		to = b->role[id];
	else if (w->n <= skip && n_a == 0)
		to = ALIGN_UNMAPPED;
	else
		to = align_firsttoken_get(
		    b->first, b->before, a, n_a, w->bytes + skip, w->special ? 0 : w->n - skip);
	if (to == ALIGN_NO_BORDER) {
		b->whole -= p;
		b->ledger->excluded += p;
	} else if (to == ALIGN_UNMAPPED) {
		add_loss_unmapped(b, id, p);
	} else {
		align_rowsum_add(b->sum, to, p);
	}
}

/* All candidates of a row but the true token, and the tail; the row weighs `joint` and stands after
 * the bytes a, which begin with pivot's token `covered` in the text itself (FC_NO_TOKEN: they do
 * not reach its end); `more`: the bytes that may follow a in one token. */
static void add_row(struct align_bytewise *b, size_t row, const char *a, size_t n_a, double joint,
    uint32_t covered, const struct align_byteset *more)
{
	const struct fc_example *s = b->s;
	uint32_t true_id = s->tok[s->row_tok[row]];
	int lead = invented_bytes(b, s->row_tok[row]);
	double used = true_weight(b, row);
	for (size_t i = s->row_off[row]; i < s->row_off[row + 1]; i++) {
		uint32_t id = s->entry_id[i];
		const struct align_word *w = word_of(b, id);
		double p = entry_weight(b, i);
		if (id == true_id)
			continue;
		used += p;
		if (covered != FC_NO_TOKEN &&
		    (w->special || w->n == 0 || !align_byteset_has(more, w->bytes[0])))
			align_rowsum_add(b->sum, covered, joint * p);
		else
			add_hypothesis(
			    b, a, n_a, id, lead == 1 && w->n && w->bytes[0] == ' ', joint * p);
	}
	const double tail = rest_of(b, used);
	if (tail < 0) /* stored values are rounded */
		b->whole -= joint * tail;
	else if (covered != FC_NO_TOKEN)
		align_rowsum_add(b->sum, covered, joint * tail);
	else
		add_loss(b, ALIGN_LOSS_TAIL, joint * tail);
}

/* Follows the true tokens from that of `row`, which weighs `joint`, until they cover the pivot's
 * token p, and on while the pivot could still have made a longer token of them. */
static void add_true(struct align_bytewise *b, size_t row, size_t p, double joint)
{
	const struct fc_example *s = b->s;
	const char *a = s->text.p + b->at;
	double exactly = true_prob(b, row);
	for (;; row++) {
		size_t t = s->row_tok[row], n_a = s->end[t] - b->at;
		bool covers = s->end[t] >= b->p->end[p];
		if (covers && b->chain == 0) {
			b->chain = exactly;
			b->chain_ends = s->end[t] == b->p->end[p];
		}
		const struct align_byteset *more =
		    covers ? align_firsttoken_after(b->first, a, n_a) : NULL;
		bool settled = covers && align_byteset_empty(more);
		if (settled || FC_TOK_PART(s->flags[t]) == FC_PART_TURN_END ||
		    (covers && !next_row_follows(b, row))) {
			b->exact =
			    b->exact && (settled || FC_TOK_PART(s->flags[t]) == FC_PART_TURN_END);
			align_rowsum_add(b->sum, b->p->tok[p], joint);
			return;
		}
		if (!next_row_follows(b, row)) {
			b->exact = false;
			add_loss(b, ALIGN_LOSS_ENDED, joint);
			return;
		}
		add_row(b, row + 1, a, n_a, joint, covers ? b->p->tok[p] : FC_NO_TOKEN, more);
		joint *= true_weight(b, row + 1);
		exactly *= true_prob(b, row + 1);
	}
}

static void add_live(struct align_bytewise *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n_live; i++) {
		struct live l = b->live[i];
		size_t used = b->at - l.start;
		if (used > l.same)
			continue;
		b->live[n++] = l;
		double p = exp(l.log_weight - b->log_joint);
		b->whole += p;
		if (b->source->word[l.id].n == used + l.skip)
			add_loss(b, ALIGN_LOSS_ENDED, p);
		else
			add_hypothesis(b, NULL, 0, l.id, used + l.skip, p);
	}
	b->n_live = n;
}

/* What became of the place's probability, as shares of 1. */
static void add_to_ledger(struct align_bytewise *b, size_t n, const float *logprob)
{
	double out = 0, kept = b->whole;
	for (size_t i = 0; i < n; i++)
		out += expf(logprob[i]);
	for (int i = 0; i < ALIGN_N_LOSS; i++) {
		kept -= b->lost[i];
		b->ledger->lost[i] += b->lost[i] / b->whole;
	}
	b->ledger->n_row++;
	b->ledger->n_exact += b->exact;
	b->ledger->out += out;
	b->ledger->lost[ALIGN_LOSS_CUT] += kept / b->whole - out;
}

/* Of a row that began before the place, what may be among its unlisted candidates. */
static double unlisted_prob(const struct align_bytewise *b)
{
	const struct fc_example *s = b->s;
	uint32_t true_id = s->tok[s->row_tok[b->row]];
	double used = true_weight(b, b->row);
	for (size_t i = s->row_off[b->row]; i < s->row_off[b->row + 1]; i++)
		if (s->entry_id[i] != true_id)
			used += entry_weight(b, i);
	return fmax(rest_of(b, used), 0);
}

/* Of the pivot's true token p, once its row has the n entries.  summed: what the weights say. */
static float true_logprob(const struct align_bytewise *b, size_t p, double summed, size_t n,
    const uint32_t *id, const float *logprob)
{
	double share = summed / b->whole;
	if (b->draws.n && b->chain_ends && b->begins)
		share = b->chain;
	else if (b->draws.n)
		share = fmax(share, b->chain / b->whole);
	if (share > 0)
		return fminf(logf((float)share), 0);
	return b->draws.n ? align_draws_absent(&b->draws, n, logprob, b->n_pivot)
			  : align_transfer_lookup(n, id, logprob, b->p->tok[p], b->n_pivot);
}

/* The hypotheses for the pivot's token p, which begins at or inside the source's token that b->row
 * predicts; returns what may be among candidates that are not listed.  Negative: nothing is known.
 */
static double add_all(struct align_bytewise *b, size_t p)
{
	const size_t t = b->s->row_tok[b->row];
	double doubt = 0, joint = true_prob(b, b->row);
	b->begins = fc_example_start(b->s, t) == b->at;
	if (b->begins) {
		b->whole = 1;
		joint = true_weight(b, b->row);
		add_row(b, b->row, NULL, 0, 1, FC_NO_TOKEN, NULL);
	} else {
		if (invented_bytes(b, t) != 0)
			return -1;
		if (b->next == b->row)
			enter_row(b, b->next++);
		b->whole = joint;
		doubt = unlisted_prob(b);
		b->exact = !b->draws.n;
	}
	add_live(b);
	add_true(b, b->row, p, joint);
	return doubt;
}

/* The row for the pivot's token p.  False: too little is known. */
static bool make_row(struct align_bytewise *b, size_t p)
{
	align_rowsum_begin(b->sum);
	memset(b->lost, 0, sizeof b->lost);
	b->exact = true;
	b->chain = 0;
	b->chain_ends = false;
	b->before = b->p->tok[p - 1];
	const double doubt = add_all(b, p);
	if (doubt < 0)
		return false;
	if (b->whole - b->lost[ALIGN_LOSS_ENDED] < b->min_known * (b->whole + doubt)) {
		b->ledger->n_unsure++;
		return false;
	}
	const uint32_t *id;
	const float *logprob;
	const double summed = align_rowsum_get(b->sum, b->p->tok[p]);
	size_t n = align_rowsum_finish(b->sum, b->whole, b->top_k, &id, &logprob);
	if (n == 0 || !(b->whole > 0))
		return false;
	fc_example_add_row(
	    b->p, (uint32_t)p, n, id, logprob, true_logprob(b, p, summed, n, id, logprob));
	add_to_ledger(b, n, logprob);
	return true;
}

/* The source token that pivot's token p begins at or inside of; ALIGN_NO_MATCH: none whose row
 * could speak about it.  *cover: the last one asked for, at first 0. */
static uint32_t find_source(struct align_bytewise *b, size_t p, size_t *cover)
{
	if (b->match[p] != ALIGN_NO_MATCH)
		return b->match[p];
	if (b->p->end[p] == b->at || FC_TOK_PART(b->p->flags[p]) >= FC_PART_TURN_END)
		return ALIGN_NO_MATCH;
	while (*cover < b->s->n_tok && b->s->end[*cover] <= b->at)
		++*cover;
	if (*cover == b->s->n_tok || fc_example_start(b->s, *cover) == b->at ||
	    FC_TOK_PART(b->s->flags[*cover]) >= FC_PART_TURN_END)
		return ALIGN_NO_MATCH;
	return (uint32_t)*cover;
}

void align_bytewise_example(struct align_bytewise *b, const struct fc_example *source,
    struct fc_example *pivot, struct align_ledger *ledger)
{
	size_t cover = 0;
	b->s = source;
	b->p = pivot;
	b->ledger = ledger;
	b->row = b->next = b->n_live = 0;
	b->log_joint = 0;
	FC_GROW(b->match, b->cap_match, pivot->n_tok);
	align_offsets_match(pivot, source, b->match);
	for (size_t p = 1; p < pivot->n_tok; p++) {
		if (!fc_example_trained(pivot, p))
			continue;
		ledger->n_trained++;
		b->at = fc_example_start(pivot, p);
		uint32_t t = find_source(b, p, &cover);
		if (t != ALIGN_NO_MATCH && go_to(b, t) && make_row(b, p))
			continue;
		if (ledger->missed)
			ledger->missed[pivot->tok[p]]++;
	}
}
