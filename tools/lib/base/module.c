/* SPDX-License-Identifier: Apache-2.0 */
#include "base/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* Is it a folder below the one that programs are built in? */
static bool is_of_tests(const char *folder)
{
	char *last = fc_path_name(folder);
	const bool yes = !strcmp(last, "unit") || !strcmp(last, "fixture") ||
	    !strcmp(last, "bench") || !strcmp(last, "device") || !strncmp(last, "fc-", 3);
	free(last);
	return yes;
}

/* The folder of this program; of a test in a folder below where programs are built, that one. */
static bool find_folder(char *path, size_t size)
{
	const ssize_t n = readlink("/proc/self/exe", path, size - 1);
	if (n <= 0 || (size_t)n == size - 1)
		return false;
	path[n] = 0;
	for (int up = 0; up < 3; up++) {
		char *slash = strrchr(path, '/');
		if (!slash)
			return false;
		*slash = 0;
		if (!is_of_tests(path))
			break;
	}
	return true;
}

/* The caller's to free(); NULL: it is nowhere. */
static char *find_module(const char *what, const char *name, const char *remedy, struct fc_err *e)
{
	static const char *const places[] = {"", "../lib/fc/"};
	char folder[PATH_MAX], path[PATH_MAX + 64];
	if (!find_folder(folder, sizeof folder)) {
		fc_fail(e, "%s: the program does not find its own folder", what);
		return NULL;
	}
	for (size_t i = 0; i < FC_LEN(places); i++) {
		snprintf(path, sizeof path, "%s/%slibfc-%s.so", folder, places[i], name);
		if (fc_file_exists(path))
			return fc_strdup(path);
	}
	fc_fail(
	    e, "%s: no libfc-%s.so in %s or ../lib/fc from there; %s", what, name, folder, remedy);
	return NULL;
}

int fc_module_open(struct fc_module *m, const char *what, const char *name, const char *symbol,
    const char *remedy, struct fc_err *e)
{
	*m = (struct fc_module){.path = find_module(what, name, remedy, e)};
	if (!m->path)
		return -1;
	m->handle = dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
	m->symbol = m->handle ? dlsym(m->handle, symbol) : NULL;
	if (m->symbol)
		return 0;
	if (m->handle)
		fc_fail(e, "%s: %s is no module for that: it has no %s", what, m->path, symbol);
	else
		fc_fail(e, "%s: %s", what, dlerror());
	fc_module_close(m);
	return -1;
}

void fc_module_close(struct fc_module *m)
{
	if (m->handle)
		dlclose(m->handle);
	free(m->path);
	*m = (struct fc_module){0};
}
