/* SPDX-License-Identifier: Apache-2.0 */
/* This file adds a command, and touches no other of fc-eval to do so. */
#include "fc-eval/command_list.h"
#include "t.h"

static int n_run, seen_argc;

static void run_sample(int argc, char **argv)
{
	n_run += !strcmp(argv[0], "x");
	seen_argc = argc;
}

static const struct fc_opt *const tables[] = {fc_opt_common, NULL};
static const struct fc_usage usage = {.synopsis = "[SAMPLE]...", .summary = "Reads nothing."};

/* Between ppl and accuracy. */
EVAL_COMMAND(15) = {"sample", tables, &usage, run_sample};

/* Its place among the commands, or -1. */
static int place_of(const char *name)
{
	const struct fc_command *const *c = eval_commands();
	for (int i = 0; c[i]; i++)
		if (!strcmp(c[i]->name, name))
			return i;
	return -1;
}

int main(void)
{
	char *args[] = {"fc-eval", "sample", "x", NULL}, **argv = args;
	int argc = 3;
	const struct fc_usage all = {.summary = "", .commands = eval_commands()};
	T_OK(place_of("sample") > 0, "a command of another file is found");
	T_OK(place_of("samples") < 0 && place_of("") < 0, "others are not");
	T_OK(place_of("ppl") == 0 && place_of("sample") == 1 && place_of("accuracy") == 2,
	    "it stands at its place, and those of fc-eval around it");
	const struct fc_command *c = fc_command_parse(&all, &argc, &argv);
	c->run(argc, argv);
	T_OK(n_run == 1 && seen_argc == 1, "it is parsed and runs");
	return t_done();
}
