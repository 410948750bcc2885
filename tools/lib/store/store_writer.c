/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/safetensors.h"
#include "store/store.h"
#include "text/json.h"
#include "text/utf8.h"

struct slot {
	char *name;
	size_t file;    /* which shard */
	size_t at;      /* first byte in that file */
	size_t n_bytes; /* what the plan says */
	_Atomic size_t written;
};

struct fc_store_writer {
	char *dir;
	struct slot *slot; /* in the plan's order */
	size_t n;
	int *fd; /* -1: not open */
	char **path;
	size_t n_file;
	bool again; /* the files exist */
	_Atomic size_t put;
};

/* One tensor of the plan, in the order of the files. */
struct place {
	const struct fc_tensor *t;
	size_t i, file;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	int rank = fc_safetensors_rank(y->t->dtype) - fc_safetensors_rank(x->t->dtype);
	return rank ? rank : strcmp(x->t->name, y->t->name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->t->name, ((const struct place *)b)->t->name);
}

static int check_plan(
    struct fc_store_writer *w, const struct fc_tensor *plan, struct place *place, struct fc_err *e)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct fc_tensor *t = &plan[i];
		size_t count;
		place[i] = (struct place){t, i, 0};
		w->slot[i].name = fc_strdup(t->name);
		if (!*t->name || !strcmp(t->name, "__metadata__") ||
		    fc_utf8_check(t->name, strlen(t->name)) != strlen(t->name))
			return fc_fail(e, "%s: '%s' is not a name for a tensor", w->dir, t->name);
		if (!fc_tensor_count(t, &count) ||
		    !fc_size_mul(count, fc_dtype_size(t->dtype), &w->slot[i].n_bytes))
			return fc_fail(
			    e, "%s: tensor %s: the size of its shape overflows", w->dir, t->name);
	}
	qsort(place, w->n, sizeof *place, by_name);
	for (size_t i = 1; i < w->n; i++)
		if (!strcmp(place[i - 1].t->name, place[i].t->name))
			return fc_fail(
			    e, "%s: tensor %s is planned twice", w->dir, place[i].t->name);
	return 0;
}

/* Fills shards in the plan's order; a tensor larger than a shard gets one of its own. */
static int assign_shards(
    struct fc_store_writer *w, struct place *place, size_t shard_bytes, struct fc_err *e)
{
	size_t used = 0;
	w->n_file = 1;
	for (size_t i = 0; i < w->n; i++) {
		struct slot *s = &w->slot[i];
		if (s->n_bytes > (size_t)INT64_MAX - used)
			return fc_fail(e, "%s: the model's size overflows", w->dir);
		if (shard_bytes && used && used + s->n_bytes > shard_bytes) {
			w->n_file++;
			used = 0;
		}
		used += s->n_bytes;
		s->file = w->n_file - 1;
	}
	for (size_t i = 0; i < w->n; i++)
		place[i].file = w->slot[place[i].i].file;
	qsort(place, w->n, sizeof *place, by_place);
	return 0;
}

static char *file_name(const struct fc_store_writer *w, size_t file)
{
	struct fc_buf b = FC_BUF_INIT;
	if (w->n_file == 1)
		fc_buf_adds(&b, "model.safetensors");
	else
		fc_buf_addf(&b, "model-%05zu-of-%05zu.safetensors", file + 1, w->n_file);
	return fc_buf_detach(&b);
}

/* Appends the header of one file, padded so that the data begin at a multiple of 8, and turns
 * the offsets of its tensors into positions in the file. */
static void make_header(
    struct fc_store_writer *w, const struct place *place, size_t n, struct fc_buf *b)
{
	size_t at = 0;
	fc_buf_adds(b, "12345678{\"__metadata__\":{\"format\":\"pt\"}");
	for (size_t i = 0; i < n; i++) {
		const struct fc_tensor *t = place[i].t;
		struct slot *s = &w->slot[place[i].i];
		fc_buf_addc(b, ',');
		fc_json_quote(b, t->name, strlen(t->name));
		fc_buf_addf(b, ":{\"dtype\":\"%s\",\"shape\":[", fc_dtype_name(t->dtype));
		for (int d = 0; d < t->n_dim; d++)
			fc_buf_addf(b, "%s%" PRId64, d ? "," : "", t->dim[d]);
		fc_buf_addf(b, "],\"data_offsets\":[%zu,%zu]}", at, at + s->n_bytes);
		s->at = at;
		at += s->n_bytes;
	}
	fc_buf_addc(b, '}');
	while (b->n % 8)
		fc_buf_addc(b, ' ');
	for (int i = 0; i < 8; i++)
		b->p[i] = (char)((uint64_t)(b->n - 8) >> 8 * i);
	for (size_t i = 0; i < n; i++)
		w->slot[place[i].i].at += b->n;
}

/* Takes the space now: a full disk shows before the work, not after it. */
static int reserve_space(int fd, size_t n, const char *path, struct fc_err *e)
{
	do
		errno = posix_fallocate(fd, 0, (off_t)n);
	while (errno == EINTR);
	if ((errno == EOPNOTSUPP || errno == EINVAL) && ftruncate(fd, (off_t)n) == 0)
		return 0;
	return errno ? fc_fail(e, "reserve %zu bytes for %s:", n, path) : 0;
}

static int read_at(int fd, void *p, size_t n, size_t at, const char *path, struct fc_err *e)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = pread(fd, (char *)p + done, n - done, (off_t)(at + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fc_fail(e, "read %s:", path);
		if (got == 0)
			return fc_fail(e, "%s: ends early", path);
		done += (size_t)got;
	}
	return 0;
}

/* A file that exists has this header and size. */
static int check_file(const struct fc_store_writer *w, size_t file, const struct fc_buf *header,
    size_t end, struct fc_err *e)
{
	struct stat st;
	char *have = fc_malloc(header->n);
	int ret = fstat(w->fd[file], &st) == 0 ? 0 : fc_fail(e, "stat %s:", w->path[file]);
	if (ret == 0 && (size_t)st.st_size == end)
		ret = read_at(w->fd[file], have, header->n, 0, w->path[file], e);
	if (ret == 0 && ((size_t)st.st_size != end || memcmp(have, header->p, header->n) != 0))
		ret = fc_fail(e, "%s: is not what this plan makes", w->path[file]);
	free(have);
	return ret;
}

static int create_file(
    struct fc_store_writer *w, size_t file, const struct place *place, size_t n, struct fc_err *e)
{
	struct fc_buf header = FC_BUF_INIT;
	char *name = file_name(w, file);
	int ret = -1;
	w->path[file] = fc_path_join(w->dir, name);
	make_header(w, place, n, &header);
	size_t end = header.n;
	if (n)
		end = w->slot[place[n - 1].i].at + w->slot[place[n - 1].i].n_bytes;
	w->fd[file] = open(w->path[file],
	    w->again ? O_RDWR | O_CLOEXEC : O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (w->fd[file] < 0)
		fc_fail(e, "%s %s:", w->again ? "open" : "create", w->path[file]);
	else if (w->again)
		ret = check_file(w, file, &header, end, e);
	else if (header.n - 8 > FC_SAFETENSORS_HEADER_MAX)
		fc_fail(e, "%s: a header of %zu bytes is over the format's limit of %zu",
		    w->path[file], header.n - 8, FC_SAFETENSORS_HEADER_MAX);
	else if (reserve_space(w->fd[file], end, w->path[file], e) == 0)
		ret = fc_pwrite_all(w->fd[file], header.p, header.n, 0, w->path[file], e);
	free(name);
	fc_buf_release(&header);
	return ret;
}

static int create_files(struct fc_store_writer *w, const struct place *place, struct fc_err *e)
{
	w->path = FC_ARRAY(char *, w->n_file);
	w->fd = FC_ARRAY(int, w->n_file);
	for (size_t i = 0; i < w->n_file; i++)
		w->fd[i] = -1;
	size_t from = 0;
	for (size_t i = 0; i < w->n_file; i++) {
		size_t to = from;
		while (to < w->n && place[to].file == i)
			to++;
		if (create_file(w, i, place + from, to - from, e) < 0)
			return -1;
		from = to;
	}
	return 0;
}

static void writer_free(struct fc_store_writer *w)
{
	for (size_t i = 0; i < w->n_file && w->path; i++) {
		free(w->path[i]);
		if (w->fd[i] >= 0)
			close(w->fd[i]);
	}
	for (size_t i = 0; i < w->n; i++)
		free(w->slot[i].name);
	free(w->path);
	free(w->fd);
	free(w->slot);
	free(w->dir);
	free(w);
}

static int writer_open(struct fc_store_writer **out, const char *dir, const struct fc_tensor *plan,
    size_t n, size_t shard_bytes, bool again, struct fc_err *e)
{
	*out = NULL;
	struct fc_store_writer *w = FC_NEW(struct fc_store_writer);
	struct place *place = FC_ARRAY(struct place, n + 1);
	w->dir = fc_strdup(dir);
	w->slot = FC_ARRAY(struct slot, n + 1);
	w->n = n;
	w->again = again;
	int ret = check_plan(w, plan, place, e);
	if (ret == 0)
		ret = assign_shards(w, place, shard_bytes, e);
	if (ret == 0)
		ret = create_files(w, place, e);
	free(place);
	if (ret < 0)
		writer_free(w);
	else
		*out = w;
	return ret;
}

int fc_store_writer_open(struct fc_store_writer **out, const char *dir,
    const struct fc_tensor *plan, size_t n, size_t shard_bytes, struct fc_err *e)
{
	return writer_open(out, dir, plan, n, shard_bytes, false, e);
}

int fc_store_writer_reopen(struct fc_store_writer **out, const char *dir,
    const struct fc_tensor *plan, size_t n, size_t shard_bytes, struct fc_err *e)
{
	return writer_open(out, dir, plan, n, shard_bytes, true, e);
}

int fc_store_writer_get(
    struct fc_store_writer *w, size_t i, size_t offset, void *p, size_t n, struct fc_err *e)
{
	const struct slot *s = &w->slot[i];
	if (offset > s->n_bytes || n > s->n_bytes - offset)
		return fc_fail(e, "%s: tensor %s: %zu bytes at %zu are beyond its %zu",
		    w->path[s->file], s->name, n, offset, s->n_bytes);
	return read_at(w->fd[s->file], p, n, s->at + offset, w->path[s->file], e);
}

void fc_store_writer_mark(struct fc_store_writer *w, size_t i)
{
	w->slot[i].written = w->slot[i].n_bytes;
}

int fc_store_writer_put(
    struct fc_store_writer *w, size_t i, size_t offset, const void *p, size_t n, struct fc_err *e)
{
	struct slot *s = &w->slot[i];
	if (offset > s->n_bytes || n > s->n_bytes - offset)
		return fc_fail(e, "%s: tensor %s: %zu bytes at %zu are beyond its %zu",
		    w->path[s->file], s->name, n, offset, s->n_bytes);
	if (fc_pwrite_all(w->fd[s->file], p, n, s->at + offset, w->path[s->file], e) < 0)
		return -1;
	atomic_fetch_add(&s->written, n);
	fc_write_behind(w->fd[s->file], n, &w->put);
	return 0;
}

/* "model.safetensors.index.json" as transformers writes it. */
static int write_index(struct fc_store_writer *w, struct fc_err *e)
{
	json_t *map = json_object();
	size_t total = 0;
	for (size_t i = 0; i < w->n; i++) {
		char *name = file_name(w, w->slot[i].file);
		json_object_set_new(map, w->slot[i].name, json_string(name));
		total += w->slot[i].n_bytes;
		free(name);
	}
	json_t *index = json_pack(
	    "{s:{s:I},s:o}", "metadata", "total_size", (json_int_t)total, "weight_map", map);
	char *text = json_dumps(index, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(index);
	char *path = fc_path_join(w->dir, "model.safetensors.index.json");
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s\n", text);
	int fd = open(path, O_WRONLY | O_CREAT | (w->again ? O_TRUNC : O_EXCL) | O_CLOEXEC, 0666);
	int ret = -1;
	if (fd < 0)
		fc_fail(e, "create %s:", path);
	else
		ret = fc_write_all(fd, b.p, b.n, path, e);
	if (fd >= 0 && close(fd) < 0 && ret == 0)
		ret = fc_fail(e, "close %s:", path);
	fc_buf_release(&b);
	free(text);
	free(path);
	return ret;
}

int fc_store_remove(const char *dir, struct fc_err *e)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int ret = d ? 0 : fc_fail(e, "open %s:", dir);
	while (ret == 0 && (entry = readdir(d))) {
		const char *name = entry->d_name, *end = strstr(name, ".safetensors");
		if (strncmp(name, "model", 5) != 0 || !end ||
		    (strcmp(end, ".safetensors") != 0 &&
			strcmp(end, ".safetensors.index.json") != 0))
			continue;
		if (unlinkat(dirfd(d), name, 0) < 0)
			ret = fc_fail(e, "remove %s/%s:", dir, name);
	}
	if (d)
		closedir(d);
	return ret;
}

int fc_store_writer_close(struct fc_store_writer *w, struct fc_err *e)
{
	int ret = 0;
	for (size_t i = 0; i < w->n && ret == 0; i++)
		if (w->slot[i].written != w->slot[i].n_bytes)
			ret = fc_fail(e, "%s: tensor %s: %zu of %zu bytes were written",
			    w->path[w->slot[i].file], w->slot[i].name, (size_t)w->slot[i].written,
			    w->slot[i].n_bytes);
	for (size_t i = 0; i < w->n_file; i++) {
		if (close(w->fd[i]) < 0 && ret == 0)
			ret = fc_fail(e, "close %s:", w->path[i]);
		w->fd[i] = -1;
	}
	if (ret == 0 && w->n_file > 1)
		ret = write_index(w, e);
	writer_free(w);
	return ret;
}
