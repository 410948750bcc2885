/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_BYTEWISE_H
#define FC_ALIGN_BYTEWISE_H

#include "fc-align/apply/draws.h"
#include "fc-align/apply/ledger.h"
#include "fc-align/vocab/vocab.h"
#include "stream/example.h"

/*
 * Byte-exact transfer.  A source's rows say how probable it is that the text goes on with certain
 * bytes; a row of the result says the same over the pivot's tokens, at the byte where one of them
 * begins.
 *
 * At byte b, what the source believes about the bytes from b on is a set of weighted hypotheses,
 * each a token of it that reaches beyond b:
 *   - the true token over b, and the candidates of its row that begin with the bytes already read;
 *   - candidates of earlier rows that agree with the text up to b and reach beyond it;
 *   - where a token of the source begins at b, every candidate of its row.
 * A hypothesis weighs what the row gives it times the joint probability of the source's true tokens
 * up to its row; the weights are divided by their sum.  Where a hypothesis has the true token, the
 * rows after it refine it, until the true tokens cover the pivot's: the rest of the weight is then
 * the pivot's true token's.
 *
 * The bytes from b on give a pivot token by align_firsttoken_get(), in the context of the pivot's
 * token before b.  A hypothesis after which the pivot would not have ended a token at b is dropped
 * before the division.
 *
 * Exact, that is, equal to the source's distribution over texts carried over to the pivot's tokens,
 * is an entry when rows list every candidate, the bytes of each hypothesis settle the pivot's first
 * token, the pivot's cut depends on no more than the token before, and the source cuts a text in
 * one way.  Else: what is not listed is the tail (ALIGN_LOSS_TAIL);
 * a candidate that ends at b counts in the division, but what follows it is not known
 * (ALIGN_LOSS_ENDED); candidates that end before b are taken for impossible; one that could still
 * become a longer token of the pivot counts as the token it is.
 *
 * Rows of draws, at temperature 1.  Where a token of the source begins at b and no earlier
 * candidate reaches across, entries are counts of the row's draws, and draws of the true token that
 * do not settle the pivot's are divided as the draws of the rows after it are: independent, so the
 * product is right on average.  Draws that would not have ended a token at b are left out, and the
 * rest are draws from what remains.  Elsewhere the weights are shares over the probability of what
 * was read, and their division makes the row a ratio of two estimates.  true_logprob is what the
 * source's own tokens give the bytes of the pivot's, as by a map, or a lower bound of it.
 */
struct align_bytewise;
/* All borrowed.  t: the pivot's tokenizer.  There is no row where less than the share min_known of
 * what may follow is known: what ended counts as not known, and what was not listed of a row that
 * began before. */
struct align_bytewise *align_bytewise_new(const struct align_vocab *source,
    const struct align_vocab *pivot, const struct fc_tokenizer *t, size_t top_k, double min_known);
void align_bytewise_free(struct align_bytewise *b);

/* The conversations of later calls have rows as d says. */
void align_bytewise_set_draws(struct align_bytewise *b, const struct align_draws *d);

/* Adds rows to pivot, which has text and tokens and no rows, from those of source. */
void align_bytewise_example(struct align_bytewise *b, const struct fc_example *source,
    struct fc_example *pivot, struct align_ledger *ledger);

#endif
