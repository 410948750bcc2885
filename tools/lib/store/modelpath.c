/* SPDX-License-Identifier: Apache-2.0 */
#include "store/modelpath.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "text/jsonscan.h"
#include "text/utf8.h"

#define EXPECTED "expected a model: a folder, a .safetensors or a .gguf file"

/* "org/name", relative, of letters that a hub's names have. */
static bool is_hub_name(const char *path)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const size_t org = strspn(path, letters),
		     name = path[org] == '/' ? strspn(path + org + 1, letters) : 0;
	return org && name && !path[org + 1 + name] && path[0] != '.';
}

static int check_folder(const char *path, struct fc_err *e)
{
	static const char *const names[] = {"config.json", "tokenizer.json", "tokenizer.model"};
	static const char *const ends[] = {
	    ".safetensors", ".gguf", ".bin", ".safetensors.index.json"};
	bool found = false, adapter = false, own = false;
	DIR *d = opendir(path);
	if (!d)
		return fc_fail(e, "open %s:", path);
	for (struct dirent *entry; (entry = readdir(d));) {
		adapter = adapter || !strcmp(entry->d_name, "adapter_config.json");
		for (size_t i = 0; i < FC_LEN(names); i++)
			own = own || !strcmp(entry->d_name, names[i]);
		for (size_t i = 0; i < FC_LEN(ends); i++)
			found = found || fc_ends_with(entry->d_name, ends[i]);
	}
	closedir(d);
	if (adapter && !own)
		return fc_fail(e,
		    "%s: an adapter, no model; fc-varm -b BASE --method linear -o DIR 'BASE+%s' "
		    "merges it with its base",
		    path, path);
	return found || own
	    ? 0
	    : fc_fail(e,
		  "%s: not a model folder: there is no config.json in it, no tokenizer, no "
		  "safetensors and no .gguf file",
		  path);
}

/* The first bytes of a regular file; -1: it can't be read. */
static ssize_t read_head(const char *path, unsigned char *head, size_t n)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : pread(fd, head, n, 0);
	if (fd >= 0)
		close(fd);
	return got;
}

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* Lines of JSON: a first line that is an object, and another one behind it. */
static bool is_lines(const char *text)
{
	const char *end = strchr(text, '\n');
	if (*skip_space(text) != '{' || !end || *skip_space(end) != '{')
		return false;
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	return end > text && end[-1] == '}';
}

/* The member that makes an object a conversation or a question, new; NULL: it has none, or those of
 * a configuration.  Of a text that is cut off, what is whole counts. */
static char *conversation_member(const char *text, size_t n)
{
	static const char *const members[] = {"messages", "conversations", "conversation", "turns",
	    "question", "prompt", "instruction", "text", "completion", "chosen"};
	static const char *const others[] = {"model_type", "architectures", "added_tokens"};
	struct fc_jsonscan s = {text, n, 0};
	struct fc_buf b = FC_BUF_INIT;
	const char *key;
	char *found = NULL;
	bool is_other = false;
	size_t n_key;
	fc_jsonscan_char(&s, '{');
	while (fc_jsonscan_string(&s, &b, &key, &n_key) && fc_jsonscan_char(&s, ':')) {
		for (size_t i = 0; i < FC_LEN(members) && !found; i++)
			if (strlen(members[i]) == n_key && !memcmp(members[i], key, n_key))
				found = fc_strdup(members[i]);
		for (size_t i = 0; i < FC_LEN(others); i++)
			is_other = is_other ||
			    (strlen(others[i]) == n_key && !memcmp(others[i], key, n_key));
		if (!fc_jsonscan_skip(&s) || !fc_jsonscan_char(&s, ','))
			break;
	}
	fc_buf_release(&b);
	if (is_other) {
		free(found);
		return NULL;
	}
	return found;
}

/* A file that holds conversations or the like says so in its head of n bytes, behind which is 0. */
static int check_head(const char *path, const char *head, size_t n, struct fc_err *e)
{
	if (is_lines(head))
		return fc_fail(e, "%s: lines of JSON, such as conversations; " EXPECTED, path);
	if (*skip_space(head) != '{')
		return 0;
	char *member = conversation_member(head, fc_utf8_check(head, n));
	if (member)
		fc_fail(e, "%s: JSON with \"%s\", such as a conversation; " EXPECTED, path, member);
	free(member);
	return member ? -1 : 0;
}

int fc_modelpath_check(const char *path, struct fc_err *e)
{
	enum { HEAD = 1 << 16 };
	struct stat st;
	if (stat(path, &st) < 0 && errno == ENOENT && is_hub_name(path))
		return fc_fail(e,
		    "%s: there is no such folder, and names of a hub are not fetched: download the "
		    "model and name its folder",
		    path);
	if (stat(path, &st) < 0)
		return fc_fail(e, "open %s:", path);
	if (S_ISDIR(st.st_mode))
		return check_folder(path, e);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (!st.st_size)
		return fc_fail(e, "%s: empty; " EXPECTED, path);
	unsigned char *head = fc_malloc(HEAD + 1);
	const ssize_t n = read_head(path, head, HEAD);
	head[n < 0 ? 0 : n] = 0;
	const int ret = n > 0 ? check_head(path, (const char *)head, (size_t)n, e) : 0;
	free(head);
	return ret;
}

int fc_modelpath_check_weights(const char *path, struct fc_err *e)
{
	static const struct {
		const char *begins, *is;
		size_t n;
	} kinds[] = {{"\x28\xb5\x2f\xfd", "compressed by zstd, or a stream without tensors", 4},
	    {"\x1f\x8b", "compressed by gzip", 2}};
	unsigned char head[17] = {0}; /* ends in a zero, as text */
	struct stat st;
	if (fc_modelpath_check(path, e) < 0)
		return -1;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    read_head(path, head, sizeof head - 1) < 9)
		return 0;
	for (size_t i = 0; i < FC_LEN(kinds); i++)
		if (!memcmp(head, kinds[i].begins, kinds[i].n))
			return fc_fail(e, "%s: %s; " EXPECTED, path, kinds[i].is);
	/* a header of safetensors follows its length in eight bytes, whose last are 0 */
	const char first = *skip_space((const char *)head);
	if ((first == '{' || first == '[') && head[7])
		return fc_fail(e, "%s: JSON; " EXPECTED, path);
	return 0;
}
