/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_LOADER_H
#define FC_NN_LOADER_H

#include "nn/device.h"

enum { FC_DEVICE_OWN = -1 }; /* the first, or that of a launcher's process: see fc_nn_open() */
/* Which device a name is of: "cpu", "auto", or a module's name with a number, "cuda:1". */
struct fc_device_name {
	char name[16];
	int index; /* FC_DEVICE_OWN without a number */
};
int fc_device_parse(struct fc_device_name *d, const char *text, struct fc_err *e);
/* Opens the device of a module, with a processor of the same kind of products beside it. */
int fc_device_open(
    struct fc_nn **nn, const struct fc_device_name *d, enum fc_compute compute, struct fc_err *e);

#endif
