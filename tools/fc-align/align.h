/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_COMMANDS_H
#define FC_ALIGN_COMMANDS_H

/*
 * fc-align: main finds the subcommand, which this header, align, declares. map/ makes a vocabulary
 * map and apply/ carries a source's rows over to the pivot's tokens, both over vocab/; fuse/ makes
 * one stream of several, and says before whether that can help.
 */

/* The subcommands: argv[0] is the subcommand's name.  They do not return. */
_Noreturn void align_command_map(int argc, char **argv);
_Noreturn void align_command_apply(int argc, char **argv);
_Noreturn void align_command_fuse(int argc, char **argv);
_Noreturn void align_command_verdict(int argc, char **argv);
_Noreturn void align_command_report(int argc, char **argv);

#endif
