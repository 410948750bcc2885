/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text with cuts, under every kind of tokenizer.  What is before a cut has the tokens that it has
 * as a text of its own, and none lies across; where none did anyway the cut changes nothing: so
 * nothing is put before what goes on.  The second follows from how the models work: merges that do
 * not meet, and halves of a best path, do not know of each other.
 */
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "t.h"
#include "text/json.h"
#include "token/tokenizer.h"

static const char *const texts[] = {
    "### Assistant:\n    return x\n",
    "Assistant: Hello, how are you?",
    "[/INST]  two blanks\n\n\n\ttab   and   runs ",
    "\n\n\n   \n  x",
    "12345678 90 3.14159",
    "d\xc3\xa9j\xc3\xa0 vu \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e \xf0\x9f\x98\x80\xf0\x9f\x98\x80",
    "e\xcc\x81 a\xcc\x8a combining",
    "def f(a):\n        if a == 0:\n            return 'none'",
    "don't you'll we've",
    " leading",
    "",
};

struct subject {
	const char *file; /* below tests/data/tokenizer, or "shared" */
	bool shared;
	/* Where the second rule does not hold: the place in a word counts, or a whole word may be a
	 * token that no merge makes; white space at the end of a text is dropped, or cut
	 * otherwise than before a word. */
	enum { ALL, WORDS, ENDS } but;
};

static char tmp[64] = "/tmp/fc-tokcut-XXXXXX";

static void remove_tmp(void)
{
	char command[96];
	snprintf(command, sizeof command, "rm -rf '%s'", tmp);
	if (system(command))
		puts("# the temporary folder stays");
}

static char *path_of(const struct subject *s, const char *shared)
{
	const char *root = getenv("FC_ROOT");
	struct fc_buf b = FC_BUF_INIT;
	char command[512];
	size_t n = strlen(s->file);
	if (!s->shared) {
		fc_buf_addf(&b, "%s/tests/data/tokenizer/%s", root ? root : ".", s->file);
	} else if (n > 3 && !strcmp(s->file + n - 3, ".xz")) {
		fc_buf_addf(&b, "%s/%.*s", tmp, (int)n - 3, s->file);
		snprintf(command, sizeof command, "xz -dc '%s/data/tokenizers/%s' >'%s'", shared,
		    s->file, b.p);
		if (system(command))
			abort();
	} else {
		fc_buf_addf(&b, "%s/data/tokenizers/%s", shared, s->file);
	}
	return fc_buf_detach(&b);
}

static bool same(const struct fc_token *a, const struct fc_token *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].id != b[i].id || a[i].start != b[i].start || a[i].end != b[i].end)
			return false;
	return true;
}

static void show(const struct fc_tokenizer *t, const char *what, const struct fc_tokens *tokens)
{
	printf("# %s:", what);
	for (size_t i = 0; i < tokens->n; i++) {
		const char *piece = fc_tokenizer_piece(t, tokens->v[i].id);
		printf(" %u:[", tokens->v[i].id);
		for (const char *p = piece ? piece : "?"; *p; p++)
			printf(*p == '\n' ? "\\n" : "%c", *p);
		printf("]");
	}
	puts("");
}

/* Does a token end at byte at, and none lie across? */
static bool is_border(const struct fc_tokens *whole, size_t at)
{
	bool begins = at == 0;
	for (size_t i = 0; i < whole->n; i++) {
		if (whole->v[i].start < at && whole->v[i].end > at)
			return false;
		begins = begins || whole->v[i].end == at;
	}
	return begins;
}

/* Are the texts of the first n tokens and of those that go on with them that of all? */
static bool spells_on(const struct fc_tokenizer *t, const struct fc_tokens *tokens, size_t n)
{
	struct fc_buf whole = FC_BUF_INIT, parts = FC_BUF_INIT;
	uint32_t *id = FC_ARRAY(uint32_t, tokens->n);
	for (size_t i = 0; i < tokens->n; i++)
		id[i] = tokens->v[i].id;
	fc_tokenizer_decode(t, id, tokens->n, false, &whole);
	fc_tokenizer_decode(t, id, n, false, &parts);
	if (n)
		fc_tokenizer_decode_on(t, id + n, tokens->n - n, false, &parts);
	else
		fc_tokenizer_decode(t, id, tokens->n, false, &parts);
	const bool same = whole.n == parts.n && (!whole.n || !memcmp(whole.p, parts.p, whole.n));
	fc_buf_release(&whole);
	fc_buf_release(&parts);
	free(id);
	return same;
}

static void try_cut(const struct fc_tokenizer *t, const struct subject *s, const char *text,
    uint32_t at, size_t *bad, size_t *n_border)
{
	struct fc_tokens cut = {0}, head = {0}, whole = {0};
	struct fc_err e = {""};
	const size_t n = strlen(text);
	bool good = fc_tokenizer_encode_cut(t, text, n, NULL, 0, &at, 1, &cut, &e) == 0 &&
	    fc_tokenizer_encode(t, text, at, NULL, 0, &head, &e) == 0 &&
	    fc_tokenizer_encode(t, text, n, NULL, 0, &whole, &e) == 0 && cut.n >= head.n &&
	    same(cut.v, head.v, head.n);
	good = good && (s->but == WORDS || spells_on(t, &cut, head.n));
	for (size_t i = head.n; good && i < cut.n; i++)
		good = cut.v[i].start >= at;
	const bool behind_space = at && strchr(" \n\t", text[at - 1]);
	if (good && s->but != WORDS && !(s->but == ENDS && behind_space) && is_border(&whole, at)) {
		++*n_border;
		good = cut.n == whole.n && same(cut.v, whole.v, whole.n);
	}
	if (!good) {
		printf("# %s, byte %u of \"%s\" %s\n", s->file, at, text, e.msg);
		show(t, "cut", &cut);
		show(t, "head", &head);
		show(t, "whole", &whole);
		++*bad;
	}
	fc_tokens_release(&cut);
	fc_tokens_release(&head);
	fc_tokens_release(&whole);
}

static void test_everywhere(const struct subject *s, const char *shared)
{
	struct fc_tokenizer *t = NULL;
	struct fc_err e = {""};
	size_t bad = 0, n = 0, n_border = 0;
	if (s->shared && !shared) {
		t_skip("no published tokenizers");
		return;
	}
	char *path = path_of(s, shared);
	if (!T_OK(fc_tokenizer_open(&t, path, &e) == 0, "open %s %s", s->file, e.msg)) {
		free(path);
		return;
	}
	for (size_t i = 0; i < FC_LEN(texts); i++)
		for (size_t at = 0; at <= strlen(texts[i]); at++)
			if (((unsigned char)texts[i][at] & 0xc0) != 0x80) {
				n++;
				try_cut(t, s, texts[i], (uint32_t)at, &bad, &n_border);
			}
	T_OK(!bad && (s->but == WORDS || n_border > 20),
	    "%s: %zu cuts, %zu of them where no token lies across", s->file, n, n_border);
	fc_tokenizer_free(t);
	free(path);
}

/* Pieces, each followed by "|".  free() it. */
static char *pieces(const struct fc_tokenizer *t, const char *text, const uint32_t *cut, size_t n)
{
	struct fc_tokens tokens = {0};
	struct fc_buf b = FC_BUF_INIT;
	struct fc_err e;
	if (fc_tokenizer_encode_cut(t, text, strlen(text), NULL, 0, cut, n, &tokens, &e) < 0)
		fc_buf_addf(&b, "!%s", e.msg);
	for (size_t i = 0; i < tokens.n; i++)
		fc_buf_addf(&b, "%s|", fc_tokenizer_piece(t, tokens.v[i].id));
	fc_tokens_release(&tokens);
	fc_buf_addc(&b, 0);
	return fc_buf_detach(&b);
}

/* Behind an added token the makers' encoder begins a text anew, with its space, cut or not; white
 * space that one takes along is only the prompt's. */
static void test_added(const char *shared)
{
	const struct subject phi = {"ggml-vocab-phi-3.gguf", true, ALL},
			     llama = {"llama2.tokenizer.model", true, ALL};
	struct fc_tokenizer *t = NULL;
	struct fc_err e = {""};
	if (!shared) {
		t_skip("no published tokenizers");
		return;
	}
	char *path = path_of(&phi, shared);
	if (T_OK(fc_tokenizer_open(&t, path, &e) == 0, "open phi-3 %s", e.msg)) {
		const uint32_t cut = 14; /* behind the line feed, which the token takes along */
		char *got = pieces(t, "<|assistant|>\n\n  Hello", &cut, 1);
		T_OK(!strncmp(got, "<|assistant|>|", 14) && strstr(got, "<0x0A>|"),
		    "a token that takes white space along leaves the answer's: %s", got);
		free(got);
		got = pieces(t, "<|assistant|>\nHello", &cut, 1);
		T_STR(got, "<|assistant|>|\xe2\x96\x81Hello|", "behind it a text begins anew");
		free(got);
		T_OK(fc_tokenizer_spaces_behind(t, fc_tokenizer_find(t, "<|assistant|>")) &&
			!fc_tokenizer_spaces_behind(t, fc_tokenizer_find(t, "\xe2\x96\x81Hello")),
		    "a space is put behind an added token, and no other");
	}
	fc_tokenizer_free(t);
	free(path);
	path = path_of(&llama, shared);
	if (T_OK(fc_tokenizer_open(&t, path, &e) == 0, "open llama2 %s", e.msg)) {
		const uint32_t cuts[] = {0, 5, 6, 6};
		char *got = pieces(t, "Hello Hello", cuts + 1, 1);
		T_STR(got, "\xe2\x96\x81Hello|\xe2\x96\x81Hello|", "a space of the text");
		free(got);
		got = pieces(t, "Hello Hello", cuts, 4);
		T_STR(
		    got, "\xe2\x96\x81Hello|\xe2\x96\x81|Hello|", "no space but the first is made");
		free(got);
	}
	fc_tokenizer_free(t);
	free(path);
}

/* Prompts and answers by Hugging Face's library, each by itself: tests/data/tokenizer/README.md. */
static void test_oracle(const char *name, const char *shared)
{
	const struct subject cases = {"cut.jsonl", false, ALL};
	char file[96], line[4096];
	struct fc_tokenizer *t = NULL;
	struct fc_err e = {""};
	size_t n = 0, bad = 0;
	if (!shared) {
		t_skip("no published tokenizers");
		return;
	}
	snprintf(file, sizeof file, "%s.tokenizer.json.xz", name);
	const struct subject s = {file, true, ALL};
	char *path = path_of(&s, shared), *lines = path_of(&cases, shared);
	FILE *f = fopen(lines, "r");
	if (!T_OK(f && fc_tokenizer_open(&t, path, &e) == 0, "open %s %s", name, e.msg))
		return;
	while (fgets(line, sizeof line, f)) {
		struct fc_buf text = FC_BUF_INIT;
		struct fc_tokens tokens = {0};
		json_t *c = fc_json_text(line, strlen(line), "cut.jsonl", &e);
		const json_t *ids = json_object_get(c, "ids");
		if (!strcmp(json_string_value(json_object_get(c, "tokenizer")), name)) {
			fc_buf_adds(&text, json_string_value(json_object_get(c, "prompt")));
			const uint32_t cut = (uint32_t)text.n;
			fc_buf_adds(&text, json_string_value(json_object_get(c, "answer")));
			bool good = fc_tokenizer_encode_cut(
					t, text.p, text.n, NULL, 0, &cut, 1, &tokens, &e) == 0 &&
			    tokens.n == json_array_size(ids);
			for (size_t i = 0; good && i < tokens.n; i++)
				good = tokens.v[i].id ==
				    (uint32_t)json_integer_value(json_array_get(ids, i));
			if (!good)
				show(t, line, &tokens);
			bad += !good;
			n++;
		}
		json_decref(c);
		fc_buf_release(&text);
		fc_tokens_release(&tokens);
	}
	T_OK(n == 81 && !bad, "%s: %zu prompts with answers as by tokenizers, %zu bad", name, n,
	    bad);
	fclose(f);
	fc_tokenizer_free(t);
	free(path);
	free(lines);
}

int main(void)
{
	static const struct subject all[] = {
	    {"bytes.json", false, WORDS},
	    {"metaspace.json", false, ALL},
	    {"spm.json", false, ALL},
	    {"suffix.json", false, WORDS},
	    {"unigram.json", false, ENDS},
	    {"unigram-bytes.json", false, ALL},
	    {"wordpiece.json", false, WORDS},
	    {"sp-bpe.model", false, ALL},
	    {"sp-unigram.model", false, ENDS},
	    {"sp-unused.model", false, WORDS},
	    {"gemma3.tokenizer.json.xz", true, ALL},
	    {"gpt2.tokenizer.json.xz", true, ALL},
	    {"llama3.tokenizer.json.xz", true, ALL},
	    {"mistral-7b-v0.1.tokenizer.json.xz", true, ALL},
	    {"qwen3.tokenizer.json.xz", true, ALL},
	    {"llama2.tokenizer.model", true, ALL},
	    {"ggml-vocab-falcon.gguf", true, ENDS},
	    {"ggml-vocab-gpt-2.gguf", true, ALL},
	    {"ggml-vocab-phi-3.gguf", true, ALL},
	};
	const char *shared = t_shared();
	if (!mkdtemp(tmp))
		return 1;
	atexit(remove_tmp);
	for (size_t i = 0; i < FC_LEN(all); i++)
		test_everywhere(&all[i], shared);
	test_added(shared);
	static const char *const names[] = {"gpt2", "llama3", "qwen3", "gemma3", "mistral-7b-v0.1"};
	for (size_t i = 0; i < FC_LEN(names); i++)
		test_oracle(names[i], shared);
	return t_done();
}
