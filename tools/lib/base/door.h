/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_DOOR_H
#define FC_BASE_DOOR_H

#include <stdbool.h>

/*
 * All that a run reads and all that it writes, known before the first byte of work.  No output is
 * an input, lies in one or holds one, and no two outputs are the same or lie in each other: --force
 * or not, and whatever the names are, as files are compared by device and inode.  An input folder
 * stands for itself and for every file in it, a part of a split file for all parts.
 *
 * Both functions compare with all that was told before, and end the program with status 2 and both
 * names.  fc_opt_parse() tells the paths that the option table and the operands have; a tool tells
 * what only it knows, as the models of a recipe.  NULL and "-" are passed over, and so is what is
 * no regular file and no folder.  `what` is borrowed for good.
 */
void fc_door_input(const char *path, const char *what);
/* what: the option, without "--".  folder: its unfinished form ".NAME.part" counts too. */
void fc_door_output(const char *path, const char *what, bool folder);
/* Standard output, where it is a file: it must be none of the files read. */
void fc_door_standard_output(void);

#endif
