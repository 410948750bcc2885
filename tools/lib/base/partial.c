/* SPDX-License-Identifier: Apache-2.0 */
#include "base/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

/* Bytes of path up to its last component. */
static size_t folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) + 1 : 0;
}

char *fc_partial_name(const char *path)
{
	const size_t n = folder_of(path);
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_add(&b, path, n);
	fc_buf_addf(&b, ".%s.partial", path + n);
	return fc_buf_detach(&b);
}

int fc_partial_commit(const char *path, struct fc_err *e)
{
	const size_t n = folder_of(path);
	char *partial = fc_partial_name(path), *dir = n ? fc_memdup0(path, n) : fc_strdup(".");
	int ret = rename(partial, path) < 0 ? fc_fail(e, "rename to %s:", path) : 0;
	const int fd = ret == 0 ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		if (fsync(fd) < 0 && errno != EINVAL)
			ret = fc_fail(e, "sync %s:", dir);
		close(fd);
	}
	free(partial);
	free(dir);
	return ret;
}
