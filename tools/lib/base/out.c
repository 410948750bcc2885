/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* renameat2(RENAME_EXCHANGE) */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct fc_out {
	int fd;
	char *path, *tmp; /* NULL for standard output */
	bool append;
	struct fc_out *next;
};

struct fc_outdir {
	char *path, *tmp;
	bool replace;
	bool keep; /* the temporary folder stays when the work fails */
	int lock;  /* descriptor that holds the lock on it, or -1 */
	struct fc_outdir *next;
};

/* What exists under a temporary name and must go when the process ends early. */
static struct fc_out *open_files;
static struct fc_outdir *open_dirs;

/* "dir/.NAME" and the suffix */
static char *hidden_name(const char *path, const char *suffix)
{
	struct fc_buf b = FC_BUF_INIT;
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	size_t base = n;
	while (base && path[base - 1] != '/')
		base--;
	fc_buf_add(&b, path, base);
	fc_buf_addf(&b, ".%.*s%s", (int)(n - base), path + base, suffix);
	return fc_buf_detach(&b);
}

static char *tmp_name(const char *path)
{
	char suffix[40];
	snprintf(suffix, sizeof suffix, ".%ld.tmp", (long)getpid());
	return hidden_name(path, suffix);
}

static void arm_cleanup(void)
{
	static bool armed;
	if (!armed)
		atexit(fc_out_abort_all);
	armed = true;
}

static int sync_path(const char *path, int flags, struct fc_err *e)
{
	int fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return fc_fail(e, "open %s:", path);
	int ret = fsync(fd) < 0 && errno != EINVAL ? fc_fail(e, "sync %s:", path) : 0;
	close(fd);
	return ret;
}

static int sync_parent(const char *path, struct fc_err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir =
	    slash ? fc_memdup0(path, slash == path ? 1 : (size_t)(slash - path)) : fc_strdup(".");
	int ret = sync_path(dir, O_RDONLY | O_DIRECTORY, e);
	free(dir);
	return ret;
}

static void out_track(struct fc_out *o)
{
	o->next = open_files;
	open_files = o;
	arm_cleanup();
}

int fc_out_open(struct fc_out **out, const char *path, bool binary, struct fc_err *e)
{
	*out = NULL;
	bool is_stdout = !path || !strcmp(path, "-");
	if (is_stdout && binary && isatty(STDOUT_FILENO))
		return fc_fail(
		    e, "a binary stream is not written to a terminal; use -o FILE or a pipe");
	struct fc_out *o = FC_NEW(struct fc_out);
	o->fd = STDOUT_FILENO;
	if (!is_stdout) {
		struct stat st;
		bool special = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
		o->path = fc_strdup(path);
		o->tmp = special ? NULL : tmp_name(path); /* a device or pipe is written directly */
		o->fd = special ? open(path, O_WRONLY | O_CLOEXEC)
				: open(o->tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (o->fd < 0) {
			fc_fail(e, "create %s:", path);
			free(o->path);
			free(o->tmp);
			free(o);
			return -1;
		}
	}
	out_track(o);
	*out = o;
	return 0;
}

int fc_out_append(struct fc_out **out, const char *path, size_t keep_bytes, struct fc_err *e)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	*out = NULL;
	if (fd < 0)
		return fc_fail(e, "open %s:", path);
	if (fcntl(fd, F_SETLK, &lock) < 0 && (errno == EACCES || errno == EAGAIN))
		fc_fail(e, "%s: another process is writing it", path);
	else if (ftruncate(fd, (off_t)keep_bytes) < 0 || lseek(fd, 0, SEEK_END) < 0)
		fc_fail(e, "write %s:", path);
	else {
		struct fc_out *o = FC_NEW(struct fc_out);
		*o = (struct fc_out){.fd = fd, .path = fc_strdup(path), .append = true};
		out_track(o);
		*out = o;
		return 0;
	}
	close(fd);
	return -1;
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
	for (struct fc_out **at = &open_files; *at; at = &(*at)->next) {
		if (*at == o) {
			*at = o->next;
			break;
		}
	}
	free(o->path);
	free(o->tmp);
	free(o);
}

int fc_out_commit(struct fc_out *o, struct fc_err *e)
{
	int ret = 0;
	if (o->tmp) {
		if (fsync(o->fd) < 0 && errno != EINVAL)
			ret = fc_fail(e, "sync %s:", o->path);
		if (close(o->fd) < 0 && ret == 0)
			ret = fc_fail(e, "close %s:", o->path);
		if (ret == 0 && rename(o->tmp, o->path) < 0)
			ret = fc_fail(e, "rename to %s:", o->path);
		if (ret < 0)
			unlink(o->tmp);
		else
			ret = sync_parent(o->path, e);
	} else if (o->path) {
		if (o->append && fsync(o->fd) < 0 && errno != EINVAL)
			ret = fc_fail(e, "sync %s:", o->path);
		if (close(o->fd) < 0 && ret == 0)
			ret = fc_fail(e, "close %s:", o->path);
	}
	out_free(o);
	return ret;
}

void fc_out_abort(struct fc_out *o)
{
	if (!o)
		return;
	if (o->tmp)
		unlink(o->tmp);
	if (o->path)
		close(o->fd);
	out_free(o);
}

/* Model folders are flat: files only, one level. */
static void empty_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

static void remove_folder(const char *path)
{
	empty_folder(path);
	rmdir(path);
}

/* The old folder is emptied after the exchange; behind a link that would be somebody else's. */
static int check_outdir(const char *path, bool replace, struct fc_err *e)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return 0;
	if (!replace)
		return fc_fail(e, "%s: exists already; --force replaces it", path);
	if (!S_ISDIR(st.st_mode))
		return fc_fail(e, "%s: is %s; only a folder is replaced", path,
		    S_ISLNK(st.st_mode) ? "a link" : "no folder");
	return 0;
}

/* Takes over both names. */
static struct fc_outdir *outdir_new(char *final, char *tmp, bool replace)
{
	struct fc_outdir *d = FC_NEW(struct fc_outdir);
	*d = (struct fc_outdir){
	    .path = final, .tmp = tmp, .replace = replace, .lock = -1, .next = open_dirs};
	open_dirs = d;
	arm_cleanup();
	return d;
}

int fc_outdir_open(struct fc_outdir **out, const char *path, bool replace, struct fc_err *e)
{
	*out = NULL;
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	char *final = fc_memdup0(path, n), *tmp = tmp_name(final);
	if (check_outdir(final, replace, e) < 0)
		goto fail;
	if (mkdir(tmp, 0777) < 0) {
		fc_fail(e, "create folder %s:", final);
		goto fail;
	}
	*out = outdir_new(final, tmp, replace);
	return 0;
fail:
	free(final);
	free(tmp);
	return -1;
}

/* Makes the folder or takes over what is there; the descriptor with the lock, or -1. */
static int lock_folder(const char *path, bool *existed, struct fc_err *e)
{
	*existed = mkdir(path, 0777) < 0;
	if (*existed && errno != EEXIST)
		return fc_fail(e, "create folder %s:", path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fc_fail(e, "open %s:", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (errno == EWOULDBLOCK)
		fc_fail(e, "%s: another process is writing it", path);
	else
		fc_fail(e, "lock %s:", path);
	close(fd);
	return -1;
}

int fc_outdir_open_part(struct fc_outdir **out, const char *path, bool replace, bool resume,
    bool *resumed, struct fc_err *e)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	char *final = fc_memdup0(path, n), *tmp = hidden_name(final, ".part");
	int lock = -1;
	bool existed;
	*out = NULL;
	if (check_outdir(final, replace, e) < 0 || (lock = lock_folder(tmp, &existed, e)) < 0) {
		free(final);
		free(tmp);
		return -1;
	}
	if (existed && !resume)
		empty_folder(tmp);
	*resumed = existed && resume;
	*out = outdir_new(final, tmp, replace);
	(*out)->keep = resume;
	(*out)->lock = lock;
	return 0;
}

const char *fc_outdir_tmp(const struct fc_outdir *d)
{
	return d->tmp;
}

static int sync_files(const char *dir, struct fc_err *e)
{
	DIR *d = opendir(dir);
	if (!d)
		return fc_fail(e, "open %s:", dir);
	int ret = 0;
	struct dirent *entry;
	while (ret == 0 && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		char *path = fc_path_join(dir, entry->d_name);
		ret = sync_path(path, O_RDONLY, e);
		free(path);
	}
	closedir(d);
	return ret == 0 ? sync_path(dir, O_RDONLY | O_DIRECTORY, e) : ret;
}

static void outdir_free(struct fc_outdir *d)
{
	for (struct fc_outdir **at = &open_dirs; *at; at = &(*at)->next) {
		if (*at == d) {
			*at = d->next;
			break;
		}
	}
	if (d->lock >= 0)
		close(d->lock);
	free(d->path);
	free(d->tmp);
	free(d);
}

int fc_outdir_commit(struct fc_outdir *d, struct fc_err *e)
{
	int ret = sync_files(d->tmp, e);
	if (ret == 0) {
		bool exchange = d->replace && fc_file_exists(d->path);
		if (exchange)
			ret = renameat2(AT_FDCWD, d->tmp, AT_FDCWD, d->path, RENAME_EXCHANGE);
		else
			ret = rename(d->tmp, d->path);
		if (ret < 0)
			fc_fail(e, "rename to %s:", d->path);
		else if (exchange)
			remove_folder(d->tmp); /* now the old contents */
	}
	if (ret == 0)
		ret = sync_parent(d->path, e);
	else if (!d->keep)
		remove_folder(d->tmp);
	outdir_free(d);
	return ret;
}

void fc_outdir_abort(struct fc_outdir *d)
{
	if (!d)
		return;
	if (!d->keep)
		remove_folder(d->tmp);
	outdir_free(d);
}

void fc_out_abort_all(void)
{
	while (open_files)
		fc_out_abort(open_files);
	while (open_dirs)
		fc_outdir_abort(open_dirs);
}
