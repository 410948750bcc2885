/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of files in every packing and layout.  Packed bytes are those of gzip 1.12, zstd 1.5.4
 * and Python's gzip module, made by the comments beside them. */
#include "base/mem.h"
#include "t.h"
#include "temp_files.h"
#include "text/infile.h"
#include "text/jsonl.h"
#include "text/records.h"

/* Reads a file of n bytes: "1:text;2:text;", or after these "!message" without the file's name. */
static char *describe(const char *name, const void *p, size_t n)
{
	char *path = write_file(name, p, n), *text;
	struct fc_records *r;
	struct fc_err e;
	struct fc_buf b = FC_BUF_INIT;
	size_t len;
	int got = fc_records_open(&r, path, &e);
	while (got >= 0 && (got = fc_records_next(r, &text, &len, &e)) > 0) {
		fc_buf_addf(&b, "%llu:", (unsigned long long)fc_records_number(r));
		fc_buf_add(&b, text, len);
		fc_buf_addc(&b, ';');
		if (text[len])
			fc_buf_adds(&b, "(no NUL)");
	}
	if (got == 0 && fc_records_bytes(r) != n)
		fc_buf_addf(&b, "(%llu of %zu bytes)", (unsigned long long)fc_records_bytes(r), n);
	if (got < 0) {
		const size_t skip = strstr(e.msg, path) == e.msg ? strlen(path) : 0;
		fc_buf_addf(&b, "!%s", e.msg + skip);
	}
	fc_records_close(r);
	free(path);
	return fc_buf_detach(&b);
}

static void expect(const void *p, size_t n, const char *want, const char *what)
{
	char *got = describe("in", p, n);
	T_STR(got, want, what);
	free(got);
}

#define EXPECT(text, want, what) expect(text, sizeof(text) - 1, want, what)

static void test_layouts(void)
{
	EXPECT(
	    "{\"a\":1}\n\n  \n{\"b\":2}", "1:{\"a\":1};4:{\"b\":2};", "lines keep their numbers");
	EXPECT("\n \n[]", "", "an empty array");
	EXPECT("", "", "an empty file");
	EXPECT(" \n\t\n", "", "white space");
	EXPECT("[{\"a\":1},\n {\"b\":[1,2]} , \"x\\\",]\", 7\n]\n\n",
	    "1:{\"a\":1};2:{\"b\":[1,2]};3:\"x\\\",]\";4:7;",
	    "elements of an array, however laid out");
	EXPECT("[\n  {\n    \"a\": {\"]\": \"}\\\\\"}\n  }\n]",
	    "1:{\n    \"a\": {\"]\": \"}\\\\\"}\n  };", "brackets in strings are none");
	EXPECT("\xef\xbb\xbf[1]", "1:1;", "a byte order mark before an array");
	EXPECT("\xef\xbb\xbf{}\n", "1:{};", "and before lines");
	EXPECT("[1,2",
	    "1:1;!: element 2: the file ends inside it: it is cut off, or a bracket or quotation "
	    "mark "
	    "is missing",
	    "cut off in an element");
	EXPECT("[1,", "1:1;!: cut off behind element 1: the array is not closed", "behind a comma");
	EXPECT("[", "!: cut off behind element 0: the array is not closed", "behind the bracket");
	EXPECT("[1,]", "1:1;!: element 2: there is none, but a ']'", "a comma too many");
	EXPECT("[,1]", "!: element 1: there is none, but a ','", "a comma at the beginning");
	EXPECT("[1}]", "!: element 1: a bracket too many", "another bracket");
	EXPECT("[1]\n[2]\n",
	    "1:1;!: something follows the array, after element 1; a file is one array, or an "
	    "object a line",
	    "two arrays");
}

static void test_foreign(void)
{
	static const char at[] = "!: JSON in UTF-8 is expected, this is ";
	static const struct {
		const char *begin;
		size_t n;
		const char *says;
	} t[] = {
	    {"\xff\xfe{\0", 4, "UTF-16; iconv"},
	    {"\xfe\xff\0{", 4, "UTF-16; iconv"},
	    {"{\0\"\0", 4, "UTF-16; iconv -f UTF-16LE"},
	    {"\0[\0\"", 4, "UTF-16; iconv -f UTF-16BE"},
	    {"\xff\xfe\0\0{\0\0\0", 8, "UTF-32; iconv"},
	    {"PAR1\x15\x04\x15\x20", 8, "Parquet; duckdb -c"},
	    {"ARROW1\0\0", 8, "Arrow; "},
	    {"\xff\xff\xff\xff\x78\0\0\0", 8, "Arrow; "},
	    {"\xfd\x37zXZ\0\0\x04", 8, "compressed; xz -dc"},
	    {"BZh91AY&", 8, "compressed; bzip2 -dc"},
	};
	for (size_t i = 0; i < FC_LEN(t); i++) {
		char *got = describe("in", t[i].begin, t[i].n);
		const bool good = !strncmp(got, at, sizeof at - 1) &&
		    !strncmp(got + sizeof at - 1, t[i].says, strlen(t[i].says));
		T_OK(good, "refused by name: %s", good ? t[i].says : got);
		free(got);
	}
}

/* printf '{"a":1}\n{"b":2}\n' | gzip -n9 */
static const unsigned char gzipped[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
    0xab, 0x56, 0x4a, 0x54, 0xb2, 0x32, 0xac, 0xe5, 0xaa, 0x56, 0x4a, 0x52, 0xb2, 0x32, 0xaa, 0xe5,
    0x02, 0x00, 0xc8, 0xb2, 0xce, 0x9f, 0x10, 0x00, 0x00, 0x00};
/* the same | zstd -19 */
static const unsigned char zstandard[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x68, 0x81, 0x00, 0x00,
    0x7b, 0x22, 0x61, 0x22, 0x3a, 0x31, 0x7d, 0x0a, 0x7b, 0x22, 0x62, 0x22, 0x3a, 0x32, 0x7d, 0x0a,
    0x13, 0x47, 0x4c, 0x48};
/* RFC 8878, 3.1.2: a frame whose four bytes are skipped */
static const unsigned char skippable[] = {
    0x53, 0x2a, 0x4d, 0x18, 0x04, 0x00, 0x00, 0x00, 1, 2, 3, 4};

/* Both parts behind each other. */
static void expect_two(
    const void *a, size_t n_a, const void *b, size_t n_b, const char *want, const char *what)
{
	struct fc_buf both = FC_BUF_INIT;
	fc_buf_add(&both, a, n_a);
	fc_buf_add(&both, b, n_b);
	expect(both.p, both.n, want, what);
	fc_buf_release(&both);
}

static void test_packed(void)
{
	static const char once[] = "1:{\"a\":1};2:{\"b\":2};";
	static const char twice[] = "1:{\"a\":1};2:{\"b\":2};3:{\"a\":1};4:{\"b\":2};";
	static const char zeros[600] = {0};
	const size_t n = sizeof gzipped, m = sizeof zstandard;
	expect(gzipped, n, once, "gzip");
	expect(zstandard, m, once, "zstd");
	expect_two(gzipped, n, gzipped, n, twice, "members of gzip behind each other");
	expect_two(zstandard, m, zstandard, m, twice, "frames of zstd");
	expect_two(skippable, sizeof skippable, zstandard, m, once, "a frame to skip before");
	expect_two(zstandard, m, skippable, sizeof skippable, once, "and behind");
	expect_two(gzipped, n, zeros, sizeof zeros, once, "gzip with zeros behind it");
	expect_two(gzipped, n, "{}", 2,
	    "1:{\"a\":1};2:{\"b\":2};!: what follows the gzip data, from byte 36 on, is none",
	    "text behind gzip");
	expect_two(gzipped, n, zstandard, m,
	    "1:{\"a\":1};2:{\"b\":2};!: what follows the gzip data, from byte 36 on, is none",
	    "zstd behind gzip");
	expect_two(zstandard, m, "{}{}", 4,
	    "1:{\"a\":1};2:{\"b\":2};!: what follows the zstd data, from byte 29 on, is none",
	    "text behind zstd");
}

/* Of n bytes that are whole, each beginning is refused: "cut off" is in the message. */
static void test_truncated(const unsigned char *p, size_t n, size_t n_magic, const char *what)
{
	size_t n_refused = 0;
	for (size_t k = n_magic; k < n; k++) {
		char *got = describe("in", p, k);
		n_refused += strstr(got, "cut off after") != NULL;
		free(got);
	}
	T_OK(n_refused == n - n_magic, "%s: every beginning is refused as cut off (%zu of %zu)",
	    what, n_refused, n - n_magic);
}

/* Each byte changed, from byte `first` on: none passes for other text than it was. */
static void test_damaged(
    const unsigned char *p, size_t n, size_t first, const char *whole, const char *what)
{
	size_t n_bad = 0, n_refused = 0;
	for (size_t k = first; k < n; k++)
		for (int bit = 0; bit < 8; bit++) {
			unsigned char *copy = (unsigned char *)fc_memdup0(p, n);
			copy[k] ^= (unsigned char)(1 << bit);
			char *got = describe("in", copy, n);
			const bool refused = strchr(got, '!') != NULL;
			n_refused += refused;
			n_bad += !refused && strcmp(got, whole) != 0;
			free(got);
			free(copy);
		}
	T_OK(n_bad == 0, "%s: no changed bit makes other text (%zu do)", what, n_bad);
	T_OK(n_refused > 8 * (n - first) / 2, "%s: most are refused (%zu)", what, n_refused);
}

static int count(void *ctx /* size_t */, json_t *o, const char *where, struct fc_err *e)
{
	(void)where;
	(void)e;
	*(size_t *)ctx += json_is_object(o);
	json_decref(o);
	return 0;
}

static void test_jsonl(void)
{
	struct fc_err e;
	size_t n = 0;
	char *path = write_file("array.json", "[{},\n{}]", 8);
	T_OK(fc_jsonl_each(path, count, &n, &e) == 0 && n == 2, "jsonl: the elements of an array");
	free(path);
	path = write_file("lines.gz", (const char *)gzipped, sizeof gzipped);
	T_OK(fc_jsonl_each(path, count, &n, &e) == 0 && n == 4, "jsonl: packed lines");
	free(path);
}

/* What a share of the work is of, of standard input, too. */
static void test_sizes(void)
{
	char *path = write_file("eight", "[{},\n{}]", 8);
	const char *const both[] = {path, "-"}, *const device[] = {path, "/dev/null"};
	T_OK(freopen(path, "r", stdin) != NULL, "standard input is a file");
	T_EQ(fc_infile_sizes(both, 2), 16, "sizes: a file and standard input");
	T_EQ(fc_infile_sizes(device, 2), 0, "sizes: not known of a device");
	free(path);
}

int main(void)
{
	static const char once[] = "1:{\"a\":1};2:{\"b\":2};";
	make_tmp();
	test_layouts();
	test_foreign();
	test_packed();
	test_truncated(gzipped, sizeof gzipped, 2, "gzip");
	test_truncated(zstandard, sizeof zstandard, 4, "zstd");
	test_damaged(gzipped, sizeof gzipped, 10, once, "gzip"); /* behind flags, time and system */
	test_damaged(zstandard, sizeof zstandard, 4, once, "zstd");
	test_jsonl();
	test_sizes();
	return t_done();
}
