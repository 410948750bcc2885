/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary and the template in a GGUF file. */
#include "tokrun.h"

#include "chat/chat.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fc_chat *chat;
	struct fc_err e;
	if (n < 4 || memcmp(p, "GGUF", 4) != 0)
		return 0;
	tokrun(p, n);
	if (fc_chat_open(&chat, input_file(p, n, 0), NULL, &e) == 0)
		fc_chat_free(chat);
	return 0;
}
