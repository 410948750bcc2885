/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_PAIR_READER_H
#define FC_TRAIN_PAIR_READER_H

#include "fc-train/references.h"
#include "fc-train/train_example.h"
#include "stream/reader.h"

/* What becomes of the pairs of a stream. */
struct train_pair_rule {
	enum train_preference kind;
	/* The references: of InfiFPO the sources, and the model at the start is the stream's own;
	 * of the others one in place of the stream's own, or NULL. */
	struct train_references *references;
};

/*
 * Pairs of a stream: a record that fc-infer made of a chosen answer, then that of the rejected one,
 * then perhaps a source's; their "pair" members say whose they are.  Half a pair, one that comes
 * twice and one of two prompts are errors.
 */
struct train_pair_reader;
struct train_pair_reader *train_pair_reader_new(const char *name /* of the stream, borrowed */);
void train_pair_reader_free(struct train_pair_reader *p); /* NULL is fine */
/* The next record will be the stream's first.  NULL is fine. */
void train_pair_reader_restart(struct train_pair_reader *p);
/* 1: *s is the next pair's chosen answer, with the others behind it, counted; 0: end of the stream;
 * -1: error.  A pair with an answer that has nothing to train on is left out, and counted. */
int train_pair_reader_next(struct train_pair_reader *p, struct fc_reader *r,
    const struct train_example_rule *rule, struct train_example **s,
    struct train_example_count *count, struct fc_err *e);

#endif
