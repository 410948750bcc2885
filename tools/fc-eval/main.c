/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/die.h"
#include "base/opt.h"
#include "fc-eval/commands.h"

int main(int argc, char **argv)
{
	fc_prog = "fc-eval";
	if (argc > 1 && !strcmp(argv[1], "ppl"))
		fc_command_ppl(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "accuracy"))
		fc_command_accuracy(argc - 1, argv + 1);

	static const struct fc_opt opts[] = {{0}};
	static const struct fc_usage usage = {
	    .synopsis = "ppl [OPTION]... [STREAM]...\n"
			"accuracy [OPTION]... [ANSWERS [REFERENCES]]",
	    .summary = "Judges models: reads what fc-infer writes, writes tables.",
	    .more = "fc-eval ppl --help and fc-eval accuracy --help list the options.",
	};
	if (argc > 1 && argv[1][0] == '-')
		fc_opt_parse(opts, &usage, argc, argv);
	if (argc > 1)
		fc_die_usage("'%s' is no command of it: say ppl or accuracy", argv[1]);
	fc_die_usage("say what to do: ppl or accuracy");
}
