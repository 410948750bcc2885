/* SPDX-License-Identifier: Apache-2.0 */
#include "store/modelfiles.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* Names with at most one '*', which stands for anything. */
static const struct {
	const char *name;
	enum fc_modelfiles kind;
} known[] = {
    {"config.json", FC_MODELFILES_CONFIG},
    {"tokenizer.json", FC_MODELFILES_TOKENIZER},
    {"tokenizer_config.json", FC_MODELFILES_TOKENIZER},
    {"special_tokens_map.json", FC_MODELFILES_TOKENIZER},
    {"added_tokens.json", FC_MODELFILES_TOKENIZER},
    {"vocab.json", FC_MODELFILES_TOKENIZER},
    {"vocab.txt", FC_MODELFILES_TOKENIZER},
    {"merges.txt", FC_MODELFILES_TOKENIZER},
    {"tokenizer.model*", FC_MODELFILES_TOKENIZER}, /* .v3 and the like: Mistral */
    {"spiece.model", FC_MODELFILES_TOKENIZER},
    {"sentencepiece.bpe.model", FC_MODELFILES_TOKENIZER},
    {"tekken.json", FC_MODELFILES_TOKENIZER},
    {"*.tiktoken", FC_MODELFILES_TOKENIZER},
    {"tiktoken.model", FC_MODELFILES_TOKENIZER},
    {"chat_template.jinja", FC_MODELFILES_TOKENIZER},
    {"chat_template.json", FC_MODELFILES_TOKENIZER},
    {"generation_config.json", FC_MODELFILES_OTHER},
    {"preprocessor_config.json", FC_MODELFILES_OTHER},
    {"processor_config.json", FC_MODELFILES_OTHER},
    {"video_preprocessor_config.json", FC_MODELFILES_OTHER},
    {"*.py", FC_MODELFILES_OTHER}, /* what a configuration's auto_map names, and imports of it */
    {"README*", FC_MODELFILES_OTHER},
    {"LICENSE*", FC_MODELFILES_OTHER},
    {"LICENCE*", FC_MODELFILES_OTHER},
    {"COPYING*", FC_MODELFILES_OTHER},
    {"NOTICE*", FC_MODELFILES_OTHER},
    {"Notice*", FC_MODELFILES_OTHER},
    {"USE_POLICY*", FC_MODELFILES_OTHER},
    {"lineage.json", FC_MODELFILES_LINEAGE},
};

/* Weights in any form, and indexes of them: what a result has of its own. */
static const char *const weights[] = {"*.safetensors", "*.index.json", "*.bin", "*.pt", "*.pth",
    "*.ckpt", "*.h5", "*.msgpack", "*.gguf", "*.onnx", "*.npz"};

static bool fits_pattern(const char *name, const char *pattern)
{
	const char *star = strchr(pattern, '*');
	if (!star)
		return !strcmp(name, pattern);
	size_t before = (size_t)(star - pattern), after = strlen(star + 1), n = strlen(name);
	return n >= before + after && !strncmp(name, pattern, before) &&
	    !strcmp(name + n - after, star + 1);
}

/* The kind of a file, 0: it belongs to no model. */
static unsigned kind_of_file(const char *name)
{
	for (size_t i = 0; i < FC_LEN(known); i++)
		if (fits_pattern(name, known[i].name))
			return known[i].kind;
	return 0;
}

static bool is_weights(const char *name)
{
	for (size_t i = 0; i < FC_LEN(weights); i++)
		if (fits_pattern(name, weights[i]))
			return true;
	return false;
}

int fc_modelfiles_copy(
    const char *from, const char *to, unsigned kinds, struct fc_buf *left, struct fc_err *e)
{
	struct stat st;
	struct dirent *entry;
	DIR *d = opendir(from);
	int ret = d ? 0 : fc_fail(e, "open %s:", from);
	errno = 0;
	while (ret == 0 && (entry = readdir(d))) {
		const char *name = entry->d_name;
		unsigned kind = kind_of_file(name);
		bool folder = fstatat(dirfd(d), name, &st, 0) == 0 && S_ISDIR(st.st_mode);
		if (kind & kinds && !folder)
			ret = fc_file_copy(from, to, name, true, e);
		else if (left && name[0] != '.' && !(kind && !folder) && !is_weights(name) &&
		    strcmp(name, FC_MODELFILES_TEMPLATES) != 0)
			fc_buf_addf(left, "%s%s", left->n ? ", " : "", name);
		errno = 0;
	}
	if (ret == 0 && errno)
		ret = fc_fail(e, "read %s:", from);
	if (d)
		closedir(d);
	return ret;
}

int fc_modelfiles_remove(const char *dir, unsigned kinds, struct fc_err *e)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	int ret = d ? 0 : fc_fail(e, "open %s:", dir);
	while (ret == 0 && (entry = readdir(d)))
		if (kind_of_file(entry->d_name) & kinds && unlinkat(dirfd(d), entry->d_name, 0) < 0)
			ret = fc_fail(e, "remove %s/%s:", dir, entry->d_name);
	if (d)
		closedir(d);
	return ret;
}

bool fc_modelfiles_has_adapter(const char *path)
{
	char *file = fc_path_join(path, "adapter_config.json");
	bool found = fc_file_exists(file);
	free(file);
	return found;
}
