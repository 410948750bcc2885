/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/conversation.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/mem.h"
#include "chat/conversation_read.h"
#include "chat/invalid.h"
#include "chat/pair.h"
#include "text/infile.h"

struct fc_conversations {
	const char *const *paths;   /* borrowed */
	int n_paths, next;          /* next: index of the path to open after the current one */
	struct fc_records *records; /* NULL between files */
	char *text;                 /* [n_text] of the last line, borrowed from records */
	size_t n_text;
	uint64_t n_line;   /* of the files before */
	uint64_t n_record; /* lines that are not blank */
	struct fc_shard shard;
	unsigned seen;            /* of this file: 1 << shape of each that a line had */
	struct fc_buf told;       /* what the file before was said to be */
	uint64_t n_before, n_all; /* bytes of files already closed, and of all; 0: not known */
	unsigned kinds;           /* of other lines that are accepted */
	bool train_opening;
	struct fc_conversation side[FC_PAIR_SIDES]; /* of the last line, if it is a pair */
	int n_side, next_side;
};

static const char *const stdin_path[] = {"-"};

int fc_conversations_open(
    struct fc_conversations **out, const char *const *paths, int n_paths, struct fc_err *e)
{
	struct fc_conversations *r = FC_NEW(struct fc_conversations);
	r->paths = n_paths ? paths : stdin_path;
	r->n_paths = n_paths ? n_paths : 1;
	*out = NULL;
	/* a missing file is seen before any work */
	if (fc_records_open(&r->records, r->paths[r->next++], e) < 0) {
		free(r);
		return -1;
	}
	r->n_all = fc_infile_sizes(r->paths, r->n_paths);
	*out = r;
	return 0;
}

void fc_conversations_bytes(const struct fc_conversations *r, uint64_t *used, uint64_t *all)
{
	*used = r->n_before + (r->records ? fc_records_bytes(r->records) : 0);
	*all = r->n_all;
}

const struct fc_conversation *fc_conversations_sides(const struct fc_conversations *r, int *n)
{
	*n = r->n_side - r->next_side;
	return r->side + r->next_side;
}

void fc_conversations_drop_sides(struct fc_conversations *r)
{
	while (r->next_side < r->n_side)
		fc_conversation_release(&r->side[r->next_side++]);
}

void fc_conversations_close(struct fc_conversations *r)
{
	if (!r)
		return;
	fc_conversations_drop_sides(r);
	fc_records_close(r->records);
	fc_buf_release(&r->told);
	free(r);
}

void fc_conversations_accept(struct fc_conversations *r, unsigned kinds)
{
	r->kinds = kinds;
}

void fc_conversations_set_shard(struct fc_conversations *r, const struct fc_shard *shard)
{
	r->shard = *shard;
}

void fc_conversations_train_opening(struct fc_conversations *r)
{
	r->train_opening = true;
}

const char *fc_conversations_where(struct fc_conversations *r)
{
	return r->records ? fc_records_where(r->records) : "end of input";
}

/* Of the last line, over all files. */
static uint64_t line_number(const struct fc_conversations *r)
{
	return r->n_line + fc_records_number(r->records);
}

static int parse_pair(struct fc_conversations *r, json_t *line, enum fc_shape shape,
    const char *where, struct fc_err *e)
{
	struct fc_conversation of_line = {.form = FC_FORM_MESSAGES};
	int ret = fc_conversation_read_id(&of_line, line, line_number(r), where, e);
	r->next_side = r->n_side = 0;
	if (ret == 0)
		ret = fc_pair_parse(r->side, line, shape, of_line.id, where, e);
	fc_conversation_release(&of_line);
	if (ret > 0)
		r->n_side = ret;
	return ret < 0 ? -1 : 0;
}

static void take_side(struct fc_conversations *r, struct fc_conversation *c)
{
	*c = r->side[r->next_side];
	r->side[r->next_side++] = (struct fc_conversation){0};
}

/* Says what a file is, on a terminal, unless it is as the one before; and, anywhere, that it is of
 * several forms. */
static void tell_shape(struct fc_conversations *r, enum fc_shape shape)
{
	const bool first = !r->seen;
	const char *packing = fc_packing_name(fc_records_packing(r->records));
	struct fc_buf b = FC_BUF_INIT;
	if (r->seen & 1U << shape)
		return;
	r->seen |= 1U << shape;
	fc_buf_addf(&b, "%s%s%s%s", fc_shape_name(shape),
	    fc_records_is_array(r->records) ? ", an array" : "", packing ? ", " : "",
	    packing ? packing : "");
	if (!first)
		fc_note("%s: here %s begin; each line is read by its own members",
		    fc_records_where(r->records), fc_shape_name(shape));
	else if (isatty(STDERR_FILENO) && (!r->told.n || strcmp(r->told.p, b.p) != 0))
		fc_note("%s: %s", fc_records_name(r->records), b.p);
	fc_buf_release(&r->told);
	r->told = b;
}

/* 1: r->text is the next line that is not blank and of the shard, 0: end, -1: error. */
static int next_line(struct fc_conversations *r, struct fc_err *e)
{
	for (;;) {
		if (!r->records) {
			if (r->next == r->n_paths)
				return 0;
			if (fc_records_open(&r->records, r->paths[r->next++], e) < 0)
				return -1;
			r->seen = 0;
		}
		int got = fc_records_next(r->records, &r->text, &r->n_text, e);
		if (got < 0)
			return -1;
		if (got == 0) {
			r->n_before += fc_records_bytes(r->records);
			r->n_line += fc_records_number(r->records);
			fc_records_close(r->records);
			r->records = NULL;
			continue;
		}
		if (fc_shard_has(&r->shard, r->n_record++))
			return 1;
	}
}

/* What the line holds, in c or, of a pair, in the sides; -1: why it is invalid. */
static int read_line(struct fc_conversations *r, struct fc_conversation *c,
    enum fc_invalid_reason *reason, struct fc_err *why)
{
	const char *where = fc_records_where(r->records);
	enum fc_shape shape;
	json_t *line = fc_json_text(r->text, r->n_text, where, why);
	int ret = -1;
	*reason = FC_INVALID_JSON;
	if (!line)
		return -1;
	*reason = FC_INVALID_FORM;
	if (fc_shape_find(&shape, line, r->kinds, where, why) == 0) {
		*reason = FC_INVALID_MEMBER;
		ret = fc_shape_is_pair(shape) ? parse_pair(r, line, shape, where, why)
					      : fc_conversation_read_shape(c, line, shape, r->kinds,
						    r->train_opening, line_number(r), where, why);
	}
	if (ret == 0)
		tell_shape(r, shape);
	json_decref(line);
	return ret;
}

int fc_conversations_next(struct fc_conversations *r, struct fc_conversation *c, struct fc_err *e)
{
	enum fc_invalid_reason reason;
	struct fc_err why;
	int got;
	fc_conversation_release(c);
	if (r->next_side < r->n_side) {
		take_side(r, c);
		return 1;
	}
	while ((got = next_line(r, e)) > 0) {
		if (read_line(r, c, &reason, &why) == 0) {
			if (r->next_side < r->n_side)
				take_side(r, c);
			fc_invalid_add_valid();
			return 1;
		}
		if (fc_invalid_add(reason, r->records, r->text, r->n_text, &why, e) < 0)
			return -1;
	}
	return got;
}

int fc_conversations_refuse(struct fc_conversations *r, const struct fc_err *why, struct fc_err *e)
{
	fc_conversations_drop_sides(r);
	return fc_invalid_add(FC_INVALID_RENDERED, r->records, r->text, r->n_text, why, e);
}
