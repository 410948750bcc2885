/* SPDX-License-Identifier: Apache-2.0 */
/* tok512.bin, converted to tokenizer.json by tests/stories260k.py, cuts texts as llama2.c does with
 * the file itself: characters, then always the neighbours whose union scores highest. */
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "t.h"
#include "token/tokenizer.h"

enum { V = 512, MAX = 400 };

struct pieces {
	char text[V][64];
	float score[V];
};

static struct fc_err err;

static bool read_pieces(struct pieces *p, const char *path)
{
	struct fc_buf b = FC_BUF_INIT;
	bool good = fc_file_read(path, 1 << 20, &b, &err) == 0;
	size_t at = 4;
	for (int i = 0; good && i < V; i++) {
		int32_t n = 0;
		if (at + 8 <= b.n) {
			memcpy(&p->score[i], b.p + at, 4);
			memcpy(&n, b.p + at + 4, 4);
		}
		good = n > 0 && n < 64 && at + 8 + (size_t)n <= b.n;
		if (good)
			memcpy(p->text[i], b.p + at + 8, (size_t)n);
		at += 8 + (size_t)n;
	}
	fc_buf_release(&b);
	return good;
}

static int find(const struct pieces *p, const char *text)
{
	for (int i = 0; i < V; i++)
		if (!strcmp(p->text[i], text))
			return i;
	return -1;
}

static int merged(const struct pieces *p, int a, int b)
{
	char both[128];
	snprintf(both, sizeof both, "%s%s", p->text[a], p->text[b]);
	return find(p, both);
}

/* llama2.c's encode(), without BOS */
static size_t encode(const struct pieces *p, const char *text, int *id)
{
	size_t n = 0;
	id[n++] = find(p, " ");
	while (*text) {
		char c[8] = {*text++};
		for (int i = 1; (*text & 0xc0) == 0x80 && i < 4; i++)
			c[i] = *text++;
		const int whole = find(p, c);
		if (whole >= 0)
			id[n++] = whole;
		for (int i = 0; whole < 0 && c[i]; i++)
			id[n++] = (unsigned char)c[i] + 3;
	}
	for (;;) {
		size_t at = n;
		for (size_t i = 0; i + 1 < n; i++) {
			const int id_i = merged(p, id[i], id[i + 1]);
			if (id_i >= 0 &&
			    (at == n || p->score[id_i] > p->score[merged(p, id[at], id[at + 1])]))
				at = i;
		}
		if (at == n)
			return n;
		id[at] = merged(p, id[at], id[at + 1]);
		memmove(id + at + 1, id + at + 2, (n - at - 2) * sizeof *id);
		n--;
	}
}

static void test_text(
    const struct pieces *p, const struct fc_tokenizer *t, const char *name, const char *text)
{
	int want[MAX];
	const size_t n = encode(p, text, want);
	struct fc_tokens got = {0};
	struct fc_buf back = FC_BUF_INIT;
	bool same =
	    fc_tokenizer_encode(t, text, strlen(text), NULL, 0, &got, &err) == 0 && got.n == n;
	uint32_t id[MAX];
	for (size_t i = 0; same && i < n; i++) {
		same = got.v[i].id == (uint32_t)want[i];
		id[i] = got.v[i].id;
	}
	T_OK(same, "%s: %zu tokens (got %zu)", name, n, got.n);
	if (same)
		fc_tokenizer_decode(t, id, n, true, &back);
	fc_buf_addc(&back, 0);
	T_OK(!strcmp(back.p, text), "%s: and back", name);
	fc_buf_release(&back);
	fc_tokens_release(&got);
}

int main(void)
{
	static const struct {
		const char *name, *text;
	} texts[] = {{"story", "Once upon a time, there was a little girl named Lily."},
	    {"word", "Hello"}, {"letter", "a"}, {"spaces", "x  y   z"},
	    {"line breaks", "She said, \"No!\"\nThen\tshe ran."},
	    {"bytes", "caf\303\251 \342\202\254 1234567890"}, {"only bytes", "\360\237\230\200"}};
	static struct pieces p;
	char dir[] = "/tmp/fc-stories-XXXXXX", command[2048], path[1024];
	const char *shared = t_shared();
	struct fc_tokenizer *t = NULL;
	if (!shared) {
		t_skip("no shared inputs");
		return t_done();
	}
	snprintf(path, sizeof path, "%s/data/weights/tok512.bin", shared);
	T_OK(mkdtemp(dir) && read_pieces(&p, path), "llama2.c's file %s", err.msg);
	snprintf(command, sizeof command,
	    "python3 tests/stories260k.py '%s/data/weights/stories260K.bin' '%s' %s", shared, path,
	    dir);
	if (T_OK(system(command) == 0 && fc_tokenizer_open(&t, dir, &err) == 0,
		"converted and opened %s", err.msg)) {
		T_OK(fc_tokenizer_bos(t) == 1 && fc_tokenizer_adds_bos(t), "BOS comes first");
		for (size_t i = 0; i < FC_LEN(texts); i++)
			test_text(&p, t, texts[i].name, texts[i].text);
	}
	fc_tokenizer_free(t);
	snprintf(command, sizeof command, "rm -r %s", dir);
	return system(command) == 0 ? t_done() : 1;
}
