/* SPDX-License-Identifier: Apache-2.0 */
#include "store/stream_tensors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include "base/file.h"
#include "base/mem.h"
#include "stream/reader.h"

#define ALIGNMENT ((size_t)64) /* of a tensor in the file */

bool fc_stream_tensors_is(const char *path)
{
	/* a zstd frame, or a skippable one, which streams begin with */
	static const unsigned char magic[][4] = {
	    {0x28, 0xb5, 0x2f, 0xfd}, {0x50, 0x2a, 0x4d, 0x18}};
	unsigned char begin[4] = {0};
	struct stat st;
	if (!strcmp(path, "-"))
		return true;
	if (stat(path, &st) < 0 || S_ISDIR(st.st_mode))
		return false;
	if (!S_ISREG(st.st_mode))
		return true;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool read_all = fd >= 0 && read(fd, begin, sizeof begin) == (ssize_t)sizeof begin;
	if (fd >= 0)
		close(fd);
	return read_all && (!memcmp(begin, magic[0], 4) || !memcmp(begin, magic[1], 4));
}

static int make_file(struct fc_stream_tensors *s, struct fc_err *e)
{
	const char *tmp = getenv("TMPDIR");
	char *path = fc_path_join(tmp && *tmp ? tmp : "/tmp", "fc-spool.XXXXXX");
	s->fd = mkstemp(path);
	int ret = s->fd < 0 ? fc_fail(e, "create %s:", path) : 0;
	if (ret == 0) {
		unlink(path);
		fcntl(s->fd, F_SETFD, FD_CLOEXEC);
	}
	free(path);
	return ret;
}

/* The reader has checked that parts follow each other and tensors are whole. */
static int add_part(
    struct fc_stream_tensors *s, const struct fc_tensor_part *part, struct fc_err *e)
{
	if (part->offset == 0) {
		s->n_bytes += -s->n_bytes % ALIGNMENT;
		FC_GROW(s->tensor, s->cap, s->n + 1);
		struct fc_tensor *t = &s->tensor[s->n++];
		*t = part->whole;
		t->name = fc_strdup(part->whole.name);
		t->data = (const void *)(uintptr_t)s->n_bytes; /* until it is mapped */
		s->n_bytes += t->n_bytes;
	}
	const struct fc_tensor *t = &s->tensor[s->n - 1];
	return fc_pwrite_all(s->fd, part->data, part->n, (uintptr_t)t->data + part->offset,
	    "the file that keeps the stream, in $TMPDIR", e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fc_tensor *)a)->name, ((const struct fc_tensor *)b)->name);
}

static int map_tensors(struct fc_stream_tensors *s, const char *path, struct fc_err *e)
{
	if (s->n_bytes) {
		if (ftruncate(s->fd, (off_t)s->n_bytes) < 0)
			return fc_fail(e, "%s: keep it in $TMPDIR:", path);
		s->map = mmap(NULL, s->n_bytes, PROT_READ, MAP_SHARED, s->fd, 0);
		if (s->map == MAP_FAILED) {
			s->map = NULL;
			return fc_fail(e, "%s: map it:", path);
		}
	}
	for (size_t i = 0; i < s->n; i++)
		s->tensor[i].data = (const char *)s->map + (uintptr_t)s->tensor[i].data;
	if (s->n)
		qsort(s->tensor, s->n, sizeof *s->tensor, by_name);
	for (size_t i = 1; i < s->n; i++)
		if (!strcmp(s->tensor[i - 1].name, s->tensor[i].name))
			return fc_fail(e, "%s: tensor %s comes twice", path, s->tensor[i].name);
	return 0;
}

int fc_stream_tensors_open(struct fc_stream_tensors *s, const char *path, struct fc_err *e)
{
	struct fc_reader *r;
	struct fc_tensor_part part;
	enum fc_read got = FC_READ_ERROR;
	*s = (struct fc_stream_tensors){.fd = -1};
	if (fc_reader_open(&r, path, 0, e) < 0)
		return -1;
	const struct fc_header *h = fc_reader_header(r);
	int ret = fc_kind_has_tensors(h->kind)
	    ? make_file(s, e)
	    : fc_fail(e, "%s: this is a %s, not a %s", fc_reader_name(r), fc_kind_name(h->kind),
		  fc_kind_name(FC_KIND_TENSORS));
	s->pivot = h->kind == FC_KIND_UPDATE ? h->model : 0;
	if (ret == 0 && h->kind == FC_KIND_UPDATE && !s->pivot)
		ret = fc_fail(e, "%s: the update of an unknown model", fc_reader_name(r));
	while (ret == 0 && (got = fc_reader_tensor(r, &part, e)) == FC_READ_RECORD)
		ret = add_part(s, &part, e);
	if (ret == 0 && got == FC_READ_ERROR)
		ret = -1;
	if (ret == 0)
		ret = map_tensors(s, path, e);
	fc_reader_close(r);
	return ret;
}

void fc_stream_tensors_close(struct fc_stream_tensors *s)
{
	for (size_t i = 0; i < s->n; i++)
		free((void *)(uintptr_t)s->tensor[i].name);
	free(s->tensor);
	if (s->map)
		munmap(s->map, s->n_bytes);
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct fc_stream_tensors){.fd = -1};
}
