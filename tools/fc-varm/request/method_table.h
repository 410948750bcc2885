/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_METHOD_TABLE_H
#define FC_VARM_METHOD_TABLE_H

#include "base/buf.h"

/* The declared methods and parameters as tables for people. */

/* For --help: each method with its line of help and what it takes; 79 columns. */
void varm_method_table_help(struct fc_buf *b);

/*
 * What stands in the man pages between `.\" begin NAME` and `.\" end NAME`, as mdoc: "parameters",
 * the options of fc-varm(1); "methods", its list of methods; "recipes", the table of fc-recipe(5).
 * -1: there is no such table.
 */
int varm_method_table_mdoc(struct fc_buf *b, const char *name);

#endif
