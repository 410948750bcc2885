/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/sidecar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/gguf_hf.h"
#include "store/store.h"
#include "text/json_write.h"

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);
	return n >= m && !strcmp(name + n - m, end);
}

/* Weights in any form, and indexes of them. */
static bool is_weights(const char *name)
{
	static const char *const ends[] = {".safetensors", ".safetensors.index.json", ".bin",
	    ".bin.index.json", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".gguf", ".onnx", ".npz"};
	for (size_t i = 0; i < FC_LEN(ends); i++)
		if (ends_in(name, ends[i]))
			return true;
	return false;
}

/* The copied config.json under its older or newer member for the type. */
static int set_dtype(const char *dir, const char *torch_dtype, struct fc_err *e)
{
	char *path = fc_path_join(dir, "config.json");
	json_t *config = fc_json_file(path, e);
	int ret = config ? 0 : -1;
	if (ret == 0 && !json_is_object(config))
		ret = fc_fail(e, "%s: not a JSON object", path);
	if (ret == 0) {
		const char *key = json_object_get(config, "dtype") ? "dtype" : "torch_dtype";
		json_object_set_new(config, key, json_string(torch_dtype));
		ret = fc_json_write(path, config, e);
	}
	json_decref(config);
	free(path);
	return ret;
}

/* A GGUF file's metadata say what config.json would. */
static int write_config(const char *gguf, const char *to, struct fc_err *e)
{
	struct fc_gguf *g;
	char *path = fc_path_join(to, "config.json");
	int ret = fc_gguf_open(&g, gguf, e);
	json_t *config = ret == 0 ? fc_gguf_config(g, e) : NULL;
	ret = config ? fc_json_write(path, config, e) : -1;
	json_decref(config);
	fc_gguf_close(g);
	free(path);
	return ret;
}

static int copy_files(const char *from, const char *to, struct fc_err *e)
{
	struct stat st;
	DIR *d = opendir(from);
	if (!d)
		return fc_fail(e, "open %s:", from);
	int ret = 0;
	struct dirent *entry;
	errno = 0;
	while (ret == 0 && (entry = readdir(d))) {
		const char *name = entry->d_name;
		if (name[0] == '.' || is_weights(name) || fstatat(dirfd(d), name, &st, 0) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		ret = fc_file_copy(from, to, name, true, e);
		errno = 0;
	}
	if (ret == 0 && errno)
		ret = fc_fail(e, "read %s:", from);
	closedir(d);
	return ret;
}

int varm_sidecar_copy(const char *from, const char *to, const char *torch_dtype, struct fc_err *e)
{
	struct stat st;
	bool found = stat(from, &st) == 0, folder = !found || S_ISDIR(st.st_mode);
	if (!strcmp(from, "-") || (found && !folder && !S_ISREG(st.st_mode)))
		return 0; /* a stream */
	if (folder && copy_files(from, to, e) < 0)
		return -1;
	char *gguf = fc_store_gguf_path(from), *config = fc_path_join(to, "config.json");
	int ret = gguf ? write_config(gguf, to, e) : 0;
	if (ret == 0 && torch_dtype && fc_file_exists(config))
		ret = set_dtype(to, torch_dtype, e);
	free(gguf);
	free(config);
	return ret;
}
