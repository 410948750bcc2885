/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_BACKEND_H
#define FC_NN_BACKEND_H

#include "nn/nn.h"

/* Scratch that survives between calls; each slot belongs to the file it is named after. */
enum fc_scratch { FC_SCRATCH_LINEAR, FC_SCRATCH_ATTENTION, FC_SCRATCH_HEAD, FC_SCRATCH_N };

struct fc_nn {
	enum fc_compute compute;
	struct {
		float *p;
		size_t n;
	} scratch[FC_SCRATCH_N];
};

/* n floats, 64-byte aligned, contents undefined; valid until the slot is asked for again. */
float *fc_nn_scratch(struct fc_nn *nn, enum fc_scratch slot, size_t n);

#endif
