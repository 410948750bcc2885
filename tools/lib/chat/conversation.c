/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/conversation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "chat/message_parse.h"
#include "chat/pair.h"
#include "chat/question.h"
#include "text/lines.h"

struct fc_conversations {
	const char *const *paths; /* borrowed */
	int n_paths, next;        /* next: index of the path to open after the current one */
	struct fc_lines *lines;   /* NULL between files */
	uint64_t number;          /* of the line, over all files */
	uint64_t n_record;        /* lines that are not blank */
	struct fc_shard shard;
	uint64_t n_before, n_all; /* bytes of files already closed, and of all; 0: not known */
	unsigned kinds;           /* of other lines that are accepted */
	bool train_opening;
	struct fc_conversation side[FC_PAIR_SIDES]; /* of the last line, if it is a pair */
	int n_side, next_side;
};

static const char *const stdin_path[] = {"-"};

/* Bytes of all files; 0 where one is something else. */
static uint64_t size_of(const char *const *paths, int n)
{
	uint64_t sum = 0;
	for (int i = 0; i < n; i++) {
		struct stat st;
		const bool is_stdin = !strcmp(paths[i], "-");
		if ((is_stdin ? fstat(0, &st) : stat(paths[i], &st)) < 0 || !S_ISREG(st.st_mode))
			return 0;
		sum += (uint64_t)st.st_size;
	}
	return sum;
}

int fc_conversations_open(
    struct fc_conversations **out, const char *const *paths, int n_paths, struct fc_err *e)
{
	struct fc_conversations *r = FC_NEW(struct fc_conversations);
	r->paths = n_paths ? paths : stdin_path;
	r->n_paths = n_paths ? n_paths : 1;
	*out = NULL;
	/* a missing file is seen before any work */
	if (fc_lines_open(&r->lines, r->paths[r->next++], e) < 0) {
		free(r);
		return -1;
	}
	r->n_all = size_of(r->paths, r->n_paths);
	*out = r;
	return 0;
}

void fc_conversations_bytes(const struct fc_conversations *r, uint64_t *used, uint64_t *all)
{
	*used = r->n_before + (r->lines ? fc_lines_bytes(r->lines) : 0);
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
	fc_lines_close(r->lines);
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
	return r->lines ? fc_lines_where(r->lines) : "end of input";
}

static int parse_id(struct fc_conversation *c, const json_t *line, uint64_t number,
    const char *where, struct fc_err *e)
{
	/* of messages as data sets have them, FastChat's and UltraChat's among them; "uid" is
	 * Arena-Hard's */
	static const char *const keys[] = {
	    "id", "uid", "conversation_id", "question_id", "uuid", "prompt_id"};
	const char *key = "id";
	const json_t *v = NULL;
	for (size_t i = 0; i < FC_LEN(keys) && (!v || json_is_null(v)); i++) {
		if (c->form != FC_FORM_ARENA && !strcmp(keys[i], "uid"))
			continue;
		key = keys[i];
		v = json_object_get(line, key);
	}
	struct fc_buf b = FC_BUF_INIT;
	if (!v || json_is_null(v))
		fc_buf_addf(&b, "line-%" PRIu64, number);
	else if (json_is_integer(v))
		fc_buf_addf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v))
		fc_buf_adds(&b, json_string_value(v));
	else
		return fc_fail(e, "%s: \"%s\" is neither a string nor an integer", where, key);
	c->id = fc_buf_detach(&b);
	return 0;
}

/* The system prompt beside ShareGPT's messages, which leaves the line. */
static int add_system(struct fc_conversation *c, json_t *line, const json_t *list,
    const char *where, struct fc_err *e)
{
	const json_t *system = json_object_get(line, "system"), *first = json_array_get(list, 0);
	const char *from = json_string_value(json_object_get(first, "from"));
	if (!system || json_is_null(system) ||
	    (json_is_string(system) && !json_string_length(system)))
		return 0;
	if (!json_is_string(system))
		return fc_fail(e, "%s: \"system\" is not a string", where);
	if (!from || strcmp(from, "system") != 0)
		fc_conversation_add(
		    c, FC_ROLE_SYSTEM, json_string_value(system), json_string_length(system));
	else if (!json_equal(system, json_object_get(first, "value")))
		return fc_fail(e,
		    "%s: \"system\" says something else than the first message, a system's; "
		    "remove one",
		    where);
	json_object_del(line, "system");
	return 0;
}

static void leave_opening(struct fc_conversation *c)
{
	for (size_t i = 0; i < c->n_message && c->message[i].role != FC_ROLE_USER; i++)
		if (c->message[i].role == FC_ROLE_ASSISTANT && !c->message[i].untrained) {
			c->message[i].untrained = true;
			c->n_opening++;
		}
}

/* What is said of lines that jq turns into conversations; NULL: the line is none of them. */
static const char *other_form(const json_t *line)
{
	if (json_is_array(line))
		return "an array, where every line is an object; use jq -c '.[]' FILE | ...";
	if (json_object_get(line, "instruction") && json_object_get(line, "output"))
		return "an instruction with its output (Alpaca); fc-infer(1), OTHER FORMS, has the "
		       "line of jq that makes conversations of them";
	if (json_object_get(line, "chosen") && json_object_get(line, "rejected"))
		return "a preference (chosen, rejected); fc-infer(1), OTHER FORMS, has the line of "
		       "jq "
		       "that makes conversations of the chosen answers";
	if (json_object_get(line, "prompt") && json_object_get(line, "completion"))
		return "a prompt with its completion (TRL); fc-infer(1), OTHER FORMS, has the line "
		       "of jq that makes conversations of them";
	return NULL;
}

/* line: the parsed line; becomes the extra members. */
static int parse_line(struct fc_conversation *c, json_t *line, const struct fc_conversations *r,
    const char *where, struct fc_err *e)
{
	const json_t *list = json_object_get(line, "messages");
	c->form = list ? FC_FORM_MESSAGES : FC_FORM_SHAREGPT;
	if (!list)
		list = json_object_get(line, "conversations");
	if (!list && r->kinds) {
		int got = fc_question_parse(c, line, r->kinds, where, e);
		if (got < 0 || (got > 0 && parse_id(c, line, r->number, where, e) < 0))
			return -1;
		if (got > 0) {
			json_object_del(line, "id");
			c->extra = json_incref(line);
			return 0;
		}
	}
	if (!list && other_form(line))
		return fc_fail(e, "%s: %s", where, other_form(line));
	if (!list)
		return fc_fail(e, "%s: expected an object with \"messages\"%s or \"conversations\"",
		    where,
		    r->kinds & FC_LINE_QUESTIONS   ? ", \"turns\""
			: r->kinds & FC_LINE_TEXTS ? ", \"text\""
						   : "");
	const char *name = c->form == FC_FORM_SHAREGPT ? "conversations" : "messages";
	if (!json_is_array(list))
		return fc_fail(e, "%s: \"%s\" is not a list", where, name);
	if (json_array_size(list) == 0)
		return fc_fail(e, "%s: \"%s\" is empty", where, name);
	if (c->form == FC_FORM_SHAREGPT && add_system(c, line, list, where, e) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (fc_message_parse(c, json_array_get(list, i), i + 1, where, e) < 0)
			return -1;
	if (parse_id(c, line, r->number, where, e) < 0)
		return -1;
	if (!r->train_opening)
		leave_opening(c);
	json_object_del(line, name);
	json_object_del(line, "id");
	c->extra = json_incref(line);
	return 0;
}

int fc_conversation_read(struct fc_conversation *c, json_t *line, unsigned kinds,
    bool train_opening, uint64_t number, const char *where, struct fc_err *e)
{
	const struct fc_conversations as = {
	    .kinds = kinds, .number = number, .train_opening = train_opening};
	fc_conversation_release(c);
	if (parse_line(c, line, &as, where, e) == 0)
		return 0;
	fc_conversation_release(c);
	return -1;
}

static int parse_pair(struct fc_conversations *r, json_t *line, const char *where, struct fc_err *e)
{
	struct fc_conversation of_line = {.form = FC_FORM_MESSAGES};
	int ret = parse_id(&of_line, line, r->number, where, e);
	r->next_side = r->n_side = 0;
	if (ret == 0)
		ret = fc_pair_parse(r->side, line, of_line.id, where, e);
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

/* 1: *p is the next line that is not blank, 0: end, -1: error. */
static int next_line(struct fc_conversations *r, char **p, size_t *n, struct fc_err *e)
{
	for (;;) {
		if (!r->lines) {
			if (r->next == r->n_paths)
				return 0;
			if (fc_lines_open(&r->lines, r->paths[r->next++], e) < 0)
				return -1;
		}
		int got = fc_lines_next(r->lines, p, n, e);
		if (got < 0)
			return -1;
		if (got == 0) {
			r->n_before += fc_lines_bytes(r->lines);
			fc_lines_close(r->lines);
			r->lines = NULL;
			continue;
		}
		r->number++;
		if (!fc_line_is_blank(*p, *n) && fc_shard_has(&r->shard, r->n_record++))
			return 1;
	}
}

int fc_conversations_next(struct fc_conversations *r, struct fc_conversation *c, struct fc_err *e)
{
	char *p;
	size_t n;
	fc_conversation_release(c);
	if (r->next_side < r->n_side) {
		take_side(r, c);
		return 1;
	}
	int got = next_line(r, &p, &n, e);
	if (got <= 0)
		return got;
	const char *where = fc_lines_where(r->lines);
	json_t *line = fc_json_text(p, n, where, e);
	if (!line)
		return -1;
	const bool pair = r->kinds & FC_LINE_PAIRS && fc_pair_is(line);
	int ret =
	    (pair ? parse_pair(r, line, where, e) : parse_line(c, line, r, where, e)) < 0 ? -1 : 1;
	json_decref(line);
	if (ret > 0 && pair)
		take_side(r, c);
	if (ret < 0)
		fc_conversation_release(c);
	return ret;
}
