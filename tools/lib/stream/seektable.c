/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/seektable.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { FOOT_BYTES = 9, HEAD_BYTES = 8, ENTRY_BYTES = 8, MAX_FRAMES = 1 << 27 };
static const uint32_t seekable_magic = 0x8F92EAB1, table_magic = 0x184D2A5E;

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool read_at(int fd, uint8_t *p, size_t n, uint64_t at)
{
	while (n) {
		ssize_t got = pread(fd, p, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return true;
}

/* The frames' lengths must lead from the file's first byte to the table. */
static bool take_entries(struct fc_seektable *t, const uint8_t *p, size_t n, uint64_t table_at)
{
	uint64_t at = 0;
	t->at = FC_ARRAY(uint64_t, n);
	for (size_t i = 0; i < n; i++, p += ENTRY_BYTES) {
		if (le32(p + 4))
			t->at[t->n++] = at;
		at += le32(p);
	}
	return at == table_at;
}

/* Is there a table at the end of the file?  Then where it begins and of how many frames it is. */
static bool find_table(int fd, uint64_t *at, size_t *n)
{
	struct stat st;
	uint8_t foot[FOOT_BYTES], head[HEAD_BYTES];
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < FOOT_BYTES + HEAD_BYTES ||
	    !read_at(fd, foot, FOOT_BYTES, (uint64_t)st.st_size - FOOT_BYTES) ||
	    le32(foot + 5) != seekable_magic || foot[4] != 0)
		return false;
	*n = le32(foot);
	size_t n_table = HEAD_BYTES + *n * ENTRY_BYTES + FOOT_BYTES;
	if (*n > MAX_FRAMES || n_table > (uint64_t)st.st_size)
		return false;
	*at = (uint64_t)st.st_size - n_table;
	return read_at(fd, head, HEAD_BYTES, *at) && le32(head) == table_magic &&
	    le32(head + 4) == n_table - HEAD_BYTES;
}

bool fc_seektable_is(int fd)
{
	uint64_t at;
	size_t n;
	return find_table(fd, &at, &n);
}

bool fc_seektable_read(struct fc_seektable *t, int fd)
{
	uint64_t at;
	size_t n;
	*t = (struct fc_seektable){0};
	if (!find_table(fd, &at, &n))
		return false;
	uint8_t *entries = fc_malloc(n * ENTRY_BYTES + 1);
	bool good = read_at(fd, entries, n * ENTRY_BYTES, at + HEAD_BYTES) &&
	    take_entries(t, entries, n, at);
	free(entries);
	if (!good)
		fc_seektable_release(t);
	return good;
}

void fc_seektable_release(struct fc_seektable *t)
{
	free(t->at);
	*t = (struct fc_seektable){0};
}
