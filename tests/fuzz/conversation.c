/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations in every form; what was read is written and read again, and rendered by a template
 * that reads members by name and all of them by iteration.  Segments tile the text, and what no
 * message asks to be learned is not.
 */
#include "input.h"

#include <string.h>

#include "chat/chat.h"

/* Writes tokenizer_config.json into a folder of its own. */
static struct fc_chat *open_chat(void)
{
	static const char config[] =
	    "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"chat_template\": \""
	    "{{ bos_token }}{% if tools %}{{ tools | tojson }}{% endif %}"
	    "{% for m in messages %}<{{ m.role }}>"
	    "{% if m.name is defined %}{{ m.name }}{% endif %}"
	    "{% if m.reasoning_content %}[{{ m['reasoning_content'] }}]{% endif %}"
	    "{% for key, value in m.items() %}{% if key not in ['role', 'content'] %}"
	    "{{ key }}={{ value | tojson }};{% endif %}{% endfor %}"
	    "{% if m.tool_calls %}{% for call in m.tool_calls %}"
	    "{% if call.function is defined %}{{ call.function.name }}("
	    "{{ call.function.arguments | tojson }}){% endif %}{% endfor %}{% endif %}"
	    "{{ m.content }}{{ eos_token }}\\n{% endfor %}\"}";
	char dir[] = "/tmp/fuzz-chat-XXXXXX", path[64];
	struct fc_chat *chat;
	struct fc_err e;
	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
	FILE *f = fopen(path, "w");
	if (!f || fputs(config, f) < 0 || fclose(f) != 0)
		abort();
	if (fc_chat_open(&chat, dir, NULL, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		abort();
	}
	unlink(path);
	rmdir(dir);
	return chat;
}

static bool asks_to_be_learned(const struct fc_conversation *c)
{
	for (size_t i = 0; i < c->n_message; i++)
		if (c->message[i].role == FC_ROLE_ASSISTANT && !c->message[i].untrained)
			return true;
	return false;
}

static void check_rendered(const struct fc_conversation *c, const struct fc_rendered *r)
{
	size_t at = 0;
	for (size_t i = 0; i < r->n; i++) {
		if (r->segment[i].end <= at || r->segment[i].end > r->text.n)
			abort();
		if ((r->segment[i].flags & FC_TOK_TRAINED) && !asks_to_be_learned(c))
			abort();
		at = r->segment[i].end;
	}
	if (at != r->text.n)
		abort();
	input_touch(r->text.p, r->text.n);
}

static void render(const struct fc_conversation *c)
{
	static struct fc_chat *chat;
	struct fc_rendered r = {0};
	struct fc_err e;
	if (!chat)
		chat = open_chat();
	for (int generate = 0; generate < 2; generate++)
		if (fc_chat_render(chat, c, generate, &r, &e) == 0)
			check_rendered(c, &r);
	fc_rendered_release(&r);
}

/* Of the kinds that are read, some by the length of the input, so that each is tried. */
static void read_all(const char *path, unsigned kinds, struct fc_buf *out)
{
	struct fc_conversations *r;
	struct fc_conversation c = {0};
	struct fc_err e;
	if (fc_conversations_open(&r, &path, 1, &e) < 0)
		return; /* another kind of file */
	fc_conversations_accept(r, kinds);
	while (fc_conversations_next(r, &c, &e) > 0) {
		render(&c);
		if (c.form != FC_FORM_TEXT) /* which is never written */
			fc_conversation_write(out, &c);
	}
	fc_conversation_release(&c);
	fc_conversations_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fc_buf once = FC_BUF_INIT, twice = FC_BUF_INIT;
	const unsigned kinds = (unsigned)n & (FC_LINE_QUESTIONS | FC_LINE_TEXTS | FC_LINE_PAIRS);
	read_all(input_file(p, n, 0), kinds, &once);
	if (once.n > 0)
		read_all(input_file(once.p, once.n, 0), kinds, &twice);
	if (once.n != twice.n || (once.n > 0 && memcmp(once.p, twice.p, once.n)))
		abort();
	fc_buf_release(&once);
	fc_buf_release(&twice);
	return 0;
}
