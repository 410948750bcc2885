/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CHANGES_H
#define FC_VARM_CHANGES_H

#include "fc-varm/source/values.h"

/* The sum of a tensor's values and their changes, made while it is read; of one shape. */
struct changed {
	struct values value, change;
};

/* Borrows c. */
struct values varm_changes_values(
    struct changed *c, struct values value, const struct fc_tensor *change);

#endif
