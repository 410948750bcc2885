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

bool fc_seektable_read(struct fc_seektable *t, int fd)
{
	struct stat st;
	uint8_t foot[FOOT_BYTES], *table = NULL;
	bool good = false;
	*t = (struct fc_seektable){0};
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < FOOT_BYTES + HEAD_BYTES ||
	    !read_at(fd, foot, FOOT_BYTES, (uint64_t)st.st_size - FOOT_BYTES) ||
	    le32(foot + 5) != seekable_magic || foot[4] != 0)
		return false;
	size_t n = le32(foot), n_table = HEAD_BYTES + n * ENTRY_BYTES + FOOT_BYTES;
	if (n > MAX_FRAMES || n_table > (uint64_t)st.st_size)
		return false;
	uint64_t table_at = (uint64_t)st.st_size - n_table;
	table = fc_malloc(n_table);
	good = read_at(fd, table, n_table, table_at) && le32(table) == table_magic &&
	    le32(table + 4) == n_table - HEAD_BYTES &&
	    take_entries(t, table + HEAD_BYTES, n, table_at);
	free(table);
	if (!good)
		fc_seektable_release(t);
	return good;
}

void fc_seektable_release(struct fc_seektable *t)
{
	free(t->at);
	*t = (struct fc_seektable){0};
}
