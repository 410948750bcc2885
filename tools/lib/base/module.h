/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_MODULE_H
#define FC_BASE_MODULE_H

#include "base/err.h"

/*
 * Opens libfc-NAME.so and returns what its only symbol names; NULL with an error otherwise.  It is
 * looked for where the program is: beside it, in ../lib/fc, and, for programs of the tests, in the
 * folders above.  Linking what a module needs would cost every start of every program.
 * *handle is of dlopen(); modules are not closed before the program ends.
 * missing: what gives the module where there is none, after "there is no PATH; ".
 */
const void *fc_module_open(
    void **handle, const char *name, const char *symbol, const char *missing, struct fc_err *e);

#endif
