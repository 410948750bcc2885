/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_EVAL_H
#define FC_EVAL_EVAL_H

#include "base/opt.h"
#include "text/table.h"

/*
 * fc-eval: measures of models, in four rooms over this ground: main runs the command_list's, each
 * declared in the file that does it; eval has what they share, rows of options and the way out,
 * child a process beside this one, and checker what a program says of answers.
 * measure/ takes them from streams and answers, judge/ asks an LLM for verdicts, show/ turns
 * verdicts into tables, charts and pages, select/ takes the best of several answers.
 */

/* Options that several commands have, each a row. */
#define EVAL_OPT_FORMAT(to)                                                                        \
	FC_OPT_WORD(0, "format", FC_OPT_FORM, to, fc_table_format_words, "of the output")
#define EVAL_OPT_OUTPUT(to)                                                                        \
	FC_OPT_TEXT('o', "output", FC_OPT_OUT_TEXT, to, "FILE", "instead of standard output")
#define EVAL_OPT_RESAMPLES(to, help)                                                               \
	FC_OPT_INT(0, "resamples", FC_OPT_DECIDES, to, "N", 0, 1000000, help)
#define EVAL_OPT_SEED(to) FC_OPT_U64(0, "seed", FC_OPT_DECIDES, to, "N", "of the bootstrap")
#define EVAL_OPT_BY(to)                                                                            \
	FC_OPT_TEXT(0, "by", FC_OPT_DECIDES, to, "FIELD",                                          \
	    "also by this member of the conversations' lines")
/* Of commands that compare several files. */
#define EVAL_OPT_BASELINE(to)                                                                      \
	FC_OPT_TEXT(0, "baseline", FC_OPT_DECIDES, to, "NAME",                                     \
	    "what the others are compared with (default: the first)")
#define EVAL_COMMAND_ARMS "[OPTION]... [[NAME=]STREAM[,STREAM]...]..."
#define EVAL_COMMAND_ARMS_HELP                                                                     \
	"Files of one NAME are seeds of one model: NAME=a,b or NAME=a NAME=b."
/* Draws, unless told. */
enum { EVAL_COMMAND_N_RESAMPLE = 1000, EVAL_COMMAND_N_COMPARE = 10000 };

/* Prints the table, as option --format says, to path (NULL: standard output) and releases it; ends
 * the program on failure. */
void eval_print(struct fc_table *t, enum fc_table_format format, const char *path);

#endif
