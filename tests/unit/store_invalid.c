/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader refuses, each beside the valid file it was made from. */
#include "base/mem.h"
#include "store/store.h"
#include "store_files.h"
#include "t.h"

static bool opens(const char *name, struct fc_err *e)
{
	struct fc_store *s;
	*e = (struct fc_err){""};
	if (fc_store_open(&s, scratch_path(name), e) < 0)
		return false;
	fc_store_close(s);
	return true;
}

/* The message names the file, and says what is wrong in these words. */
static void refuse(const char *name, const char *words, const char *what)
{
	struct fc_err e;
	bool ok = opens(name, &e);
	T_OK(!ok && strstr(e.msg, name) && strstr(e.msg, words), "%s: %s", what,
	    ok ? "opened" : e.msg);
}

static void refuse_header(const char *header, size_t n_data, const char *words, const char *what)
{
	write_tensors("x.safetensors", header, n_data);
	refuse("x.safetensors", words, what);
}

static void accept_header(const char *header, size_t n_data, const char *what)
{
	struct fc_err e;
	write_tensors("x.safetensors", header, n_data);
	T_OK(opens("x.safetensors", &e), "%s opens %s", what, e.msg);
}

#define T(dtype, shape, begin, end)                                                                \
	"{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

static void test_accepted(void)
{
	accept_header("{}", 0, "no tensors");
	accept_header("  {}\n\t ", 0, "white space around the header");
	accept_header("{\"a\":" T("I32", "[2,2]", 0, 16) "}", 16, "2 x 2");
	accept_header("{\"a\":" T("I32", "[]", 0, 4) "}", 4, "a scalar");
	accept_header("{\"a\":" T("I32", "[2,0]", 0, 0) "}", 0, "no elements");
	accept_header("{\"z\":" T("U8", "[1]", 0, 1) ",\"n\":" T("F32", "[0]", 1, 1) ",\"b\":" T(
			  "U8", "[2]", 1, 3) "}",
	    3, "an empty tensor between two others");
	accept_header("{\"b\":" T("U8", "[2]", 1, 3) ",\"a\":" T("U8", "[1]", 0, 1) "}", 3,
	    "tensors in another order than their bytes");
	accept_header("{ \"\\u0061\" : { \"shape\" : [ 1 ] , \"data_offsets\" : [ 0 , 1 ] , "
		      "\"\\u0064type\" : \"U8\" } } ",
	    1, "white space, escapes and another order of members");
	accept_header("{\"__metadata__\":{\"format\":\"pt\",\"x\":\"\"}}", 0, "metadata");
	accept_header("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":1}}",
	    1, "an unknown member, as in the reference,");
}

static void test_header(void)
{
	refuse_header("", 0, "x.safetensors", "an empty header");
	refuse_header("{", 0, "x.safetensors", "an open brace");
	refuse_header("[]", 0, "not a JSON object", "an array");
	refuse_header("{} x", 0, "x.safetensors", "text after the object");
	refuse_header("{\"a\":1}", 0, "tensor a", "an entry that is a number");
	refuse_header("{\"a\xff\":1}", 0, "byte 3 is not UTF-8", "invalid UTF-8");
	refuse_header("{\"a\":" T("U8", "[1]", 0, 1) ",\"a\":" T("U8", "[1]", 0, 1) "}", 1,
	    "duplicate", "a name given twice");
	refuse_header(
	    "{\"__metadata__\":{\"format\":1}}", 0, "__metadata__.format", "metadata: number");
	refuse_header("{\"__metadata__\":[]}", 0, "__metadata__", "metadata: array");
	refuse_header(
	    "{\"a\":" T("F33", "[1]", 0, 1) "}", 1, "unknown dtype F33", "an unknown type");
	refuse_header("{\"a\":" T("U8\\u0000", "[1]", 0, 1) "}", 1, "unknown dtype U8",
	    "a type with a NUL behind it");
	refuse_header("{\"a\\u0000\":" T("U8", "[1]", 0, 1) "}", 1, "NUL", "a name with a NUL");
	refuse_header("{\"a\":" T("U8", "[1]", 0, 1) ",\"x\":1,\"a\":" T("U8", "[1]", 0, 1) "}", 1,
	    "duplicate", "a name given twice in a header that is odd besides");
	refuse_header(
	    "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"shape\":[1]}}", 1,
	    "duplicate", "a shape given twice");
	refuse_header("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":tru}}",
	    1, "invalid token", "an unknown member that is no JSON");
	refuse_header("{\"a\":" T("U8", "[01]", 0, 1) "}", 1, "x.safetensors", "a leading zero");
	refuse_header("{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "dtype", "no type");
	refuse_header("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "shape", "no shape");
	refuse_header("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "data_offsets", "no offsets");
	refuse_header("{\"a\":" T("U8", "[-1]", 0, 1) "}", 1, "shape", "a negative dimension");
	refuse_header("{\"a\":" T("U8", "[1.0]", 0, 1) "}", 1, "shape", "a real dimension");
	refuse_header("{\"a\":" T("U8", "[\"1\"]", 0, 1) "}", 1, "shape", "a dimension in quotes");
	refuse_header("{\"a\":" T("U8", "[99999999999999999999]", 0, 1) "}", 1, "x.safetensors",
	    "a dimension beyond 64 bits");
	refuse_header("{\"a\":" T("U8", "[1,1,1,1,1,1,1,1,1]", 0, 1) "}", 1, "9 dimensions",
	    "nine dimensions");
	refuse_header("{\"a\":" T("U8", "[1]", -1, 1) "}", 1, "data_offsets", "a negative offset");
	refuse_header("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1,
	    "data_offsets", "three offsets");
}

static void test_layout(void)
{
	refuse_header("{\"a\":" T("I32", "[2,2]", 0, 16) "}", 17, "cut off, or bytes appended",
	    "one byte too many");
	refuse_header("{\"a\":" T("I32", "[2,2]", 0, 16) "}", 14, "cut off", "two bytes too few");
	refuse_header("{}", 1, "1 bytes of data", "bytes and no tensor");
	refuse_header("{\"a\":" T("I32", "[2,2]", 0, 12) "}", 12, "tensor a: has 12 bytes",
	    "too few bytes for the shape");
	refuse_header("{\"a\":" T("I32", "[2,2]", 0, 20) "}", 20, "tensor a: has 20 bytes",
	    "too many bytes for the shape");
	refuse_header("{\"a\":" T("I32", "[2,2]", 1, 17) "}", 17, "expected to begin at 0",
	    "a hole at the start");
	refuse_header("{\"a\":" T("U8", "[2]", 0, 2) ",\"b\":" T("U8", "[2]", 3, 5) "}", 5,
	    "tensor b: data_offsets [3, 5): expected to begin at 2", "a hole");
	refuse_header("{\"a\":" T("U8", "[2]", 0, 2) ",\"b\":" T("U8", "[2]", 1, 3) "}", 3,
	    "tensor b", "an overlap");
	refuse_header("{\"a\":" T("U8", "[2]", 0, 2) ",\"b\":" T("U8", "[2]", 0, 2) "}", 2,
	    "expected to begin at 2", "bytes used twice");
	refuse_header("{\"a\":" T("U8", "[0]", 3, 0) "}", 0, "tensor a", "an end before its begin");
	refuse_header("{\"a\":" T("U8", "[9223372036854775807,9223372036854775807]", 0, 1) "}", 1,
	    "overflows", "a product over 64 bits");
	refuse_header("{\"a\":" T("F64", "[4611686018427387904]", 0, 1) "}", 1, "overflows",
	    "a size over 64 bits");
}

static void test_file(void)
{
	write_file("x.safetensors", "", 0);
	refuse("x.safetensors", "empty; expected a model", "an empty file");
	write_file("x.safetensors", "\2\0\0\0\0\0\0", 7);
	refuse("x.safetensors", "too few", "7 bytes");
	write_file("x.safetensors", "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t", 16);
	refuse("x.safetensors", "at most 100000000", "blanks up to the end of what is looked at");
	write_file("x.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10);
	refuse("x.safetensors", "at most 100000000", "a header of 2^64 - 1 bytes");
	write_file("x.safetensors", "\3\0\0\0\0\0\0\0{}", 10);
	refuse("x.safetensors", "cut off", "a header longer than the file");
	write_file("x.bin", "PK\3\4\0\0\10\10\0\0\0\0", 12);
	refuse("x.bin", "pickle; convert", "a PyTorch archive");
	write_file("x.gguf", "GGUF\3\0\0\0\0\0\0\0", 12);
	refuse("x.gguf", "cut off in its counts", "the beginning of a GGUF file");
	refuse("missing", "No such file", "no file");
}

/* Every prefix of a valid file, and every valid file with one byte more, is refused. */
static void test_truncation(void)
{
	struct fc_err e;
	struct fc_buf b = FC_BUF_INIT;
	write_tensors("x.safetensors",
	    "{\"a\":" T("I32", "[2]", 0, 8) ",\"b\":" T("U8", "[3]", 8, 11) "}", 11);
	T_OK(opens("x.safetensors", &e), "the whole file opens");
	fc_file_read(scratch_path("x.safetensors"), 4096, &b, &e);
	size_t opened = 0;
	for (size_t n = 0; n < b.n; n++) {
		write_file("x.safetensors", b.p, n);
		opened += opens("x.safetensors", &e);
	}
	T_EQ(opened, 0, "no prefix of it opens");
	fc_buf_release(&b);
}

int main(void)
{
	scratch_make();
	test_accepted();
	test_header();
	test_layout();
	test_file();
	test_truncation();
	scratch_remove();
	return t_done();
}
