/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_READER_H
#define FC_STREAM_READER_H

#include "stream/example.h"
#include "stream/header.h"
#include "stream/map.h"
#include "stream/tensor_part.h"

/*
 * Reads a stream, see fc-stream(5).  Every record it hands out comes from a frame whose checksum
 * was verified.  A stream that ends without its trailer, or with one that does not fit, is an
 * error, also after good records were handed out.  Concatenated streams are read as one; their
 * headers must be compatible.  The header handed out is the first one's; sources of later ones are
 * appended to it as they come (its array may move), and no row has more entries than its top_k.
 */
enum fc_read { FC_READ_ERROR = -1, FC_READ_END, FC_READ_RECORD };

struct fc_reader;
/* path "-" or NULL: standard input.  Reads the header.  kind 0 takes any; else another kind is
 * refused with what it is and what to do. */
int fc_reader_open(struct fc_reader **r, const char *path, enum fc_kind kind, struct fc_err *e);
/* Opens as fc_reader_open() does what is read from fd, which stays the caller's. */
int fc_reader_open_fd(
    struct fc_reader **r, int fd, const char *name, enum fc_kind kind, struct fc_err *e);
void fc_reader_close(struct fc_reader *r);
const struct fc_header *fc_reader_header(const struct fc_reader *r); /* of the first stream */
const char *fc_reader_name(const struct fc_reader *r);               /* for messages */
uint64_t fc_reader_bytes(const struct fc_reader *r); /* read and used so far, as they came */

/* The next record of the stream's kind.  example: filled in; its old contents are dropped. */
enum fc_read fc_reader_example(struct fc_reader *r, struct fc_example *x, struct fc_err *e);
/* Right after opening: leaves out up to n examples by going on at a later frame, *skipped of them,
 * where the input is a file that tells how many stand in each, else none.  What was left out is not
 * checked; that the trailer's number of records is right still is. */
int fc_reader_skip(struct fc_reader *r, uint64_t n, uint64_t *skipped, struct fc_err *e);
/* Is the input a file without a seek table at its end?  Then it is another writer's or was cut off.
 */
bool fc_reader_may_be_cut(const struct fc_reader *r);
/* Of the rows read so far: -1 with a message if the true token is among their entries far less
 * often than their probabilities say, as it is when rows are shifted against the tokens. */
int fc_reader_check_hits(const struct fc_reader *r, struct fc_err *e);
/* Borrowed until the next call. */
enum fc_read fc_reader_tensor(struct fc_reader *r, struct fc_tensor_part *t, struct fc_err *e);
enum fc_read fc_reader_map(struct fc_reader *r, struct fc_map_part *m, struct fc_err *e);

#endif
