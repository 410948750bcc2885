/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-align/align.h"

static const struct {
	const char *name;
	void (*run)(int argc, char **argv);
} commands[] = {
    {"map", align_command_map},
    {"apply", align_command_apply},
    {"fuse", align_command_fuse},
    {"verdict", align_command_verdict},
    {"report", align_command_report},
};

int main(int argc, char **argv)
{
	fc_prog = "fc-align";
	for (size_t i = 0; argc > 1 && i < FC_LEN(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			commands[i].run(argc - 1, argv + 1);

	static const struct fc_opt opts[] = {{0}};
	static const struct fc_usage usage = {
	    .synopsis = "map [OPTION]... -p PIVOT -s SOURCE [CHATS]...\n"
			"apply [OPTION]... -p PIVOT [-s SOURCE | -m MAP] [STREAM]\n"
			"fuse [OPTION]... PIVOT_STREAM STREAM...\n"
			"verdict [OPTION]... PIVOT_STREAM STREAM...\n"
			"report [OPTION]... -p PIVOT [-s SOURCE | -m MAP] [STREAM]",
	    .summary = "Carries distributions over to the pivot's tokens and fuses them.",
	    .more = "fc-align map --help and so on list the options of each.",
	};
	if (argc > 1 && argv[1][0] == '-')
		fc_opt_parse(opts, &usage, argc, argv);
	if (argc > 1)
		fc_die_usage(
		    "'%s' is no command of it: say map, apply, fuse, verdict or report", argv[1]);
	fc_die_usage("say what to do: map, apply, fuse, verdict or report");
}
