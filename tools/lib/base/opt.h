/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_OPT_H
#define FC_BASE_OPT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/replace.h"

/* One table a tool: it parses, checks ranges, prints --help and names the options for a stream's
 * history.  Defaults are what the destinations hold before parsing; a whole number below its range,
 * or NaN, says that the option was not given, and --help shows none. */
enum fc_opt_kind {
	FC_OPT_END,
	FC_OPT_FLAG,   /* bool *  */
	FC_OPT_INT,    /* int *, in [min, max] */
	FC_OPT_U64,    /* uint64_t * */
	FC_OPT_REAL,   /* double *, in [min, max] */
	FC_OPT_STR,    /* const char **; borrowed from argv */
	FC_OPT_STRS,   /* struct fc_strs *: texts, may be given several times */
	FC_OPT_CHOICE, /* int *, index into choices; arg is "a|b|c" */
	FC_OPT_HEAD,   /* no option: a heading in --help */
	/* Paths, which never enter a stream's history; const char **, but for FC_OPT_INS.  What is
	 * read and what is written is kept apart (base/door.h), and an output replaces only what is
	 * of its kind (base/replace.h), both before the first byte of work. */
	FC_OPT_IN,         /* a file or folder that is read */
	FC_OPT_INS,        /* struct fc_strs *: several */
	FC_OPT_PLACE,      /* a folder in which the tool finds inputs, and names them itself */
	FC_OPT_OUT,        /* a file whose kind the tool tells fc_opt_check_output() */
	FC_OPT_OUT_TEXT,   /* a file with text */
	FC_OPT_OUT_STREAM, /* a file with a stream; --output stands for standard output if not given
			    */
	FC_OPT_OUT_DIR,    /* a folder; the tool checks what it replaces */
};

struct fc_strs {
	const char **v;
	int n;
};

struct fc_opt {
	enum fc_opt_kind kind;
	int letter;             /* short form or 0 */
	const char *name;       /* long form */
	void *dest;             /* type by kind */
	const char *arg, *help; /* FC_OPT_CHOICE: arg lists the words, separated by '|' */
	double min, max;
};

struct fc_usage {
	const char *synopsis; /* lines after the program's name, separated by newlines */
	const char *summary;  /* one sentence: reads X, writes Y; without line breaks */
	const char *more;     /* printed after the options, or NULL */
};

/* Rows every tool shares; put them at the end of a table, before { 0 }.  Destinations live in
 * opt.c and act by themselves. */
#define FC_OPT_COMMON                                                                              \
	{FC_OPT_HEAD, 0, NULL, NULL, NULL, "Common", 0, 0},                                        \
	    {FC_OPT_INT, 'j', "threads", &fc_opt_threads, "N", "threads (0: all processors)", 0,   \
		4096},                                                                             \
	{                                                                                          \
		FC_OPT_FLAG, 'q', "quiet", &fc_quiet, NULL, "no progress and no notes", 0, 0       \
	}
extern int fc_opt_threads;

/* For tools that write streams. */
#define FC_OPT_NO_HISTORY                                                                          \
	{                                                                                          \
		FC_OPT_FLAG, 0, "no-history", &fc_opt_no_history, NULL,                            \
		    "leave the chain of programs out of the stream's header", 0, 0                 \
	}
extern bool fc_opt_no_history;

/*
 * Parses argv, prints help or version and exits where asked, and ends with status 2 on any error.
 * Operands are inputs, and are told to base/door.h with the table's paths.  Returns the index of
 * the first operand.  Starts the thread pool (-j).
 */
int fc_opt_parse(const struct fc_opt *opts, const struct fc_usage *usage, int argc, char **argv);

/* Ends the program where what option --name (FC_OPT_OUT) says is not to be replaced by a file of
 * this kind, or a terminal is to get binary data. */
void fc_opt_check_output(const char *name, const char *path, enum fc_out_kind kind);

/* "--top-k 10 --dtype f32": every option given on the command line that decides the result and is
 * not a path (so not -j, -q, --resume, --verbose); for the history of a stream.  Valid after
 * fc_opt_parse().
 */
const char *fc_opt_given(void);

#endif
