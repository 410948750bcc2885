/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_STORE_FILES_H
#define FC_TESTS_STORE_FILES_H

/* A scratch folder for one test program, and files in it. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char scratch[256];

__attribute__((unused)) static void scratch_make(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(scratch, sizeof scratch, "%s/fc-store.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(scratch)) {
		perror(scratch);
		exit(1);
	}
}

/* "SCRATCH/name", from a ring of four buffers */
__attribute__((unused)) static const char *scratch_path(const char *name)
{
	static char ring[4][512];
	static int at;
	char *p = ring[at++ % 4];
	snprintf(p, sizeof ring[0], "%s/%s", scratch, name);
	return p;
}

__attribute__((unused)) static void scratch_empty(void)
{
	DIR *d = opendir(scratch);
	struct dirent *entry;
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

__attribute__((unused)) static void scratch_remove(void)
{
	scratch_empty();
	rmdir(scratch);
}

__attribute__((unused)) static void write_file(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(scratch_path(name), "wb");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f)) {
		perror(name);
		exit(1);
	}
}

/* A safetensors file: length, the header as given, data_bytes bytes 0, 1, 2... */
__attribute__((unused)) static void write_tensors(
    const char *name, const char *header, size_t data_bytes)
{
	struct fc_buf b = FC_BUF_INIT;
	uint64_t n = strlen(header);
	for (int i = 0; i < 8; i++)
		fc_buf_addc(&b, (char)(n >> 8 * i));
	fc_buf_add(&b, header, n);
	for (size_t i = 0; i < data_bytes; i++)
		fc_buf_addc(&b, (char)i);
	write_file(name, b.p, b.n);
	fc_buf_release(&b);
}

#endif
