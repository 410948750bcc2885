/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_CHECK_H
#define FC_STREAM_CHECK_H

#include "stream/example.h"
#include "stream/header.h"

/*
 * What a stream may say: the rules of fc-stream(5) that hold for a header or an example whole, not
 * for the bytes of one field.  The writer asks before it writes, the reader after it has read, so
 * that no tool computes with what no writer can mean.  Messages say what is wrong, not where.
 */

int fc_check_header(const struct fc_header *h, struct fc_err *e);
/* Its numbers alone, before sources and programs are there. */
int fc_check_header_sizes(const struct fc_header *h, struct fc_err *e);

/* Text, segments, tokens, which token each row predicts, cross-entropy. */
int fc_check_example(const struct fc_header *h, const struct fc_example *x, struct fc_err *e);

/* The entries of x's rows as they stand in a stream.  bits: binary16 of the negative
 * log-probability, up to FC_MAX_LOGPROB_BITS. */
struct fc_row_values {
	const uint32_t *id, *bits; /* [row_off[n_row]]; ids below n_vocab */
	const uint32_t
	    *rank; /* [n_row] place of the true token from 1, or 0; at most the row's length */
	const uint32_t *truth; /* bits of the true token for each 0 in rank */
};
/*
 * How often the true token is among a row's entries, and how often it should be: the mass of a row
 * is what its model thought of that.  Without rows of one certain entry.  Of a row of draws it is
 * the share of the ids that were drawn more than once: what was drawn once comes to as much as what
 * was not drawn, on average (Good, The population frequencies of species, Biometrika 1953).
 */
struct fc_row_hits {
	uint64_t n_row, n_hit;
	double expected;
};
/* -1 with the numbers: so rarely that rows and tokens can hardly belong together.  Twenty rows are
 * asked for, and a quarter of what is expected. */
int fc_check_hits(const struct fc_row_hits *h, const char *name, struct fc_err *e);

/* Memory between calls.  {0} is empty. */
struct fc_row_checker {
	uint32_t *p;    /* probabilities by the bits of their logarithms */
	uint16_t *seen; /* [n_vocab] the row, by its stamp, that had the id last */
	size_t n_vocab;
	uint16_t stamp;          /* of the present row; 0: none */
	struct fc_row_hits hits; /* of all rows so far */
};
void fc_row_checker_release(struct fc_row_checker *c);
/* Ids once a row, a mass of at most 1, the true token at its rank; of own rows of draws, whole
 * counts, whose sum is then at most n_sample.  x is one that
 * fc_check_example() likes. */
int fc_check_rows(struct fc_row_checker *c, const struct fc_header *h, const struct fc_example *x,
    const struct fc_row_values *v, struct fc_err *e);

/* Did the model of its source make the rows of x over its own tokens?  Otherwise they were carried
 * over from other tokens, or mixed from several. */
bool fc_check_own_rows(const struct fc_header *h, const struct fc_example *x);

#endif
