/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/opt.h"
#include "fc-eval/eval.h"

static const struct {
	const char *name;
	void (*run)(int argc, char **argv);
} commands[] = {
    {"ppl", eval_command_ppl},
    {"accuracy", eval_command_accuracy},
    {"exact", eval_command_exact},
    {"mc-questions", eval_command_mc_questions},
    {"mc", eval_command_mc},
    {"divergence", eval_command_divergence},
    {"oracle", eval_command_oracle},
    {"select", eval_command_select},
    {"judge", eval_command_judge},
    {"show", eval_command_show},
    {"chart", eval_command_chart},
    {"report", eval_command_report},
    {"alpaca", eval_command_alpaca},
};

int main(int argc, char **argv)
{
	fc_prog = "fc-eval";
	for (size_t i = 0; argc > 1 && i < FC_LEN(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			commands[i].run(argc - 1, argv + 1);

	static const struct fc_opt opts[] = {{0}};
	static const struct fc_usage usage = {
	    .synopsis = "ppl [OPTION]... [STREAM]...\n"
			"accuracy [OPTION]... [ANSWERS [REFERENCES]]\n"
			"exact [OPTION]... [STREAM]...\n"
			"mc-questions [OPTION]... [TASKS]\n"
			"mc [OPTION]... [STREAM]...\n"
			"divergence [OPTION]... P Q\n"
			"oracle [OPTION]... ANSWERS...\n"
			"select [OPTION]... ANSWERS...\n"
			"judge [OPTION]... ANSWERS...\n"
			"show [OPTION]... [JUDGMENTS]...\n"
			"chart --questions FILE [OPTION]... [JUDGMENTS]...\n"
			"report --questions FILE [OPTION]... [JUDGMENTS]...\n"
			"alpaca [OPTION]... ANNOTATIONS...",
	    .summary = "Judges models by what they wrote; writes tables.",
	    .more = "fc-eval COMMAND --help lists the options of each.",
	};
	if (argc > 1 && argv[1][0] == '-')
		fc_opt_parse(opts, &usage, argc, argv);
	if (argc > 1)
		fc_die_usage("'%s' is no command of it; fc-eval --help lists them", argv[1]);
	fc_die_usage("say what to do; fc-eval --help lists the commands");
}
