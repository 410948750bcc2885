/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* madvise */
#include "base/mem.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/die.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

void fc_mem_keep(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, INT_MAX);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

static void *check_memory(void *p, size_t n_bytes)
{
	if (!p && n_bytes)
		fc_die("out of memory (%zu bytes)", n_bytes);
	return p;
}

static size_t checked_product(size_t n, size_t size_bytes)
{
	size_t total;
	if (!fc_size_mul(n, size_bytes, &total))
		fc_die("out of memory (%zu items of %zu bytes)", n, size_bytes);
	return total;
}

void *fc_malloc(size_t n_bytes)
{
	return check_memory(malloc(n_bytes ? n_bytes : 1), n_bytes);
}

void *fc_calloc(size_t n, size_t size_bytes)
{
	size_t total = checked_product(n, size_bytes);
	return check_memory(calloc(total ? total : 1, 1), total);
}

void *fc_realloc(void *p, size_t n, size_t size_bytes)
{
	size_t total = checked_product(n, size_bytes);
	return check_memory(realloc(p, total ? total : 1), total);
}

void fc_ask_large_pages(void *p, size_t n_bytes)
{
#ifdef MADV_HUGEPAGE
	const size_t large = (size_t)2 << 20, page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t skip = -(uintptr_t)p & (page - 1);
	if (n_bytes >= large + skip)
		madvise((char *)p + skip, n_bytes - skip, MADV_HUGEPAGE);
#else
	(void)p;
	(void)n_bytes;
#endif
}

void *fc_alloc_aligned(size_t n_bytes)
{
	if (n_bytes > (size_t)-64)
		return NULL;
	const size_t total = n_bytes ? (n_bytes + 63) & ~(size_t)63 : 64;
	void *p = aligned_alloc(64, total);
	if (p)
		fc_ask_large_pages(p, total);
	return p;
}

void *fc_malloc_aligned(size_t n, size_t size_bytes)
{
	const size_t total = checked_product(n, size_bytes);
	void *p = fc_alloc_aligned(total);
	if (!p)
		fc_die("out of memory (%zu bytes)", total);
	return p;
}

char *fc_memdup0(const void *p, size_t n)
{
	char *s = fc_malloc(n + 1);
	if (n)
		memcpy(s, p, n);
	s[n] = 0;
	return s;
}

char *fc_strdup(const char *s)
{
	return fc_memdup0(s, strlen(s));
}

bool fc_ends_with(const char *s, const char *end)
{
	const size_t n = strlen(s), k = strlen(end);
	return n >= k && !strcmp(s + n - k, end);
}

bool fc_size_mul(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

void *fc_grow(void *p, size_t *cap, size_t need, size_t size_bytes)
{
	size_t n = *cap < 8 ? 8 : *cap;
	while (n < need)
		n += n / 2;
	p = fc_realloc(p, n, size_bytes);
	*cap = n;
	return p;
}
