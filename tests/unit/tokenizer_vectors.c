/* SPDX-License-Identifier: Apache-2.0 */
/* Published vocabularies against the ids llama.cpp's maintainers publish for 46 texts (shared
 * data/vectors; for Mistral and Gemma those of Hugging Face tokenizers), and properties that hold
 * for every text. */
#define _GNU_SOURCE /* memmem, mkdtemp */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "t.h"
#include "text/utf8.h"
#include "token/tokenizer.h"

static char dir[] = "/tmp/fc-tokenizer-XXXXXX";

/* name: of a file of the shared data, or of a packed NAME.tokenizer.json */
static struct fc_tokenizer *open_shared(const char *name)
{
	char command[2048], path[1024];
	struct fc_tokenizer *t = NULL;
	struct fc_err e;
	snprintf(path, sizeof path, "%s/data/tokenizers/%s", t_shared(), name);
	if (access(path, R_OK) != 0) {
		snprintf(command, sizeof command,
		    "xz -dc '%s.tokenizer.json.xz' >'%s/tokenizer.json'", path, dir);
		snprintf(path, sizeof path, "%s/tokenizer.json", dir);
		if (system(command) != 0) {
			t_skip("no xz, or no such vocabulary");
			return NULL;
		}
	}
	if (!T_OK(fc_tokenizer_open(&t, path, &e) == 0, "%s: opens", name))
		printf("# %s\n", e.msg);
	return t;
}

static bool same_ids(const struct fc_tokens *t, const char *line)
{
	char *end;
	for (size_t i = 0; i < t->n; i++, line = end) {
		unsigned long id = strtoul(line, &end, 10);
		if (end == line || id != t->v[i].id)
			return false;
	}
	return !line[strspn(line, " ")];
}

/* Spans that cover the text in order; and a byte-level vocabulary's bytes are the text. */
static bool covers(const struct fc_tokenizer *t, const struct fc_tokens *v, const char *p, size_t n,
    bool byte_level)
{
	struct fc_buf b = FC_BUF_INIT;
	uint32_t at = 0;
	bool good = true;
	for (size_t i = 0; i < v->n; i++) {
		size_t len;
		const char *bytes = fc_tokenizer_bytes(t, v->v[i].id, &len);
		fc_buf_add(&b, bytes, len);
		good = good && v->v[i].start == at && v->v[i].end >= at;
		at = v->v[i].end;
		if (byte_level)
			good = good && v->v[i].end - v->v[i].start == len;
	}
	good = good && at == n;
	if (byte_level)
		good = good && b.n == n && (!n || !memcmp(b.p, p, n));
	fc_buf_release(&b);
	return good;
}

static void test_texts(
    const struct fc_tokenizer *t, const char *name, const char *out, bool byte_level)
{
	static const char separator[] = "\n__ggml_vocab_test__\n";
	struct fc_buf in = FC_BUF_INIT, ids = FC_BUF_INIT;
	char path[1024];
	struct fc_err e;
	snprintf(path, sizeof path, "%s/data/vectors/ggml-vocab.inp", t_shared());
	int rc = fc_file_read(path, 1 << 20, &in, &e);
	if (strchr(out, '/'))
		snprintf(path, sizeof path, "%s", out);
	else
		snprintf(
		    path, sizeof path, "%s/data/vectors/ggml-vocab-%s.gguf.out", t_shared(), out);
	rc += fc_file_read(path, 1 << 20, &ids, &e);
	if (!T_OK(rc == 0, "%s: vectors are there", name))
		return;
	int n = 0, bad = 0, holes = 0;
	struct fc_tokens tokens = {0};
	char *p = in.p, *line = ids.p;
	for (char *end; (end = strstr(p, separator)) && *line;
	     p = end + sizeof separator - 1, n++) {
		char *eol = strchrnul(line, '\n');
		bool last = !*eol;
		*eol = 0;
		tokens.n = 0;
		rc = fc_tokenizer_encode(t, p, (size_t)(end - p), NULL, 0, &tokens, &e);
		bad += rc < 0 || !same_ids(&tokens, line);
		holes += !covers(t, &tokens, p, (size_t)(end - p), byte_level);
		line = last ? eol : eol + 1;
	}
	T_EQ(n, 46, "all texts");
	T_EQ(bad, 0, "texts with other ids");
	T_EQ(holes, 0, "texts with other spans or bytes");
	fc_tokens_release(&tokens);
	fc_buf_release(&in);
	fc_buf_release(&ids);
}

/* Any valid UTF-8, with runs of spaces and of special tokens' beginnings. */
static size_t random_text(struct fc_rng *r, char *p, size_t max)
{
	size_t n = 0;
	static const char *const parts[] = {"  ", "\n", "\r\n", "<|im_", "<|end", "|>", "'s", "'LL",
	    "12345", "hello", "World", " the", "\xc2\xa0", "\xe2\x96\x81", "\xcc\x81",
	    "\xe1\x84\x80\xe1\x85\xa1"};
	while (n + 16 < max) {
		uint64_t kind = fc_rng_below(r, 3);
		if (kind == 0) {
			const char *s = parts[fc_rng_below(r, FC_LEN(parts))];
			memcpy(p + n, s, strlen(s));
			n += strlen(s);
			continue;
		}
		uint32_t cp = (uint32_t)fc_rng_below(r, kind == 1 ? 0x250 : 0x110000);
		if (cp < 0xd800 || cp >= 0xe000)
			n += fc_utf8_put(p + n, cp);
	}
	return n;
}

static void test_random(const struct fc_tokenizer *t, bool byte_level)
{
	struct fc_rng r;
	struct fc_err e;
	struct fc_tokens tokens = {0};
	struct fc_buf back = FC_BUF_INIT;
	int bad = 0, holes = 0, other = 0;
	fc_rng_seed(&r, 7);
	for (int i = 0; i < 2000; i++) {
		char p[256];
		uint32_t id[256];
		size_t n = random_text(&r, p, 20 + fc_rng_below(&r, sizeof p - 20));
		tokens.n = 0;
		bad += fc_tokenizer_encode(t, p, n, NULL, 0, &tokens, &e) < 0;
		holes += !covers(t, &tokens, p, n, byte_level);
		for (size_t k = 0; k < tokens.n; k++)
			id[k] = tokens.v[k].id;
		fc_buf_clear(&back);
		fc_tokenizer_decode(t, id, tokens.n, false, &back);
		other += back.n != n || memcmp(back.p, p, n) != 0;
	}
	T_EQ(bad, 0, "random texts refused");
	T_EQ(holes, 0, "random texts with holes or other bytes");
	T_EQ(other, 0, "random texts that do not come back from decode");
	fc_buf_release(&back);
	fc_tokens_release(&tokens);
}

int main(void)
{
	static const struct {
		const char *name, *vectors;
		bool byte_level, exact; /* exact: decoding gives every text back */
	} of[] = {
	    {"gpt2", "gpt-2", true, true},
	    {"llama3", "llama-bpe", true, true},
	    {"qwen3", "qwen2", false, false}, /* NFC changes texts */
	    {"mistral-7b-v0.1", "tests/data/tokenizer/mistral-7b-v0.1.ids", false, false},
	    {"gemma3", "tests/data/tokenizer/gemma3.ids", false, false},
	    {"llama2.tokenizer.model", "llama-spm", false, false},
	    {"ggml-vocab-gpt-2.gguf", "gpt-2", true, true},
	    {"ggml-vocab-falcon.gguf", "falcon", false, false}, /* some bytes have no token */
	    {"ggml-vocab-phi-3.gguf", "phi-3", false, false},
	};
	if (!t_shared() || !mkdtemp(dir)) {
		t_skip("no shared inputs");
		return t_done();
	}
	for (size_t i = 0; i < FC_LEN(of); i++) {
		struct fc_tokenizer *t = open_shared(of[i].name);
		if (!t)
			continue;
		test_texts(t, of[i].name, of[i].vectors, of[i].byte_level);
		if (of[i].exact)
			test_random(t, of[i].byte_level);
		fc_tokenizer_free(t);
	}
	char path[256];
	snprintf(path, sizeof path, "%s/tokenizer.json", dir);
	unlink(path);
	rmdir(dir);
	return t_done();
}
