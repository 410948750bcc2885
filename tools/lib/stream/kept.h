/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_KEPT_H
#define FC_STREAM_KEPT_H

#include "base/buf.h"
#include "base/hash.h"
#include "stream/frame.h"
#include "stream/header.h"

/* What an interrupted writer left in a partial file: the whole frames from its start. */
struct fc_kept {
	struct fc_frame_size *frame; /* [n] the header's, then those of records; none: begin anew */
	uint32_t *frame_records;     /* [n] behind the header, in each frame */
	size_t n, cap, cap_records;
	uint64_t n_plain;  /* bytes in them */
	uint64_t n_record; /* behind the header */
};
/*
 * Reads the partial file of path, if there is one, and adds what stays to hash.  header: the record
 * that this run begins with; a file that begins with another one is an error that says what
 * differs. A trailer does not stay, since it is written again.
 */
int fc_kept_read(struct fc_kept *k, const char *path, const struct fc_header *h,
    const struct fc_buf *header, struct fc_hasher *hash, struct fc_err *e);
void fc_kept_release(struct fc_kept *k);

#endif
