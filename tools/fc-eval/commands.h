/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_COMMANDS_H
#define FC_EVAL_COMMANDS_H

#include "fc-eval/bootstrap.h"
#include "text/table.h"

/* The subcommands: argv[0] is the subcommand's name.  They do not return. */
_Noreturn void fc_command_ppl(int argc, char **argv);
_Noreturn void fc_command_accuracy(int argc, char **argv);
_Noreturn void fc_command_exact(int argc, char **argv);
_Noreturn void fc_command_judge(int argc, char **argv);
_Noreturn void fc_command_mc_questions(int argc, char **argv);
_Noreturn void fc_command_mc(int argc, char **argv);
_Noreturn void fc_command_divergence(int argc, char **argv);
_Noreturn void fc_command_oracle(int argc, char **argv);
_Noreturn void fc_command_show(int argc, char **argv);
_Noreturn void fc_command_chart(int argc, char **argv);
_Noreturn void fc_command_report(int argc, char **argv);
_Noreturn void fc_command_alpaca(int argc, char **argv);

/*
 * A measure with its interval: two columns for people, "[low, high]" in the second, else three.
 * name: of the measure and of its low and high columns.
 */
void fc_command_measure_columns(
    struct fc_table *t, enum fc_table_format format, const char *const name[3], int decimals);
void fc_command_measure(
    struct fc_table *t, enum fc_table_format format, double v, struct fc_interval i, int decimals);

/* Writes the table to path (NULL: standard output) and frees it; ends the program on failure. */
void fc_command_print(struct fc_table *t, enum fc_table_format format, const char *path);

#endif
