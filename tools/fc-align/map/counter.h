/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_COUNTER_H
#define FC_ALIGN_COUNTER_H

#include "fc-align/apply/carry.h"
#include "fc-align/map/pair_counts.h"
#include "fc-align/vocab/vocabmap.h"
#include "stream/example.h"

/*
 * map/: the command that makes a vocabulary map from conversations and two tokenizers. map parses
 * the options, corpus yields each conversation in both cuts, counter aligns them and adds up
 * pair_counts, which vocab/ turns into a map.
 */

/*
 * Counts pairs of tokens of two cuts of the same conversations.  align: enum align_kind.  By
 * place, tokens that begin at the same byte; by a published alignment, all that it pairs, those of
 * one pivot position once.
 */
struct align_counter;
/* All borrowed. */
struct align_counter *align_counter_new(enum align_kind align, const struct align_vocab *source,
    const struct align_vocab *pivot, struct align_pair_counts *pairs);
void align_counter_free(struct align_counter *c);
void align_counter_example(
    struct align_counter *c, const struct fc_example *source, const struct fc_example *pivot);

/*
 * FuseChat's map by statistics, see align_published_choice(): a token that was never seen goes to
 * the pivot's unknown token, else to its end of sequence; beginning and end of sequence to the
 * pivot's. [source->n], the caller's to free.
 */
uint32_t *align_counter_published(const struct align_vocab *source, const struct align_vocab *pivot,
    struct align_pair_counts *pairs);

#endif
