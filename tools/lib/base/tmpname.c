/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* flock */
#include "base/tmpname.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

char *fc_tmpname_hidden(const char *path, const char *suffix)
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

char *fc_tmpname_process(const char *path)
{
	char suffix[40];
	snprintf(suffix, sizeof suffix, ".%ld.tmp", (long)getpid());
	return fc_tmpname_hidden(path, suffix);
}

char *fc_tmpname_partial(const char *path)
{
	return fc_tmpname_hidden(path, ".partial");
}

/* flock(), since a lock by fcntl() goes with the first descriptor of the file that is closed. */
int fc_tmpname_lock(int fd, const char *tmp, struct fc_err *e)
{
	struct stat here, there;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fc_fail(e,
		    errno == EWOULDBLOCK ? "%s: another process is writing it" : "lock %s:", tmp);
	if (fstat(fd, &here) < 0)
		return fc_fail(e, "stat %s:", tmp);
	if (stat(tmp, &there) < 0 || here.st_dev != there.st_dev || here.st_ino != there.st_ino)
		return fc_fail(e, FC_TMPNAME_TAKEN, tmp);
	return 0;
}

int fc_tmpname_fail_kept(const char *tmp, struct fc_err *e)
{
	return fc_fail(e, "%s; what was made is kept as %s", e->msg, tmp);
}

char *fc_tmpname_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? fc_memdup0(path, slash == path ? 1 : (size_t)(slash - path))
		     : fc_strdup(".");
}

int fc_tmpname_sync(const char *path, int flags, struct fc_err *e)
{
	int fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return fc_fail(e, "open %s:", path);
	int ret = fsync(fd) < 0 && errno != EINVAL ? fc_fail(e, "sync %s:", path) : 0;
	close(fd);
	return ret;
}

int fc_tmpname_sync_folder(const char *path, struct fc_err *e)
{
	char *dir = fc_tmpname_folder(path);
	int ret = fc_tmpname_sync(dir, O_RDONLY | O_DIRECTORY, e);
	free(dir);
	return ret;
}
