/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_TRANSFER_H
#define FC_ALIGN_TRANSFER_H

#include "fc-align/apply/draws.h"
#include "fc-align/apply/ledger.h"
#include "fc-align/vocab/vocabmap.h"
#include "stream/example.h"

/* Carries rows over to another vocabulary.  One for a whole stream; no allocation per row. */
struct align_transfer;
/* map: [n_map] source id -> pivot id below n_vocab, or ALIGN_UNMAPPED; borrowed.  Ids at or above
 * n_map are unmapped too. */
struct align_transfer *align_transfer_new(const uint32_t *map, size_t n_map, size_t n_vocab);
/* Source and pivot have one tokenizer: a row then says one thing of the true token, what its entry
 * has, also where a map led others to it. */
void align_transfer_same_tokens(struct align_transfer *t);
void align_transfer_free(struct align_transfer *t);

/* The rows of later calls are draws as d says, see align_transfer_example(). */
void align_transfer_set_draws(struct align_transfer *t, const struct align_draws *d);

/*
 * One row: every candidate goes to map[id], probabilities of candidates that meet add up, the
 * result is sorted as in struct fc_example.  Candidates without a pivot id are dropped, their
 * probability joins the tail.  out_*: room for n.  Returns the number of entries.
 */
size_t align_transfer_row(struct align_transfer *t, size_t n, const uint32_t *id,
    const float *logprob, uint32_t *out_id, float *out_logprob);

/*
 * What the row says of a token: its entry's log-probability, or, without an entry, the tail spread
 * evenly over all n_vocab tokens that have none.
 */
float align_transfer_lookup(
    size_t n, const uint32_t *id, const float *logprob, uint32_t token, size_t n_vocab);

/*
 * Moves probability `moved` from the entry of one token to that of another, which may be new:
 * id and logprob have room for n + 1.  Nothing moves without an entry of `from`; an entry that is
 * left with nothing goes.  At most top_k entries stay.  Returns their number, sorted.
 */
size_t align_transfer_move(
    size_t n, uint32_t *id, float *logprob, uint32_t from, uint32_t to, double moved, size_t top_k);

/*
 * Gives pivot (text and tokens filled in, no rows) the source's rows at its trained tokens, by
 * align_offsets_match.  top_k: of the rows.
 *
 * true_logprob is what the source gives the bytes of the pivot's token, by the chain rule, where
 * whole tokens of the source cover just these, each with a row; elsewhere that of
 * align_transfer_lookup().  The joint probability of the source's true tokens up to and across the
 * end of the pivot's token moves within the row, to the pivot's token, where the map gave it to
 * another one, as it does with the first of several: it is known how the source goes on.
 *
 * Of rows of draws, shares of candidates that meet add up, counts as counts.  Of the draws of the
 * true source token, that part moves which the source gives to going on as the text does: all
 * where the token ends with the pivot's.  No row is truncated.  true_logprob is never a share of
 * draws where the chain rule has it or a lower bound.
 */
void align_transfer_example(struct align_transfer *t, const struct fc_example *source,
    struct fc_example *pivot, size_t top_k, struct align_ledger *ledger);

#endif
