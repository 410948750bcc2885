/* SPDX-License-Identifier: Apache-2.0 */
#include "text/decompress.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"

struct fc_unpack {
	enum fc_packing packing;
	z_stream gzip;
	ZSTD_DCtx *zstd;
	uint64_t used, made;
	uint64_t begin; /* of the member or frame that is read, in bytes of input */
	bool open;      /* is there one that has begun and is not at its end? */
	bool padded; /* gzip: zeros follow the last member, as tapes have them, and nothing else may
		      */
};

static const char *const names[] = {
    [FC_PACKING_NONE] = NULL, [FC_PACKING_GZIP] = "gzip", [FC_PACKING_ZSTD] = "zstd"};

const char *fc_packing_name(enum fc_packing p)
{
	return names[p];
}

enum fc_packing fc_packing_find(const char *p, size_t n)
{
	const unsigned char *c = (const unsigned char *)p;
	static const char stream[] = "P*M\x18\x0c"; /* a skippable frame with the sign of streams */
	if (n >= 2 && c[0] == 0x1f && c[1] == 0x8b)
		return FC_PACKING_GZIP;
	if (n < 4 || (n >= sizeof stream - 1 && !memcmp(p, stream, sizeof stream - 1)))
		return FC_PACKING_NONE;
	if (!memcmp(p, "\x28\xb5\x2f\xfd", 4) ||
	    (c[0] >> 4 == 5 && !memcmp(p + 1, "\x2a\x4d\x18", 3)))
		return FC_PACKING_ZSTD;
	return FC_PACKING_NONE;
}

int fc_unpack_new(struct fc_unpack **out, enum fc_packing p, struct fc_err *e)
{
	enum { GZIP_HEADER = 16 }; /* added to the window's bits: gzip's header, not zlib's */
	struct fc_unpack *u = *out = FC_NEW(struct fc_unpack);
	u->packing = p;
	if (p == FC_PACKING_ZSTD ? (u->zstd = ZSTD_createDCtx()) != NULL
				 : inflateInit2(&u->gzip, MAX_WBITS + GZIP_HEADER) == Z_OK)
		return 0;
	free(u);
	*out = NULL;
	return fc_fail(e, "no memory to read %s data", names[p]);
}

void fc_unpack_free(struct fc_unpack *u)
{
	if (!u)
		return;
	if (u->packing == FC_PACKING_GZIP)
		inflateEnd(&u->gzip);
	ZSTD_freeDCtx(u->zstd);
	free(u);
}

uint64_t fc_unpack_used(const struct fc_unpack *u)
{
	return u->used;
}

uint64_t fc_unpack_made(const struct fc_unpack *u)
{
	return u->made;
}

static int fail_damaged(const struct fc_unpack *u, const char *why, struct fc_err *e)
{
	return fc_fail(e, "the %s data are damaged near byte %" PRIu64 ": %s", names[u->packing],
	    u->used, why);
}

static int fail_foreign(const struct fc_unpack *u, struct fc_err *e)
{
	return fc_fail(e, "what follows the %s data, from byte %" PRIu64 " on, is none",
	    names[u->packing], u->begin);
}

/* Zeros behind a member, which gzip(1) leaves out too: how many of in[n] are. */
static size_t skip_padding(struct fc_unpack *u, const unsigned char *in, size_t n)
{
	size_t i = 0;
	while (u->used > 0 && !u->open && i < n && !in[i])
		i++;
	u->padded = u->padded || i;
	u->used += i;
	return i;
}

static int inflate_some(struct fc_unpack *u, const unsigned char *in, size_t *n_in, void *out,
    size_t *n_out, struct fc_err *e)
{
	const size_t n_pad = skip_padding(u, in, *n_in);
	const size_t n = *n_in - n_pad < INT_MAX ? *n_in - n_pad : INT_MAX;
	const bool first = u->used == 0;
	u->gzip.next_in = (unsigned char *)(uintptr_t)(in + n_pad); /* zlib reads it */
	u->gzip.avail_in = (unsigned)n;
	u->gzip.next_out = out;
	u->gzip.avail_out = *n_out < INT_MAX ? (unsigned)*n_out : INT_MAX;
	const unsigned room = u->gzip.avail_out;
	*n_in = n_pad;
	*n_out = 0;
	if (!n && !u->open)
		return 0;
	if (!u->open) {
		u->begin = u->used;
		if (u->padded || (!first && in[n_pad] != 0x1f))
			return fail_foreign(u, e);
		u->open = true;
	}
	const int got = inflate(&u->gzip, Z_NO_FLUSH);
	*n_in += n - u->gzip.avail_in;
	*n_out = room - u->gzip.avail_out;
	u->used += n - u->gzip.avail_in;
	u->made += *n_out;
	if (got == Z_STREAM_END) {
		u->open = false;
		return inflateReset(&u->gzip) == Z_OK ? 0 : fail_damaged(u, "zlib's state", e);
	}
	if (got == Z_OK || got == Z_BUF_ERROR) /* the second: no progress, more is needed */
		return 0;
	return fail_damaged(u,
	    u->gzip.msg              ? u->gzip.msg
		: got == Z_NEED_DICT ? "a dictionary is needed"
				     : "zlib cannot read them",
	    e);
}

static int decompress_some(struct fc_unpack *u, const unsigned char *in, size_t *n_in, void *out,
    size_t *n_out, struct fc_err *e)
{
	ZSTD_inBuffer from = {in, *n_in, 0};
	ZSTD_outBuffer to = {out, *n_out, 0};
	*n_in = *n_out = 0;
	if (!from.size && !u->open)
		return 0; /* behind a frame, an idle call would ask for more */
	if (!u->open) {
		u->begin = u->used;
		u->open = true;
	}
	const size_t got = ZSTD_decompressStream(u->zstd, &to, &from);
	u->used += from.pos;
	u->made += to.pos;
	*n_in = from.pos;
	*n_out = to.pos;
	if (!ZSTD_isError(got)) {
		u->open = got != 0;
		return 0;
	}
	switch (ZSTD_getErrorCode(got)) {
	case ZSTD_error_prefix_unknown:
		return fail_foreign(u, e);
	case ZSTD_error_frameParameter_windowTooLarge:
		return fc_fail(e,
		    "the zstd frame at byte %" PRIu64
		    " needs more memory than is allowed; use zstd -dc --long=31 FILE | ...",
		    u->begin);
	default:
		return fail_damaged(u, ZSTD_getErrorName(got), e);
	}
}

int fc_unpack_some(
    struct fc_unpack *u, const void *in, size_t *n_in, void *out, size_t *n_out, struct fc_err *e)
{
	return u->packing == FC_PACKING_GZIP ? inflate_some(u, in, n_in, out, n_out, e)
					     : decompress_some(u, in, n_in, out, n_out, e);
}

int fc_unpack_end(const struct fc_unpack *u, struct fc_err *e)
{
	if (!u->open)
		return 0;
	return fc_fail(e,
	    "cut off after %" PRIu64 " bytes: the %s data that begin at byte %" PRIu64
	    " are not whole",
	    u->used, names[u->packing], u->begin);
}
