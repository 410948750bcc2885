/* SPDX-License-Identifier: Apache-2.0 */
#include "base/par.h"
#include "base/prog.h"
#include "fc-align/align.h"

static const struct fc_command *const commands[] = {&align_command_map, &align_command_apply,
    &align_command_fuse, &align_command_verdict, &align_command_report, NULL};

static const struct fc_usage usage = {
    .summary = "Carries distributions over to the pivot's tokens and fuses them.",
    .more = "fc-align map --help and so on list the options of each.",
    .commands = commands,
};

int main(int argc, char **argv)
{
	fc_prog = "fc-align";
	const struct fc_command *command = fc_command_parse(&usage, &argc, &argv);
	fc_par_start(fc_opt_threads);
	command->run(argc, argv);
}
