/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt_help.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"

enum { WIDTH = 79, HELP_AT = 28 }; /* columns */

bool fc_opt_takes_value(const struct fc_opt *o)
{
	return o->kind != FC_OPT_FLAG;
}

static void add_default(struct fc_buf *b, const struct fc_opt *o)
{
	switch (o->kind) {
	case FC_OPT_INT: /* a number that can't be given: none was, and the help says what holds */
		if (*(int *)o->dest >= o->min)
			fc_buf_addf(b, " [%d]", *(int *)o->dest);
		break;
	case FC_OPT_U64:
		fc_buf_addf(b, " [%" PRIu64 "]", *(uint64_t *)o->dest);
		break;
	case FC_OPT_REAL:
		if (*(double *)o->dest == *(double *)o->dest) /* NaN: the help says what holds */
			fc_buf_addf(b, " [%g]", *(double *)o->dest);
		break;
	case FC_OPT_STR:
		if (*(const char **)o->dest)
			fc_buf_addf(b, " [%s]", *(const char **)o->dest);
		break;
	case FC_OPT_CHOICE: {
		const char *word = o->arg;
		for (int i = *(int *)o->dest; i > 0; i--)
			word = strchr(word, '|') + 1;
		fc_buf_addf(b, " [%.*s]", (int)strcspn(word, "|"), word);
		break;
	}
	default:
		break;
	}
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
	if (fc_opt_takes_value(o))
		fc_buf_addf(&left, " %s", o->arg);
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

_Noreturn void fc_opt_help(const struct fc_opt *opts, const struct fc_usage *u)
{
	const size_t indent = strlen("Usage:  ") + strlen(fc_prog);
	const char *line = u->synopsis, *start = "Usage: ";
	while (*line) {
		size_t n = strcspn(line, "\n");
		char *one = fc_memdup0(line, n);
		printf("%s%s ", start, fc_prog);
		print_wrapped(one, indent, indent);
		free(one);
		start = "       ";
		line += n + (line[n] == '\n');
	}
	putchar('\n');
	print_wrapped(u->summary, 0, 0);
	if (opts->kind != FC_OPT_HEAD)
		putchar('\n');
	for (const struct fc_opt *o = opts; o->kind != FC_OPT_END; o++) {
		if (o->kind == FC_OPT_HEAD)
			printf("\n%s:\n", o->help);
		else
			print_option(o);
	}
	printf("  -h, --help                print this help\n"
	       "      --version             print the version\n");
	if (u->more)
		printf("\n%s\n", u->more);
	fc_finish();
}
