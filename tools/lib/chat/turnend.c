/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/turnend.h"

#include "chat/chat.h"

uint32_t fc_turnend_token(const char *model, const struct fc_tokenizer *t)
{
	struct fc_err ignored; /* a base model has no template */
	struct fc_chat *own = NULL;
	uint32_t id = FC_NO_TOKEN;
	if (fc_chat_open(&own, model, NULL, &ignored) == 0 && *fc_chat_turn_end(own))
		id = fc_tokenizer_find(t, fc_chat_turn_end(own));
	fc_chat_free(own);
	return id != FC_NO_TOKEN ? id : fc_tokenizer_eos(t);
}
