/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing against bytes that the reference implementation wrote. */
#include "base/mem.h"
#include "store/safetensors_header.h"
#include "store/store.h"
#include "store_files.h"
#include "t.h"

/*
 * Written by PyPI safetensors 0.5.3: serialize({name: {dtype, shape, data}}, {"format": "pt"}) with
 * one tensor of every type (numpy 2.4.6, ml_dtypes 0.6.0), in the order of vector_plan below.
 */
static const char vector[] =
    "\x18\x04\0\0\0\0\0\0"
    "{\"__metadata__\":{\"format\":\"pt\"},"
    "\"u64\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]},"
    "\"ids\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[8,24]},"
    "\"scalar\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[24,32]},"
    "\"model.embed\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[32,56]},"
    "\"none\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[56,56]},"
    "\"u32\":{\"dtype\":\"U32\",\"shape\":[1],\"data_offsets\":[56,60]},"
    "\"i32\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[60,64]},"
    "\"b.brain\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[64,70]},"
    "\"a.half\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[70,74]},"
    "\"quote\\\"\\\\\xc3\xa9\":{\"dtype\":\"F16\",\"shape\":[1,1],\"data_offsets\":[74,76]},"
    "\"u16\":{\"dtype\":\"U16\",\"shape\":[1],\"data_offsets\":[76,78]},"
    "\"i16\":{\"dtype\":\"I16\",\"shape\":[1],\"data_offsets\":[78,80]},"
    "\"e4\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[80,82]},"
    "\"e5\":{\"dtype\":\"F8_E5M2\",\"shape\":[1],\"data_offsets\":[82,83]},"
    "\"sbytes\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[83,84]},"
    "\"bytes\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[84,87]},"
    "\"flags\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[87,90]}}     "
    "\x05\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\xf9\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\xd0?"
    "\0\0\0\0\0\0\x80?\0\0\0@\0\0@@\0\0\x80@\0\0\xa0@\x04\0\0\0\xfd\xff\xff\xff"
    "\xc0?\0\xc0@@\0>\0\xc0\0008\xff\xff\xfe\xff<@>\xff\x01\x02\x03\x01\0\x01";
#define VECTOR_BYTES (sizeof vector - 1)

/* The tensors in the order they were given to the reference, which is not the file's. */
static const struct fc_tensor vector_plan[] = {
    {.name = "model.embed", .dtype = FC_F32, .n_dim = 2, .dim = {2, 3}},
    {.name = "a.half", .dtype = FC_F16, .n_dim = 1, .dim = {2}},
    {.name = "b.brain", .dtype = FC_BF16, .n_dim = 1, .dim = {3}},
    {.name = "scalar", .dtype = FC_F64, .n_dim = 0},
    {.name = "none", .dtype = FC_F32, .n_dim = 2, .dim = {0, 4}},
    {.name = "flags", .dtype = FC_BOOL, .n_dim = 1, .dim = {3}},
    {.name = "ids", .dtype = FC_I64, .n_dim = 1, .dim = {2}},
    {.name = "bytes", .dtype = FC_U8, .n_dim = 1, .dim = {3}},
    {.name = "sbytes", .dtype = FC_I8, .n_dim = 1, .dim = {1}},
    {.name = "i16", .dtype = FC_I16, .n_dim = 1, .dim = {1}},
    {.name = "u16", .dtype = FC_U16, .n_dim = 1, .dim = {1}},
    {.name = "i32", .dtype = FC_I32, .n_dim = 1, .dim = {1}},
    {.name = "u32", .dtype = FC_U32, .n_dim = 1, .dim = {1}},
    {.name = "u64", .dtype = FC_U64, .n_dim = 1, .dim = {1}},
    {.name = "e4", .dtype = FC_F8_E4M3, .n_dim = 1, .dim = {2}},
    {.name = "e5", .dtype = FC_F8_E5M2, .n_dim = 1, .dim = {1}},
    {.name = "quote\"\\\xc3\xa9", .dtype = FC_F16, .n_dim = 2, .dim = {1, 1}},
};

static void check_tensor(const struct fc_store *s, const struct fc_tensor *want)
{
	const struct fc_tensor *t = fc_store_find(s, want->name);
	T_OK(t && t->dtype == want->dtype && fc_tensor_same_shape(t, want),
	    "read %s: type and shape", want->name);
}

static void test_read(void)
{
	struct fc_store *s;
	struct fc_err e = {""};
	write_file("model.safetensors", vector, VECTOR_BYTES);
	T_OK(fc_store_open(&s, scratch, &e) == 0, "a folder with one file opens %s", e.msg);
	T_EQ(fc_store_count(s), FC_LEN(vector_plan), "read: number of tensors");
	for (size_t i = 0; i < FC_LEN(vector_plan); i++)
		check_tensor(s, &vector_plan[i]);
	float f[6];
	fc_to_f32(f, fc_store_find(s, "model.embed")->data, FC_F32, 6);
	T_OK(f[0] == 0 && f[3] == 3 && f[5] == 5, "read: F32 values");
	fc_to_f32(f, fc_store_find(s, "b.brain")->data, FC_BF16, 3);
	T_OK(f[0] == 1.5 && f[1] == -2 && f[2] == 3, "read: BF16 values");
	fc_to_f32(f, fc_store_find(s, "a.half")->data, FC_F16, 2);
	T_OK(f[0] == 1.5 && f[1] == -2, "read: F16 values");
	fc_to_f32(f, fc_store_find(s, "scalar")->data, FC_F64, 1);
	T_OK(f[0] == 0.25, "read: F64 scalar");
	T_OK(!fc_store_find(s, "model"), "find: a prefix of a name is not the name");
	bool sorted = true;
	for (size_t i = 1; i < fc_store_count(s); i++)
		sorted = sorted && strcmp(fc_store_at(s, i - 1)->name, fc_store_at(s, i)->name) < 0;
	T_OK(sorted, "tensors come in order of name");
	uint64_t id = fc_store_fingerprint(s);
	fc_store_close(s);
	T_OK(fc_store_open(&s, scratch_path("model.safetensors"), &e) == 0,
	    "a file opens by itself");
	T_OK(fc_store_fingerprint(s) == id, "its fingerprint is the folder's");
	fc_store_close(s);
}

/* Copies every tensor of the store into a new folder's file(s), in small blocks, backwards. */
static int copy_model(
    const struct fc_store *s, const char *dir, size_t shard_bytes, struct fc_err *e)
{
	struct fc_store_writer *w;
	if (fc_store_writer_open(&w, dir, vector_plan, FC_LEN(vector_plan), shard_bytes, e) < 0)
		return -1;
	for (size_t i = FC_LEN(vector_plan); i-- > 0;) {
		const struct fc_tensor *t = fc_store_find(s, vector_plan[i].name);
		for (size_t at = t->n_bytes; at > 0;) {
			size_t n = at < 3 ? at : 3;
			at -= n;
			if (fc_store_writer_put(w, i, at, (const char *)t->data + at, n, e) < 0)
				return -1;
		}
	}
	return fc_store_writer_close(w, e);
}

static void test_write(void)
{
	struct fc_store *s;
	struct fc_err e = {""};
	struct fc_buf b = FC_BUF_INIT;
	write_file("in.safetensors", vector, VECTOR_BYTES);
	unlink(scratch_path("model.safetensors"));
	T_OK(fc_store_open(&s, scratch_path("in.safetensors"), &e) == 0, "the vector opens");
	T_OK(copy_model(s, scratch, 0, &e) == 0, "copying it works %s", e.msg);
	fc_file_read(scratch_path("model.safetensors"), 1 << 20, &b, &e);
	T_EQ(b.n, VECTOR_BYTES, "write: size of the file");
	T_OK(b.n == VECTOR_BYTES && !memcmp(b.p, vector, b.n),
	    "write: the same bytes as the reference's");
	T_OK(copy_model(s, scratch, 0, &e) < 0 && strstr(e.msg, "exists"),
	    "write: an existing file is not overwritten: %s", e.msg);
	fc_buf_release(&b);
	fc_store_close(s);
}

static void test_shards(void)
{
	struct fc_store *one, *many;
	struct fc_err e = {""};
	scratch_empty();
	write_file("in.safetensors", vector, VECTOR_BYTES);
	T_OK(fc_store_open(&one, scratch_path("in.safetensors"), &e) == 0, "the vector opens");
	T_OK(copy_model(one, scratch, 20, &e) == 0, "shards of 20 bytes are written %s", e.msg);
	/* by hand, in the plan's order: 24 | 4 6 8 0 | 3 16 | 3 1 2 2 4 4 | 8 2 1 2; 0 goes with 24
	 */
	T_OK(fc_file_exists(scratch_path("model-00005-of-00005.safetensors")) &&
		fc_file_exists(scratch_path("model.safetensors.index.json")),
	    "five shards and an index");
	T_OK(fc_store_open(&many, scratch, &e) == 0, "they open %s", e.msg);
	T_EQ(fc_store_count(many), fc_store_count(one), "shards: number of tensors");
	bool same = true;
	for (size_t i = 0; i < fc_store_count(one); i++) {
		const struct fc_tensor *a = fc_store_at(one, i), *b = fc_store_at(many, i);
		same = same && !strcmp(a->name, b->name) && a->n_bytes == b->n_bytes &&
		    !memcmp(a->data, b->data, a->n_bytes);
	}
	T_OK(same, "shards: the same tensors");
	T_OK(fc_store_fingerprint(one) == fc_store_fingerprint(many),
	    "shards: the same fingerprint");
	fc_store_close(one);
	fc_store_close(many);
}

static void test_fingerprint(void)
{
	struct fc_store *s;
	struct fc_err e;
	uint64_t id[4];
	static const char *const header[] = {
	    "{\"a\":{\"dtype\":\"U8\",\"shape\":[9000],\"data_offsets\":[0,9000]}}",
	    "{\"b\":{\"dtype\":\"U8\",\"shape\":[9000],\"data_offsets\":[0,9000]}}",
	    "{\"a\":{\"dtype\":\"I8\",\"shape\":[9000],\"data_offsets\":[0,9000]}}",
	    "{\"a\":{\"dtype\":\"U8\",\"shape\":[9,1000],\"data_offsets\":[0,9000]}}",
	};
	bool distinct = true;
	for (size_t i = 0; i < FC_LEN(header); i++) {
		write_tensors("x.safetensors", header[i], 9000);
		if (fc_store_open(&s, scratch_path("x.safetensors"), &e) < 0)
			break;
		id[i] = fc_store_fingerprint(s);
		fc_store_close(s);
		for (size_t j = 0; j < i; j++)
			distinct = distinct && id[i] != id[j];
	}
	T_OK(distinct, "fingerprint: name, type and shape count");
	for (size_t at = 0; at < 9000; at += 8999) {
		FILE *f = fopen(scratch_path("x.safetensors"), "r+b");
		fseek(f, -9000 + (long)at, SEEK_END);
		fputc(0x7f, f);
		fclose(f);
		T_OK(fc_store_open(&s, scratch_path("x.safetensors"), &e) == 0 &&
			fc_store_fingerprint(s) != id[3],
		    "fingerprint: byte %zu counts", at);
		id[3] = fc_store_fingerprint(s);
		fc_store_close(s);
	}
}

/* The two ways to read a header, on one of 2,000 tensors. */
static void test_header(void)
{
	struct fc_safetensors_header a = {0}, b = {0};
	struct fc_buf text = FC_BUF_INIT;
	struct fc_err e = {0};
	size_t bad = 0;
	fc_buf_adds(&text, "{\"__metadata__\":{\"format\":\"pt\"}");
	for (int i = 0; i < 2000; i++)
		fc_buf_addf(&text,
		    ",\"t\\u00e9.%d\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%d,%d]}",
		    i, i % 2 ? "BF16" : "F8_E4M3", i % 3 ? "2, 3" : "", 7 * i, 9 * i);
	fc_buf_adds(&text, "}");
	T_OK(fc_safetensors_scan(&a, text.p, text.n, "a"), "a header is read the fast way");
	T_OK(fc_safetensors_header_json(&b, text.p, text.n, "b", &e) == 0, "and as any JSON %s",
	    e.msg);
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		const struct fc_safetensors_entry *x = &a.v[i], *y = &b.v[i];
		bad += strcmp(x->t.name, y->t.name) || x->t.dtype != y->t.dtype ||
		    x->t.n_dim != y->t.n_dim ||
		    memcmp(x->t.dim, y->t.dim, (size_t)x->t.n_dim * sizeof *x->t.dim) ||
		    x->begin != y->begin || x->end != y->end;
	}
	T_OK(a.n == 2000 && b.n == 2000 && !bad, "both find the same tensors");
	fc_safetensors_header_release(&b);
	T_OK(!fc_safetensors_scan(&b, text.p, text.n - 1, "b") && !b.n,
	    "what is cut off is left to the other way");
	fc_safetensors_header_release(&a);
	fc_safetensors_header_release(&b);
	fc_buf_release(&text);
}

int main(void)
{
	scratch_make();
	test_read();
	test_write();
	test_shards();
	test_fingerprint();
	scratch_remove();
	test_header();
	return t_done();
}
