/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_DEVICE_H
#define FC_NN_DEVICE_H

#include "nn/ops.h"

/*
 * A device that is not the processor is a module, libfc-NAME.so, which is opened when it is asked
 * for and never linked.  It lies in the folder of the program or in ../lib/fc beside it, and must
 * be of the program's own build: module and program share the structs of nn.h and ops.h. The only
 * symbol a module has is FC_DEVICE_SYMBOL, a const struct fc_device_module.
 */
#define FC_DEVICE_ABI 5 /* changes with ops.h and the structs it passes */
#define FC_DEVICE_SYMBOL "fc_device_module"

struct fc_device_module {
	uint32_t abi;
	uint32_t ops_bytes;  /* sizeof(struct fc_nn_ops): finds what was forgotten above */
	const char *version; /* of the program */
	const char *name;
	/* Devices there are; -1: none can be used, for what e says. */
	int (*count)(struct fc_err *e);
	/*
	 * *nn: the index-th device, ready.  compute may be AUTO.  cpu: an open CPU device of the
	 * same compute type for what a module leaves to it (products of a test device); it lives
	 * as long as *nn and is the caller's.
	 */
	int (*open)(struct fc_nn **nn, int index, enum fc_compute compute, struct fc_nn *cpu,
	    struct fc_err *e);
};

#endif
