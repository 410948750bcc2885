/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations in JSONL; what was read is written and read again. */
#include "input.h"

#include <string.h>

#include "chat/conversation.h"

static void read_all(const char *path, struct fc_buf *out)
{
	struct fc_conversations *r;
	struct fc_conversation c = {0};
	struct fc_err e;
	if (fc_conversations_open(&r, &path, 1, &e) < 0)
		abort();
	while (fc_conversations_next(r, &c, &e) > 0)
		fc_conversation_write(out, &c);
	fc_conversation_release(&c);
	fc_conversations_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fc_buf once = FC_BUF_INIT, twice = FC_BUF_INIT;
	read_all(input_file(p, n, 0), &once);
	if (once.n > 0)
		read_all(input_file(once.p, once.n, 0), &twice);
	if (once.n != twice.n || (once.n > 0 && memcmp(once.p, twice.p, once.n)))
		abort();
	fc_buf_release(&once);
	fc_buf_release(&twice);
	return 0;
}
