/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of preferences as conversations.  The forms are those of TRL's documentation ("Dataset
 * formats and types"), and what becomes of them is what its extract_prompt() makes. */
#include <unistd.h>

#include "base/mem.h"
#include "chat/conversation.h"
#include "t.h"

static void describe(struct fc_buf *b, const struct fc_conversation *c)
{
	fc_buf_addf(b, "%s%s", c->id, c->ends ? "." : "");
	for (size_t i = 0; i < c->n_message; i++)
		fc_buf_addf(b, "|%c%s:%s", fc_role_name(c->message[i].role)[0],
		    c->message[i].untrained ? "-" : "", c->message[i].content);
	fc_buf_addc(b, ';');
}

/* Conversations of a file with these lines, without the first name that a message has. */
static char *read_all(const char *lines, char *extra, size_t n_extra)
{
	char path[] = "/tmp/fc-pair-XXXXXX";
	const char *paths[] = {path};
	struct fc_conversations *r;
	struct fc_conversation c = {0};
	struct fc_err e;
	struct fc_buf b = FC_BUF_INIT;
	int fd = mkstemp(path), got;
	if (fd < 0 || write(fd, lines, strlen(lines)) != (ssize_t)strlen(lines))
		abort();
	close(fd);
	got = fc_conversations_open(&r, paths, 1, &e);
	fc_conversations_accept(r, FC_LINE_PAIRS);
	while (got >= 0 && (got = fc_conversations_next(r, &c, &e)) > 0) {
		struct fc_buf x = FC_BUF_INIT;
		describe(&b, &c);
		fc_json_dump(&x, c.extra);
		snprintf(extra, n_extra, "%s", x.p);
		fc_buf_release(&x);
	}
	if (got < 0)
		fc_buf_addf(&b, "!%s", e.msg + strlen(path));
	fc_conversation_release(&c);
	fc_conversations_close(r);
	unlink(path);
	return fc_buf_detach(&b);
}

#define USER(x) "{\"role\":\"user\",\"content\":\"" x "\"}"
#define BOT(x) "{\"role\":\"assistant\",\"content\":\"" x "\"}"

static void test_forms(void)
{
	static const struct {
		const char *line, *want, *what;
	} t[] = {
	    {"{\"prompt\":[" USER("Q") "],\"chosen\":[" BOT("a") "],\"rejected\":[" BOT("b") "]}",
		"line-1/chosen|u:Q|a:a;line-1/rejected|u:Q|a:b;", "messages behind a prompt"},
	    {"{\"id\":7,\"chosen\":[" USER("Q") "," BOT("a") "],\"rejected\":[" USER("Q") "," BOT(
		 "b") "]}",
		"7/chosen|u:Q|a:a;7/rejected|u:Q|a:b;", "the prompt is what both begin with"},
	    {"{\"prompt\":\"Q\",\"chosen\":[" USER("Q") "," BOT("a") "],\"rejected\":[" USER(
		 "Q") "," BOT("b") "]}",
		"line-1/chosen|u:Q|a:a;line-1/rejected|u:Q|a:b;",
		"UltraFeedback's prompt, as text"},
	    {"{\"chosen\":[" USER("Q") "," BOT("x") "," USER("R") "," BOT(
		 "a") "],\"rejected\":[" USER("Q") "," BOT("x") "," USER("R") "," BOT("b") "," USER("S") "," BOT("c") "]}",
		"line-1/chosen|u:Q|a-:x|u:R|a:a;line-1/rejected|u:Q|a-:x|u:R|a:b|u:S|a:c;",
		"answers that both begin with are not learned"},
	    {"{\"prompt\":\"The sky is\",\"chosen\":\" blue.\",\"rejected\":\" green.\"}",
		"line-1/chosen.|u:The sky is|a: blue.;line-1/rejected.|u:The sky is|a: green.;",
		"text behind a prompt"},
	    {"{\"chosen\":\"The sky is blue.\",\"rejected\":\"The sky is green.\"}",
		"line-1/chosen.|u:The sky is|a: blue.;line-1/rejected.|u:The sky is|a: green.;",
		"text without one: the last space is the answers'"},
	    {"{\"chosen\":\"x\\u00e9\",\"rejected\":\"x\\u00e8\"}",
		"line-1/chosen.|u:x|a:\xc3\xa9;line-1/rejected.|u:x|a:\xc3\xa8;",
		"no character is cut in two"},
	    {"{\"prompt\":\"\",\"chosen\":\"a\",\"rejected\":\"b\"}",
		"line-1/chosen.|a:a;line-1/rejected.|a:b;", "text behind nothing"},
	    {"{\"prompt\":[" USER("Q") "],\"chosen\":[" BOT("a") "],\"rejected\":[" BOT(
		 "b") "],\"source_chosen\":[" BOT("c") "]}",
		"line-1/chosen|u:Q|a:a;line-1/rejected|u:Q|a:b;line-1/source_chosen|u:Q|a:c;",
		"a source's answer"},
	    {"{\"prompt\":" USER("Q") ",\"chosen\":[" BOT("c") "," BOT("a") "],\"rejected\":[" BOT(
		 "b") "]}",
		"line-1/chosen|u:Q|a:a;line-1/rejected|u:Q|a:b;line-1/source_chosen|u:Q|a:c;",
		"WRPO's released form"},
	    {"{\"system\":\"S\",\"chosen\":[" USER("Q") "," BOT("a") "],\"rejected\":[" USER(
		 "Q") "," BOT("b") "]}",
		"line-1/chosen|s:S|u:Q|a:a;line-1/rejected|s:S|u:Q|a:b;",
		"a system prompt beside answers"},
	    /* LLaMA-Factory, data/README.md, preference datasets in both formats */
	    {"{\"instruction\":\"I\",\"input\":\"J\",\"system\":\"S\",\"chosen\":\"a\","
	     "\"rejected\":"
	     "\"b\"}",
		"line-1/chosen|s:S|u:I\nJ|a:a;line-1/rejected|s:S|u:I\nJ|a:b;", "Alpaca's"},
	    {"{\"conversations\":[{\"from\":\"human\",\"value\":\"Q\"},{\"from\":\"gpt\",\"value\":"
	     "\"x\"},{\"from\":\"human\",\"value\":\"R\"}],\"system\":\"S\",\"chosen\":{\"from\":"
	     "\"gpt\","
	     "\"value\":\"a\"},\"rejected\":{\"from\":\"gpt\",\"value\":\"b\"}}",
		"line-1/chosen|s:S|u:Q|a-:x|u:R|a:a;line-1/rejected|s:S|u:Q|a-:x|u:R|a:b;",
		"ShareGPT's"},
	    {"{\"messages\":[" USER("Q") "," BOT("a") "],\"chosen\":\"xa\",\"rejected\":\"xb\"}",
		"line-1|u:Q|a:a;", "a conversation that has answers as well"},
	    {"{\"messages\":[" USER("Q") "]}\n{\"chosen\":\"xa\",\"rejected\":\"xb\"}",
		"line-1|u:Q;line-2/chosen.|u:x|a:a;line-2/rejected.|u:x|a:b;",
		"beside other lines"},
	};
	char extra[200];
	for (size_t i = 0; i < FC_LEN(t); i++) {
		char *got = read_all(t[i].line, extra, sizeof extra);
		T_STR(got, t[i].want, t[i].what);
		free(got);
	}
	free(read_all("{\"id\":\"x\",\"score\":2,\"chosen\":\"xa\",\"rejected\":\"xb\"}", extra,
	    sizeof extra));
	T_STR(extra, "{\"score\":2,\"pair\":{\"id\":\"x\",\"side\":\"rejected\"}}",
	    "other members, and which side of which pair it is");
}

static void test_refused(void)
{
	static const char *const t[][2] = {
	    {"{\"chosen\":[" USER("Q") "," BOT("a") "],\"rejected\":[" USER("R") "," BOT("b") "]}",
		"!:1: \"chosen\" and \"rejected\" are answers to different prompts: their first "
		"messages differ, and no \"prompt\" is messages"},
	    {"{\"chosen\":\"ab\",\"rejected\":\"cd\"}",
		"!:1: \"chosen\" and \"rejected\" are answers to different prompts: they begin "
		"differently, and there is no \"prompt\""},
	    {"{\"chosen\":\"ab\",\"rejected\":\"abc\"}",
		"!:1: \"chosen\" has no text behind what all answers begin with"},
	    {"{\"prompt\":\"x\",\"chosen\":\"ab\",\"rejected\":\"\"}",
		"!:1: \"rejected\" has no text"},
	    {"{\"chosen\":\"ab\",\"rejected\":\"ab\"}",
		"!:1: \"chosen\" and \"rejected\" are the same; jq -c 'select(.chosen != "
		".rejected)' leaves such lines out"},
	    {"{\"chosen\":3,\"rejected\":\"ab\"}", "!:1: \"chosen\" is neither text nor messages"},
	    {"{\"chosen\":\"ab\",\"rejected\":[" BOT("b") "]}",
		"!:1: \"chosen\" is text and \"rejected\" is messages"},
	    {"{\"prompt\":[" USER("Q") "],\"chosen\":\"ab\",\"rejected\":\"ac\"}",
		"!:1: \"prompt\" is messages and \"chosen\" is text"},
	    {"{\"prompt\":3,\"chosen\":\"ab\",\"rejected\":\"ac\"}",
		"!:1: \"prompt\" is neither text nor messages"},
	    {"{\"prompt\":[],\"chosen\":[" BOT("a") "],\"rejected\":[" BOT("b") "]}",
		"!:1: \"prompt\" is empty"},
	    {"{\"prompt\":[" USER("Q") "],\"chosen\":[" BOT("a") "],\"rejected\":[" USER("b") "]}",
		"!:1: \"rejected\" holds no answer of an assistant behind the prompt"},
	    {"{\"prompt\":[" USER("Q") "],\"chosen\":[" BOT("a") "],\"rejected\":[3]}",
		"!:1: message 2: expected an object"},
	    {"{\"pair\":1,\"chosen\":\"xb\",\"rejected\":\"xa\"}",
		"!:1: \"pair\" is what this program adds; give it another name"},
	};
	char extra[200];
	for (size_t i = 0; i < FC_LEN(t); i++) {
		char *got = read_all(t[i][0], extra, sizeof extra);
		T_STR(got, t[i][1], t[i][0]);
		free(got);
	}
}

int main(void)
{
	test_forms();
	test_refused();
	return t_done();
}
