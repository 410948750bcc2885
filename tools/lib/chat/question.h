/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_QUESTION_H
#define FC_CHAT_QUESTION_H

#include "chat/conversation.h"

/*
 * A line of a benchmark's question file, or a text, as messages, with its form; what they were made
 * from is taken out of the line.  kinds: what is accepted.  1: done, 0: it is neither, -1: error.
 */
int fc_question_parse(
    struct fc_conversation *c, json_t *line, unsigned kinds, const char *where, struct fc_err *e);

#endif
