/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hostmem.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* The text of a small file; false: there is none. */
static bool read_text(struct fc_buf *text, const char *root, const char *dir, const char *name)
{
	struct fc_buf path = FC_BUF_INIT;
	struct fc_err ignored;
	fc_buf_addf(&path, "%s%s/%s", root, dir, name);
	fc_buf_clear(text);
	const bool read = fc_file_read(path.p, (size_t)1 << 20, text, &ignored) == 0;
	fc_buf_release(&path);
	if (read)
		fc_buf_add(text, "", 1);
	return read;
}

/* The number after a line's first word; false: there is none. */
static bool find_number(const char *text, const char *word, uint64_t *value)
{
	const size_t n = strlen(word);
	for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL) {
		char *end;
		if (strncmp(line, word, n) != 0 || (line[n] != ' ' && line[n] != ':'))
			continue;
		*value = strtoull(line + n + 1, &end, 10);
		return end > line + n + 1;
	}
	return false;
}

/* The number that a file is; "max" is none. */
static bool read_number(const char *root, const char *dir, const char *name, uint64_t *value)
{
	struct fc_buf text = FC_BUF_INIT;
	char *end = NULL;
	bool read = read_text(&text, root, dir, name);
	if (read)
		*value = strtoull(text.p, &end, 10);
	read = read && end > text.p;
	fc_buf_release(&text);
	return read;
}

/* The names of the files of control groups, of either version. */
struct version {
	const char *limit, *used, *cached;
};
static const struct version v1 = {
    "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
static const struct version v2 = {"memory.max", "memory.current", "inactive_file"};

/* What a group leaves: its limit, and what is used but for pages of files that can be dropped. */
static void limit_by_group(
    const char *root, const char *dir, const struct version *v, size_t *n_free, size_t *n_total)
{
	struct fc_buf stat = FC_BUF_INIT;
	uint64_t limit, used, cached = 0;
	if (read_number(root, dir, v->limit, &limit) && read_number(root, dir, v->used, &used)) {
		if (!read_text(&stat, root, dir, "memory.stat") ||
		    !find_number(stat.p, v->cached, &cached))
			cached = 0;
		used -= cached < used ? cached : used;
		const uint64_t left = limit > used ? limit - used : 0;
		*n_free = left < *n_free ? (size_t)left : *n_free;
		*n_total = limit < *n_total ? (size_t)limit : *n_total;
	}
	fc_buf_release(&stat);
}

/* A group and those it is in. */
static void limit_by_groups(const char *root, const char *mount, const char *path, size_t n_path,
    const struct version *v, size_t *n_free, size_t *n_total)
{
	struct fc_buf dir = FC_BUF_INIT;
	for (;;) {
		fc_buf_clear(&dir);
		fc_buf_adds(&dir, mount);
		fc_buf_add(&dir, path, n_path);
		fc_buf_add(&dir, "", 1);
		limit_by_group(root, dir.p, v, n_free, n_total);
		if (!n_path)
			break;
		do
			n_path--;
		while (n_path && path[n_path] != '/');
	}
	fc_buf_release(&dir);
}

/* A line of /proc/self/cgroup: "0::/path", or "7:cpu,memory:/path" of version 1. */
static void limit_by_line(const char *root, const char *line, size_t *n_free, size_t *n_total)
{
	const char *kinds = strchr(line, ':'), *path = kinds ? strchr(kinds + 1, ':') : NULL;
	if (!path)
		return;
	const size_t n_path = strcspn(path + 1, "\n");
	const bool unified = path == kinds + 1;
	const char *memory = strstr(kinds, "memory");
	if (unified)
		limit_by_groups(root, "/sys/fs/cgroup", path + 1, n_path, &v2, n_free, n_total);
	else if (memory && memory < path)
		limit_by_groups(
		    root, "/sys/fs/cgroup/memory", path + 1, n_path, &v1, n_free, n_total);
}

void fc_hostmem_read(const char *root, size_t *n_free, size_t *n_total)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const long all = sysconf(_SC_PHYS_PAGES), left = sysconf(_SC_AVPHYS_PAGES);
	struct fc_buf text = FC_BUF_INIT;
	uint64_t kb;
	*n_total = all > 0 ? (size_t)all * page : 0;
	*n_free = left > 0 ? (size_t)left * page : 0;
	if (read_text(&text, root, "/proc", "meminfo")) {
		if (find_number(text.p, "MemAvailable", &kb))
			*n_free = (size_t)kb << 10;
		if (find_number(text.p, "MemTotal", &kb))
			*n_total = (size_t)kb << 10;
	}
	if (read_text(&text, root, "/proc", "self/cgroup"))
		for (const char *line = text.p; line && *line;
		     line = strchr(line, '\n'), line += line != NULL)
			limit_by_line(root, line, n_free, n_total);
	fc_buf_release(&text);
}
