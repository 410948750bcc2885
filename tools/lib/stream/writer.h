/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_WRITER_H
#define FC_STREAM_WRITER_H

#include "stream/example.h"
#include "stream/header.h"
#include "stream/map.h"
#include "tensor/tensor.h"

/*
 * Writes a stream.  Without fc_writer_finish() the stream has no trailer and every reader refuses
 * it; so no error path and no atexit() may call finish.
 */
struct fc_writer;
/* path NULL or "-": standard output, refused when it is a terminal. */
int fc_writer_open(
    struct fc_writer **w, const char *path, const struct fc_header *h, struct fc_err *e);
/*
 * Opens a stream in a file at path that may be interrupted and resumed.  It is written as what
 * fc_tmpname_partial() says, where it stays unless it gets finished.  What such a run left there,
 * in whole frames, stays in the stream: n_kept records, which are not to be written again.  In the
 * end the bytes are those of a run that was not interrupted.  A header other than h's is an error.
 */
int fc_writer_resume(struct fc_writer **w, const char *path, const struct fc_header *h,
    uint64_t *n_kept, struct fc_err *e);
int fc_writer_example(struct fc_writer *w, const struct fc_example *x, struct fc_err *e);
/* t->data holds the whole tensor; it is split into records. */
int fc_writer_tensor(struct fc_writer *w, const struct fc_tensor *t, struct fc_err *e);
int fc_writer_map(
    struct fc_writer *w, const struct fc_map_entry *entry, size_t n, struct fc_err *e);
/* Ends this section of the stream and begins another one: what cat would make of two. */
int fc_writer_section(struct fc_writer *w, const struct fc_header *h, struct fc_err *e);
/* Trailer, seek table, commit.  Frees w also on failure. */
int fc_writer_finish(struct fc_writer *w, struct fc_err *e);
void fc_writer_abort(struct fc_writer *w); /* NULL is fine */

#endif
