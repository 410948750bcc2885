/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_REFERENCES_H
#define FC_TRAIN_REFERENCES_H

#include "base/err.h"
#include "fc-train/preference.h"
#include "stream/example.h"
#include "stream/header.h"

/*
 * What other models say of answers: of each record of their distribution streams, its id, a hash of
 * its text, and the log-probability of its labels.  Tokens may be other ones; none are kept.
 */
struct train_references;
/* Reads all of the streams.  paths: [n], borrowed; one of them may be "-". */
int train_references_open(
    struct train_references **r, const char *const *paths, size_t n, struct fc_err *e);
void train_references_close(struct train_references *r);     /* NULL is fine */
size_t train_references_n(const struct train_references *r); /* streams; NULL: 0 */
/* Stream i's log-probability of x; an id that it has not, or has with another text, is an error. */
int train_references_find(const struct train_references *r, size_t i, const struct fc_example *x,
    struct train_reference *out, struct fc_err *e);
/* Tokens of x that are learned. */
size_t train_reference_labels(const struct fc_example *x);
/* The log-probability that x itself has, of the model that made its rows.  Where these are of the
 * tokens it has, as no alignment made them, it must be of all labels.  h: of x's stream. */
int train_reference_own(const struct fc_example *x, const struct fc_header *h, const char *name,
    struct train_reference *out, struct fc_err *e);

#endif
