/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/shape.h"

#include <string.h>

#include "base/mem.h"

static const char *const names[] = {
    [FC_SHAPE_MESSAGES] = "chat messages",
    [FC_SHAPE_SHAREGPT] = "ShareGPT conversations",
    [FC_SHAPE_ALPACA] = "Alpaca instructions",
    [FC_SHAPE_COMPLETION] = "prompts with completions (TRL)",
    [FC_SHAPE_PROMPT] = "prompts (TRL)",
    [FC_SHAPE_PAIR] = "preferences (TRL)",
    [FC_SHAPE_ALPACA_PAIR] = "Alpaca preferences (LLaMA-Factory)",
    [FC_SHAPE_SHAREGPT_PAIR] = "ShareGPT preferences (LLaMA-Factory)",
    [FC_SHAPE_QUESTION] = "questions of MT-Bench's form",
    [FC_SHAPE_ARENA] = "questions of Arena-Hard's form",
    [FC_SHAPE_MATH] = "questions of GSM8K's form",
    [FC_SHAPE_TEXT] = "texts",
};
_Static_assert(FC_LEN(names) == FC_SHAPE_N, "a name each");

const char *fc_shape_name(enum fc_shape s)
{
	return names[s];
}

bool fc_shape_is_pair(enum fc_shape s)
{
	return s == FC_SHAPE_PAIR || s == FC_SHAPE_ALPACA_PAIR || s == FC_SHAPE_SHAREGPT_PAIR;
}

static const json_t *get(const json_t *line, const char *key)
{
	const json_t *v = json_object_get(line, key);
	return json_is_null(v) ? NULL : v;
}

static bool is_messages(const json_t *v)
{
	return json_is_array(v) || json_is_object(v);
}

/* Appends the names of the line's members, the first of many. */
static void add_members(struct fc_buf *b, const json_t *line)
{
	enum { MOST = 12 };
	const char *key;
	json_t *v;
	size_t n = 0;
	json_object_foreach((json_t *)(uintptr_t)line, key, v)
	{
		(void)v;
		if (n == MOST)
			fc_buf_adds(b, " ...");
		if (n++ >= MOST)
			continue;
		fc_buf_adds(b, n > 1 ? ", " : "");
		fc_json_quote(b, key, strlen(key));
	}
}

static int fail_unknown(const json_t *line, unsigned kinds, const char *where, struct fc_err *e)
{
	struct fc_buf seen = FC_BUF_INIT;
	if (!json_is_object(line))
		return fc_fail(e, "%s: expected an object%s", where,
		    json_is_array(line) ? ", this is an array; jq -c '.[]' makes lines of it" : "");
	add_members(&seen, line);
	fc_fail(e,
	    "%s: the members are %s; expected \"messages\" or \"conversations\", \"instruction\" "
	    "with "
	    "\"output\", \"prompt\" with \"completion\"%s%s%s",
	    where, seen.n ? seen.p : "none",
	    kinds & FC_LINE_PAIRS ? ", \"chosen\" with \"rejected\"" : "",
	    kinds & FC_LINE_QUESTIONS ? ", \"turns\", \"question\", or a \"prompt\" of messages or "
					"with \"uid\""
				      : "",
	    kinds & FC_LINE_TEXTS ? ", or \"text\"" : "");
	fc_buf_release(&seen);
	return -1;
}

static int fail_ambiguous(
    const json_t *line, const char *a, const char *b, const char *where, struct fc_err *e)
{
	struct fc_buf seen = FC_BUF_INIT;
	add_members(&seen, line);
	fc_fail(e, "%s: this may be of the %s or of the %s, since the members are %s; remove some",
	    where, a, b, seen.p);
	fc_buf_release(&seen);
	return -1;
}

/* What is known but not read by this program, or in this mode of it. */
static int check_accepted(
    enum fc_shape s, const json_t *line, unsigned kinds, const char *where, struct fc_err *e)
{
	/* TRL's and LLaMA-Factory's sign of unpaired preferences, half of which nobody wants */
	const char *label = s == FC_SHAPE_COMPLETION ? "label" : "kto_tag";
	if (s <= FC_SHAPE_COMPLETION && json_is_boolean(get(line, label)))
		return fc_fail(e,
		    "%s: with \"%s\" this is an unpaired preference, which is not supported; jq -c "
		    "'select(.%s) | del(.%s)' takes what was preferred",
		    where, label, label, label);
	if (s == FC_SHAPE_COMPLETION && !is_messages(get(line, "completion")) &&
	    !(kinds & FC_LINE_TEXTS))
		return fc_fail(e,
		    "%s: a prompt with its completion as text (TRL), where conversations are read; "
		    "fc-infer(1), OTHER FORMS, has the line of jq that makes one of them",
		    where);
	if (fc_shape_is_pair(s) && !(kinds & FC_LINE_PAIRS))
		return fc_fail(e,
		    "%s: a preference (chosen, rejected), where conversations are read; "
		    "fc-infer(1), "
		    "OTHER FORMS, has the line of jq that makes one of the chosen answer",
		    where);
	if (s == FC_SHAPE_TEXT && !(kinds & FC_LINE_TEXTS))
		return fail_unknown(line, kinds, where, e);
	return 0;
}

/* The shapes that a line without messages and conversations has, in hit[]. */
static size_t find_hits(enum fc_shape hit[FC_SHAPE_N], const json_t *line, unsigned kinds)
{
	const bool answers = get(line, "chosen") && get(line, "rejected");
	const bool instruction = get(line, "instruction") != NULL;
	const json_t *prompt = get(line, "prompt");
	size_t n = 0;
	if (instruction && get(line, "output"))
		hit[n++] = FC_SHAPE_ALPACA;
	if (prompt && get(line, "completion"))
		hit[n++] = FC_SHAPE_COMPLETION;
	if (answers && kinds & FC_LINE_PAIRS)
		hit[n++] = instruction ? FC_SHAPE_ALPACA_PAIR : FC_SHAPE_PAIR;
	if (!(kinds & FC_LINE_QUESTIONS))
		;
	else if (get(line, "turns"))
		hit[n++] = json_is_object(json_array_get(get(line, "turns"), 0))
		    ? FC_SHAPE_ARENA
		    : FC_SHAPE_QUESTION;
	else if (json_is_string(prompt) && get(line, "uid"))
		hit[n++] = FC_SHAPE_ARENA;
	else if (json_is_string(get(line, "question")))
		hit[n++] = FC_SHAPE_MATH;
	if (!n && answers)
		hit[n++] = FC_SHAPE_PAIR; /* which is refused by name */
	if (!n && is_messages(prompt))
		hit[n++] = FC_SHAPE_PROMPT;
	/* one of another type is refused when it is read, by its name */
	if (!n && kinds & FC_LINE_QUESTIONS && get(line, "question"))
		hit[n++] = FC_SHAPE_MATH;
	if (!n && get(line, "text"))
		hit[n++] = FC_SHAPE_TEXT;
	if (!n && prompt && !json_is_string(prompt))
		hit[n++] = FC_SHAPE_PROMPT;
	return n;
}

const char *fc_shape_list(const json_t *line)
{
	return get(line, "messages")                               ? "messages"
	    : get(line, "conversations")                           ? "conversations"
	    : json_is_array(json_object_get(line, "conversation")) ? "conversation"
								   : NULL;
}

/* By the list's first message; by the list's name where that does not tell. */
static enum fc_shape shape_of_list(const json_t *line, const char *name)
{
	const json_t *first = json_array_get(get(line, name), 0);
	const bool from = json_object_get(first, "from") != NULL,
		   role = json_object_get(first, "role") != NULL;
	if (from != role)
		return from ? FC_SHAPE_SHAREGPT : FC_SHAPE_MESSAGES;
	return strcmp(name, "conversations") != 0 ? FC_SHAPE_MESSAGES : FC_SHAPE_SHAREGPT;
}

int fc_shape_find(
    enum fc_shape *s, const json_t *line, unsigned kinds, const char *where, struct fc_err *e)
{
	enum fc_shape hit[FC_SHAPE_N];
	const char *list = fc_shape_list(line);
	if (get(line, "messages") && get(line, "conversations"))
		return fail_ambiguous(
		    line, names[FC_SHAPE_MESSAGES], names[FC_SHAPE_SHAREGPT], where, e);
	if (list) {
		const bool pair = !strcmp(list, "conversations") && kinds & FC_LINE_PAIRS &&
		    json_is_object(get(line, "chosen")) && json_is_object(get(line, "rejected"));
		*s = pair ? FC_SHAPE_SHAREGPT_PAIR : shape_of_list(line, list);
		return check_accepted(*s, line, kinds, where, e);
	}
	const size_t n = find_hits(hit, line, kinds);
	if (!n)
		return fail_unknown(line, kinds, where, e);
	if (n > 1)
		return fail_ambiguous(line, names[hit[0]], names[hit[1]], where, e);
	*s = hit[0];
	return check_accepted(*s, line, kinds, where, e);
}
