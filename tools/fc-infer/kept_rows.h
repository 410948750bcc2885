/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_KEPT_ROWS_H
#define FC_INFER_KEPT_ROWS_H

#include "fc-infer/infer.h"

/*
 * The stream that is written and, with --resume, what an interrupted run left of it.  The input is
 * read again from its start, so that conversations come together in the same batches and every row
 * has the bits it would have had; only what is there already is not computed.
 */
struct kept_rows {
	struct fc_writer *writer;
	struct fc_reader *reader; /* reads the records that are there; NULL: none */
	struct fc_example was;
	char *partial;  /* the file's name, for messages */
	uint64_t n, at; /* records that are there, and how many of them were met again */
};
int infer_kept_open(
    struct kept_rows *k, const struct session *s, enum fc_kind kind, struct fc_err *e);
/* Of the next n conversations, how many are there already; each is compared with what the
 * interrupted run read.  -1: it was another. */
int infer_kept_skip(
    struct kept_rows *k, const struct fc_example *x, size_t n, size_t *n_skip, struct fc_err *e);
/* Writes the trailer; the interrupted run must not have had more.  Frees all, also on failure. */
int infer_kept_finish(struct kept_rows *k, struct fc_err *e);
void infer_kept_abort(struct kept_rows *k);

#endif
