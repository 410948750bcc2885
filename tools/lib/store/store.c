/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* madvise */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/gguf_hf.h"
#include "store/modelpath.h"
#include "store/safetensors.h"
#include "store/stream_tensors.h"
#include "text/json.h"

struct fc_store {
	struct fc_safetensors *file;
	size_t n_file;
	struct fc_gguf *gguf; /* NULL unless the model is a GGUF file, hf is its view then */
	struct fc_gguf_hf hf;
	struct fc_stream_tensors stream; /* where is_stream */
	bool is_stream;
	struct fc_tensor *tensor; /* of all files, sorted by name; names borrowed from file */
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fc_tensor *)a)->name, ((const struct fc_tensor *)b)->name);
}

/* One line of an index. */
struct mapping {
	const char *file, *tensor; /* borrowed from the JSON */
};

static int by_file(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;
	int order = strcmp(x->file, y->file);
	return order ? order : strcmp(x->tensor, y->tensor);
}

/* The file's tensors are exactly those the index places in it; both sides are sorted. */
static int check_shard(const struct fc_safetensors *f, const struct mapping *m, size_t n,
    const char *index, struct fc_err *e)
{
	for (size_t i = 0; i < n || i < f->n; i++) {
		int order = i == n ? -1 : i == f->n ? 1 : strcmp(f->tensor[i].name, m[i].tensor);
		if (order < 0)
			return fc_fail(e, "%s: tensor %s is in %s but not mapped to it", index,
			    f->tensor[i].name, m[0].file);
		if (order > 0)
			return fc_fail(e, "%s: tensor %s is mapped to %s but not in it", index,
			    m[i].tensor, m[0].file);
	}
	return 0;
}

static bool is_plain_name(const char *name)
{
	return *name && strcmp(name, ".") && strcmp(name, "..") && !strpbrk(name, "/\\");
}

static int open_shards(struct fc_store *s, const char *dir, const char *index, struct mapping *m,
    size_t n, struct fc_err *e)
{
	qsort(m, n, sizeof *m, by_file);
	s->file = FC_ARRAY(struct fc_safetensors, n);
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && !strcmp(m[to].file, m[from].file);)
			to++;
		char *path = fc_path_join(dir, m[from].file);
		int ret = fc_safetensors_open(&s->file[s->n_file], path, e);
		free(path);
		if (ret < 0 ||
		    check_shard(&s->file[s->n_file++], m + from, to - from, index, e) < 0)
			return -1;
	}
	return 0;
}

static int open_index(struct fc_store *s, const char *dir, const char *path, struct fc_err *e)
{
	int ret = -1;
	struct mapping *m = NULL;
	size_t n = 0;
	json_t *index = fc_json_file(path, e);
	if (!index)
		return -1;
	json_t *map = json_object_get(index, "weight_map"), *file;
	if (!json_is_object(map) || json_object_size(map) == 0) {
		fc_fail(e, "%s: weight_map is missing, empty or not an object", path);
		goto out;
	}
	m = FC_ARRAY(struct mapping, json_object_size(map));
	const char *tensor;
	json_object_foreach(map, tensor, file)
	{
		const char *name = json_string_value(file);
		if (!name || !is_plain_name(name)) {
			fc_fail(e,
			    "%s: weight_map: tensor %s: expected the name of a file in this folder",
			    path, tensor);
			goto out;
		}
		m[n++] = (struct mapping){name, tensor};
	}
	ret = open_shards(s, dir, path, m, n, e);
out:
	free(m);
	json_decref(index);
	return ret;
}

static int open_folder(struct fc_store *s, const char *dir, struct fc_err *e)
{
	char *single = fc_path_join(dir, "model.safetensors");
	char *index = fc_path_join(dir, "model.safetensors.index.json");
	char *pickle = fc_path_join(dir, "pytorch_model.bin");
	char *pickles = fc_path_join(dir, "pytorch_model.bin.index.json");
	int ret = -1;
	if (fc_file_exists(single)) {
		s->file = FC_ARRAY(struct fc_safetensors, 1);
		ret = fc_safetensors_open(&s->file[0], single, e);
		s->n_file = ret == 0;
	} else if (fc_file_exists(index)) {
		ret = open_index(s, dir, index, e);
	} else if (fc_file_exists(pickle) || fc_file_exists(pickles)) {
		fc_fail(e,
		    "%s: has its weights in a PyTorch pickle only; convert the model to "
		    "safetensors first",
		    dir);
	} else if (fc_modelpath_check(dir, e) == 0) {
		fc_fail(
		    e, "%s: has neither model.safetensors nor model.safetensors.index.json", dir);
	}
	free(single);
	free(index);
	free(pickle);
	free(pickles);
	return ret;
}

/* A model's file that is not its first. */
static bool is_later_split(const char *name)
{
	const size_t n = strlen(name);
	return n > 20 && !strncmp(name + n - 14, "-of-", 4) && name[n - 20] == '-' &&
	    strncmp(name + n - 20, "-00001", 6);
}

char *fc_store_gguf_path(const char *path)
{
	static const char *const others[] = {
	    "config.json", "model.safetensors", "model.safetensors.index.json"};
	char *found = NULL;
	size_t n = 0;
	DIR *d = opendir(path);
	if (!d)
		return fc_gguf_is(path) ? fc_strdup(path) : NULL;
	for (struct dirent *entry; (entry = readdir(d));) {
		for (size_t i = 0; i < FC_LEN(others); i++)
			n += strcmp(entry->d_name, others[i]) ? 0 : 2;
		if (!fc_ends_with(entry->d_name, ".gguf") || is_later_split(entry->d_name))
			continue;
		free(found);
		found = fc_path_join(path, entry->d_name);
		n++;
	}
	closedir(d);
	if (n != 1) {
		free(found);
		return NULL;
	}
	return found;
}

static int open_gguf(struct fc_store *s, const char *path, struct fc_err *e)
{
	if (fc_gguf_open(&s->gguf, path, e) < 0 || fc_gguf_hf_open(&s->hf, s->gguf, e) < 0)
		return -1;
	s->tensor = s->hf.tensor;
	s->n = s->hf.n;
	return 0;
}

static int open_stream(struct fc_store *s, const char *path, struct fc_err *e)
{
	s->is_stream = true;
	if (fc_stream_tensors_open(&s->stream, path, e) < 0)
		return -1;
	s->tensor = s->stream.tensor;
	s->n = s->stream.n;
	return 0;
}

static int open_safetensors(struct fc_store *s, const char *path, bool folder, struct fc_err *e)
{
	if (folder) {
		if (open_folder(s, path, e) < 0)
			return -1;
	} else {
		s->file = FC_ARRAY(struct fc_safetensors, 1);
		if (fc_modelpath_check_weights(path, e) < 0 ||
		    fc_safetensors_open(&s->file[0], path, e) < 0)
			return -1;
		s->n_file = 1;
	}
	for (size_t i = 0; i < s->n_file; i++)
		s->n += s->file[i].n;
	s->tensor = FC_ARRAY(struct fc_tensor, s->n + 1);
	for (size_t i = 0, at = 0; i < s->n_file; at += s->file[i++].n)
		for (size_t j = 0; j < s->file[i].n; j++)
			s->tensor[at + j] = s->file[i].tensor[j];
	qsort(s->tensor, s->n, sizeof *s->tensor, by_name);
	return 0;
}

static int open_any(struct fc_store *s, const char *path, struct fc_err *e)
{
	struct stat st;
	if (fc_stream_tensors_is(path))
		return open_stream(s, path, e);
	if (stat(path, &st) < 0)
		return fc_modelpath_check(path, e) < 0 ? -1 : fc_fail(e, "open %s:", path);
	char *gguf = fc_store_gguf_path(path);
	const int ret =
	    gguf ? open_gguf(s, gguf, e) : open_safetensors(s, path, S_ISDIR(st.st_mode), e);
	free(gguf);
	return ret;
}

int fc_store_open_update(struct fc_store **out, const char *path, uint64_t *pivot, struct fc_err *e)
{
	struct fc_store *s = FC_NEW(struct fc_store);
	*out = NULL;
	if (open_any(s, path, e) < 0) {
		fc_store_close(s);
		return -1;
	}
	*pivot = s->is_stream ? s->stream.pivot : 0;
	*out = s;
	return 0;
}

int fc_store_open(struct fc_store **s, const char *path, struct fc_err *e)
{
	uint64_t pivot;
	if (fc_store_open_update(s, path, &pivot, e) < 0)
		return -1;
	if (!pivot)
		return 0;
	fc_store_close(*s);
	*s = NULL;
	return fc_fail(
	    e, "%s: the update of a model is no model: merge it into one with fc-varm", path);
}

void fc_store_close(struct fc_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_file; i++)
		fc_safetensors_close(&s->file[i]);
	free(s->file);
	if (s->is_stream)
		fc_stream_tensors_close(&s->stream);
	else if (!s->gguf)
		free(s->tensor);
	fc_gguf_hf_release(&s->hf);
	fc_gguf_close(s->gguf);
	free(s);
}

const struct fc_gguf *fc_store_gguf(const struct fc_store *s)
{
	return s->gguf;
}

size_t fc_store_count(const struct fc_store *s)
{
	return s->n;
}

const struct fc_tensor *fc_store_at(const struct fc_store *s, size_t i)
{
	return &s->tensor[i];
}

const struct fc_tensor *fc_store_find(const struct fc_store *s, const char *name)
{
	struct fc_tensor key = {.name = name};
	return !s->n ? NULL : bsearch(&key, s->tensor, s->n, sizeof key, by_name);
}

void fc_store_forget(const void *p, size_t n)
{
	/* whole pages, also those only touched: a neighbour's bytes return when they are read */
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)p & ~(page - 1);
	uintptr_t to = ((uintptr_t)p + n + page - 1) & ~(page - 1);
	if (n)
		madvise((void *)from, to - from, MADV_DONTNEED);
}
