/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* mkdtemp */
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "t.h"
#include "text/base64.h"
#include "text/json.h"
#include "text/lines.h"
#include "text/utf8.h"

/* Texts at random of characters of every length, most with something wrong in them, against one
 * character after the other. */
static void test_utf8_check(void)
{
	static const char *const part[] = {"a", "\x7f", "\xc2\x80", "\xc4\xa0", "\xdf\xbf",
	    "\xe4\xb8\xad", "\xf0\x9f\x99\x82", "\xc3", "\x80", "\xc1\xbf", "\xc0\x80",
	    "\xed\xa0\x80", "\xff"};
	struct fc_rng r;
	bool same = true;
	size_t wrong = 0;
	fc_rng_seed(&r, 3);
	for (int t = 0; t < 20000; t++) {
		char s[256];
		size_t n = 0, expect = 0, len;
		const size_t faults = fc_rng_u64(&r) % 4 ? 0 : 6, few = t % 3 ? 5 : 7;
		for (size_t k = fc_rng_u64(&r) % 60; k > 0; k--) {
			const bool bad = faults && fc_rng_u64(&r) % 40 == 0;
			const char *c =
			    part[bad ? 7 + fc_rng_u64(&r) % faults : fc_rng_u64(&r) % few];
			memcpy(s + n, c, strlen(c));
			n += strlen(c);
		}
		n -= n && t % 5 == 0; /* cut off */
		while (expect < n && (len = fc_utf8_valid(s + expect, n - expect)) > 0)
			expect += len;
		same = same && fc_utf8_check(s, n) == expect;
		wrong += expect < n;
	}
	T_OK(
	    same && wrong > 1000 && wrong < 19000, "utf8: the first bad byte, of %zu texts", wrong);
}

static void test_utf8(void)
{
	/* every code point goes round; Unicode 15, table 3-7 decides what is well-formed */
	bool all = true;
	for (uint32_t c = 0; c < 0x110000; c++) {
		char s[4];
		uint32_t back = 0;
		size_t n = fc_utf8_put(s, c), got = fc_utf8_get(s, n, &back);
		bool surrogate = c >= 0xd800 && c < 0xe000;
		all = all && (surrogate ? got == 0 : got == n && back == c);
		all = all && (n == 1 || fc_utf8_get(s, n - 1, &back) == 0);
	}
	T_OK(all, "utf8: all code points there and back, none cut off, no surrogates");
	static const char *const bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
	    "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x28\xa1", "\xed\xa0\x80"};
	for (size_t i = 0; i < FC_LEN(bad); i++)
		T_OK(
		    fc_utf8_valid(bad[i], strlen(bad[i])) == 0, "utf8: ill-formed sequence %zu", i);
	T_EQ(fc_utf8_check("plain ascii text \xc3\xa9\xff more", 25), 19, "utf8: first bad byte");
	T_EQ(fc_utf8_check("", 0), 0, "utf8: empty");
	test_utf8_check();
	T_EQ(fc_utf8_count("caf\xc3\xa9 \xf0\x9f\x99\x82", 10), 6, "utf8: characters");
	T_EQ(fc_utf8_count("\xc3 \xe2\x28", 4), 4, "utf8: bytes that belong to none count");
	T_EQ(fc_utf8_count("", 0), 0, "utf8: none");
}

static void test_json(void)
{
	struct fc_err e;
	struct fc_buf b = FC_BUF_INIT;
	fc_json_quote(&b, "a\"\\\n\x01\xc3\xa9\xff", 8);
	T_STR(b.p, "\"a\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd\"", "json: quoting");
	fc_buf_release(&b);
	json_t *v = fc_json_text("{\"n\": 3, \"x\": 1.5, \"s\": \"t\", \"z\": null}", 39, "v", &e);
	int64_t n;
	double x;
	const char *s;
	T_OK(fc_json_int(v, "n", 0, &n, "v", &e) == 0 && n == 3, "json: integer");
	T_OK(fc_json_int(v, "z", 7, &n, "v", &e) == 0 && n == 7, "json: null counts as missing");
	T_OK(fc_json_real(v, "n", 0, &x, "v", &e) == 0 && x == 3, "json: an integer is a number");
	T_OK(fc_json_str(v, "s", NULL, &s, "v", &e) == 0 && !strcmp(s, "t"), "json: string");
	T_OK(fc_json_int(v, "x", 0, &n, "v", &e) < 0 && strstr(e.msg, "v: x: expected an integer"),
	    "json: another type is an error that names the member");
	json_decref(v);
	T_OK(!fc_json_text("{\"a\": 1, \"a\": 2}", 16, "dup", &e) && strstr(e.msg, "dup: column 1"),
	    "json: a doubled member is refused with its place");
	T_OK(!fc_json_text("{\n]", 3, "two", &e) && strstr(e.msg, "two: line 2, column 1"),
	    "json: a later line is named");
	const char *big = "{\"a\": 1000000000000000019884624838656, \"b\": 7, "
			  "\"c\": \"1000000000000000019884624838656\\\"1\"}";
	v = fc_json_text(big, strlen(big), "v", &e);
	T_OK(v && json_is_real(json_object_get(v, "a")),
	    "json: an integer beyond 64 bits is a real");
	T_NEAR(json_number_value(json_object_get(v, "a")), 1e30, 1e-12, "json: its value");
	T_OK(json_is_integer(json_object_get(v, "b")), "json: others stay integers");
	T_STR(json_string_value(json_object_get(v, "c")), "1000000000000000019884624838656\"1",
	    "json: digits in strings stay");
	json_decref(v);
}

static void test_lines(void)
{
	struct fc_err e;
	struct fc_lines *l;
	char path[] = "/tmp/fc-lines-XXXXXX", *p;
	size_t n;
	int fd = mkstemp(path);
	static const char text[] = "one\r\n\nlast";
	T_OK(write(fd, text, sizeof text - 1) == sizeof text - 1, "lines: a file");
	close(fd);
	fc_lines_open(&l, path, &e);
	T_OK(fc_lines_next(l, &p, &n, &e) == 1 && n == 3 && !strcmp(p, "one"), "lines: CR LF");
	T_OK(fc_lines_next(l, &p, &n, &e) == 1 && n == 0, "lines: empty line");
	T_OK(fc_lines_next(l, &p, &n, &e) == 1 && !strcmp(p, "last"),
	    "lines: no newline at the end");
	T_OK(strstr(fc_lines_where(l), ":3"), "lines: the place is named");
	T_OK(fc_lines_next(l, &p, &n, &e) == 0, "lines: end");
	fc_lines_close(l);
	unlink(path);
	T_OK(fc_lines_open(&l, "/no/such/file", &e) < 0, "lines: a missing file is an error");
}

/* An object behind so much white space that the file has n bytes. */
static void write_json(const char *path, size_t n)
{
	FILE *f = fopen(path, "w");
	if (!f || ftruncate(fileno(f), 0) < 0)
		exit(1);
	for (size_t i = 2; i < n; i++)
		putc(' ', f);
	fputs("{}", f);
	if (fclose(f) != 0)
		exit(1);
}

static void test_ceiling(void)
{
	static const struct {
		const char *name;
		size_t more;
		bool fits;
	} cases[] = {{"config.json", 0, true}, {"config.json", 1, false},
	    {"tokenizer_config.json", 1, false}, {"adapter_config.json", 1, false},
	    {"tokenizer.json", 1, true}, {"model.safetensors.index.json", 1, true}};
	char dir[] = "/tmp/fc-text-XXXXXX", path[128];
	struct fc_err e = {0};
	if (!mkdtemp(dir))
		exit(1);
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, cases[i].name);
		write_json(path, FC_JSON_CONFIG_MAX + cases[i].more);
		json_t *o = fc_json_file(path, &e);
		T_OK(cases[i].fits
			? o != NULL
			: !o && strstr(e.msg, cases[i].name) && strstr(e.msg, "16777216"),
		    "json: %s of 16 MiB and %zu: %s", cases[i].name, cases[i].more,
		    o ? "read" : e.msg);
		json_decref(o);
		unlink(path);
	}
	rmdir(dir);
}

/* The vectors of RFC 4648, section 10. */
static void test_base64(void)
{
	static const char *const vector[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
	    {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	static const struct {
		const char *text;
		size_t bad;
	} bad[] = {{"Z", 1}, {"Zm9vY", 5}, {"Zm9v!mFy", 4}, {"Zg===", 2}, {"Zm 8=", 2}};
	struct fc_buf b = FC_BUF_INIT;
	for (size_t i = 0; i < FC_LEN(vector); i++) {
		const size_t n = strlen(vector[i][1]), plain = strcspn(vector[i][1], "=");
		fc_buf_clear(&b);
		fc_base64_encode(&b, vector[i][0], strlen(vector[i][0]));
		T_STR(b.p ? b.p : "", vector[i][1], "base64: encoded");
		fc_buf_clear(&b);
		T_OK(fc_base64_decode(&b, vector[i][1], n) == n, "base64: decoded");
		T_STR(b.p ? b.p : "", vector[i][0], "base64: back");
		fc_buf_clear(&b);
		T_OK(fc_base64_decode(&b, vector[i][1], plain) == plain, "base64: without padding");
		T_STR(b.p ? b.p : "", vector[i][0], "base64: back");
	}
	fc_buf_clear(&b);
	fc_base64_encode(&b, "\xff\xfe\0", 3);
	T_STR(b.p, "//4A", "base64: bytes of any value");
	for (size_t i = 0; i < FC_LEN(bad); i++)
		T_EQ(fc_base64_decode(&b, bad[i].text, strlen(bad[i].text)), bad[i].bad,
		    "base64: the character that cannot stand there");
	fc_buf_release(&b);
}

int main(void)
{
	test_base64();
	test_utf8();
	test_json();
	test_lines();
	test_ceiling();
	return t_done();
}
