/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/mem.h"
#include "fc-infer/generate.h"
#include "tokfixture.h"

#include "t.h"

/* A byte-level vocabulary of single bytes, so that every token border may lie inside a character;
 * id 256 is special. */
static struct fc_tokenizer *bytes_tokenizer(void)
{
	struct fc_buf vocab = FC_BUF_INIT;
	struct fc_err e;
	uint32_t next = 256;
	for (uint32_t b = 0; b < 256; b++) {
		const bool itself = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
		fc_buf_addf(
		    &vocab, "%s\"\\u%04x\":%u", b ? "," : "{", itself ? b : next++, (unsigned)b);
	}
	fc_buf_adds(&vocab, "}");
	struct fc_buf model = FC_BUF_INIT;
	fc_buf_addf(&model, "{\"type\":\"BPE\",\"vocab\":%s,\"merges\":[]}", vocab.p);
	struct fc_buf json = FC_BUF_INIT;
	fc_buf_addf(&json,
	    "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":256,\"content\":\"<end>\",\"special\":"
	    "true,\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false}],"
	    "\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":"
	    "false,\"use_regex\":false},\"post_processor\":null,\"decoder\":{\"type\":"
	    "\"ByteLevel\"},\"model\":%s}",
	    model.p);
	struct fc_tokenizer *t = fixture_open(json.p, json.n, NULL, &e);
	if (!t)
		printf("# %s\n", e.msg);
	fc_buf_release(&vocab);
	fc_buf_release(&model);
	fc_buf_release(&json);
	return t;
}

static struct infer_options opt;
static struct session session = {.opt = &opt};

/* The answer that these bytes, a token each, become behind the message "?". */
static void expect_answer(
    enum fc_conversation_form form, const char *bytes, size_t n, const char *want, const char *what)
{
	struct stops st = {.text = &opt.stop};
	struct task t = {0};
	uint32_t *id = FC_ARRAY(uint32_t, n + 1);
	for (size_t i = 0; i < n; i++)
		id[i] = bytes[i] == '\1' ? 256 : (unsigned char)bytes[i];
	t.c.form = form;
	fc_conversation_add(&t.c, FC_ROLE_USER, "?", 1);
	infer_turn_answer(&session, &t, &st, '?', id, n, "length");
	T_STR(t.c.message[1].content, want, what);
	if (strcmp(t.c.message[1].finish_reason, "length") != 0)
		T_OK(false, "%s: why it ended", what);
	fc_conversation_release(&t.c);
	free(t.answer_tokens);
	free(id);
}

static void test_answer(void)
{
#define ANSWER_OF(form, bytes, want, what) expect_answer(form, bytes, sizeof(bytes) - 1, want, what)
#define ANSWER(bytes, want, what) ANSWER_OF(FC_FORM_MESSAGES, bytes, want, what)
	ANSWER("  a b\n", "  a b\n", "white space at the ends is kept");
	ANSWER_OF(FC_FORM_SHAREGPT, "\n ", "\n ", "where there is nothing else");
	ANSWER_OF(FC_FORM_QUESTION, " a b\n", "a b", "but in an answer file");
	ANSWER_OF(FC_FORM_ARENA, "\n a b ", "a b", "of either kind");
	ANSWER("", "", "an empty answer");
	ANSWER("a\1b", "ab", "special tokens are left out");
	ANSWER("a<end>b", "a<end>b", "text that looks like one stays");
	ANSWER("\xc3\xa9", "\xc3\xa9", "a character of two tokens");
	ANSWER("a\xe2\x82", "a", "an unfinished character at the end is dropped");
	ANSWER("a\xf0\x9f\x98", "a", "so is one of four bytes");
	ANSWER("a\xe2\x82z", "a\xef\xbf\xbd\xef\xbf\xbdz", "one in the middle is marked");
	ANSWER("\xff", "\xef\xbf\xbd", "a byte that begins nothing");
	const char *stop[] = {"\xc3\xa9", "END", "D."};
	opt.stop = (struct fc_strs){stop, 3};
	ANSWER("ab \xc3\xa9 c", "ab ", "a stop string of half characters");
	ANSWER("ab \xc3\xa8 c", "ab \xc3\xa8 c", "another character of the same first byte");
	ANSWER("x END. y \xc3\xa9", "x ", "the earliest of several, overlapping");
	ANSWER("END", "", "also at the start");
	opt.stop = (struct fc_strs){0};
}

/* A template that puts a space before an answer puts it there again. */
static void test_lead(void)
{
	ANSWER(" a", "a", "the template's space");
	ANSWER("   a ", "  a ", "and no more");
	ANSWER("\na", "\na", "nor another character");
	ANSWER_OF(FC_FORM_QUESTION, "  a", "a", "in an answer file all");
#undef ANSWER
#undef ANSWER_OF
}

/* The session's template: it writes lead between the prompt and an answer. */
static bool open_chat(const char *lead)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_err e = {""};
	fc_chat_free(session.chat);
	fc_buf_addf(&b,
	    "{%% for m in messages %%}{{ m.role }}:%s{{ m.content }}\n{%% endfor %%}"
	    "{%% if add_generation_prompt %%}assistant:{%% endif %%}",
	    lead);
	fixture_write("t.jinja", b.p, b.n);
	fc_buf_release(&b);
	char *path = fc_path_join(fixture_dir, "t.jinja");
	bool good = fc_chat_open(&session.chat, fixture_dir, path, &e) == 0;
	T_OK(good && !strcmp(fc_chat_lead(session.chat), lead), "a template %s", e.msg);
	free(path);
	return good;
}

static void test_find(void)
{
	struct task t = {0};
	fc_conversation_add(&t.c, FC_ROLE_SYSTEM, "s", 1);
	fc_conversation_add(&t.c, FC_ROLE_USER, "a", 1);
	fc_conversation_add(&t.c, FC_ROLE_ASSISTANT, "b", 1);
	fc_conversation_add(&t.c, FC_ROLE_USER, "c", 1);
	T_OK(infer_turn_find(&t, 0) && t.turn == 3, "the turn without an answer");
	T_OK(!infer_turn_find(&t, 4), "none is left behind it");
	fc_conversation_release(&t.c);
}

static void test_temperature(void)
{
	static const struct {
		const char *extra;
		enum fc_conversation_form form;
		double given, want;
	} t[] = {
	    {"{\"category\":\"math\"}", FC_FORM_QUESTION, NAN, 0},
	    {"{\"category\":\"writing\"}", FC_FORM_QUESTION, NAN, 0.7},
	    {"{\"category\":\"stem\"}", FC_FORM_QUESTION, NAN, 0.1},
	    {"{\"category\":\"fermi\"}", FC_FORM_QUESTION, NAN, 0.7},
	    {"{}", FC_FORM_QUESTION, NAN, 0.7},
	    {"{\"category\":\"math\"}", FC_FORM_QUESTION, 0.3, 0.3},
	    {"{\"category\":\"math\",\"required_temperature\":0.5}", FC_FORM_QUESTION, NAN, 0.5},
	    {"{\"category\":\"math\",\"required_temperature\":0.5}", FC_FORM_QUESTION, 0, 0},
	    {"{\"category\":\"arena-hard-v0.1\"}", FC_FORM_ARENA, NAN, 0},
	    {"{\"category\":\"writing\",\"required_temperature\":\"x\"}", FC_FORM_MESSAGES, NAN, 0},
	    {"{\"required_temperature\":\"x\"}", FC_FORM_QUESTION, NAN, -1},
	    {"{\"required_temperature\":-1}", FC_FORM_QUESTION, NAN, -1},
	};
	for (size_t i = 0; i < FC_LEN(t); i++) {
		struct fc_err e;
		struct fc_conversation c = {.id = "q", .form = t[i].form};
		double got = -1;
		c.extra = fc_json_text(t[i].extra, strlen(t[i].extra), "test", &e);
		opt.sampling.temperature = t[i].given;
		if (infer_answers_temperature(&opt, &c, &got, &e) < 0)
			got = -1;
		T_OK(got == t[i].want, "temperature %g for %s given %g", got, t[i].extra,
		    t[i].given);
		json_decref(c.extra);
	}
}

int main(void)
{
	fixture_begin();
	session.tokenizer = bytes_tokenizer();
	if (T_OK(session.tokenizer != NULL, "a vocabulary of bytes") && open_chat(""))
		test_answer();
	if (session.tokenizer && open_chat(" "))
		test_lead();
	test_find();
	test_temperature();
	fc_tokenizer_free(session.tokenizer);
	fc_chat_free(session.chat);
	fixture_remove("t.jinja");
	fixture_end();
	return t_done();
}
