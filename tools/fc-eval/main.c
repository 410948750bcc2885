/* SPDX-License-Identifier: Apache-2.0 */
#include "base/par.h"
#include "base/prog.h"
#include "fc-eval/command_list.h"

int main(int argc, char **argv)
{
	fc_prog = "fc-eval";
	const struct fc_usage usage = {
	    .summary = "Judges models by what they wrote; writes tables.",
	    .more = "fc-eval COMMAND --help lists the options of each.",
	    .commands = eval_commands(),
	};
	const struct fc_command *command = fc_command_parse(&usage, &argc, &argv);
	fc_par_start(fc_opt_threads);
	command->run(argc, argv);
}
