/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/target.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "store/store.h"

#define SHARD_BYTES ((size_t)5000000000) /* what Transformers cuts at */

/* The type of the pivot's embedding; published models of these families have one type throughout.
 */
static int pivot_dtype(
    const char *pivot, const struct fc_params *p, enum fc_dtype *dtype, struct fc_err *e)
{
	struct fc_store *store;
	if (fc_store_open(&store, pivot, e) < 0)
		return -1;
	const struct fc_tensor *t = fc_store_find(store, p->v[0].name);
	*dtype = t ? t->dtype : p->model.cfg.dtype;
	fc_store_close(store);
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && !strcmp(s + n - m, end);
}

/* Weights in any of the formats model folders hold, and what lists them. */
static bool is_weights(const char *name)
{
	static const char *const end[] = {".safetensors", ".index.json", ".bin", ".pt", ".pth",
	    ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx"};
	for (size_t i = 0; i < FC_LEN(end); i++)
		if (ends_with(name, end[i]))
			return true;
	return false;
}

static bool is_regular(const char *dir, const char *name)
{
	struct stat st;
	char *path = fc_path_join(dir, name);
	bool yes = stat(path, &st) == 0 && S_ISREG(st.st_mode);
	free(path);
	return yes;
}

static int copy_others(const char *from, const char *to, struct fc_err *e)
{
	DIR *d = opendir(from);
	struct dirent *entry;
	int ret = 0;
	if (!d)
		return fc_fail(e, "open %s:", from);
	while (ret == 0 && (entry = readdir(d))) {
		const char *name = entry->d_name;
		if (name[0] == '.' || is_weights(name) || !is_regular(from, name))
			continue;
		if (!strcmp(name, "config.json"))
			continue;
		ret = fc_file_copy(from, to, name, true, e);
	}
	closedir(d);
	return ret;
}

static int copy_tokenizer(const char *from, const char *to, struct fc_err *e)
{
	static const char *const name[] = {"tokenizer_config.json", "special_tokens_map.json",
	    "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model",
	    "chat_template.jinja", "chat_template.json", "generation_config.json"};
	if (fc_file_copy(from, to, "tokenizer.json", true, e) < 0)
		return -1;
	for (size_t i = 0; i < FC_LEN(name); i++)
		if (fc_file_copy(from, to, name[i], false, e) < 0)
			return -1;
	return 0;
}

int train_target_write(
    const char *dir, const struct train_target *t, const struct fc_params *p, struct fc_err *e)
{
	static const enum fc_dtype chosen[] = {
	    [TRAIN_SAVE_F32] = FC_F32, [TRAIN_SAVE_F16] = FC_F16, [TRAIN_SAVE_BF16] = FC_BF16};
	bool same = t->dtype == TRAIN_SAVE_SAME;
	enum fc_dtype dtype = same ? p->model.cfg.dtype : chosen[t->dtype];
	if (same && t->pivot && pivot_dtype(t->pivot, p, &dtype, e) < 0)
		return -1;
	if (fc_params_save(p, dir, dtype, SHARD_BYTES, e) < 0)
		return -1;
	if (!t->pivot)
		return copy_tokenizer(t->tokenizer, dir, e);
	/* where nothing in it changes, the pivot's config.json keeps its bytes */
	if (same && fc_file_copy(t->pivot, dir, "config.json", true, e) < 0)
		return -1;
	return copy_others(t->pivot, dir, e);
}
