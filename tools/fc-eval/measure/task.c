/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/task.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void eval_task_release(struct eval_task *t)
{
	for (size_t i = 0; i < t->n_choice; i++)
		free(t->choice[i].text);
	free(t->choice);
	free(t->context);
	free(t->id);
	json_decref(t->extra);
	*t = (struct eval_task){0};
}

/* The first of the names that the line has, taken out of it: a new reference, or NULL. */
static json_t *take_member(json_t *line, const char *const *name)
{
	for (; *name; name++) {
		json_t *v = json_object_get(line, *name);
		if (!v)
			continue;
		json_incref(v);
		json_object_del(line, *name);
		return v;
	}
	return NULL;
}

/* A string without NUL, which no task holds. */
static const char *text_of(const json_t *v)
{
	const char *s = json_string_value(v);
	return s && strlen(s) == json_string_length(v) ? s : NULL;
}

static int parse_choices(
    struct eval_task *t, const json_t *list, const char *where, struct fc_err *e)
{
	const size_t n = json_array_size(list);
	if (n < 2)
		return fc_fail(e, "%s: expected a list \"choices\" of at least two", where);
	t->choice = FC_ARRAY(struct eval_choice, n);
	for (size_t i = 0; i < n; i++) {
		const char *s = text_of(json_array_get(list, i));
		if (!s || !*s)
			return fc_fail(e, "%s: choice %zu is not a text", where, i + 1);
		struct eval_choice *c = &t->choice[t->n_choice++];
		*c = (struct eval_choice){.text = fc_strdup(s), .n_bytes = strlen(s)};
		for (; *s; s++)
			c->n_chars += ((unsigned char)*s & 0xc0) != 0x80;
	}
	return 0;
}

/* labels: NULL, or a list of strings */
static int parse_gold(
    struct eval_task *t, const json_t *v, const json_t *labels, const char *where, struct fc_err *e)
{
	const char *name = text_of(v);
	size_t gold = t->n_choice;
	if (json_is_integer(v) && json_integer_value(v) >= 0)
		gold = (size_t)json_integer_value(v);
	for (size_t i = 0; name && i < json_array_size(labels); i++) {
		const char *label = text_of(json_array_get(labels, i));
		if (label && !strcmp(label, name))
			gold = i;
	}
	if (name && !labels && *name >= 'A' && *name <= 'Z' && !name[1])
		gold = (size_t)(*name - 'A');
	if (gold >= t->n_choice)
		return fc_fail(e,
		    "%s: \"gold\" or \"answer\" names none of the %zu choices: expected a number "
		    "from 0, a label or a letter",
		    where, t->n_choice);
	t->gold = gold;
	return 0;
}

static int parse_line(
    struct eval_task *t, json_t *line, size_t number, const char *where, struct fc_err *e)
{
	json_t *context = take_member(line, (const char *const[]){"context", "question", NULL});
	json_t *list = take_member(line, (const char *const[]){"choices", NULL}), *labels = NULL;
	json_t *gold =
	    take_member(line, (const char *const[]){"gold", "answer", "answerKey", NULL});
	json_t *id = take_member(line, (const char *const[]){"id", NULL});
	int ret = -1;
	struct fc_buf b = FC_BUF_INIT;
	if (id && !text_of(id) && !json_is_integer(id)) {
		fc_fail(e, "%s: \"id\" is neither a string nor an integer", where);
		goto out;
	}
	if (!id)
		fc_buf_addf(&b, "line-%zu", number);
	else if (json_is_integer(id))
		fc_buf_addf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
	else
		fc_buf_adds(&b, text_of(id));
	t->id = fc_buf_detach(&b);
	if (!text_of(context)) {
		fc_fail(e, "%s: expected a string \"context\" or \"question\"", where);
		goto out;
	}
	t->context = fc_strdup(text_of(context));
	const json_t *texts = list;
	if (json_is_object(list)) {
		texts = json_object_get(list, "text");
		labels = json_object_get(list, "label");
	}
	if (parse_choices(t, texts, where, e) < 0 || parse_gold(t, gold, labels, where, e) < 0)
		goto out;
	ret = 0;
out:
	json_decref(context);
	json_decref(list);
	json_decref(gold);
	json_decref(id);
	return ret;
}

int eval_task_parse(struct eval_task *t, const char *p, size_t n, size_t number, const char *where,
    struct fc_err *e)
{
	*t = (struct eval_task){.extra = fc_json_text(p, n, where, e)};
	if (!t->extra)
		return -1;
	int ret = json_is_object(t->extra) ? parse_line(t, t->extra, number, where, e)
					   : fc_fail(e, "%s: expected an object", where);
	if (ret < 0)
		eval_task_release(t);
	return ret;
}
