/* SPDX-License-Identifier: Apache-2.0 */
#include "text/infile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

enum {
	READ_BYTES = 64 << 10,   /* asked for at once */
	PLAIN_BYTES = 128 << 10, /* unpacked at once: a block of zstd */
	HEAD_BYTES = 8,          /* that tell what a file is */
};

struct fc_infile {
	int fd;
	char *name;
	struct fc_buf buf; /* text; [begin, n) is not taken yet */
	size_t begin;
	struct fc_unpack *unpack; /* NULL: not packed */
	struct fc_buf packed;     /* [packed_begin, n) is not unpacked yet */
	size_t packed_begin;
	enum fc_packing packing;
	uint64_t n_read; /* bytes of the file */
	bool known;      /* was looked at what the file is? */
	bool at_end;     /* of the file */
};

/* Appends what a read gives. */
static int read_some(struct fc_infile *f, struct fc_buf *b, struct fc_err *e)
{
	ssize_t got;
	do
		got = read(f->fd, fc_buf_reserve(b, READ_BYTES), READ_BYTES);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return fc_fail(e, "read %s:", f->name);
	b->n += (size_t)got;
	f->n_read += (uint64_t)got;
	f->at_end = got == 0;
	return 0;
}

/* What else people have, and what makes lines of it. */
static int refuse_foreign(const struct fc_infile *f, const char *p, size_t n, struct fc_err *e)
{
	static const struct {
		const char *begin;
		size_t n;
		const char *what;
	} known[] = {
	    {"\xff\xfe\0\0", 4, "UTF-32; iconv -f UTF-32 -t UTF-8 FILE | ..."},
	    {"\0\0\xfe\xff", 4, "UTF-32; iconv -f UTF-32 -t UTF-8 FILE | ..."},
	    {"\xff\xfe", 2, "UTF-16; iconv -f UTF-16 -t UTF-8 FILE | ..."},
	    {"\xfe\xff", 2, "UTF-16; iconv -f UTF-16 -t UTF-8 FILE | ..."},
	    {"{\0", 2, "UTF-16; iconv -f UTF-16LE -t UTF-8 FILE | ..."},
	    {"[\0", 2, "UTF-16; iconv -f UTF-16LE -t UTF-8 FILE | ..."},
	    {"\0{", 2, "UTF-16; iconv -f UTF-16BE -t UTF-8 FILE | ..."},
	    {"\0[", 2, "UTF-16; iconv -f UTF-16BE -t UTF-8 FILE | ..."},
	    {"PAR1", 4,
		"Parquet; duckdb -c \"COPY (FROM 'FILE') TO '/dev/stdout' (FORMAT json)\" | ..., "
		"or "
		"the lines of Python in fc-infer(1), OTHER FORMS"},
	    {"ARROW1", 6,
		"Arrow; the lines of Python in fc-infer(1), OTHER FORMS, make JSON of it"},
	    {"\xff\xff\xff\xff", 4, /* a stream of messages, as datasets keeps it */
		"Arrow; the lines of Python in fc-infer(1), OTHER FORMS, make JSON of it"},
	    {"\xfd\x37zXZ", 5, "compressed; xz -dc FILE | ..."},
	    {"BZh", 3, "compressed; bzip2 -dc FILE | ..."},
	};
	for (size_t i = 0; i < FC_LEN(known); i++)
		if (n >= known[i].n && !memcmp(p, known[i].begin, known[i].n))
			return fc_fail(
			    e, "%s: JSON in UTF-8 is expected, this is %s", f->name, known[i].what);
	if (f->packing && fc_packing_find(p, n))
		return fc_fail(e, "%s: packed twice, with %s in %s", f->name,
		    fc_packing_name(fc_packing_find(p, n)), fc_packing_name(f->packing));
	return 0;
}

static int name_error(const struct fc_infile *f, const struct fc_err *why, struct fc_err *e)
{
	return fc_fail(e, "%s: %s", f->name, why->msg);
}

/* Unpacks until there is something, or the end.  1, 0, -1 as fc_infile_more(). */
static int unpack_some(struct fc_infile *f, struct fc_err *e)
{
	struct fc_err why;
	for (;;) {
		size_t n_in = f->packed.n - f->packed_begin, n_out = PLAIN_BYTES;
		char *out = fc_buf_reserve(&f->buf, n_out);
		if (fc_unpack_some(
			f->unpack, f->packed.p + f->packed_begin, &n_in, out, &n_out, &why) < 0)
			return name_error(f, &why, e);
		f->packed_begin += n_in;
		f->buf.n += n_out;
		if (n_out)
			return 1;
		if (n_in && f->packed_begin < f->packed.n)
			continue;
		if (f->at_end)
			return fc_unpack_end(f->unpack, &why) < 0 ? name_error(f, &why, e) : 0;
		if (f->packed_begin == f->packed.n)
			f->packed_begin = f->packed.n = 0;
		if (read_some(f, &f->packed, e) < 0)
			return -1;
	}
}

/* Could a file whose first byte is c be something else than JSON? */
static bool is_suspicious(char c)
{
	return !strchr("{[ \t\r\n", c) || !c;
}

/* Reads as much as tells what the file is; -1: nothing that is read here. */
static int look(struct fc_infile *f, struct fc_err *e)
{
	struct fc_buf *b = &f->buf;
	struct fc_err why;
	while (!f->at_end && b->n < HEAD_BYTES && (b->n < 2 || is_suspicious(b->p[0])))
		if (read_some(f, b, e) < 0)
			return -1;
	f->known = true;
	f->packing = fc_packing_find(b->p ? b->p : "", b->n);
	if (f->packing) {
		if (fc_unpack_new(&f->unpack, f->packing, &why) < 0)
			return name_error(f, &why, e);
		f->packed = *b;
		*b = (struct fc_buf)FC_BUF_INIT;
		int got = 1;
		while (got > 0 && b->n < HEAD_BYTES)
			got = unpack_some(f, e);
		if (got < 0)
			return -1;
	}
	if (refuse_foreign(f, b->p ? b->p : "", b->n, e) < 0)
		return -1;
	if (b->n >= 3 && !memcmp(b->p, "\xef\xbb\xbf", 3))
		f->begin = 3;
	return 0;
}

/* What a regular file is is seen before any work; a pipe may have nothing yet. */
int fc_infile_open(struct fc_infile **out, const char *path, struct fc_err *e)
{
	const bool is_stdin = !strcmp(path, "-");
	const int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	*out = NULL;
	if (fd < 0)
		return fc_fail(e, "open %s:", path);
	struct fc_infile *f = FC_NEW(struct fc_infile);
	f->fd = fd;
	f->name = fc_strdup(is_stdin ? "standard input" : path);
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && look(f, e) < 0) {
		fc_infile_close(f);
		return -1;
	}
	*out = f;
	return 0;
}

int fc_infile_more(struct fc_infile *f, struct fc_err *e)
{
	const size_t left = f->buf.n - f->begin;
	if (f->begin)
		memmove(f->buf.p, f->buf.p + f->begin, left);
	f->begin = 0;
	f->buf.n = left;
	if (!f->known)
		return look(f, e) < 0 ? -1 : f->buf.n > f->begin;
	if (f->unpack)
		return unpack_some(f, e);
	if (read_some(f, &f->buf, e) < 0)
		return -1;
	return f->buf.n > left;
}

uint64_t fc_infile_sizes(const char *const *paths, int n)
{
	uint64_t sum = 0;
	for (int i = 0; i < n; i++) {
		struct stat st;
		const bool is_stdin = !strcmp(paths[i], "-");
		if ((is_stdin ? fstat(0, &st) : stat(paths[i], &st)) < 0 || !S_ISREG(st.st_mode))
			return 0;
		sum += (uint64_t)st.st_size;
	}
	return sum;
}

char *fc_infile_at(struct fc_infile *f, size_t *n)
{
	fc_buf_reserve(&f->buf, 0);
	*n = f->buf.n - f->begin;
	return f->buf.p + f->begin;
}

void fc_infile_take(struct fc_infile *f, size_t n)
{
	f->begin += n;
}

uint64_t fc_infile_bytes(const struct fc_infile *f)
{
	const uint64_t left = f->buf.n - f->begin;
	if (!f->unpack)
		return f->known ? f->n_read - left : 0;
	const uint64_t made = fc_unpack_made(f->unpack), used = fc_unpack_used(f->unpack);
	return left ? (uint64_t)((double)used * (1 - (double)left / (double)made)) : used;
}

enum fc_packing fc_infile_packing(const struct fc_infile *f)
{
	return f->packing;
}

const char *fc_infile_name(const struct fc_infile *f)
{
	return f->name;
}

void fc_infile_close(struct fc_infile *f)
{
	if (!f)
		return;
	if (f->fd != STDIN_FILENO)
		close(f->fd);
	fc_unpack_free(f->unpack);
	fc_buf_release(&f->buf);
	fc_buf_release(&f->packed);
	free(f->name);
	free(f);
}
