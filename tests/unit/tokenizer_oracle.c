/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 10,240 made texts by every published vocabulary of the shared data, against what another program
 * (tests/data/tokenizer/oracle.py says which) makes of them.  "tokenizer_oracle texts" prints the
 * texts for it, one JSON string a line.
 */
#define _GNU_SOURCE /* mkdtemp */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "t.h"
#include "text/json.h"
#include "text/utf8.h"
#include "token/tokenizer.h"

#define GROUPS 256
#define TEXTS 40 /* a group */

static char dir[] = "/tmp/fc-oracle-XXXXXX";

static void put_char(struct fc_buf *b, uint32_t cp)
{
	char c[4];
	if (cp >= 0xd800 && cp < 0xe000)
		cp += 0x800;
	fc_buf_add(b, c, fc_utf8_put(c, cp ? cp : 1));
}

static void put_parts(
    struct fc_buf *b, struct fc_rng *r, const char *const *part, size_t n_part, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fc_buf_adds(b, part[fc_rng_below(r, n_part)]);
}

/* Planes 0 to 3 and the tags of plane 14 in one walk over all texts. */
static void put_block(struct fc_buf *b, struct fc_rng *r, uint32_t i)
{
	uint32_t n = 168, from = i * n;
	for (uint32_t k = 0; k < n; k++) {
		uint32_t cp = from + k;
		put_char(b, cp < 0x32400 ? cp : 0xe0000 + (cp - 0x32400));
		if (!fc_rng_below(r, 6))
			fc_buf_addc(b, " a1.\n"[fc_rng_below(r, 5)]);
	}
}

static void put_any(struct fc_buf *b, struct fc_rng *r)
{
	static const uint32_t end[] = {0x80, 0x250, 0x3000, 0x10000, 0x32400, 0x110000};
	for (uint64_t k = fc_rng_below(r, 80); k; k--)
		put_char(b, (uint32_t)fc_rng_below(r, end[fc_rng_below(r, FC_LEN(end))]));
}

static void put_bytes(struct fc_buf *b, struct fc_rng *r)
{
	char p[96];
	size_t n = fc_rng_below(r, sizeof p), i = 0;
	for (size_t k = 0; k < n; k++)
		p[k] = (char)(1 + fc_rng_below(r, 255));
	while (i < n) {
		size_t len = fc_utf8_valid(p + i, n - i);
		if (len)
			fc_buf_add(b, p + i, len);
		else
			fc_buf_adds(b, "\xef\xbf\xbd");
		i += len ? len : 1;
	}
}

static void put_code(struct fc_buf *b, struct fc_rng *r)
{
	static const char *const part[] = {"for (int i = 0; i < n; i++) {\n", "\t", "\t\t", "    ",
	    "return x->y[i] * 0x1F;\n", "}\n", "// TODO: don't\n", "def f(self, *args):\n",
	    "if __name__ == '__main__':", "\r\n", "#include <stdio.h>", "printf(\"%d\\n\", a);",
	    "SELECT * FROM t WHERE id=17;", "<div class=\"x\">", "</div>", "&amp;", "camelCaseName",
	    "snake_case_name", "CONST_100", "https://a.b/c?d=e&f#g", "{\"k\": [1, 2.5e-3, null]}",
	    "x+=1;", "!==", "=>", "::", "...", "\\u00e9", "$HOME/.bashrc", "\n\n", "        "};
	put_parts(b, r, part, FC_LEN(part), fc_rng_below(r, 14));
}

static void put_space(struct fc_buf *b, struct fc_rng *r)
{
	static const char *const part[] = {" ", "  ", "    ", "\t", "\n", "\n\n", "\r\n", "\r",
	    "\v", "\f", "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x83", "\xe2\x80\x8b",
	    "\xe2\x80\xa8", "\xe3\x80\x80", "\xef\xbb\xbf", "\xe1\xa0\x8e", "a", "B", "1", ".",
	    "'s", "\xe2\x96\x81", "\xe2\x96\x81\xe2\x96\x81", "\xc3\xa9", "                "};
	put_parts(b, r, part, FC_LEN(part), fc_rng_below(r, 30));
}

static void put_special(struct fc_buf *b, struct fc_rng *r)
{
	static const char *const part[] = {"<s>", "</s>", "<unk>", "<pad>", "<bos>", "<eos>", "<|",
	    "|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|end|>", "<|user|>",
	    "<|assistant|>", "<|system|>", "<|eot_id|>", "<|begin_of_text|>", "<|start_header_id|>",
	    "<|end_header_id|>", "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]", "<0x41>",
	    "<0x0A>", "<think>", "</think>", "<tool_call>", ">>TITLE<<", ">>ANSWER<<",
	    "<|placeholder1|>", "<unused7>", "im_start", "<", ">", "user", " ", "  ", "\n", "x",
	    "<s", "/s>", "<|end", "of_turn>", "<|reserved_special_token_5|>", "<mask>",
	    "[multimodal]", "<h1>", "</table>", "\n\n\n", "<|fim_prefix|>"};
	put_parts(b, r, part, FC_LEN(part), fc_rng_below(r, 16));
}

static void put_words(struct fc_buf *b, struct fc_rng *r)
{
	static const char *const part[] = {" the", " quick", "Hello", " World", "'s", "'T", "'ll",
	    "'VE", " don't", " can\xe2\x80\x99t", "1", "12", "123", "12345678", " 3.14159", ", ",
	    ". ", "? ", "!", " na\xc3\xafve", " stra\303\237e",
	    " \xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", "\xe4\xbd\xa0\xe5\xa5\xbd",
	    "\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab", " \xec\x95\x88\xeb\x85\x95",
	    " \xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7", " antidisestablishmentarianism", " (a)",
	    " [b]", " \"c\"", " -", "--", " \xe2\x80\x94 ", "\xe2\x80\xa6", " $5", "50%",
	    "\xe2\x82\xac", " 2024-07-26", " IT", "'S", "\xc5\xbf", "\xe2\x84\xaa",
	    "aaaaaaaaaaaaaaa"};
	put_parts(b, r, part, FC_LEN(part), fc_rng_below(r, 30));
}

static void put_marks(struct fc_buf *b, struct fc_rng *r)
{
	static const char *const part[] = {"e\xcc\x81", "\xc3\xa9", "a\xcc\x88\xcc\x81",
	    "q\xcc\xa3\xcc\x87", "q\xcc\x87\xcc\xa3", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8",
	    "\xea\xb0\x81", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", "\xf0\x9f\x87\xa9",
	    "\xf0\x9f\x87\xaa", "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", "\xe2\x9d\xa4\xef\xb8\x8f",
	    "\xef\xac\x81", "\xe2\x84\xab", "\xc3\x85", "\xef\xbc\xa1\xef\xbc\x91", "\xc2\xbd",
	    "\xe2\x85\xa7", "\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7", "\xe0\xb9\x80\xe0\xb8\x81",
	    "\xe0\xb8\xb3", "\xd7\xa9\xd6\xb8\xd7\x81", "\xd8\xb4\xd9\x91\xd9\x8e", "\xe2\x80\x8f",
	    "\xcd\x8f", "\xe1\x9e\x80\xe1\x9f\x92\xe1\x9e\x80", " ", "1",
	    "\xe0\xbd\x80\xe0\xbe\xb5", "\xcc\x81", "\xef\xb8\x8f", "\xf0\x9d\x92\xb3"};
	put_parts(b, r, part, FC_LEN(part), fc_rng_below(r, 24));
}

static void make_text(struct fc_buf *b, uint32_t i)
{
	struct fc_rng r;
	fc_rng_seed(&r, 1000 + i);
	fc_buf_clear(b);
	switch (i % 8) {
	case 0:
		put_block(b, &r, i / 8);
		break;
	case 1:
		put_any(b, &r);
		break;
	case 2:
		put_bytes(b, &r);
		break;
	case 3:
		put_code(b, &r);
		break;
	case 4:
		put_space(b, &r);
		break;
	case 5:
		put_special(b, &r);
		break;
	case 6:
		put_words(b, &r);
		break;
	default:
		put_marks(b, &r);
		break;
	}
}

static int print_texts(void)
{
	struct fc_buf b = FC_BUF_INIT, line = FC_BUF_INIT;
	for (uint32_t i = 0; i < GROUPS * TEXTS; i++) {
		make_text(&b, i);
		fc_buf_clear(&line);
		fc_json_quote(&line, b.p ? b.p : "", b.n);
		puts(line.p);
	}
	fc_buf_release(&b);
	fc_buf_release(&line);
	return fflush(stdout) != 0;
}

/* The file of the shared data, unpacked where it is packed.  NULL: skipped. */
static struct fc_tokenizer *open_shared(const char *file)
{
	char command[2048], path[1024];
	struct fc_tokenizer *t = NULL;
	struct fc_err e;
	snprintf(path, sizeof path, "%s/data/tokenizers/%s", t_shared(), file);
	if (access(path, R_OK) != 0) {
		snprintf(command, sizeof command, "xz -dc '%s.xz' >'%s/tokenizer.json'", path, dir);
		snprintf(path, sizeof path, "%s/tokenizer.json", dir);
		if (system(command) != 0) {
			t_skip("no xz, or no such vocabulary");
			return NULL;
		}
	}
	if (!T_OK(fc_tokenizer_open(&t, path, &e) == 0, "%s: opens", file))
		printf("# %s\n", e.msg);
	return t;
}

static uint64_t add_to_sum(uint64_t h, uint32_t id)
{
	return (h + id + 1) * UINT64_C(0x9e3779b97f4a7c15) + 7;
}

/* Spans never fall, and stay inside. */
static bool spans_rise(const struct fc_tokens *t, size_t n)
{
	uint32_t start = 0, end = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i].start < start || t->v[i].end < end || t->v[i].end < t->v[i].start)
			return false;
		start = t->v[i].start;
		end = t->v[i].end;
	}
	return end <= n;
}

static void test_tokenizer(const struct fc_tokenizer *t, const char *name)
{
	char path[256];
	struct fc_buf sums = FC_BUF_INIT, text = FC_BUF_INIT;
	struct fc_tokens tokens = {0};
	struct fc_err e;
	int other = 0, falling = 0;
	snprintf(path, sizeof path, "tests/data/tokenizer/%s.sums", name);
	if (!T_OK(fc_file_read(path, 1 << 20, &sums, &e) == 0, "%s: has expected results", name))
		return;
	char *p = sums.p, *end;
	for (uint32_t g = 0; g < GROUPS; g++, p = end) {
		uint64_t sum = 0;
		for (uint32_t i = 0; i < TEXTS; i++) {
			make_text(&text, g * TEXTS + i);
			tokens.n = 0;
			if (fc_tokenizer_encode(t, text.p, text.n, NULL, 0, &tokens, &e) < 0)
				printf("# text %u: %s\n", g * TEXTS + i, e.msg);
			for (size_t k = 0; k < tokens.n; k++)
				sum = add_to_sum(sum, tokens.v[k].id);
			sum = add_to_sum(sum, FC_NO_TOKEN);
			falling += !spans_rise(&tokens, text.n);
		}
		if (strtoull(p, &end, 16) != sum) {
			printf("# texts %u to %u have other ids\n", g * TEXTS, (g + 1) * TEXTS - 1);
			other++;
		}
	}
	T_EQ(other, 0, "groups of texts with other ids");
	T_EQ(falling, 0, "texts with spans that fall");
	fc_tokens_release(&tokens);
	fc_buf_release(&sums);
	fc_buf_release(&text);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *file, *name;
	} of[] = {
	    {"gpt2.tokenizer.json", "gpt2"},
	    {"llama3.tokenizer.json", "llama3"},
	    {"qwen3.tokenizer.json", "qwen3"},
	    {"mistral-7b-v0.1.tokenizer.json", "mistral"},
	    {"gemma3.tokenizer.json", "gemma3"},
	    {"llama2.tokenizer.model", "llama2"},
	    {"ggml-vocab-gpt-2.gguf", "gguf-gpt2"},
	    {"ggml-vocab-falcon.gguf", "gguf-falcon"},
	    {"ggml-vocab-phi-3.gguf", "gguf-phi3"},
	};
	if (argc == 2 && !strcmp(argv[1], "texts"))
		return print_texts();
	if (!t_shared() || !mkdtemp(dir)) {
		t_skip("no shared inputs");
		return t_done();
	}
	for (size_t i = 0; i < FC_LEN(of); i++) {
		struct fc_tokenizer *t = open_shared(of[i].file);
		if (t)
			test_tokenizer(t, of[i].name);
		fc_tokenizer_free(t);
	}
	char path[256];
	snprintf(path, sizeof path, "%s/tokenizer.json", dir);
	unlink(path);
	rmdir(dir);
	return t_done();
}
