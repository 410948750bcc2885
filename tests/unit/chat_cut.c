/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels begin where generation begins: for every template, tokenizer and conversation, the tokens
 * before an answer are those of the prompt that asks for it, no token lies across its beginning,
 * and the tokens spell the same text under both cuts.
 */
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "chat/chat.h"
#include "token/tokmeta.h"
#include "t.h"

static char tmp[64] = "/tmp/fc-chatcut-XXXXXX";

static void run(const char *command)
{
	if (system(command))
		abort();
}

static void remove_tmp(void)
{
	char command[96];
	snprintf(command, sizeof command, "rm -rf '%s'", tmp);
	run(command);
}

static void write_file(const char *name, const char *text)
{
	char *path = fc_path_join(tmp, name);
	FILE *f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
	free(path);
}

struct turn {
	enum fc_role role;
	const char *text;
};
#define USER FC_ROLE_USER
#define ASSISTANT FC_ROLE_ASSISTANT
#define SYSTEM FC_ROLE_SYSTEM
static const struct turn talks[][6] = {
    {{USER, "Complete it."}, {ASSISTANT, "    return x\n"}},
    {{USER, "Hello"}, {ASSISTANT, "Hi there"}, {USER, "  Indent "}, {ASSISTANT, "\n\n\tx = 1\n"}},
    {{SYSTEM, "Be terse."}, {USER, "2+2?"}, {ASSISTANT, "4"}, {USER, "Sure?"}, {ASSISTANT, "  y"}},
    {{USER, "one\n"}, {ASSISTANT, "\n"}, {USER, "two"}, {ASSISTANT, " \xe6\x97\xa5\xe6\x9c\xac"}},
    {{USER, "combine e"}, {ASSISTANT, " \xcc\x81 12345"}, {USER, "<|im_end|> "},
	{ASSISTANT, "</s>"}},
};

static void make_talk(struct fc_conversation *c, const struct turn *t, size_t n)
{
	for (size_t i = 0; i < n && t[i].text; i++)
		fc_conversation_add(c, t[i].role, t[i].text, strlen(t[i].text));
}

static int encode(const struct fc_chat *chat, const struct fc_tokenizer *t,
    const struct fc_conversation *c, bool generate, enum fc_text_cut cut, struct fc_example *x)
{
	struct fc_rendered r = {.cut = cut};
	struct fc_err e;
	int ret = -1;
	uint32_t end = fc_tokenizer_eos(t);
	if (fc_chat_render(chat, c, generate, &r, &e) == 0) {
		ret = fc_rendered_encode(&r, t, end, x, &e);
		if (ret < 0)
			printf("# %s\n", e.msg);
	}
	fc_rendered_release(&r);
	return ret;
}

struct count {
	size_t n_talk, n_prompt, n_differ, n_bad;
};

static bool begins_answer(const struct fc_example *x, size_t at)
{
	for (size_t i = 0; i + 1 < x->n_seg; i++)
		if (x->seg[i].end == at)
			return FC_TOK_ROLE(x->seg[i + 1].flags) == FC_ROLE_ASSISTANT;
	return false;
}

/* The prompt of every answer in x, a conversation of c. */
static bool check_prompts(const struct fc_chat *chat, const struct fc_tokenizer *t,
    const struct fc_conversation *c, const struct fc_example *x, struct count *n)
{
	bool good = true;
	struct fc_example prompt;
	fc_example_init(&prompt);
	for (size_t i = 1; i < c->n_message; i++) {
		struct fc_conversation head = *c;
		head.n_message = i;
		if (c->message[i].role != FC_ROLE_ASSISTANT ||
		    encode(chat, t, &head, true, FC_CUT_PROMPT, &prompt) < 0)
			continue;
		const size_t bytes = prompt.text.n;
		if (bytes > x->text.n || memcmp(prompt.text.p, x->text.p, bytes) != 0)
			continue; /* what the model is asked is not what it learned from */
		if (!begins_answer(x, bytes) && c->message[i].content[0] == '\n')
			continue; /* the template left nothing of the answer */
		n->n_prompt++;
		good = good && prompt.n_tok < x->n_tok &&
		    !memcmp(prompt.tok, x->tok, prompt.n_tok * sizeof *x->tok) &&
		    fc_example_start(x, prompt.n_tok) <= bytes;
	}
	fc_example_release(&prompt);
	return good;
}

/* Where what is learned begins, a token begins. */
static bool check_labels(const struct fc_example *x)
{
	for (size_t i = 1; i < x->n_seg; i++) {
		size_t k = 0;
		if (!(x->seg[i].flags & FC_TOK_TRAINED) || (x->seg[i - 1].flags & FC_TOK_TRAINED))
			continue;
		while (k < x->n_tok && x->end[k] <= x->seg[i - 1].end)
			k++;
		if (k == x->n_tok || fc_example_start(x, k) != x->seg[i - 1].end ||
		    !fc_example_trained(x, k))
			return false;
	}
	return true;
}

static void try_talk(const struct fc_chat *chat, const struct fc_tokenizer *t,
    const struct turn *turn, struct count *n)
{
	struct fc_conversation c = {0};
	struct fc_example x, whole;
	struct fc_buf a = FC_BUF_INIT, b = FC_BUF_INIT;
	fc_example_init(&x);
	fc_example_init(&whole);
	make_talk(&c, turn, FC_LEN(talks[0]));
	if (encode(chat, t, &c, false, FC_CUT_PROMPT, &x) == 0 &&
	    encode(chat, t, &c, false, FC_CUT_WHOLE, &whole) == 0) {
		n->n_talk++;
		n->n_differ += x.n_tok != whole.n_tok ||
		    memcmp(x.tok, whole.tok, x.n_tok * sizeof *x.tok) != 0;
		fc_tokenizer_decode(t, x.tok, x.n_tok, false, &a);
		fc_tokenizer_decode(t, whole.tok, whole.n_tok, false, &b);
		const bool good = check_prompts(chat, t, &c, &x, n) && check_labels(&x) &&
		    a.n == b.n && !memcmp(a.p, b.p, a.n);
		if (!good)
			printf("# \"%s\": \"%.*s\" \"%.*s\"\n", x.text.p, (int)a.n, a.p, (int)b.n,
			    b.p);
		n->n_bad += !good;
	}
	fc_buf_release(&a);
	fc_buf_release(&b);
	fc_example_release(&x);
	fc_example_release(&whole);
	fc_conversation_release(&c);
}

static const char *const templates[] = {"openchat_3.5", "mistral", "llama-2", "llama-3", "gemma",
    "phi-3", "chatml", "zephyr", "vicuna", "solar",
    /* the prompt ends in a space */
    "{% for m in messages %}{{ m.role }}: {{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}",
    /* the model is to put the line feed */
    "{% for m in messages %}{{ m.role }}:\n{{ m.content }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}",
    "{% for m in messages %}{% if m.role == 'assistant' %}A:\n{% generation %}{{ m.content }}</s>"
    "{% endgeneration %}{% else %}U: {{ m.content }}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}A:\n{% endif %}",
    /* nothing at all asks for an answer */
    "{% for m in messages %}{{ m.content }}{% endfor %}"};

static void try_template(
    const char *dir, const char *template, const struct fc_tokenizer *t, struct count *n)
{
	struct fc_chat *chat;
	struct fc_err e;
	if (fc_chat_open(&chat, dir, template, &e) < 0) {
		printf("# %s\n", e.msg);
		n->n_bad++;
		return;
	}
	for (size_t i = 0; i < FC_LEN(talks); i++)
		try_talk(chat, t, talks[i], n);
	fc_chat_free(chat);
}

/* All templates under the tokenizer in dir. */
static void try_tokenizer(const char *name, const char *dir, const char *shared)
{
	struct fc_tokenizer *t = NULL;
	struct fc_err e = {""};
	struct count n = {0};
	char *file = fc_path_join(tmp, "t.jinja");
	if (!T_OK(fc_tokenizer_open(&t, dir, &e) == 0, "open %s %s", name, e.msg))
		return;
	for (size_t i = 0; i < FC_LEN(templates); i++) {
		const bool named = i < 10;
		if (!named)
			write_file("t.jinja", templates[i]);
		try_template(dir, named ? templates[i] : file, t, &n);
	}
	static const char *const published[] = {"Qwen-Qwen2.5-7B-Instruct",
	    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "google-gemma-2-2b-it",
	    "meta-llama-Llama-3.1-8B-Instruct", "microsoft-Phi-3.5-mini-instruct",
	    "mistralai-Mistral-Nemo-Instruct-2407", "meetkai-functionary-medium-v3.1"};
	for (size_t i = 0; shared && i < FC_LEN(published); i++) {
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b, "%s/data/templates/%s.jinja", shared, published[i]);
		try_template(dir, b.p, t, &n);
		fc_buf_release(&b);
	}
	T_OK(!n.n_bad && n.n_talk > 50 && n.n_prompt > 80,
	    "%s: %zu conversations, %zu prompts that they begin with; %zu have other tokens as one "
	    "text, %zu bad",
	    name, n.n_talk, n.n_prompt, n.n_differ, n.n_bad);
	fc_tokenizer_free(t);
	free(file);
}

/* With the added tokens, as newer models have them: chats are opened many times, and need not look
 * for these in tokenizer.json then. */
static void write_config(const char *dir, const char *bos, const char *eos)
{
	struct fc_err e;
	json_t *tokens, *v,
	    *config = json_pack(
		"{s:s, s:s, s:{}}", "bos_token", bos, "eos_token", eos, "added_tokens_decoder");
	size_t i;
	if (fc_tokmeta_json(dir, &tokens, &e) < 0)
		abort();
	json_array_foreach(json_object_get(tokens, "added_tokens"), i, v)
	{
		char id[24];
		snprintf(id, sizeof id, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(json_object_get(v, "id")));
		json_object_set(json_object_get(config, "added_tokens_decoder"), id, v);
	}
	char *path = fc_path_join(dir, "tokenizer_config.json");
	if (json_dump_file(config, path, 0) < 0)
		abort();
	free(path);
	json_decref(config);
	json_decref(tokens);
}

static void test_tokenizers(const char *shared)
{
	static const struct {
		const char *name, *file, *bos, *eos;
		bool shared;
	} all[] = {
	    {"bytes", "bytes.json", "<|begin|>", "<|end|>", false},
	    {"spm", "spm.json", "<s>", "</s>", false},
	    {"gpt2", "gpt2.tokenizer.json.xz", "<|endoftext|>", "<|endoftext|>", true},
	    {"llama3", "llama3.tokenizer.json.xz", "<|begin_of_text|>", "<|eot_id|>", true},
	    {"qwen3", "qwen3.tokenizer.json.xz", "", "<|im_end|>", true},
	    {"gemma3", "gemma3.tokenizer.json.xz", "<bos>", "<end_of_turn>", true},
	    {"mistral", "mistral-7b-v0.1.tokenizer.json.xz", "<s>", "</s>", true},
	};
	for (size_t i = 0; i < FC_LEN(all); i++) {
		const char *root = getenv("FC_ROOT");
		char command[512];
		if (all[i].shared && !shared) {
			t_skip("no published tokenizers");
			continue;
		}
		char *dir = fc_path_join(tmp, all[i].name);
		if (all[i].shared)
			snprintf(command, sizeof command,
			    "mkdir '%s' && xz -dc '%s/data/tokenizers/%s' >'%s/tokenizer.json'",
			    dir, shared, all[i].file, dir);
		else
			snprintf(command, sizeof command,
			    "mkdir '%s' && cp '%s/tests/data/tokenizer/%s' '%s/tokenizer.json'",
			    dir, root ? root : ".", all[i].file, dir);
		run(command);
		write_config(dir, all[i].bos, all[i].eos);
		try_tokenizer(all[i].name, dir, shared);
		free(dir);
	}
}

int main(void)
{
	if (!mkdtemp(tmp))
		return 1;
	atexit(remove_tmp);
	test_tokenizers(t_shared());
	return t_done();
}
