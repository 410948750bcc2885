/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "stream/frame.h"

enum {
	LEVEL = 1,
	PIPE_BYTES = 1 << 20,
	MAGIC_SKIPPABLE = 0x184D2A50,
	MAGIC_TABLE = 0x184D2A5E,
	MAX_TABLE = 1 << 27, /* frames in a seek table */
};
static const uint32_t seekable_magic = 0x8F92EAB1;
static const char sign[] = "fc-stream 1\n"; /* for file(1) and people */
_Static_assert(8 + sizeof sign - 1 == FC_FRAME_SIGN_BYTES, "a skippable frame with the sign");

struct fc_frame_out {
	struct fc_out *out;
	ZSTD_CCtx *cctx;
	struct fc_buf buf;   /* compressed, not written yet */
	struct fc_buf table; /* seek table: compressed and plain bytes of every frame */
	size_t n_frame;
};

void fc_pipe_enlarge(int fd)
{
	fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* fails on all but pipes, which is fine */
}

static void add_le32(struct fc_buf *b, uint32_t v)
{
	uint8_t p[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
	fc_buf_add(b, p, 4);
}

/* A frame of n_frame bytes with n_content bytes in it was added to buf. */
static void note_frame(struct fc_frame_out *f, size_t n_frame, size_t n_content)
{
	f->n_frame++;
	if (f->n_frame <= MAX_TABLE) {
		add_le32(&f->table, (uint32_t)n_frame);
		add_le32(&f->table, (uint32_t)n_content);
	}
}

static int flush_buffer(struct fc_frame_out *f, struct fc_err *e)
{
	int ret = fc_out_write(f->out, f->buf.p, f->buf.n, e);
	fc_buf_clear(&f->buf);
	return ret;
}

/* Takes over o. */
static struct fc_frame_out *frame_out_new(struct fc_out *o)
{
	struct fc_frame_out *f = FC_NEW(struct fc_frame_out);
	f->out = o;
	f->cctx = ZSTD_createCCtx();
	if (!f->cctx)
		fc_die("out of memory (zstd)");
	ZSTD_CCtx_setParameter(f->cctx, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(f->cctx, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(f->cctx, ZSTD_c_contentSizeFlag, 1);
	return f;
}

static void add_sign(struct fc_buf *b)
{
	add_le32(b, MAGIC_SKIPPABLE);
	add_le32(b, sizeof sign - 1);
	fc_buf_adds(b, sign);
}

void fc_frame_sign(uint8_t *p)
{
	struct fc_buf b = FC_BUF_INIT;
	add_sign(&b);
	memcpy(p, b.p, FC_FRAME_SIGN_BYTES);
	fc_buf_release(&b);
}

int fc_frame_out_open(struct fc_frame_out **out, const char *path, struct fc_err *e)
{
	struct fc_out *o;
	if (fc_out_open(&o, path, FC_OUT_STREAM, e) < 0)
		return -1;
	fc_pipe_enlarge(fc_out_fd(o));
	struct fc_frame_out *f = frame_out_new(o);
	add_sign(&f->buf);
	note_frame(f, FC_FRAME_SIGN_BYTES, 0);
	*out = f;
	return 0;
}

int fc_frame_out_resume(struct fc_frame_out **out, const char *path,
    const struct fc_frame_size *kept, size_t n_kept, struct fc_err *e)
{
	size_t keep = n_kept ? FC_FRAME_SIGN_BYTES : 0;
	struct fc_out *o;
	for (size_t i = 0; i < n_kept; i++)
		keep += kept[i].frame;
	if (fc_out_resume(&o, path, FC_OUT_STREAM, keep, e) < 0)
		return -1;
	struct fc_frame_out *f = frame_out_new(o);
	if (!n_kept)
		add_sign(&f->buf);
	note_frame(f, FC_FRAME_SIGN_BYTES, 0);
	for (size_t i = 0; i < n_kept; i++)
		note_frame(f, kept[i].frame, kept[i].content);
	*out = f;
	return 0;
}

/* Compresses the frame's bytes up to end; the last piece also ends the frame. */
static size_t compress_to(
    struct fc_frame_out *f, ZSTD_outBuffer *to, ZSTD_inBuffer *from, size_t end, bool last)
{
	size_t left;
	from->size = end;
	do
		left = ZSTD_compressStream2(f->cctx, to, from, last ? ZSTD_e_end : ZSTD_e_flush);
	while (left && !ZSTD_isError(left));
	return left;
}

int fc_frame_out_put(struct fc_frame_out *f, const void *p, size_t n, const size_t *border,
    size_t n_border, struct fc_err *e)
{
	size_t bound = ZSTD_compressBound(n) + 16 * n_border + 64;
	ZSTD_outBuffer to = {fc_buf_reserve(&f->buf, bound), bound, 0};
	ZSTD_inBuffer from = {p, 0, 0};
	size_t ret = ZSTD_CCtx_setPledgedSrcSize(f->cctx, n);
	for (size_t i = 0; i < n_border && !ZSTD_isError(ret); i++)
		ret = compress_to(f, &to, &from, border[i], false);
	if (!ZSTD_isError(ret))
		ret = compress_to(f, &to, &from, n, true);
	if (ZSTD_isError(ret))
		return fc_fail(e, "%s: compress: %s", fc_out_name(f->out), ZSTD_getErrorName(ret));
	f->buf.n += to.pos;
	note_frame(f, to.pos, n);
	return flush_buffer(f, e);
}

static void release_frame_out(struct fc_frame_out *f)
{
	ZSTD_freeCCtx(f->cctx);
	fc_buf_release(&f->buf);
	fc_buf_release(&f->table);
	free(f);
}

int fc_frame_out_finish(struct fc_frame_out *f, struct fc_err *e)
{
	int ret = 0;
	if (f->n_frame <= MAX_TABLE) {
		add_le32(&f->buf, MAGIC_TABLE);
		add_le32(&f->buf, (uint32_t)(f->table.n + 9));
		fc_buf_add(&f->buf, f->table.p, f->table.n);
		add_le32(&f->buf, (uint32_t)f->n_frame);
		fc_buf_addc(&f->buf, 0); /* no checksums */
		add_le32(&f->buf, seekable_magic);
		ret = flush_buffer(f, e);
	}
	if (ret == 0)
		ret = fc_out_commit(f->out, e);
	else
		fc_out_abort(f->out);
	release_frame_out(f);
	return ret;
}

void fc_frame_out_abort(struct fc_frame_out *f)
{
	if (!f)
		return;
	fc_out_abort(f->out);
	release_frame_out(f);
}
