/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of tensors opened as a model. */
#include "store/store.h"
#include "store_files.h"
#include "stream/writer.h"
#include "t.h"

static struct fc_err e;
static uint64_t model; /* in the headers of streams */

static struct fc_tensor make(const char *name, enum fc_dtype dtype, int64_t n, const void *data)
{
	return (struct fc_tensor){.name = name,
	    .dtype = dtype,
	    .n_dim = n < 0 ? 0 : 1,
	    .dim = {n < 0 ? 0 : n},
	    .data = data,
	    .n_bytes = (n < 0 ? 1 : (size_t)n) * fc_dtype_size(dtype)};
}

static void write_stream(const char *name, enum fc_kind kind, const struct fc_tensor *t, size_t n)
{
	struct fc_writer *w;
	struct fc_header h;
	fc_header_init(&h, kind);
	h.model = model;
	int ret = fc_writer_open(&w, scratch_path(name), &h, &e);
	for (size_t i = 0; i < n && ret == 0; i++)
		ret = fc_writer_tensor(w, &t[i], &e);
	if (ret < 0 || fc_writer_finish(w, &e) < 0)
		printf("Bail out! %s\n", e.msg);
	fc_header_release(&h);
}

static void test_tensors(void)
{
	static unsigned char large[3 << 20]; /* more than a record holds */
	static const float scalar = 2.5f;
	for (size_t i = 0; i < sizeof large; i++)
		large[i] = (unsigned char)(i * i >> 7);
	struct fc_tensor t[] = {make("z", FC_U8, sizeof large, large),
	    make("empty", FC_F32, 0, NULL), make("a", FC_F32, -1, &scalar)};
	struct fc_store *s = NULL;
	write_stream("s.fcs", FC_KIND_TENSORS, t, 3);
	if (!T_OK(fc_store_open(&s, scratch_path("s.fcs"), &e) == 0, "a stream"))
		printf("# %s\n", e.msg);
	T_EQ(fc_store_count(s), 3, "tensors");
	T_STR(fc_store_at(s, 0)->name, "a", "sorted by name");
	const struct fc_tensor *z = fc_store_find(s, "z");
	T_OK(z && z->n_bytes == sizeof large && !memcmp(z->data, large, sizeof large),
	    "a tensor of several records");
	T_OK(!memcmp(fc_store_find(s, "a")->data, &scalar, 4), "a scalar");
	T_EQ(fc_store_find(s, "empty")->n_bytes, 0, "an empty one");
	fc_store_forget(z->data, z->n_bytes);
	T_OK(!memcmp(z->data, large, sizeof large), "forgotten memory comes back");
	fc_store_close(s);
	write_stream("none.fcs", FC_KIND_TENSORS, NULL, 0);
	T_OK(fc_store_open(&s, scratch_path("none.fcs"), &e) == 0 && fc_store_count(s) == 0,
	    "a stream of nothing");
	fc_store_close(s);
}

static void refuses(const char *name, const char *message)
{
	struct fc_store *s;
	int ret = fc_store_open(&s, scratch_path(name), &e);
	if (!T_OK(ret < 0 && strstr(e.msg, message), "%s: %s", name, message))
		printf("# %s\n", ret < 0 ? e.msg : "accepted");
}

/* What cat makes of a stream and itself: the writer would refuse it. */
static void write_doubled(const char *name, const char *once)
{
	static char bytes[8192];
	FILE *f = fopen(scratch_path(once), "rb");
	const size_t n = f ? fread(bytes, 1, sizeof bytes / 2, f) : 0;
	if (!n || n == sizeof bytes / 2 || fclose(f) != 0)
		exit(1);
	memcpy(bytes + n, bytes, n);
	write_file(name, bytes, 2 * n);
}

static void test_refusals(void)
{
	static const float x[2] = {1, 2};
	struct fc_tensor t[] = {make("a", FC_F32, 2, x), make("b", FC_F32, 1, x)};
	write_stream("once.fcs", FC_KIND_TENSORS, t, 2);
	write_doubled("twice.fcs", "once.fcs");
	refuses("twice.fcs", "tensor a comes twice");
	write_stream("map.fcs", FC_KIND_MAP, NULL, 0);
	refuses("map.fcs", "map");
	write_file("zstd", "\x28\xb5\x2f\xfd", 4);
	refuses("zstd", "zstd");
	write_stream("orphan.fcs", FC_KIND_UPDATE, t, 2);
	refuses("orphan.fcs", "the update of an unknown model");
	write_stream("one.fcs", FC_KIND_TENSORS, t, 1);
	setenv("TMPDIR", "/nowhere", 1);
	refuses("one.fcs", "create /nowhere/fc-spool.");
	unsetenv("TMPDIR");
}

/* The changes of a model are not taken for a model. */
static void test_update(void)
{
	static const float x[2] = {1, 2};
	struct fc_tensor t[] = {make("a", FC_F32, 2, x)};
	struct fc_store *s = NULL;
	uint64_t pivot = 0;
	model = 77;
	write_stream("update.fcs", FC_KIND_UPDATE, t, 1);
	write_stream("model.fcs", FC_KIND_TENSORS, t, 1);
	refuses("update.fcs", "the update of a model is no model");
	T_OK(fc_store_open_update(&s, scratch_path("update.fcs"), &pivot, &e) == 0 && pivot == 77 &&
		fc_store_count(s) == 1,
	    "an update, where one is asked for");
	fc_store_close(s);
	T_OK(fc_store_open_update(&s, scratch_path("model.fcs"), &pivot, &e) == 0 && pivot == 0,
	    "or a model");
	fc_store_close(s);
}

int main(void)
{
	scratch_make();
	test_tensors();
	test_refusals();
	test_update();
	scratch_remove();
	return t_done();
}
