/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_COMPLETION_H
#define FC_BASE_COMPLETION_H

#include "base/command.h"

/*
 * Prints the completions of fc_prog for a shell (bash, zsh or fish) and ends the program: of
 * options, their words, commands and files.  commands: NULL, or a list that ends in NULL, whose
 * tables go before.
 */
_Noreturn void fc_completion_print(const char *shell, const struct fc_opt *const *tables,
    const struct fc_command *const *commands);

#endif
