/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_JOIN_H
#define FC_STREAM_JOIN_H

#include "stream/example.h"
#include "stream/header.h"

/* How far ahead a stream is read to find out what is missing where. */
#define FC_JOIN_AHEAD 64

/*
 * Distribution streams over the same tokens, read in step: one conversation of each at a time,
 * joined by id.  Memory: one conversation of each; where they do not go together, up to
 * FC_JOIN_AHEAD of each.  Rows of the likeliest entries and rows of draws don't go together, nor
 * do those of other numbers of draws or temperatures.
 */
struct fc_join;
struct fc_join_options {
	bool skip_missing; /* leave out, and count, conversations that not all of them have */
	bool any_top_k;    /* rows may be truncated at different lengths */
	bool likeliest;    /* rows of draws are refused */
	size_t first;      /* the first stream whose rows are used; those before give tokens only */
};
/* paths: [n], borrowed; one of them may be "-". */
int fc_join_open(struct fc_join **j, const char *const *paths, size_t n,
    const struct fc_join_options *o, struct fc_err *e);
void fc_join_close(struct fc_join *j);

/* Header for a stream made of these: the first one's, with the sources and programs of all, and the
 * largest vocabulary. */
const struct fc_header *fc_join_header(const struct fc_join *j);
uint32_t fc_join_top_k(const struct fc_join *j); /* the largest */
/* What to call stream i: its model's name, or its path if it holds several. */
const char *fc_join_stream_name(const struct fc_join *j, size_t i);

/* 1: fc_join_at() has the next conversation of every stream, with source numbers of
 * fc_join_header(); 0: all ended; -1: error.  An error names what is missing, doubled, in another
 * order, or of another text or tokens.  An id that comes twice is an error also where all streams
 * have it twice: nothing says which belong together. */
int fc_join_next(struct fc_join *j, struct fc_err *e);
/* Borrowed, may be changed, until the next call of fc_join_next(). */
struct fc_example *fc_join_at(struct fc_join *j, size_t i);
/* Conversations of stream i that were left out so far. */
uint64_t fc_join_skipped(const struct fc_join *j, size_t i);

#endif
