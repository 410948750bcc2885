/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_OPT_H
#define FC_BASE_OPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/replace.h"

/*
 * A program, or a command of one (base/command.h), has a list of tables of options, which ends in
 * NULL.  It parses, checks ranges, prints --help and completions for shells, and says what the
 * result depends on.  Rows are written with the macros below, which check the destination's type; a
 * table ends in FC_OPT_END.
 *
 * Defaults are what the destinations hold before parsing; a whole number below its range, or NaN,
 * says that the option was not given, and --help shows none.
 */
enum fc_opt_kind {
	FC_OPT_IS_END,
	FC_OPT_IS_HEAD,
	FC_OPT_IS_FLAG,
	FC_OPT_IS_INT,
	FC_OPT_IS_U64,
	FC_OPT_IS_REAL,
	FC_OPT_IS_TEXT,
	FC_OPT_IS_TEXTS,
	FC_OPT_IS_WORD,
	FC_OPT_IS_HELP, /* from here on rows that every program has */
	FC_OPT_IS_VERSION,
	FC_OPT_IS_COMPLETION,
	FC_OPT_IS_SETTINGS,
};

/*
 * What an option has to do with the result.  From that follows who names it: the history in a
 * stream's header (H), the identity of a checkpoint (I), the settings of a pipeline's stage (S).
 */
enum fc_opt_role {
	FC_OPT_DECIDES, /* H I S: the work, and with it the result */
	FC_OPT_PART,   /* - - S: which part of it is done, or that parts become one; a header has it
			* in a field of its own */
	FC_OPT_FORM,   /* H - S: how the result is written, once the work is done */
	FC_OPT_PASSES, /* - - -: what is said, how fast, when and how often something is kept */
	/* - - S: paths.  What is read and what is written is kept apart (base/door.h), and an
	 * output replaces only what is of its kind (base/replace.h), both before the first byte of
	 * work. */
	FC_OPT_IN,         /* a file or folder that is read */
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
	enum fc_opt_role role;
	char letter;      /* short form or 0 */
	const char *name; /* long form */
	union {
		bool *flag;
		int *i;
		uint64_t *u64;
		double *real;
		const char **text;
		struct fc_strs *texts;
		void *word; /* an enum */
	} to;
	const char *arg, *help; /* arg: what stands for the value; NULL: the words */
	double min, max;
	const char *const *words;
};

/* A heading of --help. */
#define FC_OPT_HEAD(title) FC_OPT_ROW(HEAD, 0, 0, NULL, {NULL}, NULL, 0, 0, NULL, title)
#define FC_OPT_END FC_OPT_ROW(END, 0, 0, NULL, {NULL}, NULL, 0, 0, NULL, NULL)
/* bool *: true where given */
#define FC_OPT_FLAG(letter, name, role, to, help)                                                  \
	FC_OPT_ROW(FLAG, role, letter, name, {.flag = (to)}, NULL, 0, 0, NULL, help)
/* int * and double *, in [lo, hi] */
#define FC_OPT_INT(letter, name, role, to, arg, lo, hi, help)                                      \
	FC_OPT_ROW(INT, role, letter, name, {.i = (to)}, arg, lo, hi, NULL, help)
#define FC_OPT_REAL(letter, name, role, to, arg, lo, hi, help)                                     \
	FC_OPT_ROW(REAL, role, letter, name, {.real = (to)}, arg, lo, hi, NULL, help)
/* uint64_t * */
#define FC_OPT_U64(letter, name, role, to, arg, help)                                              \
	FC_OPT_ROW(U64, role, letter, name, {.u64 = (to)}, arg, 0, 0, NULL, help)
/* const char **, borrowed from argv; struct fc_strs *, may be given several times */
#define FC_OPT_TEXT(letter, name, role, to, arg, help)                                             \
	FC_OPT_ROW(TEXT, role, letter, name, {.text = (to)}, arg, 0, 0, NULL, help)
#define FC_OPT_TEXTS(letter, name, role, to, arg, help)                                            \
	FC_OPT_ROW(TEXTS, role, letter, name, {.texts = (to)}, arg, 0, 0, NULL, help)
/* A pointer to an enum; words[i] is for value i, and NULL behind them.  The array says
 * [VALUE] = "word", and a _Static_assert beside it that it has as many as the enum. */
#define FC_OPT_WORD(letter, name, role, to, words, help)                                           \
	FC_OPT_ROW(WORD, role, letter, name, {.word = FC_OPT_ENUM(to)}, NULL, 0, 0, words, help)
#define FC_OPT_ENUM(to) ((to) + 0 * sizeof(char[sizeof *(to) == sizeof(unsigned) ? 1 : -1]))
#define FC_OPT_ROW(kind, role, letter, name, to, arg, lo, hi, words, help)                         \
	{                                                                                          \
		FC_OPT_IS_##kind, role, letter, name, to, arg, help, lo, hi, words                 \
	}

struct fc_usage {
	/* lines after the program's name, separated by newlines; NULL: the first of each command */
	const char *synopsis;
	const char *summary; /* one sentence: reads X, writes Y; without line breaks */
	const char *more;    /* printed after the options, or NULL */
	const struct fc_command *const *commands; /* NULL: none; ends in NULL */
};

/* The options that every program has, -j and -q: the last table of a list. */
extern const struct fc_opt fc_opt_common[];
extern int fc_opt_threads; /* what -j says, for fc_par_start(); 0: all processors */

/* --no-history, of programs that write streams. */
extern const struct fc_opt fc_opt_stream[];
extern bool fc_opt_no_history;

/*
 * Parses argv, prints help or version and exits where asked, and ends with status 2 on any error.
 * Names may be cut short where that is clear, and have '_' for '-'.  Operands are inputs, and are
 * told to base/door.h with the tables' paths.  Returns the index of the first operand: argv is put
 * in order.
 */
int fc_opt_parse(
    const struct fc_opt *const *tables, const struct fc_usage *usage, int argc, char **argv);

/* Ends the program where what option --name (FC_OPT_OUT) says is not to be replaced by a file of
 * this kind, or a terminal is to get binary data. */
void fc_opt_check_output(const char *name, const char *path, enum fc_out_kind kind);

/* "--top-k 10 --dtype f32": the options given on the command line that the history of a stream
 * names.  Valid after fc_opt_parse(). */
const char *fc_opt_given(void);

/* Whether the option was given, for those where no value of the destination says that it was not.
 */
bool fc_opt_is_given(const char *name);

/* Appends the value that an option's destination holds, exactly. */
void fc_opt_add_value(struct fc_buf *b, const struct fc_opt *o);

#endif
