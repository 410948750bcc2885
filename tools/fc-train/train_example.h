/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_SAMPLE_H
#define FC_TRAIN_SAMPLE_H

#include "base/err.h"
#include "fc-train/preference.h"
#include "stream/example.h"

/* What training needs of an example, in one block of memory: the shuffle buffer holds it so and the
 * spool writes it so.  Of a pair of answers, each is an example and names the next one.  Release
 * with train_example_free(), which takes those with it. */
struct train_example_size {
	uint32_t n_side; /* answers of its pair from this one on; 0: it is no answer of a pair */
	uint32_t n_ref;  /* references of an answer of a pair */
	uint32_t n_tok, n_row, n_entry, n_id;
	uint32_t n_label;     /* trained tokens that have a token before them */
	uint32_t n_taught;    /* labels that a row predicts */
	uint32_t label_bytes; /* of text, over the labels */
};
struct train_example {
	struct train_example_size size;
	uint32_t *tok;               /* [n_tok] */
	uint32_t *row_tok;           /* [n_row] every row has entries */
	uint32_t *row_off;           /* [n_row + 1] */
	uint32_t *entry_id;          /* [n_entry] */
	float *entry_logprob;        /* [n_entry] */
	uint8_t *label;              /* [n_tok] 1: a label */
	char *id;                    /* NUL-terminated */
	struct train_reference *ref; /* [n_ref] */
	struct train_example *next;  /* NULL: none */
	char data[];
};
void train_example_free(struct train_example *s); /* NULL is fine */
/* Tokens of all answers of its pair. */
uint64_t train_example_tokens(const struct train_example *s);

/* What becomes of an example. */
struct train_example_rule {
	uint32_t n_output; /* the model's rows: ids must be below it */
	uint32_t max_tok;  /* longer examples are truncated */
	bool rows;         /* false: the teacher's rows are left out */
	bool list_labels; /* a row that does not list the token it predicts gets it as last entry */
	const struct train_pair_rule
	    *pairs; /* examples are answers of pairs (pair_reader.h); NULL: not */
};
/* Examples of a stream; of a stream of pairs, pairs, with tokens and labels of all their answers.
 */
struct train_example_count {
	uint64_t n_example, n_tok, n_label, n_row;
	uint64_t n_truncated; /* examples longer than max_tok */
	uint64_t n_useless;   /* left out: no label and no row */
	uint64_t n_unused;    /* rows of the stream that the rule leaves out */
	uint64_t n_beside;    /* answers of sources, which the preference does not use */
	uint64_t n_outside;   /* rows that do not list the token they predict */
	double listed;        /* sum over the rows of the probability that they list */
};

/*
 * 1: *s is new and counted; 0: the example has nothing to train on (counted); -1: its ids or values
 * cannot be.  name: the stream's, for messages.
 */
int train_example_new(struct train_example **s, const struct fc_example *x,
    const struct train_example_rule *rule, const char *name, struct train_example_count *count,
    struct fc_err *e);
/* Makes an example of one answer of a pair, with its references; one that is too long is refused.
 */
int train_example_new_side(struct train_example **s, const struct fc_example *x,
    const struct train_example_rule *rule, const struct train_reference *ref, uint32_t n_ref,
    const char *name, struct train_example_count *count, struct fc_err *e);
/* A block for these sizes with its pointers set and its contents undefined. */
struct train_example *train_example_alloc(const struct train_example_size *size);
size_t train_example_data_bytes(const struct train_example_size *size);
/* Continues a hash over examples, of a pair over all of them. */
uint64_t train_example_hash(const struct train_example *s, uint64_t hash);

#endif
