/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/mem.h"
#include "t.h"
#include "chat/conversation.h"

static const char *put(char *path, const char *text, size_t n)
{
	strcpy(path, "/tmp/fc-conversation-XXXXXX");
	int fd = mkstemp(path);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		abort();
	close(fd);
	return path;
}

/* Reads text as a file and describes it: "id|role:content|...;", "!message" for an error. */
static char *describe_with(const char *text, size_t n, unsigned kinds)
{
	char path[64];
	const char *paths[] = {put(path, text, n)};
	struct fc_conversations *r;
	struct fc_conversation c = {0};
	struct fc_err e;
	struct fc_buf b = FC_BUF_INIT;
	int got = fc_conversations_open(&r, paths, 1, &e);
	fc_conversations_accept(r, kinds);
	while (got >= 0 && (got = fc_conversations_next(r, &c, &e)) > 0) {
		fc_buf_adds(&b, c.id);
		for (size_t i = 0; i < c.n_message; i++)
			fc_buf_addf(&b, "|%c:%.*s", fc_role_name(c.message[i].role)[0],
			    (int)c.message[i].n, c.message[i].content);
		fc_buf_addc(&b, ';');
	}
	if (got < 0) { /* the temporary file's name varies */
		const char *tail = strstr(e.msg, path) == e.msg ? e.msg + strlen(path) : e.msg;
		fc_buf_addf(&b, "!%s", tail);
	}
	fc_conversation_release(&c);
	fc_conversations_close(r);
	unlink(path);
	return fc_buf_detach(&b);
}

static char *describe(const char *text, size_t n)
{
	return describe_with(text, n, 0);
}

static void expect(const char *text, const char *want, const char *what)
{
	char *got = describe(text, strlen(text));
	T_STR(got, want, what);
	free(got);
}

/* What an unknown line is told of, in every program. */
#define EXPECTED                                                                                   \
	"expected \"messages\" or \"conversations\", \"instruction\" with \"output\", "            \
	"\"prompt\" with \"completion\""

static void test_columns(void)
{
	static const struct {
		unsigned kinds;
		const char *line, *want, *what;
	} t[] = {
	    /* LLaMA-Factory, data/README.md: "instruction\ninput"; history's turns come before */
	    {0, "{\"instruction\":\"I\",\"input\":\"J\",\"output\":\"O\"}", "line-1|u:I\nJ|a:O;",
		"Alpaca"},
	    {0, "{\"instruction\":\"I\",\"input\":\"\",\"output\":\"O\",\"text\":\"T\"}",
		"line-1|u:I|a:O;", "Alpaca as published: no input, and the frame as text"},
	    {FC_LINE_TEXTS, "{\"instruction\":\"I\",\"output\":\"O\",\"text\":\"T\"}",
		"line-1|u:I|a:O;", "which is not taken for a text"},
	    {0,
		"{\"id\":3,\"system\":\"S\",\"instruction\":\"I\",\"input\":null,\"output\":\"O\","
		"\"history\":[[\"a\",\"b\"],[\"c\",\"d\"]]}",
		"3|s:S|u:a|a:b|u:c|a:d|u:I|a:O;", "with a system prompt and history"},
	    {0, "{\"messages\":null,\"instruction\":\"I\",\"output\":\"\",\"history\":null}",
		"line-1|u:I|a:;", "beside columns that are null"},
	    /* TRL, docs/source/dataset_formats */
	    {FC_LINE_TEXTS, "{\"prompt\":\"The sky is\",\"completion\":\" blue.\"}",
		"line-1|u:The sky is|a: blue.;", "prompt and completion as text"},
	    {0,
		"{\"prompt\":[{\"role\":\"user\",\"content\":\"Q\"}],\"completion\":[{\"role\":"
		"\"assistant\",\"content\":\"A\"}]}",
		"line-1|u:Q|a:A;", "as messages"},
	    {0, "{\"prompt\":[{\"role\":\"user\",\"content\":\"Q\"}]}", "line-1|u:Q;",
		"a prompt alone"},
	    {0,
		"{\"system\":\"S\",\"prompt\":[{\"role\":\"user\",\"content\":\"Q\"}],"
		"\"completion\":[{\"role\":\"assistant\",\"content\":\"A\"}]}",
		"line-1|s:S|u:Q|a:A;", "with a system prompt"},
	    {FC_LINE_TEXTS, "{\"system\":\"S\",\"prompt\":\"a\",\"completion\":\"b\"}",
		"!:1: \"system\" beside text, which no template reads", "one beside text"},
	    {0, "{\"system\":\"S\",\"messages\":[{\"role\":\"user\",\"content\":\"U\"}]}",
		"line-1|s:S|u:U;", "a system prompt beside messages"},
	    {0,
		"[{\"instruction\":\"I\",\"output\":\"O\"},\n\n{\"id\":\"b\",\"instruction\":\"I\","
		"\"output\":\"O\"}]",
		"line-1|u:I|a:O;b|u:I|a:O;", "elements of an array"},
	    {0, "[{\"instruction\":\"I\",\"output\":\"O\"},3]",
		"line-1|u:I|a:O;!: element 2: expected an object", "one that is none"},
	};
	for (size_t i = 0; i < FC_LEN(t); i++) {
		char *got = describe_with(t[i].line, strlen(t[i].line), t[i].kinds);
		T_STR(got, t[i].want, t[i].what);
		free(got);
	}
}

static void test_forms(void)
{
	expect("{\"id\":\"a\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":"
	       "\"user\",\"content\":\"\"},{\"role\":\"assistant\",\"content\":\"\\u00e9\"}]}\n",
	    "a|s:S|u:|a:\xc3\xa9;", "messages form");
	expect(
	    "{\"id\":7,\"conversations\":[{\"from\":\"human\",\"value\":\"U\"},{\"from\":\"gpt\","
	    "\"value\":\"A\"},{\"from\":\"model\",\"value\":\"B\"}]}",
	    "7|u:U|a:A|a:B;", "ShareGPT form, no newline at the end");
	expect(
	    "{\"question_id\":81,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
	    "\"text\":\"x\"},{\"type\":\"text\",\"text\":\"y\"}]}]}\r\n",
	    "81|u:xy;", "question_id, typed content, CRLF");
	static const char *const ids[] = {
	    "id", "conversation_id", "question_id", "uuid", "prompt_id"};
	struct fc_buf members = FC_BUF_INIT, line = FC_BUF_INIT, want = FC_BUF_INIT;
	for (size_t i = FC_LEN(ids);
	     i-- > 0;) { /* the one that comes first in the list, wherever it stands */
		fc_buf_addf(&members, "\"%s\":\"V%zu\",", ids[i], i);
		fc_buf_clear(&line);
		fc_buf_addf(
		    &line, "{%s\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", members.p);
		fc_buf_clear(&want);
		fc_buf_addf(&want, "V%zu|u:a;", i);
		expect(line.p, want.p, ids[i]);
	}
	expect("{\"id\":null,\"uuid\":7,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
	    "7|u:a;", "a null is no id");
	fc_buf_release(&members);
	fc_buf_release(&line);
	fc_buf_release(&want);
	expect("\n  \n{\"messages\":[{\"role\":\"user\",\"content\":\"U\"}]}\n\n{\"messages\":[{"
	       "\"role\":\"user\",\"content\":\"V\"}]}\n",
	    "line-3|u:U;line-5|u:V;", "blank lines are skipped and counted");
	expect("", "", "empty file");
	expect("{\"messages\":[{\"role\":\"user\",\"content\":[]}]}", "line-1|u:;", "no parts");
	expect("{\"system\":\"S\",\"conversations\":[{\"from\":\"human\",\"value\":\"U\"}]}",
	    "line-1|s:S|u:U;", "a system prompt beside ShareGPT's messages");
	expect("{\"system\":\"\",\"conversations\":[{\"from\":\"human\",\"value\":\"U\"}]}",
	    "line-1|u:U;", "an empty one is none");
	expect("{\"messages\":[{\"role\":\"tool\",\"content\":null}]}", "line-1|n:;",
	    "another speaker, without text");
}

static void test_questions(void)
{
	static const struct {
		unsigned kinds;
		const char *line, *want, *what;
	} t[] = {
	    {FC_LINE_QUESTIONS,
		"{\"question_id\":81,\"category\":\"math\",\"turns\":[\"a\",\"b\"]}", "81|u:a|u:b;",
		"MT-Bench"},
	    {FC_LINE_QUESTIONS, "{\"question_id\":\"x\",\"turns\":[{\"content\":\"a\"}]}", "x|u:a;",
		"Arena-Hard, turns as objects"},
	    {FC_LINE_QUESTIONS, "{\"uid\":\"f0\",\"prompt\":\"a\"}", "f0|u:a;",
		"Arena-Hard, a prompt"},
	    {FC_LINE_QUESTIONS, "{\"question\":\"a\",\"answer\":\"#### 3\"}", "line-1|u:a;",
		"GSM8K"},
	    {FC_LINE_QUESTIONS, "{\"turns\":[]}",
		"!:1: \"turns\" is not a list of at least one turn", "no turns"},
	    {FC_LINE_QUESTIONS, "{\"turns\":[\"a\",3]}", "!:1: turn 2 is not a string",
		"a turn that is none"},
	    {FC_LINE_QUESTIONS, "{\"turns\":[{\"content\":\"a\"},\"b\"]}",
		"!:1: turn 2 is not an object with a \"content\" string", "mixed turns"},
	    {FC_LINE_QUESTIONS, "{\"prompt\":\"a\"}",
		"!:1: the members are \"prompt\"; " EXPECTED ", \"turns\", \"question\", or a "
		"\"prompt\" of messages or with \"uid\"",
		"a prompt without a uid"},
	    {FC_LINE_TEXTS, "{\"text\":\"a\"}", "line-1|a:a;", "a text"},
	    {FC_LINE_TEXTS, "{\"id\":3,\"text\":\"a\",\"context\":\"b\"}", "3|u:b|a:a;",
		"a text in its context"},
	    {FC_LINE_TEXTS, "{\"context\":1,\"text\":\"a\"}", "!:1: \"context\" is not a string",
		"a context that is none"},
	    {FC_LINE_TEXTS, "{\"text\":5}", "!:1: \"text\" is not a string", "a text that is none"},
	    {FC_LINE_TEXTS, "{\"text\":5,\"prompt\":[{\"role\":\"user\",\"content\":\"a\"}]}",
		"line-1|u:a;", "a member beside a prompt"},
	    {FC_LINE_TEXTS, "{\"prompt\":5}", "!:1: \"prompt\" is neither text nor messages",
		"a prompt that is none"},
	    {FC_LINE_QUESTIONS, "{\"question\":[\"a\"]}", "!:1: \"question\" is not a string",
		"a question that is none"},
	    {FC_LINE_TEXTS, "{\"turns\":[\"a\"]}",
		"!:1: the members are \"turns\"; " EXPECTED ", or \"text\"",
		"a question where texts are accepted"},
	    {FC_LINE_TEXTS | FC_LINE_QUESTIONS, "{\"turns\":[\"a\"],\"text\":\"b\"}", "line-1|u:a;",
		"both are accepted"},
	};
	for (size_t i = 0; i < FC_LEN(t); i++) {
		char *got = describe_with(t[i].line, strlen(t[i].line), t[i].kinds);
		T_STR(got, t[i].want, t[i].what);
		free(got);
	}
	char *got = describe(t[0].line, strlen(t[0].line));
	T_STR(got, "!:1: the members are \"question_id\", \"category\", \"turns\"; " EXPECTED,
	    "questions only where they are accepted");
	free(got);
}

/* A line behind a good one is refused with this message. */
static void refuse(const char *line, const char *message, const char *what)
{
	static const char good[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"U\"}]}\n";
	struct fc_buf text = FC_BUF_INIT, want = FC_BUF_INIT;
	fc_buf_addf(&text, "%s%s\n", good, line);
	fc_buf_addf(&want, "line-1|u:U;!%s", message);
	expect(text.p, want.p, what);
	fc_buf_release(&text);
	fc_buf_release(&want);
}

static void test_column_refusals(void)
{
	static const struct {
		const char *line, *message, *what;
	} bad[] = {
	    {"{\"prompt\":\"a\",\"completion\":\"b\"}",
		":2: a prompt with its completion as text (TRL), where conversations are read; "
		"fc-infer(1), OTHER FORMS, has the line of jq that makes one of them",
		"prompt and completion as text"},
	    {"{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}",
		":2: a preference (chosen, rejected), where conversations are read; fc-infer(1), "
		"OTHER FORMS, has the line of jq that makes one of the chosen answer",
		"a preference"},
	    {"{\"messages\":[],\"conversations\":[]}",
		":2: this may be of the chat messages or of the ShareGPT conversations, since the "
		"members are \"messages\", \"conversations\"; remove some",
		"two lists"},
	    {"{\"instruction\":\"a\",\"output\":\"b\",\"prompt\":\"c\",\"completion\":\"d\"}",
		":2: this may be of the Alpaca instructions or of the prompts with completions "
		"(TRL), since the members are \"instruction\", \"output\", \"prompt\", "
		"\"completion\"; remove some",
		"two forms in columns"},
	    {"{\"question\":\"a\",\"response\":\"b\"}",
		":2: the members are \"question\", \"response\"; " EXPECTED, "other columns"},
	    {"{\"instruction\":\"\",\"output\":\"b\"}", ":2: \"instruction\" is empty",
		"no instruction"},
	    {"{\"instruction\":\"a\",\"output\":3}", ":2: \"output\" is not a string",
		"an output that is none"},
	    {"{\"instruction\":\"a\",\"output\":\"b\",\"history\":[[\"c\"]]}",
		":2: \"history\": turn 1 is not a list of a question and an answer",
		"half a turn of history"},
	    {"{\"prompt\":[],\"completion\":[{\"role\":\"assistant\",\"content\":\"\"}]}",
		":2: \"prompt\" and \"completion\" are neither both text nor both messages",
		"an empty prompt"},
	    {"{\"prompt\":\"a\",\"completion\":\"b\",\"label\":false}",
		":2: with \"label\" this is an unpaired preference, which is not supported; jq -c "
		"'select(.label) | del(.label)' takes what was preferred",
		"an unpaired preference"},
	    {"{\"instruction\":\"a\",\"output\":\"b\",\"kto_tag\":true}",
		":2: with \"kto_tag\" this is an unpaired preference, which is not supported; jq "
		"-c "
		"'select(.kto_tag) | del(.kto_tag)' takes what was preferred",
		"and LLaMA-Factory's"},
	    {"{\"conversations\":[{\"from\":\"function_call\",\"value\":\"f(x)\"}]}",
		":2: message 1: the value of a \"function_call\" is not the JSON of a call, "
		"{\"name\", \"arguments\"}, or of a list of calls",
		"a call that is none"},
	    {"{\"system\":\"S\",\"messages\":[{\"role\":\"system\",\"content\":\"T\"}]}",
		":2: \"system\" says something else than the first message, a system's; remove one",
		"two system prompts, with messages"},
	};
	for (size_t i = 0; i < FC_LEN(bad); i++)
		refuse(bad[i].line, bad[i].message, bad[i].what);
}

static void test_refusals(void)
{
	static const struct {
		const char *line, *message, *what;
	} bad[] = {
	    {"{\"messages\":[]}", ":2: \"messages\" is empty", "empty list"},
	    {"{\"messages\":{}}", ":2: \"messages\" is not a list", "object for a list"},
	    {"{\"text\":\"x\"}", ":2: the members are \"text\"; " EXPECTED, "no list"},
	    {"[1]", ":2: expected an object, this is an array; jq -c '.[]' makes lines of it",
		"an array"},
	    {"3", ":2: expected an object", "not an object"},
	    {"[",
		":2: JSON over several lines, where every line is an object; use jq -c '.[]' FILE "
		"| ...",
		"an array over several lines, behind a line"},
	    {" {\r",
		":2: JSON over several lines, where every line is an object; use jq -c . FILE | "
		"...",
		"an object over several lines"},
	    {"{\"messages\":[{\"role\":\"\",\"content\":\"\"}]}",
		":2: message 1: \"role\" is empty or holds a NUL", "empty role"},
	    {"{\"messages\":[{\"role\":\"assistant\",\"content\":null}]}",
		":2: message 1: \"content\" is not a string, and there are no \"tool_calls\"",
		"null answer"},
	    {"{\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"weight\":0.5}]}",
		":2: message 1: \"weight\" is neither 0 nor 1", "half a weight"},
	    {"{\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"train\":\"no\"}]}",
		":2: message 1: \"train\" is neither true nor false", "a flag that is none"},
	    {"{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\",\"train_detail\":[{"
	     "\"begin_offset\":0,\"end_offset\":0,\"train\":false}]}]}",
		":2: message 1: \"train_detail\" is not supported; messages are learned as a whole",
		"part of a message"},
	    {"{\"conversations\":[{\"from\":\"human\",\"value\":\"\",\"role\":\"user\"}]}",
		":2: message 1: \"role\" beside \"from\"", "both names of a role"},
	    {"{\"system\":\"S\",\"conversations\":[{\"from\":\"system\",\"value\":\"T\"}]}",
		":2: \"system\" says something else than the first message, a system's; remove one",
		"two system prompts"},
	    {"{\"system\":3,\"conversations\":[{\"from\":\"human\",\"value\":\"T\"}]}",
		":2: \"system\" is not a string", "a system prompt that is none"},
	    {"{\"messages\":[{\"role\":3,\"content\":\"\"}]}",
		":2: message 1: \"role\" is not a string", "numeric role"},
	    {"{\"messages\":[{\"role\":\"user\",\"content\":null}]}",
		":2: message 1: \"content\" is not a string", "null content"},
	    {"{\"conversations\":[{\"from\":\"human\",\"value\":\"\"},{\"role\":\"user\","
	     "\"content\":\"\"}]}",
		":2: message 2: \"from\" is not a string",
		"keys of the other form behind the first"},
	    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
		":2: message 1: part 1 is not of type \"text\"", "image part"},
	    {"{\"messages\":[\"x\"]}", ":2: message 1: expected an object",
		"message not an object"},
	    {"{\"id\":1.5,\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}",
		":2: \"id\" is neither a string nor an integer", "fractional id"},
	};
	for (size_t i = 0; i < FC_LEN(bad); i++)
		refuse(bad[i].line, bad[i].message, bad[i].what);
	expect("\xef\xbb\xbf{\"messages\":[{\"role\":\"user\",\"content\":\"U\"}]}\n",
	    "line-1|u:U;", "a byte order mark is left out");
	expect("\xef\xbb\xbf", "", "and may be all");
	char *got = describe("{\"messages\":", 12);
	T_OK(strncmp(got, "!:1: column ", 12) == 0, "cut-off line: %s", got);
	free(got);
	got = describe("{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", 44);
	T_OK(strncmp(got, "!:1: ", 5) == 0, "invalid UTF-8: %s", got);
	free(got);
}

static void test_files(void)
{
	static const char line[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"U\"}]}\n";
	char a[64], b[64];
	const char *paths[] = {
	    put(a, line, sizeof line - 1), put(b, line, sizeof line - 1), "/nonexistent"};
	struct fc_conversations *r;
	struct fc_conversation c = {0};
	struct fc_err e;
	T_EQ(fc_conversations_open(&r, paths, 3, &e), 0, "several files open");
	T_EQ(fc_conversations_next(r, &c, &e), 1, "first file");
	T_STR(c.id, "line-1", "id in the first file");
	T_EQ(fc_conversations_next(r, &c, &e), 1, "second file");
	T_STR(c.id, "line-2", "ids count on over files");
	T_OK(!strncmp(fc_conversations_where(r), b, strlen(b)), "where names the second file");
	T_EQ(fc_conversations_next(r, &c, &e), -1, "third file is missing");
	T_OK(strstr(e.msg, "/nonexistent") != NULL, "and named: %s", e.msg);
	fc_conversation_release(&c);
	fc_conversations_close(r);
	T_EQ(fc_conversations_open(&r, paths + 2, 1, &e), -1, "first file missing: open fails");
	unlink(a);
	unlink(b);
}

/* Lines in the writer's form come back byte for byte. */
static void test_write(void)
{
	static const char *const lines[] = {
	    "{\"id\":\"a\",\"messages\":[{\"role\":\"system\",\"content\":\"\\\"\\\\\\n\\u0000x\"}]"
	    ","
	    "\"question_id\":7,\"z\":{\"b\":[1,2.5,null]},\"a\":\"\xc3\xa9\"}\n",
	    "{\"id\":\"b\",\"conversations\":[{\"from\":\"human\",\"value\":\"U\"},{\"from\":"
	    "\"gpt\","
	    "\"value\":\"\"}]}\n",
	    "{\"id\":\"c\",\"messages\":[{\"name\":\"n\",\"content\":\"U\",\"role\":\"user\"},{"
	    "\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"x\",\"function\":{"
	    "\"name\":\"f\",\"arguments\":{\"a\":1.5}}}]},{\"role\":\"tool\",\"content\":{\"b\":[1]"
	    "}"
	    "},{\"role\":\"assistant\",\"weight\":0,\"content\":\"A\"},{\"role\":\"ipython\"}],"
	    "\"tools\":[]}\n",
	    "{\"id\":\"d\",\"conversations\":[{\"value\":\"U\",\"from\":\"human\",\"t\":1},{"
	    "\"from\":\"observation\",\"value\":\"o\"},{\"from\":\"gpt\",\"value\":\"A\",\"train\":"
	    "false}]}\n",
	    "{\"id\":\"e\",\"messages\":[{\"role\":\"assistant\",\"content\":\"A\",\"finish_"
	    "reason\":\"length\"},{\"role\":\"user\",\"content\":\"U\",\"finish_reason\":1},{"
	    "\"role\":\"assistant\",\"name\":\"n\",\"content\":\" \",\"finish_reason\":"
	    "\"stop\"}]}\n",
	};
	for (size_t i = 0; i < FC_LEN(lines); i++) {
		char path[64];
		const char *paths[] = {put(path, lines[i], strlen(lines[i]))};
		struct fc_conversations *r;
		struct fc_conversation c = {0};
		struct fc_err e = {""};
		struct fc_buf b = FC_BUF_INIT;
		bool good = fc_conversations_open(&r, paths, 1, &e) == 0 &&
		    fc_conversations_next(r, &c, &e) == 1;
		if (good)
			fc_conversation_write(&b, &c);
		T_STR(b.p, lines[i], "write gives back what was read");
		fc_buf_release(&b);
		fc_conversation_release(&c);
		fc_conversations_close(r);
		unlink(path);
	}
}

/* What is written of a line that came in another form. */
static void test_rewritten(void)
{
	static const char *const t[][3] = {
	    {"{\"id\":\"f\",\"conversations\":[{\"from\":\"human\",\"value\":\"U\"},{\"from\":"
	     "\"function_call\",\"value\":\"<think>t</think>\\n{\\\"name\\\": \\\"g\\\", "
	     "\\\"arguments\\\": {\\\"a\\\": 1}}\"},{\"from\":\"observation\",\"value\":\"3\"}],"
	     "\"tools\":\"[{\\\"name\\\": \\\"g\\\", \\\"parameters\\\": {}}]\"}",
		"{\"id\":\"f\",\"conversations\":[{\"from\":\"human\",\"value\":\"U\"},{\"from\":"
		"\"gpt\",\"value\":\"<think>t</think>\",\"tool_calls\":[{\"type\":\"function\","
		"\"function\":{\"name\":\"g\",\"arguments\":{\"a\":1}}}]},{\"from\":"
		"\"observation\","
		"\"value\":\"3\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\","
		"\"parameters\":{}}}]}\n",
		"LLaMA-Factory's calls and bare tools"},
	    {"{\"id\":\"g\",\"conversations\":[{\"from\":\"function_call\",\"value\":"
	     "\"[{\\\"name\\\": \\\"g\\\", \\\"arguments\\\": {}}, {\\\"name\\\": "
	     "\\\"h\\\", \\\"arguments\\\": \\\"\\\"}]\"}],\"tools\":\"\"}",
		"{\"id\":\"g\",\"conversations\":[{\"from\":\"gpt\",\"value\":\"\",\"tool_calls\":"
		"[{\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":{}}},{\"type\":"
		"\"function\",\"function\":{\"name\":\"h\",\"arguments\":\"\"}}]}]}\n",
		"several calls; no tools are none"},
	    {"{\"id\":\"p\",\"prompt\":[{\"role\":\"user\",\"content\":\"Q\"},{\"role\":"
	     "\"assistant\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"R\"}],"
	     "\"completion\":"
	     "[{\"role\":\"assistant\",\"content\":\"A\"}],\"n\":1}",
		"{\"id\":\"p\",\"messages\":[{\"role\":\"user\",\"content\":\"Q\"},{\"role\":"
		"\"assistant\",\"content\":\"x\",\"train\":false},{\"role\":\"user\",\"content\":"
		"\"R\"},{\"role\":\"assistant\",\"content\":\"A\"}],\"n\":1}\n",
		"nothing in a prompt is learned"},
	    {"{\"id\":\"a\",\"instruction\":\"I\",\"input\":\"\",\"output\":\"O\",\"source\":"
	     "\"s\"}",
		"{\"id\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"I\"},{\"role\":"
		"\"assistant\",\"content\":\"O\"}],\"source\":\"s\"}\n",
		"Alpaca, with another column"},
	};
	for (size_t i = 0; i < FC_LEN(t); i++) {
		char path[64];
		const char *paths[] = {put(path, t[i][0], strlen(t[i][0]))};
		struct fc_conversations *r;
		struct fc_conversation c = {0};
		struct fc_err e = {""};
		struct fc_buf b = FC_BUF_INIT;
		if (fc_conversations_open(&r, paths, 1, &e) == 0 &&
		    fc_conversations_next(r, &c, &e) == 1)
			fc_conversation_write(&b, &c);
		T_STR(b.p ? b.p : e.msg, t[i][1], t[i][2]);
		fc_buf_release(&b);
		fc_conversation_release(&c);
		fc_conversations_close(r);
		unlink(path);
	}
}

int main(void)
{
	test_forms();
	test_columns();
	test_questions();
	test_column_refusals();
	test_refusals();
	test_files();
	test_write();
	test_rewritten();
	return t_done();
}
