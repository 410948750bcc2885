/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_COMMAND_H
#define FC_BASE_COMMAND_H

#include "base/opt.h"

/* A command of a program, which is said before its options: fc-eval ppl ... */
struct fc_command {
	const char *name;
	const struct fc_opt *const *tables;
	const struct fc_usage *usage;
	void (*run)(int argc, char **argv); /* of the operands; ends the program */
};

/*
 * Finds the command among usage->commands and parses its options, as fc_opt_parse() does; the
 * operands are left in argc and argv, and fc_prog has the command's name, too.  Prints help and
 * completions where asked, and ends with status 2 where there is no such command.
 */
const struct fc_command *fc_command_parse(const struct fc_usage *usage, int *argc, char ***argv);

#endif
