/* SPDX-License-Identifier: Apache-2.0 */
/* Folders: shards with an index, what is preferred, and the writer's own refusals. */
#include "base/mem.h"
#include "store/store.h"
#include "store_files.h"
#include "t.h"

#define INDEX "model.safetensors.index.json"
#define TENSOR(name) "{\"" name "\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}"

static bool opens(struct fc_err *e, size_t *n)
{
	struct fc_store *s = NULL;
	*e = (struct fc_err){""};
	if (fc_store_open(&s, scratch, e) < 0)
		return false;
	*n = fc_store_count(s);
	fc_store_close(s);
	return true;
}

static void write_index(const char *text)
{
	write_file(INDEX, text, strlen(text));
}

static void refuse_index(const char *text, const char *words, const char *what)
{
	struct fc_err e;
	size_t n;
	write_index(text);
	bool ok = opens(&e, &n);
	T_OK(!ok && strstr(e.msg, scratch) && strstr(e.msg, words), "%s: %s", what,
	    ok ? "opened" : e.msg);
}

#define GOOD                                                                                       \
	"{\"metadata\":{\"total_size\":999},\"weight_map\":{\"a\":\"1.safetensors\",\"b\":"        \
	"\"2.safetensors\"}}"

static void test_index(void)
{
	struct fc_err e;
	size_t n = 0;
	scratch_empty();
	write_tensors("1.safetensors", TENSOR("a"), 2);
	write_tensors("2.safetensors", TENSOR("b"), 2);
	write_index(GOOD);
	T_OK(opens(&e, &n) && n == 2, "two shards open, whatever total_size says %s", e.msg);
	write_index("{\"weight_map\":{\"b\":\"2.safetensors\",\"a\":\"1.safetensors\"}}");
	T_OK(opens(&e, &n) && n == 2, "metadata may be absent %s", e.msg);
	refuse_index("{}", "weight_map", "no weight_map");
	refuse_index("[]", "weight_map", "an array");
	refuse_index("{\"weight_map\":{}}", "weight_map", "an empty weight_map");
	refuse_index("{", INDEX, "no JSON");
	refuse_index("{\"weight_map\":{\"a\":\"1.safetensors\"", INDEX, "cut off");
	refuse_index("{\"weight_map\":{\"a\":1}}", "tensor a", "a number for a file");
	refuse_index("{\"weight_map\":{\"a\":\"../1.safetensors\"}}", "tensor a", "a path upwards");
	refuse_index("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "tensor a", "an absolute path");
	refuse_index("{\"weight_map\":{\"a\":\"x\\\\1\"}}", "tensor a", "a backslash");
	refuse_index("{\"weight_map\":{\"a\":\"\"}}", "tensor a", "an empty file name");
	refuse_index("{\"weight_map\":{\"a\":\"..\"}}", "tensor a", "the folder above");
	refuse_index(
	    "{\"weight_map\":{\"a\":\"3.safetensors\"}}", "3.safetensors", "a missing shard");
	refuse_index("{\"weight_map\":{\"a\":\"1.safetensors\",\"c\":\"1.safetensors\"}}",
	    "tensor c is mapped to 1.safetensors but not in it", "a tensor that is not there");
	refuse_index("{\"weight_map\":{\"b\":\"1.safetensors\"}}", "tensor a is in 1.safetensors",
	    "a tensor of another name");
	refuse_index("{\"weight_map\":{\"a\":\"1.safetensors\",\"a\":\"2.safetensors\"}}",
	    "duplicate", "a tensor mapped twice");
	write_tensors("1.safetensors",
	    "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
	    "\"z\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
	    3);
	refuse_index(GOOD, "tensor z is in 1.safetensors but not mapped", "a surplus tensor");
	write_tensors("1.safetensors", TENSOR("a"), 1);
	refuse_index(GOOD, "1.safetensors", "a cut-off shard");
}

static void test_choice(void)
{
	struct fc_err e;
	size_t n = 0;
	scratch_empty();
	T_OK(!opens(&e, &n) && strstr(e.msg, "not a model folder"), "an empty folder: %s", e.msg);
	write_file("config.json", "{}", 2);
	T_OK(!opens(&e, &n) && strstr(e.msg, "neither"), "a folder without weights: %s", e.msg);
	write_file("pytorch_model.bin", "PK\3\4", 4);
	T_OK(!opens(&e, &n) && strstr(e.msg, "convert"), "only a pickle: %s", e.msg);
	write_tensors("1.safetensors", TENSOR("a"), 2);
	write_tensors("2.safetensors", TENSOR("b"), 2);
	write_index(GOOD);
	T_OK(opens(&e, &n) && n == 2, "an index is read beside a pickle %s", e.msg);
	write_tensors("model.safetensors", TENSOR("only"), 2);
	T_OK(opens(&e, &n) && n == 1, "model.safetensors comes before an index %s", e.msg);
}

static void refuse_plan(const struct fc_tensor *plan, size_t n, const char *words)
{
	struct fc_store_writer *w;
	struct fc_err e = {""};
	bool ok = fc_store_writer_open(&w, scratch, plan, n, 0, &e) == 0;
	T_OK(!ok && strstr(e.msg, words), "plan refused: %s", e.msg);
}

static void test_writer_refusals(void)
{
	struct fc_store_writer *w;
	struct fc_err e = {""};
	struct fc_tensor plan[] = {{.name = "a", .dtype = FC_U8, .n_dim = 1, .dim = {4}},
	    {.name = "a", .dtype = FC_F32, .n_dim = 0}};
	scratch_empty();
	refuse_plan(plan, 2, "planned twice");
	plan[1].name = "__metadata__";
	refuse_plan(plan, 2, "not a name");
	plan[1].name = "\xff";
	refuse_plan(plan, 2, "not a name");
	plan[1] = (struct fc_tensor){.name = "b", .n_dim = 2, .dim = {INT64_MAX, 4}};
	refuse_plan(plan, 2, "overflows");
	T_OK(fc_store_writer_open(&w, scratch, plan, 1, 0, &e) == 0, "a good plan opens %s", e.msg);
	T_OK(fc_store_writer_put(w, 0, 2, "xyz", 3, &e) < 0 && strstr(e.msg, "beyond"),
	    "put: beyond the end: %s", e.msg);
	T_OK(fc_store_writer_put(w, 0, SIZE_MAX, "xyz", 3, &e) < 0, "put: a huge offset");
	T_OK(fc_store_writer_put(w, 0, 0, "xyz", 3, &e) == 0, "put: 3 of 4 bytes");
	T_OK(fc_store_writer_close(w, &e) < 0 && strstr(e.msg, "tensor a: 3 of 4 bytes"),
	    "close: %s", e.msg);
	scratch_empty();
	T_OK(fc_store_writer_open(&w, scratch, plan, 1, 0, &e) == 0 &&
		fc_store_writer_put(w, 0, 0, "wxyz", 4, &e) == 0 &&
		fc_store_writer_put(w, 0, 3, "z", 1, &e) == 0,
	    "put: one byte twice");
	T_OK(fc_store_writer_close(w, &e) < 0 && strstr(e.msg, "5 of 4"), "close: %s", e.msg);
	T_OK(fc_store_writer_open(&w, scratch_path("none"), plan, 1, 0, &e) < 0 &&
		strstr(e.msg, "create"),
	    "no folder: %s", e.msg);
}

/* An empty model, and blocks written by several threads at once. */
static void test_writer_threads(void)
{
	struct fc_store_writer *w;
	struct fc_store *s = NULL;
	struct fc_err e = {""};
	enum { N = 100003, BLOCK = 1000 };
	struct fc_tensor plan[] = {{.name = "u", .dtype = FC_U32, .n_dim = 1, .dim = {N}}};
	scratch_empty();
	T_OK(fc_store_writer_open(&w, scratch, NULL, 0, 0, &e) == 0 &&
		fc_store_writer_close(w, &e) == 0 && fc_store_open(&s, scratch, &e) == 0,
	    "a model without tensors %s", e.msg);
	fc_store_close(s);
	scratch_empty();
	T_OK(fc_store_writer_open(&w, scratch, plan, 1, 0, &e) == 0, "a larger one %s", e.msg);
	int failed = 0;
#pragma omp parallel for schedule(dynamic) num_threads(4) reduction(+ : failed)
	for (int b = 0; b < (N + BLOCK - 1) / BLOCK; b++) {
		uint32_t block[BLOCK];
		struct fc_err mine;
		size_t from = (size_t)b * BLOCK, n = N - from < BLOCK ? N - from : BLOCK;
		for (size_t i = 0; i < n; i++)
			block[i] = (uint32_t)(from + i) * 2654435761u;
		failed += fc_store_writer_put(w, 0, 4 * from, block, 4 * n, &mine) < 0;
	}
	T_OK(!failed && fc_store_writer_close(w, &e) == 0, "four threads wrote it %s", e.msg);
	T_OK(fc_store_open(&s, scratch, &e) == 0, "it opens %s", e.msg);
	const char *p = fc_store_at(s, 0)->data;
	bool same = true;
	for (uint32_t i = 0; i < N; i++) {
		uint32_t v = i * 2654435761u;
		same = same && !memcmp(p + 4 * (size_t)i, &v, 4);
	}
	T_OK(same, "every value is in its place");
	fc_store_close(s);
}

int main(void)
{
	scratch_make();
	test_index();
	test_choice();
	test_writer_refusals();
	test_writer_threads();
	scratch_remove();
	return t_done();
}
