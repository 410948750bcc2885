/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/command_list.h"

#include "base/mem.h"

static struct eval_command *first; /* by order */

void eval_command_list(struct eval_command *c)
{
	struct eval_command **at = &first;
	while (*at && (*at)->order < c->order)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
}

const struct fc_command *const *eval_commands(void)
{
	static const struct fc_command **commands;
	size_t n = 0;
	for (const struct eval_command *c = commands ? NULL : first; c; c = c->next) {
		commands = fc_realloc(commands, n + 2, sizeof *commands);
		commands[n++] = c->command;
		commands[n] = NULL;
	}
	return commands;
}
