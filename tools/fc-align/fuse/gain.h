/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_GAIN_H
#define FC_ALIGN_GAIN_H

#include "base/resample.h"
#include "fc-align/fuse/mixweights.h"

/*
 * Whether a mixture is better than its members on text that its weights did not see: they are
 * fitted on one half of a dev set's conversations and scored on the other, both ways.
 */
struct align_gains {
	double *fitted; /* [n_conv] nats by the weights of all conversations */
	double *fresh;  /* [n_conv] nats by the weights of the other half */
};
/* w: fitted to all of d's streams [first, d->n); the halves are fitted in the same way. */
int align_gains_measure(struct align_gains *g, const struct align_devset *d, size_t first,
    const struct align_mixweights *w, double prior, struct fc_err *e);
void align_gains_release(struct align_gains *g);

/* Over the conversations of a category, SIZE_MAX: all; in bits a byte of the labels that all
 * streams have.  NaN where there are none. */
struct align_gain {
	uint64_t n_conv, n_label, n_trained;
	double bytes;
	double fitted, fresh;
	double *bits;               /* [n] of each stream alone */
	double *gain;               /* [n] bits[i] - fresh */
	struct fc_interval *within; /* [n] of it, 95 %, paired over conversations */
};
void align_gain_of(struct align_gain *to, const struct align_gains *g, const struct align_devset *d,
    size_t category, uint64_t seed, size_t n_draw);
void align_gain_release(struct align_gain *g);

#endif
