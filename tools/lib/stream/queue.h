/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_QUEUE_H
#define FC_STREAM_QUEUE_H

#include "stream/reader.h"

/* The next conversations of a distribution stream, read as far ahead as asked for.  They are found
 * by their ids, so an id that comes twice is an error. */
struct fc_queue;
int fc_queue_open(struct fc_queue **q, const char *path, struct fc_err *e);
void fc_queue_close(struct fc_queue *q);
const struct fc_reader *fc_queue_reader(const struct fc_queue *q);

/* Reads on until there are n.  1: there are; 0: the stream has no more; -1: error. */
int fc_queue_fill(struct fc_queue *q, size_t n, struct fc_err *e);
size_t fc_queue_n(const struct fc_queue *q);
struct fc_example *fc_queue_at(const struct fc_queue *q, size_t i); /* borrowed until dropped */
void fc_queue_drop(struct fc_queue *q);                             /* the first */
/* Where the conversation of this id stands. */
bool fc_queue_find(const struct fc_queue *q, const struct fc_buf *id, size_t *at);

#endif
