/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_COMMAND_LIST_H
#define FC_EVAL_COMMAND_LIST_H

#include "base/command.h"

/*
 * A command of fc-eval, which its file declares with EVAL_COMMAND(its place in --help) and nothing
 * else names:
 *
 *     EVAL_COMMAND(10) = {"ppl", tables, &usage, run};
 */
struct eval_command {
	int order;
	const struct fc_command *command;
	struct eval_command *next; /* command_list.c's */
};
/* A constructor puts the command into the list before main() begins. */
#define EVAL_COMMAND(place)                                                                        \
	static const struct fc_command command;                                                    \
	__attribute__((constructor)) static void list_command(void)                                \
	{                                                                                          \
		static struct eval_command entry = {place, &command, NULL};                        \
		eval_command_list(&entry);                                                         \
	}                                                                                          \
	static const struct fc_command command
void eval_command_list(struct eval_command *c);

/* All of them, in their order; ends in NULL. */
const struct fc_command *const *eval_commands(void);

#endif
