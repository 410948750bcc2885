/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

struct train_spool {
	FILE *f;
	char *dir;
};

int train_spool_open(struct train_spool **out, struct fc_err *e)
{
	const char *tmp = getenv("TMPDIR");
	struct train_spool *s = FC_NEW(struct train_spool);
	s->dir = fc_strdup(tmp && *tmp ? tmp : "/tmp");
	char *path = fc_path_join(s->dir, "fc-train.XXXXXX");
	int fd = mkstemp(path);
	*out = NULL;
	if (fd >= 0) {
		unlink(path);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		s->f = fdopen(fd, "w+b");
	}
	free(path);
	if (!s->f) {
		fc_fail(e, "spool in %s:", s->dir);
		if (fd >= 0)
			close(fd);
		train_spool_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void train_spool_close(struct train_spool *s)
{
	if (!s)
		return;
	if (s->f)
		fclose(s->f);
	free(s->dir);
	free(s);
}

int train_spool_add(struct train_spool *s, const struct train_example *x, struct fc_err *e)
{
	for (; x; x = x->next)
		if (fwrite(&x->size, sizeof x->size, 1, s->f) != 1 ||
		    fwrite(x->data, train_example_data_bytes(&x->size), 1, s->f) != 1)
			return fc_fail(e, "spool in %s:", s->dir);
	return 0;
}

int train_spool_rewind(struct train_spool *s, struct fc_err *e)
{
	return fseeko(s->f, 0, SEEK_SET) < 0 ? fc_fail(e, "spool in %s:", s->dir) : 0;
}

static int read_one(struct train_spool *s, struct train_example **x, struct fc_err *e)
{
	struct train_example_size z;
	*x = NULL;
	if (fread(&z, sizeof z, 1, s->f) != 1)
		return feof(s->f) ? 0 : fc_fail(e, "spool in %s: read:", s->dir);
	*x = train_example_alloc(&z);
	if (fread((*x)->data, train_example_data_bytes(&z), 1, s->f) == 1)
		return 1;
	free(*x);
	*x = NULL;
	return fc_fail(e, "spool in %s: read:", s->dir);
}

int train_spool_next(struct train_spool *s, struct train_example **x, struct fc_err *e)
{
	int got = read_one(s, x, e);
	for (struct train_example *last = *x; got == 1 && last->size.n_side > 1; last = last->next)
		if ((got = read_one(s, &last->next, e)) == 0)
			got = fc_fail(e, "spool in %s: ends within a pair", s->dir);
	if (got == 1)
		return 1;
	train_example_free(*x);
	*x = NULL;
	return got;
}
