/* SPDX-License-Identifier: Apache-2.0 */
/* Reading GGUF: every kind of value, tensors, split models, and a vocabulary others wrote. */
#include "base/mem.h"
#include "gguf_build.h"
#include "store/gguf.h"
#include "store_files.h"
#include "t.h"

/* A value of every type, then tensors of several. */
static void put_everything(struct fc_buf *b, uint32_t version)
{
	put_header(b, version, 3, 14);
	put_key(b, "t.u8", FC_GGUF_U8);
	fc_buf_addc(b, (char)200);
	put_key(b, "t.i8", FC_GGUF_I8);
	fc_buf_addc(b, (char)200);
	put_key(b, "t.u16", FC_GGUF_U16);
	fc_buf_add(b, "\x01\xff", 2);
	put_key(b, "t.i16", FC_GGUF_I16);
	fc_buf_add(b, "\x01\xff", 2);
	put_kv_u32(b, "t.u32", 4000000000u);
	put_key(b, "t.i32", FC_GGUF_I32);
	put_u32(b, (uint32_t)-5);
	put_kv_f32(b, "t.f32", 1.5f);
	put_key(b, "t.bool", FC_GGUF_BOOL);
	fc_buf_addc(b, 1);
	put_kv_str(b, "t.str", "h\xc3\xa9");
	put_key(b, "t.u64", FC_GGUF_U64);
	put_u64(b, UINT64_MAX);
	put_key(b, "t.i64", FC_GGUF_I64);
	put_u64(b, (uint64_t)-7);
	put_key(b, "t.f64", FC_GGUF_F64);
	put_u64(b, 0x3fd5555555555555); /* a third */
	put_key(b, "t.words", FC_GGUF_ARRAY);
	put_u32(b, FC_GGUF_STRING);
	put_u64(b, 3);
	put_str(b, "a");
	put_str(b, "");
	put_str(b, "cd");
	put_key(b, "t.nested", FC_GGUF_ARRAY);
	put_u32(b, FC_GGUF_ARRAY);
	put_u64(b, 2);
	put_u32(b, FC_GGUF_I8);
	put_u64(b, 1);
	fc_buf_addc(b, 9);
	put_u32(b, FC_GGUF_STRING);
	put_u64(b, 0);
	/* "w" is [2,3] by rows; the file has the fastest dimension first */
	put_tensor(b, "w.weight", 2, (const uint64_t[]){3, 2}, 0, 64);
	put_tensor(b, "scalar", 0, NULL, 30, 0);
	put_tensor(b, "q", 2, (const uint64_t[]){64, 2}, 2, 96);
	put_align(b, 32);
	put_counting(b, 96 + 4 * 18);
}

static void test_values(const struct fc_gguf *g)
{
	static const struct {
		const char *key;
		int64_t value;
	} ints[] = {{"t.u8", 200}, {"t.i8", -56}, {"t.u16", 0xff01}, {"t.i16", -255},
	    {"t.u32", 4000000000}, {"t.i32", -5}, {"t.u64", INT64_MAX}, {"t.i64", -7},
	    {"t.missing", 42}};
	struct fc_err e = {""};
	int64_t v = 0;
	double d = 0;
	bool yes = false;
	struct fc_gguf_str s;
	for (size_t i = 0; i < FC_LEN(ints); i++)
		T_OK(fc_gguf_int(g, ints[i].key, 42, &v, &e) == 0 && v == ints[i].value, "%s",
		    ints[i].key);
	T_OK(fc_gguf_real(g, "t.f32", 0, &d, &e) == 0 && d == 1.5, "t.f32");
	T_OK(fc_gguf_real(g, "t.f64", 0, &d, &e) == 0 && d == 1.0 / 3, "t.f64");
	T_OK(fc_gguf_real(g, "t.i8", 0, &d, &e) == 0 && d == -56, "an integer as a number");
	T_OK(fc_gguf_bool(g, "t.bool", false, &yes, &e) == 0 && yes, "t.bool");
	T_OK(fc_gguf_string(g, "t.str", &s, &e) == 0 && s.n == 3 && !memcmp(s.p, "h\xc3\xa9", 3),
	    "t.str");
	T_OK(fc_gguf_string(g, "t.missing", &s, &e) == 0 && !s.p, "a missing string");
	T_OK(fc_gguf_int(g, "t.str", 0, &v, &e) < 0 && strstr(e.msg, "t.str") &&
		strstr(e.msg, "expected an integer"),
	    "another type is refused: %s", e.msg);
	T_OK(fc_gguf_int(g, "t.f32", 0, &v, &e) < 0, "a real is no integer: %s", e.msg);
	T_OK(fc_gguf_bool(g, "t.u8", 0, &yes, &e) < 0, "an integer is no bool: %s", e.msg);
	T_OK(fc_gguf_has(g, "t.u8") && !fc_gguf_has(g, "t.u"), "has: the whole key counts");
	T_OK(fc_gguf_n_key(g) == 14 && fc_gguf_key(g, 8).n == 5 &&
		!memcmp(fc_gguf_key(g, 8).p, "t.str", 5),
	    "keys in the file's order");
}

static void test_arrays(const struct fc_gguf *g)
{
	struct fc_err e = {""};
	struct fc_gguf_array a;
	struct fc_gguf_str s;
	int64_t v;
	T_OK(fc_gguf_strings(g, "t.words", &a, &e) == 0 && a.n == 3, "an array of strings");
	T_OK(fc_gguf_next_str(&a, &s) && s.n == 1 && *s.p == 'a' && fc_gguf_next_str(&a, &s) &&
		s.n == 0 && fc_gguf_next_str(&a, &s) && s.n == 2 && !memcmp(s.p, "cd", 2) &&
		!fc_gguf_next_str(&a, &s),
	    "its strings");
	T_OK(fc_gguf_ints(g, "t.words", &a, &e) < 0 && strstr(e.msg, "expected integers"),
	    "strings are no integers: %s", e.msg);
	T_OK(fc_gguf_array(g, "t.nested", &a, &e) == 0 && a.type == FC_GGUF_ARRAY && a.n == 2 &&
		!fc_gguf_next_int(&a, &v),
	    "an array of arrays");
	T_OK(fc_gguf_strings(g, "t.missing", &a, &e) == 0 && a.n == 0 && !a.p, "a missing array");
}

static void test_tensors(const struct fc_gguf *g)
{
	const struct fc_tensor *w = fc_gguf_tensor(g, "w.weight"), *s = fc_gguf_tensor(g, "scalar");
	const struct fc_tensor *q = fc_gguf_tensor(g, "q");
	T_EQ(fc_gguf_count(g), 3, "tensors");
	T_OK(fc_gguf_at(g, 0) == q && fc_gguf_at(g, 2) == w, "in order of name");
	T_OK(w && w->dtype == FC_F32 && w->n_dim == 2 && w->dim[0] == 2 && w->dim[1] == 3 &&
		w->n_bytes == 24 && *(const unsigned char *)w->data == 64,
	    "a matrix: dimensions reversed, its bytes");
	T_OK(s && s->n_dim == 0 && s->n_bytes == 2 && s->dtype == FC_BF16, "a scalar");
	T_OK(q && q->dtype == FC_Q4_0 && q->dim[0] == 2 && q->dim[1] == 64 && q->n_bytes == 72 &&
		*(const unsigned char *)q->data == 96,
	    "a packed matrix");
	T_OK(!fc_gguf_tensor(g, "w"), "a prefix of a name is not the name");
}

static void test_everything(uint32_t version)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_gguf *g;
	struct fc_err e = {""};
	put_everything(&b, version);
	write_file("x.gguf", b.p, b.n);
	T_OK(fc_gguf_is(scratch_path("x.gguf")), "looks like GGUF");
	if (T_OK(fc_gguf_open(&g, scratch_path("x.gguf"), &e) == 0, "version %u opens %s",
		(unsigned)version, e.msg)) {
		test_values(g);
		test_arrays(g);
		test_tensors(g);
	}
	fc_gguf_close(g);
	size_t opened = 0;
	for (size_t n = 0; n < b.n; n++) { /* the whole of it opened above */
		write_file("cut.gguf", b.p, n);
		if (fc_gguf_open(&g, scratch_path("cut.gguf"), &e) == 0)
			printf("# opened when cut off at %zu of %zu\n", n, b.n), opened++;
		fc_gguf_close(g);
	}
	T_EQ(opened, 0, "cut off anywhere it does not open");
	fc_buf_release(&b);
}

static void write_split(const char *name, uint32_t no, uint32_t count, uint32_t n_tensor)
{
	struct fc_buf b = FC_BUF_INIT;
	char tensor[2] = {(char)('a' + no), 0};
	put_header(&b, 3, 1, 3);
	put_kv_u32(&b, "split.no", no);
	put_kv_u32(&b, "split.count", count);
	put_kv_u32(&b, "split.tensors.count", n_tensor);
	put_tensor(&b, tensor, 1, (const uint64_t[]){2}, 0, 0);
	put_align(&b, 32);
	put_counting(&b, 8);
	write_file(name, b.p, b.n);
	fc_buf_release(&b);
}

static bool opens(const char *name, struct fc_err *e)
{
	struct fc_gguf *g;
	*e = (struct fc_err){""};
	const bool ok = fc_gguf_open(&g, scratch_path(name), e) == 0;
	fc_gguf_close(g);
	return ok;
}

static void test_splits(void)
{
	struct fc_gguf *g;
	struct fc_err e = {""};
	write_split("m-00001-of-00002.gguf", 0, 2, 2);
	T_OK(!opens("m-00001-of-00002.gguf", &e) && strstr(e.msg, "m-00002-of-00002.gguf"),
	    "a missing second file: %s", e.msg);
	write_split("m-00002-of-00002.gguf", 1, 2, 2);
	T_OK(fc_gguf_open(&g, scratch_path("m-00001-of-00002.gguf"), &e) == 0 &&
		fc_gguf_count(g) == 2 && fc_gguf_tensor(g, "a") && fc_gguf_tensor(g, "b"),
	    "two files are one model %s", e.msg);
	fc_gguf_close(g);
	T_OK(!opens("m-00002-of-00002.gguf", &e) && strstr(e.msg, "open the first"),
	    "the second alone: %s", e.msg);
	write_split("n.gguf", 0, 2, 2);
	T_OK(!opens("n.gguf", &e) && strstr(e.msg, "-00001-of-00002.gguf"), "another name: %s",
	    e.msg);
	write_split("m-00002-of-00002.gguf", 0, 2, 2);
	T_OK(!opens("m-00001-of-00002.gguf", &e) && strstr(e.msg, "expected file 2 of 2"),
	    "the first again as the second: %s", e.msg);
	write_split("m-00001-of-00002.gguf", 0, 2, 3);
	write_split("m-00002-of-00002.gguf", 1, 2, 3);
	T_OK(!opens("m-00001-of-00002.gguf", &e) && strstr(e.msg, "split.tensors.count"),
	    "a tensor too few: %s", e.msg);
	write_split("s.gguf", 0, 100000000, 1);
	T_OK(!opens("s.gguf", &e) && strstr(e.msg, "split.count"), "too many files: %s", e.msg);
}

/* The numbers are those of PyPI gguf 0.19.0's reader. */
static void test_vocabulary(void)
{
	char path[512];
	struct fc_gguf *g;
	struct fc_err e = {""};
	struct fc_gguf_array a;
	struct fc_gguf_str s;
	double eps = 0;
	int64_t type = 0, n_type[8] = {0};
	if (!t_shared()) {
		t_skip("no FC_SHARED: vocabularies");
		return;
	}
	snprintf(path, sizeof path, "%s/data/tokenizers/ggml-vocab-gpt-2.gguf", t_shared());
	if (!T_OK(fc_gguf_open(&g, path, &e) == 0, "a vocabulary opens %s", e.msg))
		return;
	T_EQ(fc_gguf_count(g), 0, "it has no tensors");
	T_OK(fc_gguf_real(g, "gpt2.attention.layer_norm_epsilon", 0, &eps, &e) == 0 &&
		eps == 9.999999747378752e-06,
	    "a number");
	T_OK(fc_gguf_strings(g, "tokenizer.ggml.merges", &a, &e) == 0 && a.n == 50000, "merges");
	while (fc_gguf_next_str(&a, &s) && a.n)
		;
	T_OK(s.n == 8 && !memcmp(s.p, "\xc4\xa0g azed", 8), "the last merge");
	T_OK(fc_gguf_ints(g, "tokenizer.ggml.token_type", &a, &e) == 0 && a.n == 50257, "types");
	while (fc_gguf_next_int(&a, &type))
		n_type[type & 7]++;
	T_OK(n_type[1] == 50256 && n_type[3] == 1, "normal tokens and a control token");
	fc_gguf_close(g);
}

int main(void)
{
	scratch_make();
	test_everything(3);
	test_everything(2);
	test_splits();
	test_vocabulary();
	scratch_remove();
	return t_done();
}
