/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gguf.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/gguf_file.h"

#define SPLIT_MAX 4096 /* files of one model */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fc_tensor *)a)->name, ((const struct fc_tensor *)b)->name);
}

/* NAME-00001-of-0000N.gguf with another number; NULL where the first file has another name. */
static char *split_path(const char *first, int64_t no, int64_t count)
{
	char tail[64], other[64];
	snprintf(tail, sizeof tail, "-00001-of-%05" PRId64 ".gguf", count);
	snprintf(other, sizeof other, "-%05" PRId64 "-of-%05" PRId64 ".gguf", no + 1, count);
	if (!fc_ends_with(first, tail))
		return NULL;
	char *path = fc_strdup(first);
	memcpy(path + strlen(first) - strlen(tail), other, strlen(tail));
	return path;
}

/* Place and number of the files, as one of them says. */
static int split_of(
    const struct fc_gguf *g, int64_t *no, int64_t *count, int64_t *n_tensor, struct fc_err *e)
{
	if (fc_gguf_int(g, "split.no", 0, no, e) < 0 ||
	    fc_gguf_int(g, "split.count", 1, count, e) < 0 ||
	    fc_gguf_int(g, "split.tensors.count", -1, n_tensor, e) < 0)
		return -1;
	if (*count == 0) /* what some writers put where nothing was split */
		*count = 1;
	if (*count < 1 || *count > SPLIT_MAX)
		return fc_fail(e, "%s: key split.count: %" PRId64 ", expected 1 to %d",
		    g->file[0].path, *count, SPLIT_MAX);
	return 0;
}

static int open_split(struct fc_gguf *g, const char *path, int64_t no, int64_t count,
    int64_t n_tensor, struct fc_err *e)
{
	int64_t is_no, is_count, is_tensors;
	struct fc_gguf_file *f = &g->file[no];
	if (fc_gguf_file_open(f, path, e) < 0)
		return -1;
	g->n_file++;
	const struct fc_gguf one = {.file = f, .n_file = 1};
	if (split_of(&one, &is_no, &is_count, &is_tensors, e) < 0)
		return -1;
	if (is_no != no || is_count != count || is_tensors != n_tensor)
		return fc_fail(e,
		    "%s: says that it is file %" PRId64 " of %" PRId64 " of a model of %" PRId64
		    " tensors, expected file %" PRId64 " of %" PRId64 " of %" PRId64,
		    path, is_no + 1, is_count, is_tensors, no + 1, count, n_tensor);
	return 0;
}

static int open_splits(struct fc_gguf *g, const char *first, struct fc_err *e)
{
	int64_t no, count, n_tensor;
	if (split_of(g, &no, &count, &n_tensor, e) < 0)
		return -1;
	if (no != 0)
		return fc_fail(e,
		    "%s: is file %" PRId64 " of a model of %" PRId64 "; open the first", first,
		    no + 1, count);
	g->file = fc_realloc(g->file, (size_t)count, sizeof *g->file);
	for (int64_t i = 1; i < count; i++) {
		char *path = split_path(first, i, count);
		if (!path)
			return fc_fail(e,
			    "%s: is one of %" PRId64 " files; expected the name "
			    "NAME-00001-of-%05" PRId64 ".gguf",
			    first, count, count);
		const int ret = open_split(g, path, i, count, n_tensor, e);
		free(path);
		if (ret < 0)
			return -1;
	}
	for (size_t i = 0; i < g->n_file; i++)
		g->n += g->file[i].n_tensor;
	if (n_tensor >= 0 && (uint64_t)n_tensor != g->n)
		return fc_fail(e, "%s: key split.tensors.count: %" PRId64 ", but there are %zu",
		    first, n_tensor, g->n);
	return 0;
}

static int collect_tensors(struct fc_gguf *g, struct fc_err *e)
{
	g->tensor = FC_ARRAY(struct fc_tensor, g->n + 1);
	for (size_t i = 0, at = 0; i < g->n_file; at += g->file[i++].n_tensor)
		for (size_t j = 0; j < g->file[i].n_tensor; j++)
			g->tensor[at + j] = g->file[i].tensor[j];
	qsort(g->tensor, g->n, sizeof *g->tensor, by_name);
	for (size_t i = 1; i < g->n; i++)
		if (!strcmp(g->tensor[i - 1].name, g->tensor[i].name))
			return fc_fail(
			    e, "%s: tensor %s is there twice", g->file[0].path, g->tensor[i].name);
	return 0;
}

int fc_gguf_open(struct fc_gguf **out, const char *path, struct fc_err *e)
{
	struct fc_gguf *g = FC_NEW(struct fc_gguf);
	g->file = FC_ARRAY(struct fc_gguf_file, 1);
	int ret = fc_gguf_file_open(&g->file[0], path, e);
	g->n_file = ret == 0;
	if (ret == 0)
		ret = open_splits(g, path, e);
	if (ret == 0)
		ret = collect_tensors(g, e);
	if (ret < 0) {
		fc_gguf_close(g);
		g = NULL;
	}
	*out = g;
	return ret;
}

void fc_gguf_close(struct fc_gguf *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n_file; i++)
		fc_gguf_file_close(&g->file[i]);
	free(g->file);
	free(g->tensor);
	free(g);
}

bool fc_gguf_is(const char *path)
{
	char magic[4];
	struct fc_err ignored;
	size_t n_bytes;
	const int fd = fc_file_open(path, &n_bytes, &ignored);
	const bool is = fd >= 0 && read(fd, magic, 4) == 4 && !memcmp(magic, "GGUF", 4);
	if (fd >= 0)
		close(fd);
	return is;
}

size_t fc_gguf_count(const struct fc_gguf *g)
{
	return g->n;
}

const struct fc_tensor *fc_gguf_at(const struct fc_gguf *g, size_t i)
{
	return &g->tensor[i];
}

const struct fc_tensor *fc_gguf_tensor(const struct fc_gguf *g, const char *name)
{
	const struct fc_tensor key = {.name = name};
	return bsearch(&key, g->tensor, g->n, sizeof key, by_name);
}
