/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_COMMAND_LIST_H
#define FC_EVAL_COMMAND_LIST_H

#include "base/buf.h"

/*
 * A command of fc-eval, which its file declares with EVAL_COMMAND and nothing else names:
 *
 *     EVAL_COMMAND = {.order = 10, .name = "ppl", .operands = "[STREAM]...", .run = run_ppl};
 */
struct eval_command {
	int order; /* its place in --help */
	const char *name;
	const char *operands;               /* for fc-eval --help */
	void (*run)(int argc, char **argv); /* argv[0] is the name; does not return */
	struct eval_command *next;          /* command_list.c's */
};
/* A constructor puts the command into the list before main() begins. */
#define EVAL_COMMAND                                                                               \
	static struct eval_command command;                                                        \
	__attribute__((constructor)) static void list_command(void)                                \
	{                                                                                          \
		eval_command_list(&command);                                                       \
	}                                                                                          \
	static struct eval_command command
void eval_command_list(struct eval_command *c);

/* NULL if there is none of that name. */
const struct eval_command *eval_command_find(const char *name);
/* Appends a line "NAME OPERANDS" for every command, in their order, with newlines between. */
void eval_command_synopsis(struct fc_buf *b);

#endif
