/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_OPT_HELP_H
#define FC_BASE_OPT_HELP_H

#include "base/opt_rows.h"

/* Prints what --help prints, in at most 79 columns, and ends the program. */
_Noreturn void fc_opt_help(const struct fc_opt_rows *rows, const struct fc_usage *u);

#endif
