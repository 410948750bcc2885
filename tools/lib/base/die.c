/* SPDX-License-Identifier: Apache-2.0 */
#include "base/die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/board.h"
#include "base/err.h"

static void (*leave_hook)(int status);

void fc_die_hook(void (*leave)(int status))
{
	leave_hook = leave;
}

static _Noreturn void leave(int status)
{
	if (leave_hook)
		leave_hook(status);
	exit(status);
}

static void print_line(const char *kind, const char *fmt, va_list ap)
{
	struct fc_err e;
	char line[sizeof e.msg + 512];
	fc_vfail(&e, fmt, ap);
	fflush(stdout);
	snprintf(line, sizeof line, "%s%s%.256s: %s%s\n", fc_prog, fc_prog_label ? " " : "",
	    fc_prog_label ? fc_prog_label : "", kind, e.msg);
	if (!fc_board_print(line))
		fputs(line, stderr);
}

void fc_die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fc_board_leave();
	print_line("", fmt, ap);
	va_end(ap);
	leave(FC_EXIT_FAIL);
}

void fc_die_usage(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fc_board_leave();
	print_line("", fmt, ap);
	va_end(ap);
	fprintf(stderr, "Try '%s --help'.\n", fc_prog);
	leave(FC_EXIT_USAGE);
}

void fc_warn(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	print_line("warning: ", fmt, ap);
	va_end(ap);
}

void fc_note(const char *fmt, ...)
{
	if (fc_quiet)
		return;
	va_list ap;
	va_start(ap, fmt);
	print_line("", fmt, ap);
	va_end(ap);
}

void fc_note_lines(const char *text)
{
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n)
			fc_note("%.*s", (int)n, text);
	}
}

static _Noreturn void finish_with(enum fc_exit status)
{
	if (fflush(stdout) || ferror(stdout))
		fc_die("standard output:");
	leave(status);
}

void fc_finish(void)
{
	finish_with(FC_EXIT_OK);
}

void fc_finish_no(void)
{
	finish_with(FC_EXIT_NO);
}
