/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* O_TMPFILE */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ending.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/tmpname.h"

struct fc_out {
	int fd;
	char *path, *tmp; /* NULL for standard output; tmp: for all that is written directly, too */
	enum fc_out_kind kind;
	bool unnamed; /* the file has no name yet, and gets tmp's for a moment at the end */
	bool keep;    /* what was written stays when the work fails */
	struct fc_out *next;
};

/* What must go when the process ends early. */
static struct fc_out *open_files;

static void out_release(struct fc_out *o)
{
	free(o->path);
	free(o->tmp);
	free(o);
}

static void unlink_tmp(const struct fc_out *o)
{
	if (o->tmp && !o->unnamed && !o->keep)
		unlink(o->tmp);
}

/* At an early end, in a signal handler.  Whatever has a name of its own stays. */
static void unlink_begun(void)
{
	for (const struct fc_out *o = open_files; o; o = o->next)
		unlink_tmp(o);
}

static void abort_all(void)
{
	while (open_files)
		fc_out_abort(open_files);
}

static void out_track(struct fc_out *o)
{
	static bool armed;
	if (!armed) {
		atexit(abort_all);
		fc_ending_hook(unlink_begun);
		fc_ending_arm();
	}
	armed = true;
	o->next = open_files;
	open_files = o;
}

/* "/proc/self/fd/N" */
static void descriptor_path(int fd, char path[40])
{
	snprintf(path, 40, "/proc/self/fd/%d", fd);
}

/* A file without a name, in the folder of path; -1 where the file system has no such files. */
static int open_unnamed(const char *path)
{
	int fd = -1;
#ifdef O_TMPFILE
	char self[40], *dir = fc_tmpname_folder(path);
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	free(dir);
	descriptor_path(fd, self);
	if (fd >= 0 && access(self, F_OK) < 0) { /* without /proc it could get no name later */
		close(fd);
		fd = -1;
	}
#else
	(void)path;
#endif
	return fd;
}

/* A device or pipe is written directly.  Opening a pipe waits for its reader: signals may end that.
 */
static int open_special(struct fc_out *o, struct fc_err *e)
{
	o->fd = open(o->path, O_WRONLY | O_CLOEXEC);
	return o->fd < 0 ? fc_fail(e, "create %s:", o->path) : 0;
}

/* Called while signals are held, as the file may appear under its temporary name. */
static int open_new(struct fc_out *o, struct fc_err *e)
{
	struct stat st;
	o->tmp = fc_tmpname_process(o->path);
	if (lstat(o->tmp, &st) < 0 && errno == ENAMETOOLONG)
		return fc_fail(
		    e, "create %s:", o->tmp); /* a name too long is known before the work */
	o->fd = open_unnamed(o->path);
	o->unnamed = o->fd >= 0;
	if (!o->unnamed) {
		unlink(o->tmp); /* of a killed process that had our number */
		o->fd = open(o->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	}
	return o->fd < 0 ? fc_fail(e, "create %s:", o->path) : 0;
}

int fc_out_open(struct fc_out **out, const char *path, enum fc_out_kind kind, struct fc_err *e)
{
	struct stat st;
	*out = NULL;
	if (fc_replace_file(path, kind, e) < 0)
		return -1;
	struct fc_out *o = FC_NEW(struct fc_out);
	o->path = path && strcmp(path, "-") ? fc_strdup(path) : NULL;
	o->fd = STDOUT_FILENO;
	o->kind = kind;
	bool special = o->path && stat(path, &st) == 0 && !S_ISREG(st.st_mode);
	int ret = special ? open_special(o, e) : 0;
	fc_ending_hold();
	if (o->path && !special)
		ret = open_new(o, e);
	if (ret == 0)
		out_track(o);
	fc_ending_release();
	if (ret < 0) {
		out_release(o);
		return -1;
	}
	*out = o;
	return 0;
}

/* A file that several runs may go on with is locked until it has its name. What was read of it
 * before is still there: keep_bytes. */
static int take_kept(int fd, const char *name, size_t keep_bytes, struct fc_err *e)
{
	struct stat st;
	if (fc_tmpname_lock(fd, name, e) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return fc_fail(e, "stat %s:", name);
	if ((uint64_t)st.st_size < keep_bytes)
		return fc_fail(e, FC_TMPNAME_TAKEN, name);
	if (ftruncate(fd, (off_t)keep_bytes) < 0 || lseek(fd, 0, SEEK_END) < 0)
		return fc_fail(e, "write %s:", name);
	return 0;
}

/* o: whose tmp or, without one, path goes on behind its first keep_bytes.  Takes it over. */
static int open_kept(struct fc_out **out, struct fc_out *o, size_t keep_bytes, struct fc_err *e)
{
	const char *name = o->tmp ? o->tmp : o->path;
	o->keep = true;
	o->fd = open(name, O_RDWR | O_CLOEXEC | (keep_bytes ? 0 : O_CREAT), 0666);
	*out = NULL;
	if (o->fd < 0)
		fc_fail(e, "open %s:", name);
	else if (take_kept(o->fd, name, keep_bytes, e) == 0) {
		fc_ending_hold();
		out_track(o);
		fc_ending_release();
		*out = o;
		return 0;
	}
	if (o->fd >= 0)
		close(o->fd);
	out_release(o);
	return -1;
}

int fc_out_append(struct fc_out **out, const char *path, size_t keep_bytes, struct fc_err *e)
{
	struct fc_out *o = FC_NEW(struct fc_out);
	o->path = fc_strdup(path);
	return open_kept(out, o, keep_bytes, e);
}

int fc_out_resume(struct fc_out **out, const char *path, enum fc_out_kind kind, size_t keep_bytes,
    struct fc_err *e)
{
	struct stat st;
	*out = NULL;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return fc_fail(
		    e, "%s: no file; only what is written to a file can be resumed", path);
	if (fc_replace_file(path, kind, e) < 0)
		return -1;
	struct fc_out *o = FC_NEW(struct fc_out);
	o->path = fc_strdup(path);
	o->tmp = fc_tmpname_partial(path);
	o->kind = kind;
	return open_kept(out, o, keep_bytes, e);
}

int fc_out_fd(const struct fc_out *o)
{
	return o->fd;
}

const char *fc_out_name(const struct fc_out *o)
{
	return o->path ? o->path : "standard output";
}

int fc_out_write(struct fc_out *o, const void *p, size_t n, struct fc_err *e)
{
	return fc_write_all(o->fd, p, n, fc_out_name(o), e);
}

static void out_free(struct fc_out *o)
{
	fc_ending_hold();
	for (struct fc_out **at = &open_files; *at; at = &(*at)->next) {
		if (*at == o) {
			*at = o->next;
			break;
		}
	}
	fc_ending_release();
	out_release(o);
}

/* What is there is looked at again: hours may have passed since the start. */
static int take_place(const struct fc_out *o, struct fc_err *e)
{
	if (fc_replace_file(o->path, o->kind, e) < 0)
		return -1;
	return rename(o->tmp, o->path) < 0 ? fc_fail(e, "rename to %s:", o->path) : 0;
}

/* A link cannot take the place of a file that exists, so it is made beside it and renamed.  What is
 * whole stays there where that fails. */
static int give_name(struct fc_out *o, struct fc_err *e)
{
	char self[40];
	descriptor_path(o->fd, self);
	if (o->unnamed) {
		unlink(o->tmp);
		if (linkat(AT_FDCWD, self, AT_FDCWD, o->tmp, AT_SYMLINK_FOLLOW) < 0)
			return fc_fail(e, "create %s:", o->path);
		o->unnamed = false;
	}
	o->keep = true;
	return take_place(o, e) < 0 ? fc_tmpname_fail_kept(o->tmp, e) : 0;
}

static int sync_out(const struct fc_out *o, struct fc_err *e)
{
	return fsync(o->fd) < 0 && errno != EINVAL ? fc_fail(e, "sync %s:", o->path) : 0;
}

int fc_out_commit(struct fc_out *o, struct fc_err *e)
{
	int ret = 0;
	if (o->tmp || o->keep)
		ret = sync_out(o, e);
	fc_ending_hold();
	if (o->tmp && ret == 0)
		ret = give_name(o, e);
	if (o->path && close(o->fd) < 0 && ret == 0)
		ret = fc_fail(e, "close %s:", o->path);
	if (ret < 0)
		unlink_tmp(o);
	else if (o->tmp)
		ret = fc_tmpname_sync_folder(o->path, e);
	out_free(o);
	fc_ending_release();
	return ret;
}

void fc_out_abort(struct fc_out *o)
{
	if (!o)
		return;
	unlink_tmp(o);
	if (o->path)
		close(o->fd);
	out_free(o);
}

int fc_out_whole(const char *path, enum fc_out_kind kind, const struct fc_buf *b, struct fc_err *e)
{
	struct fc_out *o;
	if (fc_out_open(&o, path, kind, e) < 0)
		return -1;
	if (fc_out_write(o, b->p ? b->p : "", b->n, e) < 0) {
		fc_out_abort(o);
		return -1;
	}
	return fc_out_commit(o, e);
}
