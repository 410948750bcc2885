/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_PAIR_H
#define FC_CHAT_PAIR_H

#include "chat/shape.h"

/*
 * A line of TRL's preference data, or LLaMA-Factory's (shape.h: its prompt is the instruction, or
 * the conversation beside the answers), as the conversations of its answers, each behind the prompt
 * that they share.  Their ids are to be ID/SIDE; "pair" of their other members is {"id": ID,
 * "side": SIDE}.  Only the answers are learned.
 */
enum fc_pair_side { FC_PAIR_CHOSEN, FC_PAIR_REJECTED, FC_PAIR_SOURCE, FC_PAIR_SIDES };
/* "chosen", "rejected", "source_chosen": names of the members too. */
const char *fc_pair_side_name(enum fc_pair_side s);

/*
 * Fills side[] of a line of such a shape, whose id is id.
 * Returns how many there are: 2, or 3 with an answer of a source (WRPO); -1: error, nothing is
 * filled.
 */
int fc_pair_parse(struct fc_conversation side[FC_PAIR_SIDES], const json_t *line,
    enum fc_shape shape, const char *id, const char *where, struct fc_err *e);

#endif
