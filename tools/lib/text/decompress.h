/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_DECOMPRESS_H
#define FC_TEXT_DECOMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * What people compress their data with: gzip (RFC 1952, zlib) and zstd (RFC 8878), each as often in
 * a file as it likes: members of gzip one behind the other, frames of zstd, skippable ones too.
 */
enum fc_packing { FC_PACKING_NONE, FC_PACKING_GZIP, FC_PACKING_ZSTD };
/* "gzip", "zstd"; NULL: not packed. */
const char *fc_packing_name(enum fc_packing p);
/* What a file that begins with these bytes is packed with.  A stream of this suite is made of zstd
 * frames and is told by its first; it counts as not packed, since it holds no text. */
enum fc_packing fc_packing_find(const char *p, size_t n);

struct fc_unpack;
int fc_unpack_new(struct fc_unpack **u, enum fc_packing p /* not NONE */, struct fc_err *e);
/*
 * Unpacks of in[*n_in] into out[*n_out]; both become how much was used and made.  Nothing of
 * either: more input is needed.  -1: the data are damaged, and the message, which has no file's
 * name, says where.
 */
int fc_unpack_some(
    struct fc_unpack *u, const void *in, size_t *n_in, void *out, size_t *n_out, struct fc_err *e);
/* The input is at its end: -1 where that is inside a member or frame. */
int fc_unpack_end(const struct fc_unpack *u, struct fc_err *e);
uint64_t fc_unpack_used(const struct fc_unpack *u); /* bytes of input so far */
uint64_t fc_unpack_made(const struct fc_unpack *u); /* bytes of output so far */
void fc_unpack_free(struct fc_unpack *u);

#endif
