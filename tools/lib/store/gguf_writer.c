/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gguf_writer.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/gguf_file.h"

struct slot {
	char *name;
	size_t at, n_bytes; /* at: in the file */
	_Atomic size_t written;
};

struct fc_gguf_writer {
	int fd;
	const char *path;
	struct slot *slot;
	size_t n;
	_Atomic size_t put;
};

static size_t aligned(size_t n)
{
	return (n + FC_GGUF_ALIGN - 1) / FC_GGUF_ALIGN * FC_GGUF_ALIGN;
}

/* One tensor's entry; *end: where the data before it end, from the beginning of all data. */
static int put_tensor(struct fc_gguf_writer *w, struct fc_buf *b, const struct fc_tensor *t,
    struct slot *s, size_t *end, struct fc_err *e)
{
	uint32_t type;
	const size_t n_name = strlen(t->name);
	if (n_name == 0 || n_name > FC_GGUF_NAME_MAX)
		return fc_fail(e, "%s: tensor %s: GGUF has names of 1 to %d bytes", w->path,
		    t->name, FC_GGUF_NAME_MAX);
	if (t->n_dim > FC_GGUF_DIM_MAX)
		return fc_fail(e, "%s: tensor %s: %d dimensions, GGUF has at most %d", w->path,
		    t->name, t->n_dim, FC_GGUF_DIM_MAX);
	if (!fc_gguf_dtype_number(t->dtype, &type))
		return fc_fail(e, "%s: tensor %s: GGUF has no type %s", w->path, t->name,
		    fc_dtype_name(t->dtype));
	if (!fc_tensor_bytes(t, &s->n_bytes) || s->n_bytes > SIZE_MAX / 2 - *end)
		return fc_fail(e,
		    "%s: tensor %s: its size overflows, or its rows are no whole blocks", w->path,
		    t->name);
	fc_gguf_put_u64(b, n_name);
	fc_buf_add(b, t->name, n_name);
	fc_gguf_put_u32(b, (uint32_t)t->n_dim);
	for (int i = t->n_dim - 1; i >= 0; i--)
		fc_gguf_put_u64(b, (uint64_t)t->dim[i]);
	fc_gguf_put_u32(b, type);
	fc_gguf_put_u64(b, aligned(*end));
	s->name = fc_strdup(t->name);
	s->at = aligned(*end);
	*end = s->at + s->n_bytes;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_names(const struct fc_gguf_writer *w, struct fc_err *e)
{
	const char **name = FC_ARRAY(const char *, w->n + 1);
	int ret = 0;
	for (size_t i = 0; i < w->n; i++)
		name[i] = w->slot[i].name;
	qsort(name, w->n, sizeof *name, by_name);
	for (size_t i = 1; i < w->n && ret == 0; i++)
		if (!strcmp(name[i - 1], name[i]))
			ret = fc_fail(e, "%s: two tensors are named %s", w->path, name[i]);
	free(name);
	return ret;
}

/* The whole header, and the file at its full size. */
static int write_header(struct fc_gguf_writer *w, const struct fc_gguf_meta *m,
    const struct fc_tensor *plan, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	size_t end = 0;
	int ret = 0;
	fc_buf_adds(&b, "GGUF");
	fc_gguf_put_u32(&b, 3);
	fc_gguf_put_u64(&b, w->n);
	fc_gguf_put_u64(&b, m->n);
	fc_buf_add(&b, m->b.p, m->b.n);
	for (size_t i = 0; i < w->n && ret == 0; i++)
		ret = put_tensor(w, &b, &plan[i], &w->slot[i], &end, e);
	while (b.n % FC_GGUF_ALIGN)
		fc_buf_addc(&b, 0);
	for (size_t i = 0; i < w->n; i++)
		w->slot[i].at += b.n;
	if (ret == 0)
		ret = check_names(w, e);
	if (ret == 0)
		ret = fc_pwrite_all(w->fd, b.p, b.n, 0, w->path, e);
	if (ret == 0 && ftruncate(w->fd, (off_t)(b.n + aligned(end))) < 0)
		ret = fc_fail(e, "write %s:", w->path);
	fc_buf_release(&b);
	return ret;
}

static void writer_free(struct fc_gguf_writer *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->slot[i].name);
	free(w->slot);
	free(w);
}

int fc_gguf_writer_open(struct fc_gguf_writer **out, int fd, const char *name,
    const struct fc_gguf_meta *m, const struct fc_tensor *plan, size_t n, struct fc_err *e)
{
	struct fc_gguf_writer *w = FC_NEW(struct fc_gguf_writer);
	*w = (struct fc_gguf_writer){
	    .fd = fd, .path = name, .slot = FC_ARRAY(struct slot, n + 1), .n = n};
	const int ret = write_header(w, m, plan, e);
	if (ret < 0)
		writer_free(w);
	*out = ret < 0 ? NULL : w;
	return ret;
}

int fc_gguf_writer_put(
    struct fc_gguf_writer *w, size_t i, size_t offset, const void *p, size_t n, struct fc_err *e)
{
	struct slot *s = &w->slot[i];
	if (offset > s->n_bytes || n > s->n_bytes - offset)
		return fc_fail(e, "%s: tensor %s: %zu bytes at %zu are beyond its %zu", w->path,
		    s->name, n, offset, s->n_bytes);
	if (fc_pwrite_all(w->fd, p, n, s->at + offset, w->path, e) < 0)
		return -1;
	atomic_fetch_add(&s->written, n);
	fc_write_behind(w->fd, n, &w->put);
	return 0;
}

int fc_gguf_writer_close(struct fc_gguf_writer *w, struct fc_err *e)
{
	int ret = 0;
	for (size_t i = 0; i < w->n && ret == 0; i++)
		if (w->slot[i].written != w->slot[i].n_bytes)
			ret = fc_fail(e, "%s: tensor %s: %zu of %zu bytes were written", w->path,
			    w->slot[i].name, (size_t)w->slot[i].written, w->slot[i].n_bytes);
	writer_free(w);
	return ret;
}
