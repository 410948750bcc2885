/* SPDX-License-Identifier: Apache-2.0 */
/* This file adds a command, and touches no other of fc-eval to do so. */
#include "fc-eval/command_list.h"
#include "t.h"

static int n_run, seen_argc;

static void run_sample(int argc, char **argv)
{
	n_run += !strcmp(argv[0], "sample");
	seen_argc = argc;
}

/* Between ppl and accuracy. */
EVAL_COMMAND = {.order = 15, .name = "sample", .operands = "[SAMPLE]...", .run = run_sample};

int main(void)
{
	char *args[] = {"sample", "x", NULL};
	struct fc_buf b = FC_BUF_INIT;
	const struct eval_command *c = eval_command_find("sample");
	T_OK(c != NULL, "a command of another file is found");
	if (c)
		c->run(2, args);
	T_OK(n_run == 1 && seen_argc == 2, "and runs");
	T_OK(eval_command_find("samples") == NULL && eval_command_find("") == NULL,
	    "others are not");
	T_OK(eval_command_find("ppl") != NULL && eval_command_find("ppl") != c,
	    "those of fc-eval still are");

	eval_command_synopsis(&b);
	const char *own = strstr(b.p, "sample [SAMPLE]...\n");
	T_OK(own && strstr(b.p, "ppl ") == b.p, "--help names it");
	T_OK(own && strstr(own, "\naccuracy [OPTION]...") == own + strlen("sample [SAMPLE]..."),
	    "at its place");
	fc_buf_release(&b);
	return t_done();
}
