/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hostmem.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number behind a word at the beginning of a line, or of a file whose word is "". */
static int read_number(const char *path, const char *word, uint64_t *number)
{
	FILE *f = fopen(path, "re");
	char line[256];
	int ret = -1;
	while (f && ret < 0 && fgets(line, sizeof line, f))
		if (!strncmp(line, word, strlen(word)) &&
		    sscanf(line + strlen(word), "%" SCNu64, number) == 1)
			ret = 0;
	if (f)
		fclose(f);
	return ret;
}

/* The group of this process below the mounted tree. */
static int read_group(const char *root, char *group, size_t size)
{
	char path[PATH_MAX], line[PATH_MAX];
	int ret = -1;
	snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	FILE *f = fopen(path, "re");
	while (f && ret < 0 && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "0::/", 4) &&
		    (size_t)snprintf(group, size, "%s", line + 3) < size)
			ret = 0;
	}
	if (f)
		fclose(f);
	return ret;
}

static int read_of_group(
    const char *root, const char *group, const char *file, const char *word, uint64_t *number)
{
	char path[2 * PATH_MAX];
	snprintf(path, sizeof path, "%s/sys/fs/cgroup%s/%s", root, group, file);
	return read_number(path, word, number);
}

static void limit(size_t *n, uint64_t most)
{
	*n = most < *n ? (size_t)most : *n;
}

/* What a group and those above it allow.  Of what it uses, files that nobody has read lately go
 * first. */
static void limit_by_groups(const char *root, size_t *n_free, size_t *n_total)
{
	char group[PATH_MAX];
	if (read_group(root, group, sizeof group) < 0)
		return;
	for (char *end = group + strlen(group); end > group; end = strrchr(group, '/')) {
		uint64_t most, used, file;
		*end = 0;
		if (!group[0])
			break;
		if (read_of_group(root, group, "memory.max", "", &most) < 0)
			continue;
		limit(n_total, most);
		if (read_of_group(root, group, "memory.current", "", &used) < 0)
			continue;
		if (read_of_group(root, group, "memory.stat", "inactive_file ", &file) == 0)
			used -= file < used ? file : used;
		limit(n_free, used < most ? most - used : 0);
	}
}

void fc_host_memory(const char *root, size_t *n_free, size_t *n_total)
{
	char path[PATH_MAX];
	uint64_t kib;
	const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	snprintf(path, sizeof path, "%s/proc/meminfo", root);
	*n_total = pages > 0 ? (size_t)pages * (size_t)page : 0;
	if (read_number(path, "MemTotal:", &kib) == 0)
		*n_total = (size_t)kib * 1024;
	*n_free = read_number(path, "MemAvailable:", &kib) == 0 ? (size_t)kib * 1024 : *n_total;
	limit_by_groups(root, n_free, n_total);
}
