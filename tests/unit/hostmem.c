/* SPDX-License-Identifier: Apache-2.0 */
/* Memory as a machine and its control groups tell it, from folders in the place of /proc and /sys.
 */
#include "base/hostmem.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <unistd.h>

#include "t.h"

static char root[] = "/tmp/fc-hostmem-XXXXXX";

static void put(const char *path, const char *text)
{
	char whole[300];
	snprintf(whole, sizeof whole, "%s%s", root, path);
	for (char *c = whole + sizeof root; (c = strchr(c, '/')) != NULL; c++) {
		*c = 0;
		mkdir(whole, 0700);
		*c = '/';
	}
	FILE *f = fopen(whole, "w");
	if (!T_OK(f != NULL, "%s is written", path))
		exit(t_done());
	fputs(text, f);
	fclose(f);
}

static void expect(size_t n_free, size_t n_total, const char *what)
{
	size_t got_free, got_total;
	fc_host_memory(root, &got_free, &got_total);
	T_OK(got_free == n_free && got_total == n_total, "%s: %zu of %zu, got %zu of %zu", what,
	    n_free, n_total, got_free, got_total);
}

int main(void)
{
	enum { KIB = 1024 };
	char command[64];
	size_t n_free, n_total;
	fc_host_memory("", &n_free, &n_total);
	T_OK(n_total > 0 && n_free > 0 && n_free <= n_total, "this machine: %zu of %zu", n_free,
	    n_total);
	if (!T_OK(mkdtemp(root) != NULL, "temporary folder"))
		return t_done();

	put("/proc/meminfo",
	    "MemTotal:       1000 kB\nMemFree:         10 kB\nMemAvailable:   400 kB\n");
	expect(400 * KIB, 1000 * KIB, "what files are kept in can be had");
	put("/proc/self/cgroup", "9:memory:/old\n0::/user/job\n");
	put("/sys/fs/cgroup/user/job/memory.max", "max\n");
	put("/sys/fs/cgroup/user/job/memory.current", "307200\n");
	expect(400 * KIB, 1000 * KIB, "a group without a limit");
	put("/sys/fs/cgroup/user/job/memory.max", "409600\n");
	put("/sys/fs/cgroup/user/job/memory.stat", "anon 1\nactive_file 7\ninactive_file 51200\n");
	expect(150 * KIB, 400 * KIB, "a group with one");
	put("/sys/fs/cgroup/user/memory.max", "102400\n");
	put("/sys/fs/cgroup/user/memory.current", "204800\n");
	expect(0, 100 * KIB, "the group above, used up");
	put("/proc/self/cgroup", "0::/\n");
	expect(400 * KIB, 1000 * KIB, "no group");
	put("/proc/meminfo", "MemTotal: 1000 kB\n");
	expect(1000 * KIB, 1000 * KIB, "an old kernel");

	snprintf(command, sizeof command, "rm -r %s", root);
	T_EQ(system(command), 0, "removed");
	return t_done();
}
