/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_JINJA_JINJA_H
#define FC_JINJA_JINJA_H

#include "base/buf.h"
#include "base/err.h"
#include "text/json.h"

/*
 * jinja/: the subset of Jinja that published chat templates use, with the settings of Transformers:
 * trim_blocks, lstrip_blocks, loop controls, its own tojson, {% generation %}, the immutable
 * sandbox.  Not there, and refused by name: include, import, extends, block, do.  Not there, and an
 * error when it is reached: the filters filesizeformat, pprint, random, urlize, wordwrap and
 * xmlattr, the tests filter and test, lipsum(), and of str casefold, encode, format_map,
 * isidentifier, isprintable, maketrans and translate.  Integers have 64 bits.
 *
 * A template comes with a downloaded model and may be hostile: a text of 1 MiB, 200 levels of
 * syntax, 1000 levels of calls and values, 50 million steps, 512 MiB of values and 128 MiB of text
 * are the most it gets; beyond is an error.  A compiled template may be run by several threads.
 *
 * How to read the folder.  jinja.c compiles and runs; jinja_impl.h is the inside.  Reading:
 * jinja_lex.c cuts a template into tokens, jinja_cursor.c walks over them, jinja_expr.c and
 * jinja_term.c read expressions (the one pair of files that need each other for recursive descent),
 * jinja_parse.c statements.  Values: jinja_string.c has the memory and strings that know which
 * message they came from, jinja_step.c the limits, then jinja_value.c, jinja_dict.c, jinja_print.c,
 * jinja_json.c, jinja_arith.c and jinja_item.c; jinja_input.c makes values of what a conversation
 * has.  Running: jinja_eval.c (expressions), jinja_exec.c (statements, loops) and jinja_call.c
 * (macros) are the interpreter, which is recursive and so one circle; jinja_frame.c has its scopes.
 * What a template can name is in tables, whose convention is jinja_builtin.c: functions
 * (jinja_function.c), tests (jinja_test.c), methods (jinja_method.c, _search, _pad, _object),
 * filters (jinja_filter.c, _seq, _group, _text, and jinja_map.c, where all come together), and
 * formatting for all of them (jinja_format.c, _percent, _braces).
 */
struct fc_jinja;
/* name: for messages ("chat_template:12: ..."). */
int fc_jinja_compile(
    struct fc_jinja **j, const char *source, size_t n, const char *name, struct fc_err *e);
void fc_jinja_free(struct fc_jinja *j);

/* Does the template spell name, as a variable, a member or a whole string?  What it does not spell,
 * it can't read (unless it walks over all members of something). */
bool fc_jinja_mentions(const struct fc_jinja *j, const char *name);
/* As a whole string: one that it may compare a role with. */
bool fc_jinja_spells(const struct fc_jinja *j, const char *text);

/* An item of the variable "messages". */
struct fc_jinja_message {
	const char *role;    /* NULL: none */
	const char *content; /* n bytes of UTF-8; NULL: that of members, if it has one */
	size_t n;
	/* Its members in their order, or NULL: role and content alone.  Where role and content are
	 * given above, the values here only hold their places. */
	const json_t *members;
};
/* Borrowed, all of it. */
struct fc_jinja_input {
	/* [n_vars] objects or NULL: variables by name; a later one goes before an earlier one. Only
	 * those that the template mentions are looked at. */
	const json_t *const *vars;
	size_t n_vars;
	const struct fc_jinja_message *message; /* the variable "messages"; NULL: there is none */
	size_t n_message;
	bool add_generation_prompt;
	int64_t now_s; /* the time strftime_now() shows */
	bool trial;    /* a few words, to see what the template does: it gets 1/64 of the limits */
};

/* What of a message a piece comes from. */
enum fc_jinja_from {
	FC_JINJA_CONTENT,
	FC_JINJA_MEMBER, /* any other member: a tool's call, a thought */
	FC_JINJA_ASIDE,  /* its name or tool_call_id: nothing that it says */
};

/* Output in pieces that know where they came from. */
struct fc_jinja_piece {
	uint32_t start, end; /* bytes of text */
	int origin;          /* index of the message it came from, -1: template */
	enum fc_jinja_from from;
	bool generation; /* inside {% generation %} */
};
struct fc_jinja_out { /* {0} is empty */
	struct fc_buf text;
	struct fc_jinja_piece *piece; /* adjoining, never empty */
	size_t n, cap;
};
void fc_jinja_out_release(struct fc_jinja_out *o);

/*
 * Runs the template.  Strings of message i, but for its role and the names of its members, carry
 * origin i through slicing, trimming, splitting and concatenation.
 */
int fc_jinja_run(const struct fc_jinja *j, const struct fc_jinja_input *in,
    struct fc_jinja_out *out, struct fc_err *e);

#endif
