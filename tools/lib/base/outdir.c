/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* renameat2(RENAME_EXCHANGE), syscall */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ending.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/tmpname.h"

struct fc_outdir {
	char *path, *tmp;
	const struct fc_folder_kind *replace; /* NULL: nothing */
	bool keep;                            /* the temporary folder stays when the work fails */
	int lock;                             /* descriptor that holds the lock on it, or -1 */
	struct fc_outdir *next;
};

/* What exists under a temporary name and must go when the process ends early. */
static struct fc_outdir *open_dirs;

/* An entry as the kernel gives it (getdents64(2)): readdir() may not be called in a handler. */
struct entry64 {
	uint64_t ino;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

/* Removes the files that are in a folder, those of one level. */
static void unlink_entries(int dir)
{
	static _Alignas(
	    struct entry64) char buf[32 << 10]; /* one thread at a time; stacks are small */
	for (;;) {
		long got = syscall(SYS_getdents64, dir, buf, sizeof buf), at = 0;
		if (got <= 0)
			return;
		while (at < got) {
			const struct entry64 *x = (const void *)(buf + at);
			if (strcmp(x->name, ".") != 0 && strcmp(x->name, "..") != 0)
				unlinkat(dir, x->name, 0);
			at += x->size;
		}
	}
}

/* Async-signal-safe.  Folders of models and checkpoints are flat. */
static void empty_folder(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return;
	unlink_entries(dir);
	close(dir);
}

static void remove_folder(const char *path)
{
	empty_folder(path);
	rmdir(path);
}

/* At an early end, in a signal handler. */
static void remove_begun(void)
{
	for (const struct fc_outdir *d = open_dirs; d; d = d->next)
		if (!d->keep)
			remove_folder(d->tmp);
}

static void abort_all(void)
{
	while (open_dirs)
		fc_outdir_abort(open_dirs);
}

static char *without_slashes(const char *path)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	return fc_memdup0(path, n);
}

static int check_outdir(const char *path, const struct fc_folder_kind *replace, struct fc_err *e)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return 0;
	if (!replace)
		return fc_fail(e, "%s: exists already; --force replaces it", path);
	return fc_replace_folder(path, replace, e);
}

/* Takes over both names and the lock. */
static struct fc_outdir *outdir_new(
    char *final, char *tmp, const struct fc_folder_kind *replace, int lock, bool keep)
{
	static bool armed;
	struct fc_outdir *d = FC_NEW(struct fc_outdir);
	*d = (struct fc_outdir){.path = final,
	    .tmp = tmp,
	    .replace = replace,
	    .keep = keep,
	    .lock = lock,
	    .next = open_dirs};
	open_dirs = d;
	if (!armed) {
		atexit(abort_all);
		fc_ending_hook(remove_begun);
		fc_ending_arm();
	}
	armed = true;
	return d;
}

int fc_outdir_open(struct fc_outdir **out, const char *path, const struct fc_folder_kind *replace,
    struct fc_err *e)
{
	*out = NULL;
	char *final = without_slashes(path), *tmp = fc_tmpname_process(final);
	if (check_outdir(final, replace, e) < 0)
		goto fail;
	fc_ending_hold();
	if (mkdir(tmp, 0777) == 0)
		*out = outdir_new(final, tmp, replace, -1, false);
	else
		fc_fail(e, "create folder %s:", tmp);
	fc_ending_release();
	if (*out)
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
	if (fc_tmpname_lock(fd, path, e) == 0)
		return fd;
	close(fd);
	return -1;
}

int fc_outdir_open_part(struct fc_outdir **out, const char *path,
    const struct fc_folder_kind *replace, bool resume, bool *resumed, struct fc_err *e)
{
	char *final = without_slashes(path), *tmp = fc_tmpname_hidden(final, ".part");
	int lock = -1;
	bool existed;
	*out = NULL;
	if (check_outdir(final, replace, e) < 0)
		goto fail;
	fc_ending_hold();
	lock = lock_folder(tmp, &existed, e);
	if (lock >= 0 && fc_replace_unfinished(tmp, &fc_folder_model, e) == 0) {
		if (existed && !resume)
			empty_folder(tmp);
		*resumed = existed && resume;
		*out = outdir_new(final, tmp, replace, lock, resume);
	}
	fc_ending_release();
	if (*out)
		return 0;
	if (lock >= 0)
		close(lock);
fail:
	free(final);
	free(tmp);
	return -1;
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
		ret = fc_tmpname_sync(path, O_RDONLY, e);
		free(path);
	}
	closedir(d);
	return ret == 0 ? fc_tmpname_sync(dir, O_RDONLY | O_DIRECTORY, e) : ret;
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

/* What is there is looked at again: hours may have passed since the start. */
static int take_place(const struct fc_outdir *d, struct fc_err *e)
{
	struct stat st;
	bool exchange = d->replace && lstat(d->path, &st) == 0;
	if (exchange && fc_replace_folder(d->path, d->replace, e) < 0)
		return -1;
	int ret = exchange ? renameat2(AT_FDCWD, d->tmp, AT_FDCWD, d->path, RENAME_EXCHANGE)
			   : rename(d->tmp, d->path);
	if (ret < 0)
		return fc_fail(e, "rename to %s:", d->path);
	if (exchange)
		remove_folder(d->tmp); /* now the old contents */
	return 0;
}

int fc_outdir_commit(struct fc_outdir *d, struct fc_err *e)
{
	int ret = sync_files(d->tmp, e);
	fc_ending_hold();
	if (ret < 0 && !d->keep)
		remove_folder(d->tmp);
	else if (ret == 0)
		ret = take_place(d, e) < 0 ? fc_tmpname_fail_kept(d->tmp, e)
					   : fc_tmpname_sync_folder(d->path, e);
	outdir_free(d);
	fc_ending_release();
	return ret;
}

void fc_outdir_abort(struct fc_outdir *d)
{
	if (!d)
		return;
	fc_ending_hold();
	if (!d->keep)
		remove_folder(d->tmp);
	outdir_free(d);
	fc_ending_release();
}
