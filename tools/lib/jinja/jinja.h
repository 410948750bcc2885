/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_JINJA_JINJA_H
#define FC_JINJA_JINJA_H

#include "base/buf.h"
#include "base/err.h"
#include "text/json.h"

/*
 * The subset of Jinja that published chat templates use, with the settings of Transformers:
 * trim_blocks, lstrip_blocks, loop controls, its own tojson, {% generation %}, the immutable
 * sandbox.  Not there, and refused by name: include, import, extends, block, do, recursive loops;
 * an unknown filter or test is an error when it is reached.  Integers have 64 bits.
 *
 * A template comes with a downloaded model and may be hostile: a text of 1 MiB, 200 levels of
 * syntax, 1000 levels of calls and values, 50 million steps, 512 MiB of values and 128 MiB of text
 * are the most it gets; beyond is an error.  A compiled template may be run by several threads.
 */
struct fc_jinja;
/* name: for messages ("chat_template:12: ..."). */
int fc_jinja_compile(
    struct fc_jinja **j, const char *source, size_t n, const char *name, struct fc_err *e);
void fc_jinja_free(struct fc_jinja *j);

/* Does the template spell name, as a variable, a member or a whole string?  What it does not spell,
 * it can't read (unless it walks over all members of something). */
bool fc_jinja_mentions(const struct fc_jinja *j, const char *name);

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
