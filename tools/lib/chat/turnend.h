/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_TURNEND_H
#define FC_CHAT_TURNEND_H

#include "token/tokenizer.h"

/* The token that this model itself ends a turn with, for fc_rendered_encode(): the one of its own
 * template, else its EOS, else FC_NO_TOKEN.  t: the tokenizer of the model folder.  Every program
 * that cuts text for a model asks here, so that they get the same tokens. */
uint32_t fc_turnend_token(const char *model, const struct fc_tokenizer *t);

#endif
