/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory may still be taken: what Linux says, and what groups leave. */
#include "base/hostmem.h"

#include <string.h>
#include <sys/stat.h>

#include "t.h"
#include "temp_files.h"

static char root[80];

static void put(const char *name, const char *text)
{
	char path[400];
	snprintf(path, sizeof path, "%s/%s", root, name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(path, 0777);
	}
	free(write_file(path + strlen(tmp) + 1, text, strlen(text)));
}

static void check(size_t want_free, size_t want_total, const char *what)
{
	size_t n_free, n_total;
	fc_hostmem_read(root, &n_free, &n_total);
	T_OK(n_free == want_free && n_total == want_total, "%s: %zu of %zu", what, n_free, n_total);
}

static void begin(const char *name, const char *groups)
{
	snprintf(root, sizeof root, "%s/%s", tmp, name);
	mkdir(root, 0777);
	put("proc/meminfo",
	    "MemTotal:       1000 kB\nMemFree:        10 kB\nMemAvailable:   600 kB\nCached: 1 "
	    "kB\n");
	put("proc/self/cgroup", groups);
}

int main(void)
{
	size_t n_free, n_total;
	make_tmp();
	begin("none", "");
	check(600 << 10, 1000 << 10, "no group: what is available, not what is free");

	begin("two", "0::/job/step\n");
	put("sys/fs/cgroup/job/step/memory.max", "max\n");
	put("sys/fs/cgroup/job/step/memory.current", "5000\n");
	check(600 << 10, 1000 << 10, "a group without a limit");
	put("sys/fs/cgroup/job/memory.max", "300000\n");
	put("sys/fs/cgroup/job/memory.current", "100000\n");
	check(200000, 300000, "the limit of the group around it");
	put("sys/fs/cgroup/job/memory.stat", "anon 7\ninactive_file 40000\nactive_file 1\n");
	check(240000, 300000, "pages of files can be dropped");
	put("sys/fs/cgroup/job/step/memory.max", "4000\n");
	check(0, 4000, "a group that is full");

	begin("root", "0::/../elsewhere\n");
	put("sys/fs/cgroup/memory.max", "300000\n");
	put("sys/fs/cgroup/memory.current", "100000\n");
	check(200000, 300000, "a container sees its own group only");

	begin("one", "5:devices:/job\n4:cpu,memory:/job\n0::/\n");
	put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "300000\n");
	put("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "100000\n");
	put("sys/fs/cgroup/memory/job/memory.stat", "inactive_file 9\ntotal_inactive_file 30000\n");
	put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n");
	check(230000, 300000, "groups of version 1");

	snprintf(root, sizeof root, "%s/nothing", tmp);
	fc_hostmem_read(root, &n_free, &n_total);
	T_OK(n_total > 1 << 20 && n_free <= n_total, "without /proc: what POSIX says");
	fc_hostmem_read("", &n_free, &n_total);
	T_OK(n_total > 1 << 20 && n_free > 0 && n_free <= n_total, "here: %zu of %zu MB",
	    n_free >> 20, n_total >> 20);
	return t_done();
}
