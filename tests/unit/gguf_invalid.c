/* SPDX-License-Identifier: Apache-2.0 */
/* What the GGUF reader refuses: every case is the valid file with one thing wrong. */
#include "base/mem.h"
#include "gguf_build.h"
#include "store/gguf.h"
#include "store_files.h"
#include "t.h"

#define TENSOR_MAX 3

/* A file as its parts; the defaults are valid. */
struct spec {
	const char *magic;
	uint32_t version;
	uint64_t n_tensor, n_kv;
	const char *key;
	uint32_t type; /* of the key's value: value_bytes bytes of value */
	const char *value;
	size_t value_bytes;
	struct {
		const char *name;
		uint32_t n_dim;
		uint64_t dim[5];
		uint32_t type;
		uint64_t at;
	} tensor[TENSOR_MAX];
	size_t data_bytes;
};

static struct spec valid(void)
{
	return (struct spec){.magic = "GGUF",
	    .version = 3,
	    .n_tensor = 2,
	    .n_kv = 1,
	    .key = "k",
	    .type = FC_GGUF_U32,
	    .value = "\1\0\0\0",
	    .value_bytes = 4,
	    .tensor = {{"a", 2, {32, 2}, 2, 0}, {"b", 1, {2}, 0, 64}, {"c", 1, {1}, 0, 0}},
	    .data_bytes = 72};
}

static bool opens(const struct spec *s, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_gguf *g;
	fc_buf_adds(&b, s->magic);
	put_u32(&b, s->version);
	put_u64(&b, s->n_tensor);
	put_u64(&b, s->n_kv);
	for (uint64_t i = 0; i < s->n_kv && i < 2; i++) {
		put_key(&b, s->key, s->type);
		fc_buf_add(&b, s->value, s->value_bytes);
	}
	for (uint64_t i = 0; i < s->n_tensor && i < TENSOR_MAX; i++)
		put_tensor(&b, s->tensor[i].name, s->tensor[i].n_dim, s->tensor[i].dim,
		    s->tensor[i].type, s->tensor[i].at);
	put_align(&b, 32);
	put_counting(&b, s->data_bytes);
	write_file("x.gguf", b.p, b.n);
	fc_buf_release(&b);
	*e = (struct fc_err){""};
	const bool ok = fc_gguf_open(&g, scratch_path("x.gguf"), e) == 0;
	fc_gguf_close(g);
	return ok;
}

static void refuse(const struct spec *s, const char *words, const char *what)
{
	struct fc_err e;
	const bool ok = opens(s, &e);
	T_OK(!ok && strstr(e.msg, "x.gguf") && strstr(e.msg, words), "%s: %s", what,
	    ok ? "opened" : e.msg);
}

static void accept(const struct spec *s, const char *what)
{
	struct fc_err e;
	T_OK(opens(s, &e), "%s opens %s", what, e.msg);
}

static void test_header(void)
{
	struct spec s = valid();
	accept(&s, "the valid file");
	s.magic = "GGUG";
	refuse(&s, "not a GGUF file", "another magic number");
	s = valid(), s.version = 1;
	refuse(&s, "version 1", "version 1");
	s = valid(), s.version = 4;
	refuse(&s, "version 4", "version 4");
	s = valid(), s.version = 3u << 24;
	refuse(&s, "big-endian", "another byte order");
	s = valid(), s.n_tensor = 1ull << 60;
	refuse(&s, "tensors do not fit", "2^60 tensors");
	s = valid(), s.n_kv = 1ull << 60;
	refuse(&s, "keys do not fit", "2^60 keys");
	s = valid(), s.n_tensor = 3;
	refuse(&s, "x.gguf", "more tensors than are described");
	s = valid(), s.n_tensor = 0, s.n_kv = 0, s.data_bytes = 0;
	accept(&s, "an empty model");
}

static void test_values(void)
{
	static char deep[12 * 12];
	struct spec s = valid();
	s.key = "", refuse(&s, "key 0", "an empty key");
	s = valid(), s.key = "a b", refuse(&s, "ASCII", "a space in a key");
	s = valid(), s.key = "\xc3\xa9", refuse(&s, "ASCII", "a key that is not ASCII");
	s = valid(), s.n_kv = 2, refuse(&s, "key k is there twice", "a key given twice");
	s = valid(), s.type = 13, refuse(&s, "type 13", "an unknown type");
	s = valid(), s.type = FC_GGUF_BOOL, s.value = "\2", s.value_bytes = 1;
	refuse(&s, "a bool of 2", "a bool of 2");
	s.value = "\1", accept(&s, "a bool of 1");
	s = valid(), s.type = FC_GGUF_STRING, s.value_bytes = 8;
	s.value = "\xff\xff\xff\xff\xff\xff\xff\xff";
	refuse(&s, "cut off in k", "a string of 2^64 - 1 bytes");
	s.value = "\0\0\0\0\0\0\0\x40", refuse(&s, "cut off in k", "a string of 2^62 bytes");
	s = valid(), s.type = FC_GGUF_ARRAY, s.value_bytes = 12;
	s.value = "\4\0\0\0\0\0\0\0\0\0\0\x40";
	refuse(&s, "values do not fit", "an array of 2^62 numbers");
	s.value = "\10\0\0\0\0\0\0\0\0\0\0\x40", refuse(&s, "cut off", "2^62 strings");
	s.value = "\11\0\0\0\0\0\0\0\0\0\0\x40", refuse(&s, "x.gguf", "2^62 arrays");
	s.value = "\15\0\0\0\0\0\0\0\0\0\0\0", refuse(&s, "type 13", "an array of an unknown type");
	s.value = "\4\0\0\0\0\0\0\0\0\0\0\0", accept(&s, "an empty array");
	for (size_t i = 0; i < sizeof deep; i += 12)
		deep[i] = FC_GGUF_ARRAY, deep[i + 4] = 1;
	deep[sizeof deep - 12] = FC_GGUF_U8, deep[sizeof deep - 8] = 0;
	s.value = deep, s.value_bytes = sizeof deep;
	refuse(&s, "nested", "12 arrays in each other");
	s.value = deep + 5 * 12, s.value_bytes = sizeof deep - 5 * 12;
	accept(&s, "7 arrays in each other");
}

static void test_alignment(void)
{
	struct spec s = valid();
	s.key = "general.alignment", s.value = "\100\0\0\0";
	s.tensor[1].at = 64, s.data_bytes += 32; /* 64 bytes after the header may be 32 more */
	accept(&s, "an alignment of 64");
	s.value = "\0\0\0\0", refuse(&s, "general.alignment: 0", "an alignment of 0");
	s.value = "\14\0\0\0", refuse(&s, "general.alignment: 12", "an alignment of 12");
	s.value = "\0\0\0\x80", refuse(&s, "general.alignment", "an alignment of 2^31");
	s.type = FC_GGUF_F32, refuse(&s, "expected u32", "an alignment of another type");
	s = valid(), s.tensor[1].at = 72, s.data_bytes = 80;
	refuse(&s, "tensor b: offset 72", "an offset between two multiples");
}

static void test_tensors(void)
{
	struct spec s = valid();
	s.tensor[1].name = "a", refuse(&s, "tensor a is there twice", "a name given twice");
	s = valid(), s.tensor[1].name = "", refuse(&s, "tensor 1: a name of 0", "no name");
	s.tensor[1].name = "0123456789012345678901234567890123456789012345678901234567890123";
	accept(&s, "a name of 64 bytes");
	s.tensor[1].name = "01234567890123456789012345678901234567890123456789012345678901234";
	refuse(&s, "a name of 65", "a name of 65 bytes");
	s = valid(), s.tensor[1].name = "\xff", refuse(&s, "UTF-8", "a name that is not text");
	s = valid(), s.tensor[1].n_dim = 5, refuse(&s, "5 dimensions", "five dimensions");
	s = valid(), s.tensor[1].dim[0] = 1ull << 63;
	refuse(&s, "tensor b: the size of its shape overflows", "a negative dimension");
	s = valid(), s.tensor[1].n_dim = 3;
	s.tensor[1].dim[0] = s.tensor[1].dim[1] = s.tensor[1].dim[2] = 1ull << 22;
	refuse(&s, "tensor b: the size of its shape overflows", "2^66 elements");
	s = valid(), s.tensor[1].dim[0] = 1ull << 62;
	refuse(&s, "tensor b", "2^64 bytes");
	s = valid(), s.tensor[0].dim[0] = 33;
	refuse(&s, "tensor a: shape [2, 33] of type Q4_0: expected rows of a multiple of 32",
	    "rows that are not whole blocks");
	s = valid(), s.tensor[0].dim[0] = 16, s.tensor[0].dim[1] = 4;
	refuse(&s, "expected rows of a multiple of 32", "rows of half a block");
	s = valid(), s.tensor[0].n_dim = 0;
	refuse(&s, "expected rows of a multiple of 32", "a scalar in blocks");
	s = valid(), s.tensor[1].type = 16;
	refuse(&s, "tensor b: type IQ2_XXS is not supported", "a type that is not read");
	s = valid(), s.tensor[1].type = 4, refuse(&s, "tensor b: type 4", "a type given up");
	s = valid(), s.tensor[1].type = 1u << 31, refuse(&s, "is not one of", "no type");
	s = valid(), s.tensor[1].at = 32, refuse(&s, "share bytes", "an overlap");
	s = valid(), s.tensor[1].at = 1ull << 63;
	refuse(&s, "tensor b: 8 bytes at", "an offset beyond the file");
	s = valid(), s.tensor[1].at = UINT64_MAX - 31;
	refuse(&s, "tensor b: 8 bytes at", "an offset that overflows");
	s = valid(), s.data_bytes--;
	refuse(&s, "cut off?", "a byte too few");
	s = valid(), s.data_bytes++;
	accept(&s, "a byte more");
	s = valid(), s.tensor[1].dim[0] = 0, s.tensor[1].at = 0;
	accept(&s, "a tensor without elements");
}

int main(void)
{
	struct fc_gguf *g;
	struct fc_err e = {""};
	scratch_make();
	test_header();
	test_values();
	test_alignment();
	test_tensors();
	write_file("x.gguf", "", 0);
	T_OK(fc_gguf_open(&g, scratch_path("x.gguf"), &e) < 0 && strstr(e.msg, "cut off"),
	    "an empty file: %s", e.msg);
	T_OK(fc_gguf_open(&g, scratch_path("none.gguf"), &e) < 0 &&
		!fc_gguf_is(scratch_path("none")),
	    "no file: %s", e.msg);
	scratch_remove();
	return t_done();
}
