/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VIEW_FROM_JSONL_H
#define FC_VIEW_FROM_JSONL_H

#include "fc-view/member.h"
#include "stream/example.h"
#include "stream/header.h"
#include "stream/map.h"
#include "tensor/tensor.h"
#include "token/tokenizer.h"

/*
 * Lines of --jsonl as parts of a stream, and the line of the header as text.  A file of lines
 * begins with its header, {"header": {...}}; every other line is a record.
 */
void view_header_line_add(struct fc_buf *b, const struct fc_header *h);
/* o: the object of the member "header".  What a tokenizer (or NULL) knows need not be in it, and
 * is compared where it is. */
int view_header_line_read(const struct view_place *at, const json_t *o,
    const struct fc_tokenizer *t, struct fc_header *h, struct fc_err *e);

/*
 * x: its old contents are dropped.  Entries of a row may come in any order.  Where trained, roles
 * and parts are all missing, a token has the flags of the segment in which it begins; where nll,
 * n_label and label_bytes are, they are summed up from the rows of trained tokens; a true_logprob
 * that is missing is that of the row's entry.
 */
int view_example_line_read(const struct view_place *at, const json_t *o, const struct fc_header *h,
    struct fc_example *x, struct fc_err *e);

int view_map_line_read(const struct view_place *at, const json_t *o, const struct fc_header *h,
    struct fc_map_entry *entry, struct fc_err *e);

/* A tensor that comes in lines, each with the next part of its bytes.  {0} before the first. */
struct view_tensor_lines {
	struct fc_tensor whole; /* name is in name */
	struct fc_buf name, data;
	bool open; /* parts are missing */
};
/* *done: the tensor is whole. */
int view_tensor_line_read(const struct view_place *at, const json_t *o, struct view_tensor_lines *t,
    bool *done, struct fc_err *e);
void view_tensor_lines_release(struct view_tensor_lines *t);

#endif
