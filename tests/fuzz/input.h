/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_FUZZ_INPUT_H
#define FC_FUZZ_INPUT_H

/* Comes first in a file. */
#define _GNU_SOURCE /* memfd_create() */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* The path of a file in memory: n bytes of p, then zeros.  Valid until the next call. */
static inline const char *input_file(const void *p, size_t n, size_t n_zero)
{
	static char path[32];
	static int fd = -1;
	if (fd >= 0)
		close(fd);
	fd = memfd_create("input", 0);
	if (fd < 0 || ftruncate(fd, (off_t)(n + n_zero)) < 0 || pwrite(fd, p, n, 0) != (ssize_t)n)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return path;
}

/* Reads every byte, so that the sanitizer sees one that is not there. */
static inline void input_touch(const void *p, size_t n)
{
	static volatile uint8_t sink;
	uint8_t x = 0;
	for (size_t i = 0; i < n; i++)
		x ^= ((const uint8_t *)p)[i];
	sink = sink ^ x;
}

#endif
