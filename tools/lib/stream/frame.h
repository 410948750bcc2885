/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_FRAME_H
#define FC_STREAM_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The outer layer of a stream: zstd frames with content size and checksum, skippable frames
 * between them.  Nothing here knows records.
 */

/* Most bytes of a frame's content, and so of a record. */
#define FC_FRAME_MAX ((size_t)64 << 20)

struct fc_frame_in;
/* path "-" or NULL: standard input */
int fc_frame_in_open(struct fc_frame_in **f, const char *path, struct fc_err *e);
/* Reads on in fd, which stays the caller's; name is for messages. */
int fc_frame_in_open_fd(struct fc_frame_in **f, int fd, const char *name, struct fc_err *e);
/* The next frame's content, verified; borrowed until the next call.  1: here it is; 0: the input
 * ends after a whole frame; -1: damaged, cut off or not a zstd frame. */
int fc_frame_in_next(struct fc_frame_in *f, const uint8_t **p, size_t *n, struct fc_err *e);
uint64_t fc_frame_in_offset(const struct fc_frame_in *f); /* where in the input that frame began */
uint64_t fc_frame_in_bytes(const struct fc_frame_in *f);  /* read and used so far */
/* Of a named file, else -1. */
int fc_frame_in_fd(const struct fc_frame_in *f);
/* Goes on at that byte of a named file. */
int fc_frame_in_seek(struct fc_frame_in *f, uint64_t offset, struct fc_err *e);
const char *fc_frame_in_name(const struct fc_frame_in *f);
void fc_frame_in_close(struct fc_frame_in *f);

struct fc_frame_out;
int fc_frame_out_open(struct fc_frame_out **f, const char *path, struct fc_err *e);
/* What a frame that stands in a file already takes there, and how much is in it. */
struct fc_frame_size {
	uint32_t frame, content;
};
/* Goes on with the file that fc_tmpname_partial() says for path: kept [n_kept] are its frames of
 * records from its start that stay, what follows them goes; finish gives the file its own name,
 * abort leaves it. */
int fc_frame_out_resume(struct fc_frame_out **f, const char *path, const struct fc_frame_size *kept,
    size_t n_kept, struct fc_err *e);
/* Bytes in front of the first frame of records, the same in every stream; p: [20]. */
#define FC_FRAME_SIGN_BYTES 20
void fc_frame_sign(uint8_t *p);
/* A frame of n bytes; border[] (ascending, below n, borrowed) are offsets where a new block begins.
 */
int fc_frame_out_put(struct fc_frame_out *f, const void *p, size_t n, const size_t *border,
    size_t n_border, struct fc_err *e);
/* Seek table, commit.  Frees f also on failure. */
int fc_frame_out_finish(struct fc_frame_out *f, struct fc_err *e);
void fc_frame_out_abort(struct fc_frame_out *f);

/* Asks for a larger pipe behind fd: 64 KiB is a third as fast between two processors. */
void fc_pipe_enlarge(int fd);

#endif
