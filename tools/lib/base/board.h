/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_BOARD_H
#define FC_BASE_BOARD_H

#include <stdbool.h>

/*
 * The lines of all programs that show progress on one terminal, those of a pipe or of runs side by
 * side: a block that stands below everything else, a line each, in the order in which the programs
 * were started.
 *
 * The cursor rests behind a line that is the only one, else on an empty line above the block.  What
 * writes there and knows nothing of the block is not written over: the block is drawn again below,
 * by making as many lines as it has and coming back.  A text of several lines goes over the block,
 * and the rest of a bar may stand behind its second line.  Whoever clears to the end of the screen
 * clears the block.
 *
 * The lines are in shared memory that is named after the terminal and goes with the last of the
 * programs.  A lock orders the writers, and one for each line, which ends with its program, tells
 * whose is left over.  Where there is no shared memory to be had, a program shows its own line
 * alone.
 *
 * The terminal is standard error; nothing is done where that is none.
 */
bool fc_board_on_terminal(void);
void fc_board_show(const char *text); /* the program's line; joins the block */
void fc_board_leave(void);            /* takes it out */
/* A message above the block, with its newline.  false: there is no block, and nothing was written.
 */
bool fc_board_print(const char *text);
/* Before the program ends by a signal, if it has a line in the block: takes it out and clears all,
 * which the others draw again.  Async-signal-safe. */
void fc_board_clear(void);

#endif
