/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/suggest.h"
#include "t.h"

static void test_buf(void)
{
	struct fc_buf b = FC_BUF_INIT;
	for (int i = 0; i < 1000; i++)
		fc_buf_addf(&b, "%d,", i);
	T_EQ(b.n, 10 * 2 + 90 * 3 + 900 * 4, "buf: length after many appends");
	T_OK(!strncmp(b.p + b.n - 8, "998,999,", 8), "buf: contents");
	fc_buf_release(&b);
	fc_buf_adds(&b, "abc");
	char *s = fc_buf_detach(&b);
	T_STR(s, "abc", "buf: detaching gives the whole string");
	free(s);
	s = fc_buf_detach(&b);
	T_STR(s, "", "buf: detaching an empty buffer gives a string");
	free(s);
	fc_buf_adds(&b, "text");
	s = fc_buf_detach(&b);
	T_STR(s, "text", "buf: detaching gives the whole string");
	free(s);
}

static void test_size_mul(void)
{
	size_t n;
	T_OK(fc_size_mul(1u << 20, 1u << 20, &n) && n == (size_t)1 << 40, "size_mul: fits");
	T_OK(!fc_size_mul((size_t)1 << 40, (size_t)1 << 40, &n), "size_mul: overflow is seen");
}

static void test_names(void)
{
	T_OK(fc_ends_with("a.gguf", ".gguf") && fc_ends_with(".gguf", ".gguf") &&
		fc_ends_with("", ""),
	    "ends_with: the end, all of it, nothing");
	T_OK(!fc_ends_with("a.gguf.json", ".gguf") && !fc_ends_with("guf", ".gguf") &&
		!fc_ends_with("a.GGUF", ".gguf"),
	    "ends_with: elsewhere, shorter, other letters");
	T_STR(fc_path_last("run/a.jsonl"), "a.jsonl", "path: what follows the last slash");
	T_STR(fc_path_last("a"), "a", "path: without a slash");
	T_STR(fc_path_last("run/"), "", "path: a slash at the end");
	static const char *const last[][2] = {
	    {"a/b/", "b"}, {"a/b", "b"}, {"b///", "b"}, {"/", ""}, {"", ""}, {"/b", "b"}};
	for (size_t i = 0; i < FC_LEN(last); i++) {
		char *s = fc_path_name(last[i][0]);
		T_STR(s, last[i][1], "path: its name");
		free(s);
	}
	static const char *const stem[][2] = {
	    {"run/a.jsonl", "a"}, {"a.json", "a.json"}, {"x/.jsonl", ".jsonl"}};
	for (size_t i = 0; i < FC_LEN(stem); i++) {
		char *s = fc_path_stem(stem[i][0], ".jsonl");
		T_STR(s, stem[i][1], "path: its stem");
		free(s);
	}
}

static void test_rng(void)
{
	/* xoshiro256** from the state {1, 2, 3, 4}: first outputs of the authors' C program */
	struct fc_rng r = {{1, 2, 3, 4}};
	static const uint64_t expect[] = {11520, 0, 1509978240, 1215971899390074240};
	for (size_t i = 0; i < FC_LEN(expect); i++)
		T_EQ(fc_rng_u64(&r), expect[i], "rng: published sequence");
	fc_rng_seed(&r, 1);
	double sum = 0, sum2 = 0;
	for (int i = 0; i < 100000; i++) {
		double x = fc_rng_normal(&r);
		sum += x;
		sum2 += x * x;
	}
	T_NEAR(sum / 1e5, 0, 0.02, "rng: mean of normals");
	T_NEAR(sum2 / 1e5, 1, 0.02, "rng: variance of normals");
	int counts[6] = {0};
	for (int i = 0; i < 60000; i++)
		counts[fc_rng_below(&r, 6)]++;
	bool even = true;
	for (int i = 0; i < 6; i++)
		even = even && counts[i] > 9500 && counts[i] < 10500;
	T_OK(even, "rng: below() is uniform");
}

static void test_escape(void)
{
	static const struct {
		const char *in, *out, *what;
	} c[] = {
	    {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82 a\\n",
		"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82 a\\n",
		"what can be shown stays, backslashes too"},
	    {"a\x1b]0;pwned\x07\x1b[2J", "a\\x1b]0;pwned\\x07\\x1b[2J", "a terminal's commands"},
	    {"a\nb\tc\rd\x7f", "a\\nb\\tc\\x0dd\\x7f", "line breaks, tabs, DEL"},
	    {"\xc2\x9b"
	     "31m",
		"\\xc2\\x9b31m", "C1, which some terminals obey"},
	    {"ab\xe2\x80\xae"
	     "fdp",
		"ab\\xe2\\x80\\xae"
		"fdp",
		"a turn of direction"},
	    {"\xe2\x80\xa8", "\\xe2\\x80\\xa8", "a line separator"},
	    {"\xef\xbb\xbf{", "\\xef\\xbb\\xbf{", "a byte order mark"},
	    {"a\xff\xe2\x82", "a\\xff\\xe2\\x82", "bytes that are no UTF-8"},
	    {"\xed\xa0\x80\xc0\xaf", "\\xed\\xa0\\x80\\xc0\\xaf", "surrogates and overlong forms"},
	};
	for (size_t i = 0; i < FC_LEN(c); i++) {
		struct fc_buf b = FC_BUF_INIT;
		struct fc_err e;
		fc_buf_add_escaped(&b, c[i].in, strlen(c[i].in));
		T_OK(b.p && !strcmp(b.p, c[i].out), "escape: %s", c[i].what);
		fc_fail(&e, "%s", c[i].in);
		T_OK(!strcmp(e.msg, c[i].out), "message: %s", c[i].what);
		fc_fail(&e, "%s", e.msg);
		T_OK(!strcmp(e.msg, c[i].out), "escaped twice: %s", c[i].what);
		fc_buf_release(&b);
	}
}

static void test_progress(void)
{
	static const struct {
		struct fc_progress_state at;
		double elapsed;
		size_t cells;
		const char *want;
	} t[] = {
	    {{"tokens", 950, 0, 0, 0, 0, false}, 1, 24, "950 tokens, 950 tokens/s"},
	    {{"tokens", 994000, 0, 0, 0, 0, false}, 20, 0, "994000 tokens, 49.7k tokens/s"},
	    {{"tokens", 5, 0, 0, 0, 0, false}, 0, 0, "5 tokens, 0 tokens/s"},
	    {{"tokens", 999600, 0, 0, 0, 0, false}, 1, 0, "999600 tokens, 1.00M tokens/s"},
	    {{"tokens", 12345, 0, 0, 0, 0, false}, 10, 0, "12345 tokens, 1.23k tokens/s"},
	    {{"B", 34400000000, 68800000000, 0, 0, 0, false}, 10, 4,
		"[##..]  50 %, 34.4GB, 3.44GB/s, 10 s left"},
	    {{"steps", 30, 120, 0, 0, 0, false}, 60, 0,
		" 25 %, 30 steps, 0.5 steps/s, 3 min 00 s left"},
	    {{"steps", 30, 120, 0, 0, 0, true}, 60, 0, " 25 %, 30 steps, 3 min 00 s left"},
	    {{"steps", 120, 120, 0, 0, 0, false}, 60, 0, "100 %, 120 steps, 2 steps/s"},
	    /* a share of the input; what was done before the display began took no time of it */
	    {{"tokens", 100, 0, 0, 1, 4, false}, 10, 0,
		" 25 %, 100 tokens, 10 tokens/s, 30 s left"},
	    {{"tokens", 100, 0, 600, 800, 1000, false}, 10, 0,
		" 80 %, 100 tokens, 10 tokens/s, 10 s left"},
	    {{"tokens", 0, 0, 600, 600, 1000, false}, 10, 0, " 60 %, 0 tokens, 0 tokens/s"},
	    {{"tokens", 7200, 0, 0, 1, 3, false}, 7200, 0,
		" 33 %, 7200 tokens, 1 tokens/s, 4 h 00 min left"},
	};
	for (size_t i = 0; i < FC_LEN(t); i++) {
		struct fc_buf b = FC_BUF_INIT;
		fc_progress_text(&b, &t[i].at, t[i].elapsed, t[i].cells);
		T_STR(b.p, t[i].want, "progress");
		fc_buf_release(&b);
	}
}

/* A long message is cut at a character. */
static void test_long_message(void)
{
	struct fc_err e;
	char s[2 * sizeof e.msg + 1];
	for (size_t i = 0; i + 1 < sizeof s; i += 2)
		memcpy(s + i, "\xc3\xa9", 3);
	fc_fail(&e, "%s", s);
	T_OK(strlen(e.msg) == 1022 && !strchr(e.msg, '\\'), "a long message ends with a character");
	fc_fail(&e, "-%s", s);
	T_OK(strlen(e.msg) == 1023 && !strchr(e.msg, '\\'), "or is full");
}

static void test_suggest(void)
{
	static const char *const names[] = {"temperature", "sample-top-k", "top-k", "top-p",
	    "min-p", "max-new", "max-length", "batch-tokens", "seed", "slots", "stop", "stop-token",
	    "help", "dry-run"};
	static const struct {
		const char *word, *want;
	} t[] = {
	    {"temprature", "--temperature"},
	    {"top_k", "--top-k"},
	    {"topk", "--top-k"},
	    {"hepl", "--help"}, /* two neighbours that have changed places are one slip */
	    {"sede", "--seed"},
	    {"max-new-tokens", "--max-new"},
	    {"max_tokens", "--max-new or --max-length"},
	    {"s", "--sample-top-k, --seed, --slots, --stop or --stop-token"}, /* begins so */
	    {"top", "--top-k or --top-p"},
	    {"top-q", "--top-k or --top-p"}, /* as near */
	    {"dryrun", "--dry-run"},
	    {"frobnicate", ""},
	    {"xy", ""},
	    {"", ""},
	};
	for (size_t i = 0; i < FC_LEN(t); i++) {
		struct fc_buf b = FC_BUF_INIT;
		fc_suggest(&b, "--", t[i].word, names, FC_LEN(names));
		T_STR(b.p ? b.p : "", t[i].want, "suggest");
		fc_buf_release(&b);
	}
}

int main(void)
{
	test_suggest();
	test_progress();
	test_buf();
	test_escape();
	test_long_message();
	test_size_mul();
	test_names();
	test_rng();
	return t_done();
}
