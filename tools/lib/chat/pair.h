/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_PAIR_H
#define FC_CHAT_PAIR_H

#include "chat/conversation.h"

/*
 * A line of TRL's preference data, as the conversations of its answers, each behind the prompt that
 * they share.  Their ids are to be ID/SIDE; "pair" of their other members is {"id": ID, "side":
 * SIDE}.  Only the answers are learned.
 */
enum fc_pair_side { FC_PAIR_CHOSEN, FC_PAIR_REJECTED, FC_PAIR_SOURCE, FC_PAIR_SIDES };
/* "chosen", "rejected", "source_chosen": names of the members too. */
const char *fc_pair_side_name(enum fc_pair_side s);

/* Is it such a line?  One that has messages as well is a conversation. */
bool fc_pair_is(const json_t *line);
/*
 * Fills side[] of a line that is one, whose id is id, and takes what they were made from out of it.
 * Returns how many there are: 2, or 3 with an answer of a source (WRPO); -1: error, nothing is
 * filled.
 */
int fc_pair_parse(struct fc_conversation side[FC_PAIR_SIDES], json_t *line, const char *id,
    const char *where, struct fc_err *e);

#endif
