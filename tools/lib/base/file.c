/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* sync_file_range */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ending.h"
#include "base/mem.h"

bool fc_file_exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

char *fc_path_join(const char *dir, const char *name)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s%s%s", dir, *dir && dir[strlen(dir) - 1] == '/' ? "" : "/", name);
	return fc_buf_detach(&b);
}

const char *fc_path_last(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

char *fc_path_name(const char *path)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	size_t first = n;
	while (first && path[first - 1] != '/')
		first--;
	return fc_memdup0(path + first, n - first);
}

char *fc_path_stem(const char *path, const char *ending)
{
	const char *last = fc_path_last(path);
	const bool has = fc_ends_with(last, ending) && strcmp(last, ending) != 0;
	return fc_memdup0(last, strlen(last) - (has ? strlen(ending) : 0));
}

static const char *type_name(mode_t mode)
{
	return S_ISDIR(mode) ? "a folder"
	    : S_ISFIFO(mode) ? "a pipe"
	    : S_ISSOCK(mode) ? "a socket"
			     : "a device";
}

int fc_file_open(const char *path, size_t *n_bytes, struct fc_err *e)
{
	struct stat st;
	/* a pipe without a writer would hold us up for good before it is seen to be one */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fc_fail(e, "open %s:", path);
	if (fstat(fd, &st) < 0)
		fc_fail(e, "stat %s:", path);
	else if (!S_ISREG(st.st_mode))
		fc_fail(
		    e, "%s: is %s, where a regular file is needed", path, type_name(st.st_mode));
	else {
		*n_bytes = (size_t)st.st_size;
		return fd;
	}
	close(fd);
	return -1;
}

static int read_up_to(
    int fd, const char *path, size_t max_bytes, struct fc_buf *out, struct fc_err *e)
{
	for (;;) {
		char *to = fc_buf_reserve(out, 64 << 10);
		ssize_t n = read(fd, to, 64 << 10);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fc_fail(e, "read %s:", path);
		if (n == 0)
			break;
		out->n += (size_t)n;
		if (out->n > max_bytes)
			return fc_fail(e, "%s: larger than %zu bytes", path, max_bytes);
	}
	out->p[out->n] = 0;
	return 0;
}

int fc_file_read(const char *path, size_t max_bytes, struct fc_buf *out, struct fc_err *e)
{
	if (!strcmp(path, "-"))
		return read_up_to(STDIN_FILENO, path, max_bytes, out, e);
	size_t n_bytes;
	int ret = -1, fd = fc_file_open(path, &n_bytes, e);
	if (fd < 0)
		return -1;
	if (n_bytes > max_bytes)
		fc_fail(e, "%s: larger than %zu bytes", path, max_bytes);
	else
		ret = read_up_to(fd, path, max_bytes, out, e);
	close(fd);
	return ret;
}

int fc_file_read_any(const char *path, size_t max_bytes, struct fc_buf *out, struct fc_err *e)
{
	int fd = !strcmp(path, "-") ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fc_fail(e, "open %s:", path);
	int ret = read_up_to(fd, path, max_bytes, out, e);
	if (fd != STDIN_FILENO)
		close(fd);
	return ret;
}

int fc_mapped_open(struct fc_mapped *m, const char *path, struct fc_err *e)
{
	int ret = 0;
	size_t n_bytes;
	*m = (struct fc_mapped){NULL, 0};
	int fd = fc_file_open(path, &n_bytes, e);
	if (fd < 0)
		return -1;
	if (n_bytes) {
		void *p = mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED) {
			ret = fc_fail(e, "map %s:", path);
		} else {
			*m = (struct fc_mapped){p, n_bytes};
			fc_ask_large_pages(p, n_bytes);
			fc_ending_mapped(p, n_bytes, path);
		}
	}
	close(fd);
	return ret;
}

void fc_mapped_close(struct fc_mapped *m)
{
	fc_ending_unmapped(m->p);
	if (m->p)
		munmap((void *)(uintptr_t)m->p, m->n_bytes);
	*m = (struct fc_mapped){NULL, 0};
}

/* What write() says of bytes that it could not read is about them, not about the output. */
static int fail_write(const void *from, const char *name, struct fc_err *e)
{
	int why = errno;
	const char *source = why == EFAULT ? fc_ending_map_name(from) : NULL;
	if (source)
		return fc_fail(e, "%s: was cut off while it was read", source);
	errno = why;
	return fc_fail(e, "write %s:", name);
}

int fc_write_all(int fd, const void *p, size_t n, const char *name, struct fc_err *e)
{
	const char *at = p;
	while (n) {
		ssize_t w = write(fd, at, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return fail_write(at, name, e);
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int fc_pwrite_all(
    int fd, const void *p, size_t n, size_t offset, const char *name, struct fc_err *e)
{
	const char *at = p;
	while (n) {
		ssize_t w = pwrite(fd, at, n, (off_t)offset);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return fail_write(at, name, e);
		at += w;
		offset += (size_t)w;
		n -= (size_t)w;
	}
	return 0;
}

void fc_write_behind(int fd, size_t n, _Atomic size_t *written)
{
	const size_t often = (size_t)16 << 20;
	const size_t before = atomic_fetch_add(written, n);
#ifdef SYNC_FILE_RANGE_WRITE
	if (before / often != (before + n) / often)
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* what fails shows at the sync */
#else
	(void)fd, (void)often, (void)before;
#endif
}

int fc_file_copy(
    const char *from_dir, const char *to_dir, const char *name, bool required, struct fc_err *e)
{
	char *from = fc_path_join(from_dir, name), *to = fc_path_join(to_dir, name);
	struct fc_mapped m = {NULL, 0};
	int ret = -1, fd = -1;
	if (!required && !fc_file_exists(from)) {
		ret = 0;
		goto out;
	}
	if (fc_mapped_open(&m, from, e) < 0)
		goto out;
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		fc_fail(e, "create %s:", to);
		goto out;
	}
	ret = fc_write_all(fd, m.p, m.n_bytes, to, e);
	if (close(fd) < 0 && ret == 0)
		ret = fc_fail(e, "close %s:", to);
out:
	fc_mapped_close(&m);
	free(from);
	free(to);
	return ret;
}
