/* SPDX-License-Identifier: Apache-2.0 */
#include "base/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

/* The folder of the program; owned. */
static char *own_folder(struct fc_err *e)
{
	char self[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0) {
		fc_fail(e, "/proc/self/exe:");
		return NULL;
	}
	self[n] = 0;
	*strrchr(self, '/') = 0;
	return fc_strdup(self);
}

/* The first that is there of the places for it; owned.  *expected: the place of an installed one.
 */
static char *find(const char *folder, const char *name, char **expected)
{
	static const char *const places[] = {"", "../lib/fc/", "../", "../../"};
	char *found = NULL;
	for (size_t i = 0; i < FC_LEN(places) && !found; i++) {
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_addf(&b, "%s/%slibfc-%s.so", folder, places[i], name);
		char *path = fc_buf_detach(&b);
		if (fc_file_exists(path)) {
			found = path;
		} else if (i == 1) {
			*expected = path;
		} else {
			free(path);
		}
	}
	return found;
}

const void *fc_module_open(
    void **handle, const char *name, const char *symbol, const char *missing, struct fc_err *e)
{
	char *folder = own_folder(e), *expected = NULL;
	const void *p = NULL;
	if (!folder)
		return NULL;
	char *path = find(folder, name, &expected);
	if (!path)
		fc_fail(e, "there is no %s; %s", expected, missing);
	else if (!(*handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)))
		fc_fail(e, "%s cannot be opened: %s", path, dlerror());
	else if (!(p = dlsym(*handle, symbol)))
		fc_fail(e, "%s is no module of these programs: it has no %s", path, symbol);
	free(folder);
	free(expected);
	free(path);
	return p;
}
