/* SPDX-License-Identifier: Apache-2.0 */
#include "base/replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tmpname.h"

#define UNFINISHED ".fc-varm.journal" /* what a merge keeps in a folder until it is whole */

/* What the tools write, and what they copy of a model that they start from. */
static const char *const model_names[] = {"config.json", "*_config.json", "tokenizer.json",
    "tokenizer.model", "tokenizer.model.v*", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "vocab.txt", "merges.txt", "*.tiktoken", "chat_template.jinja",
    "chat_template.json", "params.json", "*.safetensors", "*.safetensors.index.json",
    "fc-varm.json", "lineage.json", "mergekit_config.y*ml", "README*", "LICENSE*", "LICENCE*",
    "NOTICE*", "Notice*", "USE_POLICY*", "configuration*.py", "modeling*.py", "modelling*.py",
    "tokenization*.py", "generation*.py", NULL};
static const char *const model_signs[] = {"config.json", "*.safetensors", NULL};
const struct fc_folder_kind fc_folder_model = {"a model", model_names, model_signs, NULL};

static const char *const checkpoint_names[] = {
    "state.json", "model*.safetensors", "model.safetensors.index.json", NULL};
static const char *const checkpoint_signs[] = {"state.json", NULL};
const struct fc_folder_kind fc_folder_checkpoint = {
    "a checkpoint of fc-train", checkpoint_names, checkpoint_signs, "{\"version\": "};

/* The first bytes of a regular file: how many, 0 where there is none, -1 where it cannot be read.
 */
static ssize_t first_bytes(int dir, const char *name, char *to, size_t n)
{
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t got = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, to, n) : 0;
	close(fd);
	return got;
}

static bool begins_with(const char *p, size_t n, const char *with, size_t n_with)
{
	return n >= n_with && !memcmp(p, with, n_with);
}

static bool is_of_kind(const char *p, size_t n, enum fc_out_kind kind)
{
	switch (kind) {
	case FC_OUT_STREAM: /* a skippable frame, which our streams begin with, or a zstd frame */
		return begins_with(p, n, "\x50\x2a\x4d\x18", 4) ||
		    begins_with(p, n, "\x28\xb5\x2f\xfd", 4);
	case FC_OUT_GGUF:
		return begins_with(p, n, "GGUF", 4);
	case FC_OUT_PNG:
		return begins_with(p, n, "\x89PNG", 4);
	case FC_OUT_JSONL:
		return *p == '{';
	default:
		return !memchr(p, 0, n);
	}
}

/* A file can be made where its folder is. */
static int check_room(const char *path, struct fc_err *e)
{
	char *dir = fc_tmpname_folder(path);
	int ret = access(dir, W_OK | X_OK) < 0 ? fc_fail(e, "create %s:", path) : 0;
	free(dir);
	return ret;
}

int fc_replace_file(const char *path, enum fc_out_kind kind, struct fc_err *e)
{
	static const char *const noun[] = {[FC_OUT_TEXT] = "a text",
	    [FC_OUT_STREAM] = "a stream",
	    [FC_OUT_GGUF] = "a GGUF file",
	    [FC_OUT_PNG] = "a PNG image",
	    [FC_OUT_JSONL] = "a file of JSON lines"};
	char begin[512];
	struct stat st;
	if (!path || !strcmp(path, "-")) {
		bool binary = kind != FC_OUT_TEXT && kind != FC_OUT_JSONL;
		if (binary && isatty(STDOUT_FILENO))
			return fc_fail(e,
			    "a binary stream is not written to a terminal; use -o FILE or a pipe");
		return 0;
	}
	if (stat(path, &st) < 0)
		return check_room(path, e);
	if (S_ISDIR(st.st_mode))
		return fc_fail(e, "%s: is a folder, where a file is to be written", path);
	ssize_t n = S_ISREG(st.st_mode) ? first_bytes(AT_FDCWD, path, begin, sizeof begin) : 0;
	if (n < 0)
		return fc_fail(e, "%s: is not replaced unseen:", path);
	if (n && !is_of_kind(begin, (size_t)n, kind))
		return fc_fail(e,
		    "%s: exists and is no %s, which alone %s replaces; remove it, or take another "
		    "name",
		    path, noun[kind] + 2, noun[kind]);
	return 0;
}

static bool matches_any(const char *name, const char *const *patterns)
{
	for (; *patterns; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

static bool has_sign(DIR *d, const char *name, const struct fc_folder_kind *k)
{
	char begin[64];
	size_t n_begin = k->sign_begin ? strlen(k->sign_begin) : 0;
	if (!matches_any(name, k->signs) || !n_begin)
		return matches_any(name, k->signs);
	ssize_t n = first_bytes(dirfd(d), name, begin, sizeof begin);
	return n > 0 && begins_with(begin, (size_t)n, k->sign_begin, n_begin);
}

/* Looks through a folder.  foreign: set to the first name that does not belong there. */
struct looked {
	size_t n;         /* entries */
	bool sign, begun; /* has what makes it one of the kind; a journal */
	char foreign[256], odd[256];
};

static void look_at(DIR *d, const struct fc_folder_kind *k, struct looked *l)
{
	struct stat st;
	for (struct dirent *entry; (entry = readdir(d));) {
		const char *name = entry->d_name;
		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		l->n++;
		bool plain =
		    fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
		if (!plain && !*l->odd)
			snprintf(l->odd, sizeof l->odd, "%s", name);
		else if (plain && !strcmp(name, UNFINISHED))
			l->begun = true;
		else if (plain && has_sign(d, name, k))
			l->sign = true;
		else if (plain && !matches_any(name, k->names) && !*l->foreign)
			snprintf(l->foreign, sizeof l->foreign, "%s", name);
	}
}

static int open_folder(DIR **d, const char *path, struct fc_err *e)
{
	struct stat st;
	*d = NULL;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : fc_fail(e, "stat %s:", path);
	if (!S_ISDIR(st.st_mode))
		return fc_fail(e, "%s: is %s; only a folder is replaced", path,
		    S_ISLNK(st.st_mode) ? "a link" : "no folder");
	*d = opendir(path);
	return *d ? 0 : fc_fail(e, "open %s:", path);
}

int fc_replace_folder(const char *path, const struct fc_folder_kind *k, struct fc_err *e)
{
	struct looked l = {0};
	DIR *d;
	if (open_folder(&d, path, e) < 0)
		return -1;
	if (!d)
		return 0;
	look_at(d, k, &l);
	closedir(d);
	const char *odd = *l.odd ? l.odd : l.foreign;
	if (l.begun && !*odd)
		odd = UNFINISHED;
	if (*odd)
		return fc_fail(e,
		    "%s: is not replaced, since it holds %s, which is no part of %s; remove it, or "
		    "take another name",
		    path, odd, k->noun);
	if (l.n && !l.sign)
		return fc_fail(e,
		    "%s: is not replaced, since it is not %s; remove it, or take another name",
		    path, k->noun);
	return 0;
}

int fc_replace_unfinished(const char *path, const struct fc_folder_kind *k, struct fc_err *e)
{
	struct looked l = {0};
	DIR *d;
	if (open_folder(&d, path, e) < 0)
		return -1;
	if (!d)
		return 0;
	look_at(d, k, &l);
	closedir(d);
	const char *odd = *l.odd ? l.odd : l.begun ? "" : l.foreign;
	if (*odd)
		return fc_fail(e,
		    "%s: holds %s, which no unfinished %s has; remove the folder, or take another "
		    "name",
		    path, odd, k->noun + strcspn(k->noun, " ") + 1);
	return 0;
}
