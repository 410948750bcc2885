/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_FOOTPRINT_H
#define FC_MODEL_FOOTPRINT_H

#include "nn/nn.h"

/* The memory that work takes, by use, at the moment when it takes most: what nn/dry.h has counted,
 * and what a program says of it before it loads a model. */
struct fc_footprint {
	size_t device[FC_USE_N]; /* bytes; of the host where the device is the processor */
	size_t host[FC_USE_N];   /* what is offloaded there */
};
/* dry: of fc_dry_open(), after the work. */
struct fc_footprint fc_footprint_of(struct fc_nn *dry);
size_t fc_footprint_bytes(const size_t use[FC_USE_N]); /* the sum */

/* Is so much memory there: free on the device nn, and had by the host at all? */
bool fc_footprint_has_device(const struct fc_footprint *f, const struct fc_nn *nn);
bool fc_footprint_fits(const struct fc_footprint *f, const struct fc_nn *nn);
/* What is needed, what is free, and advice on what needs less; -1. */
int fc_footprint_fail(
    const struct fc_footprint *f, const struct fc_nn *nn, const char *advice, struct fc_err *e);
/* As notes. */
void fc_footprint_tell(const struct fc_footprint *f, const struct fc_nn *nn);

#endif
