/* SPDX-License-Identifier: Apache-2.0 */
/* Templates by name, and templates and tokens that are not in a Hugging Face folder's files. */
#define _GNU_SOURCE /* mkdtemp */
#include "base/file.h"
#include "base/mem.h"
#include "store/gguf.h"
#include "t.h"
#include "chat/chat.h"
#include "tokfixture.h"

static struct fc_err e;

#define BOS "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}"

/* S, U1, A1 and U2 by the letters of talk. */
static void put_messages(struct fc_conversation *c, const char *talk)
{
	for (const char *p = talk; *p; p++)
		fc_conversation_add(c,
		    *p == 'S'       ? FC_ROLE_SYSTEM
			: *p == 'A' ? FC_ROLE_ASSISTANT
				    : FC_ROLE_USER,
		    *p == 'S'               ? "S"
			: *p == 'A'         ? "A1"
			: p[1] || p == talk ? "U1"
					    : "U2",
		    *p == 'S' ? 1 : 2);
}

static char *render(const struct fc_chat *chat, const char *talk, bool generate)
{
	struct fc_conversation c = {0};
	struct fc_rendered r = {0};
	put_messages(&c, talk);
	int rc = fc_chat_render(chat, &c, generate, &r, &e);
	char *s = fc_strdup(rc < 0 ? e.msg : r.text.n ? r.text.p : "");
	fc_rendered_release(&r);
	fc_conversation_release(&c);
	return s;
}

static void expect(
    const struct fc_chat *chat, const char *name, const char *talk, bool generate, const char *want)
{
	char *got = render(chat, talk, generate);
	if (!T_OK(!strcmp(got, want), "%s", name)) /* several lines: no TAP */
		fprintf(stderr, "got %s\nexpected %s\n", got, want);
	free(got);
}

#define CHATML "<|im_start|>user\nU1<|im_end|>\n<|im_start|>assistant\nA1<|im_end|>\n"
#define LLAMA3(role, text) "<|start_header_id|>" role "<|end_header_id|>\n\n" text
#define VICUNA                                                                                     \
	"A chat between a curious user and an artificial intelligence assistant. The assistant "   \
	"gives helpful, detailed, and polite answers to the user's questions."

/* U1, A1, U2 with the generation prompt, without and with a system message: FastChat's and the
 * models' own, as collected by running them. */
static void test_names(void)
{
	static const struct {
		const char *name, *plain, *system, *end;
	} of[] = {
	    {"openchat_3.5",
		"GPT4 Correct User: U1</s>GPT4 Correct Assistant: A1</s>GPT4 Correct User: "
		"U2</s>GPT4 Correct Assistant:",
		"S</s>GPT4 Correct User: U1</s>GPT4 Correct Assistant: A1</s>GPT4 Correct User: "
		"U2</s>GPT4 Correct Assistant:",
		"</s>"},
	    {"mistral", "[INST] U1 [/INST] A1</s>[INST] U2 [/INST]",
		"[INST] S\nU1 [/INST] A1</s>[INST] U2 [/INST]", "</s>"},
	    {"llama-2", "[INST] U1 [/INST] A1 </s><s>[INST] U2 [/INST]",
		"[INST] <<SYS>>\nS\n<</SYS>>\n\nU1 [/INST] A1 </s><s>[INST] U2 [/INST]", "</s>"},
	    {"llama-3",
		LLAMA3("user", "U1<|eot_id|>") LLAMA3("assistant", "A1<|eot_id|>")
		    LLAMA3("user", "U2<|eot_id|>") LLAMA3("assistant", ""),
		LLAMA3("system", "S<|eot_id|>") LLAMA3("user", "U1<|eot_id|>") LLAMA3("assistant",
		    "A1<|eot_id|>") LLAMA3("user", "U2<|eot_id|>") LLAMA3("assistant", ""),
		"<|eot_id|>"},
	    {"gemma",
		"<start_of_turn>user\nU1<end_of_turn>\n<start_of_turn>model\nA1<end_of_turn>\n"
		"<start_of_turn>user\nU2<end_of_turn>\n<start_of_turn>model\n",
		"<start_of_turn>user\nS\n\nU1<end_of_turn>\n<start_of_turn>model\nA1<end_of_turn>\n"
		"<start_of_turn>user\nU2<end_of_turn>\n<start_of_turn>model\n",
		"<end_of_turn>"},
	    {"phi-3",
		"<|user|>\nU1<|end|>\n<|assistant|>\nA1<|end|>\n<|user|>\nU2<|end|>\n<|assistant|>"
		"\n",
		"<|system|>\nS<|end|>\n<|user|>\nU1<|end|>\n<|assistant|>\nA1<|end|>\n<|user|>\n"
		"U2<|end|>\n<|assistant|>\n",
		"<|end|>"},
	    {"qwen", CHATML "<|im_start|>user\nU2<|im_end|>\n<|im_start|>assistant\n",
		"<|im_start|>system\nS<|im_end|>\n" CHATML
		"<|im_start|>user\nU2<|im_end|>\n<|im_start|>assistant\n",
		"<|im_end|>"},
	    {"zephyr", "<|user|>\nU1</s>\n<|assistant|>\nA1</s>\n<|user|>\nU2</s>\n<|assistant|>\n",
		"<|system|>\nS</s>\n<|user|>\nU1</s>\n<|assistant|>\nA1</s>\n<|user|>\nU2</s>\n"
		"<|assistant|>\n",
		"</s>"},
	    {"vicuna", VICUNA " USER: U1 ASSISTANT: A1</s>USER: U2 ASSISTANT:",
		"S USER: U1 ASSISTANT: A1</s>USER: U2 ASSISTANT:", "</s>"},
	    {"solar", "### User\nU1\n\n### Assistant\nA1\n\n### User\nU2\n\n### Assistant\n",
		"S\n\n### User\nU1\n\n### Assistant\nA1\n\n### User\nU2\n\n### Assistant\n", ""},
	};
	static const char *const chatml[] = {"internlm2", "yi", "chatml"};
	struct fc_chat *chat, *qwen;
	fixture_write("tokenizer_config.json", BOS, strlen(BOS));
	for (size_t i = 0; i < FC_LEN(of); i++) {
		if (!T_OK(fc_chat_open(&chat, fixture_dir, of[i].name, &e) == 0, "%s: opens",
			of[i].name))
			continue;
		expect(chat, of[i].name, "UAU", true, of[i].plain);
		expect(chat, of[i].name, "SUAU", true, of[i].system);
		T_STR(fc_chat_turn_end(chat), of[i].end, "its turn end");
		fc_chat_free(chat);
	}
	fc_chat_open(&qwen, fixture_dir, "qwen", &e);
	expect(qwen, "no generation prompt", "UA", false, CHATML);
	for (size_t i = 0; i < FC_LEN(chatml); i++) {
		fc_chat_open(&chat, fixture_dir, chatml[i], &e);
		T_OK(chat && fc_chat_hash(chat) == fc_chat_hash(qwen), "%s is qwen", chatml[i]);
		fc_chat_free(chat);
	}
	fc_chat_free(qwen);
	T_OK(fc_chat_open(&chat, fixture_dir, "openchat", &e) < 0 &&
		strstr(e.msg, "template openchat: no such file") && strstr(e.msg, "openchat_3.5"),
	    "an unknown name: %s", e.msg);
}

/* BOS once: the template does not write it and the tokenizer adds it, or the template does. */
static void expect_bos(const struct fc_chat *chat, const struct fc_tokenizer *t, const char *what)
{
	struct fc_conversation c = {0};
	struct fc_rendered r = {0};
	struct fc_example x;
	size_t n = 0;
	fc_example_init(&x);
	put_messages(&c, "UAU");
	bool good = fc_chat_render(chat, &c, true, &r, &e) == 0 &&
	    fc_rendered_encode(&r, t, fc_tokenizer_eos(t), &x, &e) == 0;
	for (size_t i = 0; good && i < x.n_tok; i++)
		n += x.tok[i] == fc_tokenizer_bos(t);
	T_OK(good && n == 1 && x.tok[0] == fc_tokenizer_bos(t), "BOS once: %s", what);
	fc_example_release(&x);
	fc_rendered_release(&r);
	fc_conversation_release(&c);
}

/* A folder with tokenizer.model and no tokenizer.json. */
static void test_sentencepiece(void)
{
	static const char config[] = "{\"chat_template\":\"{{ bos_token }}{% for m in messages %}"
				     "[{{ m.content }}]{{ eos_token }}{% endfor %}\"}";
	struct fc_buf b = FC_BUF_INIT;
	struct fc_chat *chat = NULL;
	struct fc_tokenizer *t = NULL;
	fixture_remove("tokenizer_config.json");
	fc_file_read("tests/data/tokenizer/sp-bpe.model", 1 << 20, &b, &e);
	fixture_write("tokenizer.model", b.p, b.n);
	fc_buf_release(&b);
	bool good = fc_chat_open(&chat, fixture_dir, "zephyr", &e) == 0 &&
	    fc_tokenizer_open(&t, fixture_dir, &e) == 0;
	if (T_OK(good, "tokenizer.model: a named template %s", e.msg)) {
		T_STR(fc_chat_turn_end(chat), "</s>", "its EOS is the model's");
		expect_bos(chat, t, "the tokenizer adds it");
	}
	fc_chat_free(chat);
	fixture_write("tokenizer_config.json", config, sizeof config - 1);
	if (T_OK(fc_chat_open(&chat, fixture_dir, NULL, &e) == 0, "its own template %s", e.msg)) {
		expect(chat, "special tokens of tokenizer.model", "U", false, "<s>[U1]</s>");
		expect_bos(chat, t, "the template writes it");
	}
	fc_chat_free(chat);
	fc_tokenizer_free(t);
	fixture_remove("tokenizer.model");
}

/* legacy false: the dummy prefix only starts the text. */
static void test_legacy(void)
{
	static const struct {
		const char *config;
		uint32_t n; /* tokens of "a<s>a": with or without a mark before the second */
	} of[] = {{"{}", 2}, {"{\"legacy\":true}", 2}, {"{\"legacy\":false}", 1},
	    {"{\"legacy\":false,\"add_prefix_space\":false}", 0}};
	struct fc_buf b = FC_BUF_INIT;
	fc_file_read("tests/data/tokenizer/sp-bpe.model", 1 << 20, &b, &e);
	fixture_write("tokenizer.model", b.p, b.n);
	fc_buf_release(&b);
	for (size_t i = 0; i < FC_LEN(of); i++) {
		struct fc_tokenizer *t;
		struct fc_tokens tokens = {0};
		uint32_t n = 0;
		fixture_write("tokenizer_config.json", of[i].config, strlen(of[i].config));
		if (!T_OK(fc_tokenizer_open(&t, fixture_dir, &e) == 0, "%s: opens", of[i].config))
			continue;
		fc_tokenizer_encode(t, "a<s>a", 5, NULL, 0, &tokens, &e);
		for (size_t k = 0; k < tokens.n; k++)
			n += !strncmp(fc_tokenizer_piece(t, tokens.v[k].id), "\xe2\x96\x81", 3);
		T_EQ(n, of[i].n, of[i].config);
		fc_tokens_release(&tokens);
		fc_tokenizer_free(t);
	}
	fixture_remove("tokenizer.model");
}

static void test_gguf(void)
{
	struct fc_chat *chat;
	struct fc_tokenizer *t;
	char path[1024];
	if (!t_shared()) {
		t_skip("no shared inputs");
		return;
	}
	snprintf(path, sizeof path, "%s/data/tokenizers/ggml-vocab-phi-3.gguf", t_shared());
	if (!T_OK(fc_chat_open(&chat, path, NULL, &e) == 0 && fc_tokenizer_open(&t, path, &e) == 0,
		"GGUF: opens %s", e.msg))
		return;
	T_STR(fc_chat_turn_end(chat), "<|end|>", "GGUF: its turn end");
	expect(chat, "GGUF: its template", "UAU", true,
	    "<s><|user|>\nU1<|end|>\n<|assistant|>\nA1<|end|>\n<|user|>\nU2<|end|>\n<|assistant|>"
	    "\n");
	T_OK(fc_tokenizer_adds_bos(t), "GGUF: add_bos_token");
	expect_bos(chat, t, "GGUF whose template writes it");
	fc_chat_free(chat);
	if (T_OK(fc_chat_open(&chat, path, "phi-3", &e) == 0, "GGUF: a named template"))
		expect_bos(chat, t, "GGUF, a template without");
	fc_chat_free(chat);
	fc_tokenizer_free(t);

	/* a folder that holds only the file */
	struct fc_buf b = FC_BUF_INIT;
	fc_file_read(path, 1 << 24, &b, &e);
	fixture_remove("tokenizer_config.json");
	fixture_write("model.gguf", b.p, b.n);
	fc_buf_release(&b);
	bool good = fc_chat_open(&chat, fixture_dir, NULL, &e) == 0 &&
	    fc_tokenizer_open(&t, fixture_dir, &e) == 0;
	T_OK(good && fc_tokenizer_n_vocab(t) == 32064, "GGUF: in a folder %s", e.msg);
	if (good) {
		fc_chat_free(chat);
		fc_tokenizer_free(t);
	}
	fixture_remove("model.gguf");
	snprintf(path, sizeof path, "%s/data/tokenizers/ggml-vocab-gpt-2.gguf", t_shared());
	T_OK(fc_chat_open(&chat, path, NULL, &e) < 0 && strstr(e.msg, "no chat template"),
	    "GGUF: without a template: %s", e.msg);
}

int main(void)
{
	fixture_begin();
	test_names();
	test_sentencepiece();
	test_legacy();
	test_gguf();
	fixture_end();
	return t_done();
}
