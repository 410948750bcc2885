/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_MESSAGE_PARSE_H
#define FC_CHAT_MESSAGE_PARSE_H

#include "chat/conversation.h"

/* Appends the message m, the number-th of its line, to c, whose form says how its members are
 * called. */
int fc_message_parse(
    struct fc_conversation *c, const json_t *m, size_t number, const char *where, struct fc_err *e);

#endif
