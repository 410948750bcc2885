/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_PROG_H
#define FC_BASE_PROG_H

#include <stdbool.h>

extern const char *fc_prog; /* set first thing in main(); starts every message */
/* Stands behind fc_prog in notes and progress, NULL: nothing: which of several runs this is. */
extern const char *fc_prog_label;
extern const char fc_version[];
extern bool fc_quiet; /* -q: no progress, no notes; warnings and errors stay */

#endif
