/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "base/die.h"
#include "base/mem.h"
#include "stream/frame.h"

enum {
	READ_BYTES = 256 << 10, /* asked for at once */
	HEAD_BYTES = 18,        /* longest zstd frame header */
	FHD_CHECKSUM = 1 << 2,  /* bits of the frame header descriptor, RFC 8878, 3.1.1.1.1 */
	FHD_RESERVED = 1 << 3,
	FHD_DICTIONARY = 3,
};

struct fc_frame_in {
	int fd;
	bool is_own; /* of a file that was opened here, and is closed here */
	char *name;
	ZSTD_DCtx *dctx;
	uint8_t *buf; /* compressed bytes [begin, end) are not used up */
	size_t begin, end, cap;
	uint64_t offset; /* of buf[begin] in the input */
	uint64_t at;     /* of the frame handed out last */
	uint8_t *content;
	size_t cap_content;
};

static int open_on(
    struct fc_frame_in **out, int fd, bool is_own, const char *name, struct fc_err *e)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (is_own)
			close(fd);
		return fc_fail(e, "%s: is a folder, where a stream should be", name);
	}
	struct fc_frame_in *f = FC_NEW(struct fc_frame_in);
	f->fd = fd;
	f->is_own = is_own;
	f->name = fc_strdup(name);
	f->dctx = ZSTD_createDCtx();
	if (!f->dctx)
		fc_die("out of memory (zstd)");
	fc_pipe_enlarge(fd);
	*out = f;
	return 0;
}

int fc_frame_in_open_fd(struct fc_frame_in **out, int fd, const char *name, struct fc_err *e)
{
	return open_on(out, fd, false, name, e);
}

int fc_frame_in_open(struct fc_frame_in **out, const char *path, struct fc_err *e)
{
	if (!path || !strcmp(path, "-"))
		return open_on(out, STDIN_FILENO, false, "standard input", e);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fc_fail(e, "open %s:", path);
	return open_on(out, fd, true, path, e);
}

void fc_frame_in_close(struct fc_frame_in *f)
{
	if (!f)
		return;
	if (f->is_own)
		close(f->fd);
	ZSTD_freeDCtx(f->dctx);
	free(f->name);
	free(f->buf);
	free(f->content);
	free(f);
}

uint64_t fc_frame_in_offset(const struct fc_frame_in *f)
{
	return f->at;
}

uint64_t fc_frame_in_bytes(const struct fc_frame_in *f)
{
	return f->offset;
}

int fc_frame_in_fd(const struct fc_frame_in *f)
{
	return f->is_own ? f->fd : -1;
}

int fc_frame_in_seek(struct fc_frame_in *f, uint64_t offset, struct fc_err *e)
{
	if (lseek(f->fd, (off_t)offset, SEEK_SET) < 0)
		return fc_fail(e, "seek in %s:", f->name);
	f->begin = f->end = 0;
	f->offset = offset;
	return 0;
}

const char *fc_frame_in_name(const struct fc_frame_in *f)
{
	return f->name;
}

static int fail_at(const struct fc_frame_in *f, const char *what, struct fc_err *e)
{
	return fc_fail(e, "%s: byte %" PRIu64 ": %s", f->name, f->offset, what);
}

static int cut_off(const struct fc_frame_in *f, struct fc_err *e)
{
	return fc_fail(
	    e, "%s: cut off: the frame at byte %" PRIu64 " is not whole", f->name, f->offset);
}

/* One read into the buffer: 1 when bytes came, 0 at the end, -1 on error. */
static int read_more(struct fc_frame_in *f, struct fc_err *e)
{
	if (f->begin && f->cap - f->end < READ_BYTES) {
		memmove(f->buf, f->buf + f->begin, f->end - f->begin);
		f->end -= f->begin;
		f->begin = 0;
	}
	FC_GROW(f->buf, f->cap, f->end + READ_BYTES);
	ssize_t n;
	do
		n = read(f->fd, f->buf + f->end, f->cap - f->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fc_fail(e, "read %s:", f->name);
	f->end += (size_t)n;
	return n > 0;
}

/* Reads until n bytes are there or the input ends: 1, or 0, -1. */
static int fill_buffer(struct fc_frame_in *f, size_t n, struct fc_err *e)
{
	int ret = 1;
	while (ret == 1 && f->end - f->begin < n)
		ret = read_more(f, e);
	return ret;
}

static void use_up(struct fc_frame_in *f, size_t n)
{
	f->begin += n;
	f->offset += n;
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int skip_frame(struct fc_frame_in *f, struct fc_err *e)
{
	int ret = fill_buffer(f, 8, e);
	if (ret <= 0)
		return ret < 0 ? -1 : cut_off(f, e);
	uint64_t left = (uint64_t)le32(f->buf + f->begin + 4) + 8, whole = left;
	while (left) {
		size_t have = f->end - f->begin, n = have < left ? have : (size_t)left;
		use_up(f, n);
		left -= n;
		if (!left)
			break;
		ret = read_more(f, e);
		if (ret < 0)
			return -1;
		if (ret == 0) {
			f->offset -= whole - left;
			return cut_off(f, e);
		}
	}
	return 0;
}

/* Checks the frame header at the buffer's beginning against what a stream allows. */
static int check_head(struct fc_frame_in *f, size_t *n_content, struct fc_err *e)
{
	if (fill_buffer(f, HEAD_BYTES, e) < 0)
		return -1;
	size_t have = f->end - f->begin;
	uint8_t descriptor = have > 4 ? f->buf[f->begin + 4] : 0;
	unsigned long long n = ZSTD_getFrameContentSize(f->buf + f->begin, have);
	if (n == ZSTD_CONTENTSIZE_ERROR && have < HEAD_BYTES)
		return cut_off(f, e);
	if (n == ZSTD_CONTENTSIZE_ERROR || descriptor & FHD_RESERVED)
		return fail_at(f, "damaged frame header", e);
	if (n == ZSTD_CONTENTSIZE_UNKNOWN || !(descriptor & FHD_CHECKSUM) ||
	    descriptor & FHD_DICTIONARY)
		return fail_at(f, "not a frame of a stream (no content size or checksum)", e);
	if (n > FC_FRAME_MAX)
		return fc_fail(e,
		    "%s: byte %" PRIu64 ": a frame of %llu bytes exceeds the limit of %zu", f->name,
		    f->offset, n, FC_FRAME_MAX);
	*n_content = (size_t)n;
	return 0;
}

/* Brings the whole compressed frame into the buffer. */
static int gather_frame(struct fc_frame_in *f, size_t n_content, size_t *n_frame, struct fc_err *e)
{
	for (;;) {
		size_t have = f->end - f->begin;
		size_t n = ZSTD_findFrameCompressedSize(f->buf + f->begin, have);
		if (!ZSTD_isError(n)) {
			*n_frame = n;
			return 0;
		}
		if (ZSTD_getErrorCode(n) != ZSTD_error_srcSize_wrong)
			return fail_at(f, "damaged frame", e);
		/* A frame of many empty blocks could go on for ever. */
		if (have > 2 * n_content + 1024)
			return fail_at(f, "damaged frame (more compressed than plain bytes)", e);
		int ret = read_more(f, e);
		if (ret <= 0)
			return ret < 0 ? -1 : cut_off(f, e);
	}
}

static int decompress_frame(struct fc_frame_in *f, size_t n_content, struct fc_err *e)
{
	size_t n_frame = 0;
	if (gather_frame(f, n_content, &n_frame, e) < 0)
		return -1;
	FC_GROW(f->content, f->cap_content, n_content);
	size_t n = ZSTD_decompressDCtx(f->dctx, f->content, n_content, f->buf + f->begin, n_frame);
	if (ZSTD_isError(n) || n != n_content)
		return fc_fail(e, "%s: byte %" PRIu64 ": damaged frame: %s", f->name, f->offset,
		    ZSTD_isError(n) ? ZSTD_getErrorName(n) : "wrong content size");
	f->at = f->offset;
	use_up(f, n_frame);
	return 0;
}

int fc_frame_in_next(struct fc_frame_in *f, const uint8_t **p, size_t *n, struct fc_err *e)
{
	for (;;) {
		int ret = fill_buffer(f, 4, e);
		if (ret < 0)
			return -1;
		if (ret == 0)
			return f->begin == f->end ? 0 : cut_off(f, e);
		uint32_t magic = le32(f->buf + f->begin);
		if ((magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START) {
			if (skip_frame(f, e) < 0)
				return -1;
			continue;
		}
		if (magic != ZSTD_MAGICNUMBER)
			return fail_at(f,
			    f->offset == 0 && f->buf[f->begin] == '{'
				? "not a stream of the fc tools but JSON: fc-infer makes streams "
				  "of conversations and pairs, fc-view --from-jsonl of records"
				: "not a stream of the fc tools (no zstd frame here)",
			    e);
		if (check_head(f, n, e) < 0 || decompress_frame(f, *n, e) < 0)
			return -1;
		*p = f->content;
		return 1;
	}
}
