/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/command_list.h"

#include <string.h>

static struct eval_command *first; /* by order */

void eval_command_list(struct eval_command *c)
{
	struct eval_command **at = &first;
	while (*at && (*at)->order < c->order)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
}

const struct eval_command *eval_command_find(const char *name)
{
	const struct eval_command *c = first;
	while (c && strcmp(c->name, name) != 0)
		c = c->next;
	return c;
}

void eval_command_synopsis(struct fc_buf *b)
{
	for (const struct eval_command *c = first; c; c = c->next)
		fc_buf_addf(b, "%s%s %s", c == first ? "" : "\n", c->name, c->operands);
}
