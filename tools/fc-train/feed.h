/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_FEED_H
#define FC_TRAIN_FEED_H

#include "fc-train/ownanswers.h"
#include "fc-train/train_example.h"
#include "stream/reader.h"

/*
 * The examples of a stream in training order, pass after pass.  Each pass hands out every example
 * once, in an order that depends on the stream, the seed, the number of the pass and the size of
 * the shuffle buffer only: file and pipe give the same order.  A file is read again for every pass;
 * a pipe is spooled while its first pass is handed out.
 */
struct train_feed_opts {
	const char *path; /* "-" or NULL: standard input */
	size_t n_shuffle; /* examples in the buffer; 1: stream order */
	uint64_t seed;
	uint64_t n_pass; /* 0: without end */
};

struct train_feed;
/* Reads the header; a stream that is not one of examples is refused. */
int train_feed_open(struct train_feed **f, const struct train_feed_opts *opts, struct fc_err *e);
void train_feed_close(struct train_feed *f);
const struct fc_header *train_feed_header(const struct train_feed *f);
const char *train_feed_name(const struct train_feed *f);
bool train_feed_is_file(const struct train_feed *f);
/* The stream's tokens must be the model's: fingerprint is that of its tokenizer. */
int train_feed_check_tokenizer(const struct train_feed *f, uint64_t fingerprint, struct fc_err *e);
/* Before the first example is asked for. */
void train_feed_set_rule(struct train_feed *f, const struct train_example_rule *rule);
/* Before the first example is asked for: who answered is looked at, and counted in a, borrowed. */
void train_feed_set_answers(struct train_feed *f, struct train_ownanswers *a);

/* Reads the whole stream now, checks and counts it: a file in a pass of its own, a pipe into the
 * spool. */
int train_feed_count(struct train_feed *f, struct fc_err *e);
/* Of one pass; valid once a pass has ended or train_feed_count() returned, else NULL. */
const struct train_example_count *train_feed_counted(const struct train_feed *f);

/* 1: *s is the next example, borrowed; 0: the last pass is over; -1: error. */
int train_feed_peek(struct train_feed *f, const struct train_example **s, struct fc_err *e);
/* Takes the example that was peeked at; the caller's to free(). */
struct train_example *train_feed_take(struct train_feed *f);

/* Where the order stands: after `taken` examples of a pass, whose hash proves which they were.
 * stream: hash over all examples, with a pair's references, in the stream's order; 0 as long as
 * none was read to its end. */
struct train_feed_pos {
	uint64_t pass, taken, hash, stream;
};
struct train_feed_pos train_feed_tell(const struct train_feed *f);
/* Before the first example is asked for.  Another stream than the one pos is from is refused: at
 * once where it is a file, or pos is not of the first pass, else at the end of that. */
int train_feed_seek(struct train_feed *f, const struct train_feed_pos *pos, struct fc_err *e);

#endif
