/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_DEVSET_H
#define FC_ALIGN_DEVSET_H

#include "stream/example.h"
#include "text/category.h"

/*
 * What streams over the same tokens give a dev set's labels.  Of the rows stays one float a label
 * and stream.  Labels here are the trained tokens for which every stream has a row, so that all
 * streams are compared over the same bytes.
 */
struct align_dev_conversation {
	size_t first, n;    /* its labels: [first, first + n) */
	double bytes;       /* bytes of text that the labels cover */
	uint64_t n_trained; /* trained tokens, with rows or without */
	size_t category;    /* number in categories, 0 where nothing is filed */
	int fold;           /* 0 or 1: in turns within a category */
};
struct align_dev_seen { /* of one stream in one conversation, over its rows of trained tokens */
	uint64_t n_row;
	uint64_t n_listed; /* rows that list the true token */
	double mass;       /* sum of the rows' listed probability */
	/* over the labels as captured, in the model's own tokens */
	double nll;
	uint64_t n_label, label_bytes;
};
struct align_devset {
	size_t n;       /* streams */
	float *logprob; /* [n_label][n] of the true tokens, nats; -65504: probability 0 */
	size_t n_label, cap_logprob;
	struct align_dev_conversation *conv; /* [n_conv] */
	size_t n_conv, cap_conv;
	struct align_dev_seen *seen; /* [n_conv][n] */
	size_t cap_seen;
	struct fc_categories categories;
	size_t *n_in, cap_n_in; /* [categories.n] conversations */
};
void align_devset_init(struct align_devset *d, size_t n);
void align_devset_release(struct align_devset *d);
/* x: [n], of the same tokens.  category: NULL where nothing is filed, else never. */
void align_devset_add(
    struct align_devset *d, const struct fc_example *const *x, const char *category);

/* Nats of conversation c's labels by one stream, and by the mixture of streams [first, first + m)
 * with the weights w. */
double align_devset_nats(const struct align_devset *d, size_t c, size_t stream);
double align_devset_mixture_nats(
    const struct align_devset *d, size_t c, size_t first, size_t m, const double *w);

#endif
