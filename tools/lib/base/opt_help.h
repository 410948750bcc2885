/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_OPT_HELP_H
#define FC_BASE_OPT_HELP_H

#include "base/opt.h"

bool fc_opt_takes_value(const struct fc_opt *o);

/* Prints what --help prints, in at most 79 columns, and ends the program. */
_Noreturn void fc_opt_help(const struct fc_opt *opts, const struct fc_usage *u);

#endif
