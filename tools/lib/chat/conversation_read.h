/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_CONVERSATION_READ_H
#define FC_CHAT_CONVERSATION_READ_H

#include "chat/shape.h"

/* A line that was parsed and is of this shape, no pair, as fc_conversation_read() does it. */
int fc_conversation_read_shape(struct fc_conversation *c, json_t *line, enum fc_shape shape,
    unsigned kinds, bool train_opening, uint64_t number, const char *where, struct fc_err *e);
/* c->id, from the line's members or its number; c->form says which count. */
int fc_conversation_read_id(struct fc_conversation *c, const json_t *line, uint64_t number,
    const char *where, struct fc_err *e);

#endif
