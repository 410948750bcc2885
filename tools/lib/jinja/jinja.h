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

/* Output in pieces that know where they came from. */
struct fc_jinja_piece {
	uint32_t start, end; /* bytes of text */
	int origin;          /* index of the message its content came from, -1: template */
	bool generation;     /* inside {% generation %} */
};
struct fc_jinja_out { /* {0} is empty */
	struct fc_buf text;
	struct fc_jinja_piece *piece; /* adjoining, never empty */
	size_t n, cap;
};
void fc_jinja_out_release(struct fc_jinja_out *o);

/*
 * Runs the template over vars (an object: messages, add_generation_prompt, bos_token, ...).
 * Strings that are the value of a "content" member of messages[i] carry origin i through slicing,
 * trimming, splitting and concatenation.  now_s: the time strftime_now() shows.
 */
int fc_jinja_run(const struct fc_jinja *j, const json_t *vars, int64_t now_s,
    struct fc_jinja_out *out, struct fc_err *e);

#endif
