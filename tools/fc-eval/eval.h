/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_EVAL_H
#define FC_EVAL_EVAL_H

#include "base/opt.h"
#include "text/table.h"

/*
 * fc-eval: measures of models, in four rooms over this ground: main runs the command_list's, each
 * declared in the file that does it; eval has what they share, rows of options and the way out.
 * measure/ takes them from streams and answers, judge/ asks an LLM for verdicts, show/ turns
 * verdicts into tables, charts and pages, select/ takes the best of several answers.
 */

/* Rows of option tables: where the table goes and how often the bootstrap draws.  The format is an
 * int, an enum fc_table_format. */
#define EVAL_COMMAND_TABLE_OPTS(format, path)                                                      \
	{FC_OPT_CHOICE, 0, "format", format, FC_TABLE_FORMATS, "of the output", 0, 0},             \
	{                                                                                          \
		FC_OPT_OUT_TEXT, 'o', "output", path, "FILE", "instead of standard output", 0, 0   \
	}
#define EVAL_COMMAND_BOOTSTRAP_OPTS(n_resample, seed)                                              \
	{FC_OPT_INT, 0, "resamples", n_resample, "N", "draws of the bootstrap; 0: no intervals",   \
	    0, 1000000},                                                                           \
	{                                                                                          \
		FC_OPT_U64, 0, "seed", seed, "N", "of the bootstrap", 0, 0                         \
	}
#define EVAL_COMMAND_BY_OPT(field)                                                                 \
	{                                                                                          \
		FC_OPT_STR, 0, "by", field, "FIELD",                                               \
		    "also by this member of the conversations' lines", 0, 0                        \
	}

/* Options of commands that compare several files. */
#define EVAL_COMMAND_BASELINE_OPT(field)                                                           \
	{                                                                                          \
		FC_OPT_STR, 0, "baseline", field, "NAME",                                          \
		    "what the others are compared with (default: the first)", 0, 0                 \
	}
/* Options of commands that measure one stream or compare several; *n_resample begins as -1. */
#define EVAL_COMMAND_COMPARE_OPTS(baseline, each, n_resample, seed)                                \
	EVAL_COMMAND_BASELINE_OPT(baseline),                                                       \
	    {FC_OPT_FLAG, 0, "each", each, NULL,                                                   \
		"of several streams, every one by itself: compare nothing", 0, 0},                 \
	    {FC_OPT_INT, 0, "resamples", n_resample, "N",                                          \
		"draws of the bootstrap; 0: no intervals [1000, to compare 10000]", 0, 1000000},   \
	{                                                                                          \
		FC_OPT_U64, 0, "seed", seed, "N", "of the bootstrap", 0, 0                         \
	}
#define EVAL_COMMAND_ARMS "[OPTION]... [[NAME=]STREAM[,STREAM]...]..."
#define EVAL_COMMAND_ARMS_HELP                                                                     \
	"Files of one NAME are seeds of one model: NAME=a,b or NAME=a NAME=b."
/* Draws, unless told. */
enum { EVAL_COMMAND_N_RESAMPLE = 1000, EVAL_COMMAND_N_COMPARE = 10000 };

/* Prints the table, as option --format says, to path (NULL: standard output) and releases it; ends
 * the program on failure. */
void eval_print(struct fc_table *t, int format, const char *path);

#endif
