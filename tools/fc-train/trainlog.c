/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/trainlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

struct train_trainlog {
	int fd;
	char *name;
	bool is_file;
	uint64_t n_bytes;
};

/* Drops the lines after the checkpoint: they will be written again. */
static int truncate_log(struct train_trainlog *l, uint64_t keep_bytes, struct fc_err *e)
{
	struct stat st;
	if (fstat(l->fd, &st) < 0)
		return fc_fail(e, "stat %s:", l->name);
	l->is_file = S_ISREG(st.st_mode);
	if (!l->is_file)
		return 0;
	if ((uint64_t)st.st_size < keep_bytes)
		return fc_fail(e,
		    "%s: shorter than when the checkpoint was written (%" PRIu64 " bytes)", l->name,
		    keep_bytes);
	if (ftruncate(l->fd, (off_t)keep_bytes) < 0 || lseek(l->fd, 0, SEEK_END) < 0)
		return fc_fail(e, "truncate %s:", l->name);
	l->n_bytes = keep_bytes;
	return 0;
}

int train_trainlog_open(
    struct train_trainlog **out, const char *path, uint64_t keep_bytes, struct fc_err *e)
{
	bool is_stdout = !strcmp(path, "-");
	struct train_trainlog *l = FC_NEW(struct train_trainlog);
	*out = NULL;
	l->name = fc_strdup(is_stdout ? "standard output" : path);
	l->fd = STDOUT_FILENO;
	if (!is_stdout) {
		l->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
		if (l->fd < 0)
			fc_fail(e, "open %s:", path);
		if (l->fd < 0 || truncate_log(l, keep_bytes, e) < 0) {
			train_trainlog_close(l);
			return -1;
		}
	}
	*out = l;
	return 0;
}

int train_trainlog_line(struct train_trainlog *l, const struct fc_buf *line, struct fc_err *e)
{
	if (fc_write_all(l->fd, line->p, line->n, l->name, e) < 0)
		return -1;
	l->n_bytes += line->n;
	return 0;
}

int train_trainlog_sync(struct train_trainlog *l, uint64_t *n_bytes, struct fc_err *e)
{
	*n_bytes = l->is_file ? l->n_bytes : 0;
	if (l->is_file && fsync(l->fd) < 0 && errno != EINVAL)
		return fc_fail(e, "sync %s:", l->name);
	return 0;
}

void train_trainlog_close(struct train_trainlog *l)
{
	if (!l)
		return;
	if (l->fd > STDOUT_FILENO)
		close(l->fd);
	free(l->name);
	free(l);
}
