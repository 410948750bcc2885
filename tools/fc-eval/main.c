/* SPDX-License-Identifier: Apache-2.0 */
#include "base/die.h"
#include "base/opt.h"
#include "fc-eval/command_list.h"

int main(int argc, char **argv)
{
	fc_prog = "fc-eval";
	const struct eval_command *command = argc > 1 ? eval_command_find(argv[1]) : NULL;
	if (command)
		command->run(argc - 1, argv + 1);

	struct fc_buf synopsis = FC_BUF_INIT;
	eval_command_synopsis(&synopsis);
	const struct fc_opt opts[] = {{0}};
	const struct fc_usage usage = {
	    .synopsis = synopsis.p,
	    .summary = "Judges models by what they wrote; writes tables.",
	    .more = "fc-eval COMMAND --help lists the options of each.",
	};
	if (argc > 1 && argv[1][0] == '-')
		fc_opt_parse(opts, &usage, argc, argv);
	if (argc > 1)
		fc_die_usage("'%s' is no command of it; fc-eval --help lists them", argv[1]);
	fc_die_usage("say what to do; fc-eval --help lists the commands");
}
