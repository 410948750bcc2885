/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/command.h"
#include "base/die.h"

enum { WIDTH = 79, HELP_AT = 28 }; /* columns */

static void add_default(struct fc_buf *b, const struct fc_opt *o)
{
	const size_t n = b->n;
	fc_buf_adds(b, " [");
	/* a number that can't be given: none was, and the help says what holds */
	if (o->kind == FC_OPT_IS_REAL && *o->to.real == *o->to.real)
		fc_buf_addf(b, "%g", *o->to.real);
	else if ((o->kind == FC_OPT_IS_INT && *o->to.i >= o->min) || o->kind == FC_OPT_IS_U64 ||
	    o->kind == FC_OPT_IS_WORD ||
	    (o->kind == FC_OPT_IS_TEXT && !fc_opt_is_path(o) && *o->to.text))
		fc_opt_add_value(b, o);
	else
		b->p[b->n = n] = 0;
	if (b->n > n)
		fc_buf_addc(b, ']');
}

/* Prints words from column `at` on and ends the line; further lines begin at column `indent`.  A
 * list of choices may be broken behind a bar. */
static void print_wrapped(const char *text, size_t at, size_t indent)
{
	bool blank = false;
	while (*text) {
		size_t n = strcspn(text, " |");
		n += text[n] == '|';
		if (at > indent && at + blank + n > WIDTH) {
			printf("\n%*s", (int)indent, "");
			at = indent;
			blank = false;
		}
		printf("%s%.*s", blank ? " " : "", (int)n, text);
		at += blank + n;
		blank = text[n] == ' ';
		text += n + blank;
	}
	putchar('\n');
}

static void print_option(const struct fc_opt *o)
{
	struct fc_buf left = FC_BUF_INIT, help = FC_BUF_INIT;
	char letter[8] = "    ";
	if (o->letter)
		snprintf(letter, sizeof letter, "-%c, ", o->letter);
	fc_buf_addf(&left, "%s--%s", letter, o->name);
	if (fc_opt_takes_value(o)) {
		fc_buf_addc(&left, ' ');
		fc_opt_add_arg(&left, o);
	}
	fc_buf_adds(&help, o->help);
	add_default(&help, o);
	printf("  ");
	if (left.n + 2 < HELP_AT - 1) {
		printf("%-*s", HELP_AT - 2, left.p);
	} else {
		print_wrapped(left.p, 2, HELP_AT);
		printf("%*s", HELP_AT, "");
	}
	print_wrapped(help.p, HELP_AT, HELP_AT);
	fc_buf_release(&left);
	fc_buf_release(&help);
}

/* The first n bytes of a synopsis, behind "Usage: fc-x " or what is as wide. */
static void print_usage(const char *start, const char *command, const char *synopsis, size_t n)
{
	const size_t indent = strlen("Usage:  ") + strlen(fc_prog);
	struct fc_buf line = FC_BUF_INIT;
	fc_buf_addf(&line, "%s%s%.*s", command, *command ? " " : "", (int)n, synopsis);
	printf("%s%s ", start, fc_prog);
	print_wrapped(line.p, indent, indent);
	fc_buf_release(&line);
}

_Noreturn void fc_opt_help(const struct fc_opt_rows *rows, const struct fc_usage *u)
{
	const char *start = "Usage: ";
	for (const char *line = u->synopsis; line && *line; start = "       ") {
		const size_t n = strcspn(line, "\n");
		print_usage(start, "", line, n);
		line += n + (line[n] == '\n');
	}
	const struct fc_command *const *c = u->synopsis ? NULL : u->commands;
	for (; c && *c; c++, start = "       ")
		print_usage(
		    start, (*c)->name, (*c)->usage->synopsis, strcspn((*c)->usage->synopsis, "\n"));
	putchar('\n');
	print_wrapped(u->summary, 0, 0);
	if (rows->v[0]->kind != FC_OPT_IS_HEAD)
		putchar('\n');
	for (size_t i = 0; i < rows->n; i++) {
		if (rows->v[i]->kind == FC_OPT_IS_HEAD)
			printf("\n%s:\n", rows->v[i]->help);
		else if (!fc_opt_is_hidden(rows->v[i]))
			print_option(rows->v[i]);
	}
	if (u->more)
		printf("\n%s\n", u->more);
	fc_finish();
}
