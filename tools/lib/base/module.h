/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_MODULE_H
#define FC_BASE_MODULE_H

#include "base/err.h"

/*
 * What is opened when it is asked for, since linking it would cost every start of every program:
 * libfc-NAME.so, in the folder of the program or in ../lib/fc from there.
 */
struct fc_module {
	void *handle; /* of dlopen() */
	char *path;
	const void *symbol; /* the only one it has */
};
/* what: who asks, begins the errors; remedy: what gives the module where there is none. */
int fc_module_open(struct fc_module *m, const char *what, const char *name, const char *symbol,
    const char *remedy, struct fc_err *e);
/* Before anything of it was used. */
void fc_module_close(struct fc_module *m);

#endif
