/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_COMMANDS_H
#define FC_ALIGN_COMMANDS_H

#include "base/command.h"

/*
 * fc-align: main finds the subcommand, which this header, align, declares. map/ makes a vocabulary
 * map and apply/ carries a source's rows over to the pivot's tokens, both over vocab/; fuse/ makes
 * one stream of several, and says before whether that can help.
 */

extern const struct fc_command align_command_map, align_command_apply, align_command_fuse,
    align_command_verdict, align_command_report;

#endif
