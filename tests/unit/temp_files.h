/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_TEMP_FILES_H
#define FC_TESTS_TEMP_FILES_H

/* A temporary folder with files and folders, which goes when the test program ends. */

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

static char tmp[] = "/tmp/fc-test-XXXXXX";

static void remove_tmp(void)
{
	char command[96];
	snprintf(command, sizeof command, "rm -rf '%s'", tmp);
	if (system(command))
		puts("# the temporary folder stays");
}

static void make_tmp(void)
{
	if (!mkdtemp(tmp)) {
		printf("Bail out! cannot make %s\n", tmp);
		exit(1);
	}
	atexit(remove_tmp);
}

/* Its path; free() it. */
static char *write_file(const char *name, const char *text, size_t n)
{
	char *path = fc_path_join(tmp, name);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(text, 1, n, f) != n || fclose(f))
		abort();
	return path;
}

#endif
