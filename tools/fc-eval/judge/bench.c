/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/jsonl.h"

struct eval_span eval_span_of(const char *s)
{
	return (struct eval_span){s, strlen(s)};
}

struct eval_span eval_span_json(const json_t *v)
{
	return (struct eval_span){json_string_value(v), json_string_length(v)};
}

/* Borrowed from the line. */
static const json_t *id_of(const json_t *line)
{
	const json_t *v = json_object_get(line, "question_id");
	return v ? v : json_object_get(line, "uid");
}

char *eval_question_id_text(const json_t *line)
{
	const json_t *v = id_of(line);
	struct fc_buf b = FC_BUF_INIT;
	if (json_is_integer(v))
		fc_buf_addf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_string(v))
		fc_buf_adds(&b, json_string_value(v));
	else
		return NULL;
	return fc_buf_detach(&b);
}

int eval_question_id_compare(const char *a, const char *b)
{
	char *end_a, *end_b;
	long long x = strtoll(a, &end_a, 10), y = strtoll(b, &end_b, 10);
	bool number_a = *a && !*end_a, number_b = *b && !*end_b;
	if (number_a != number_b)
		return number_a ? -1 : 1;
	if (number_a && x != y)
		return x < y ? -1 : 1;
	return strcmp(a, b);
}

int eval_bench_turns(const json_t *turns, const char *where, const char *what,
    struct eval_span **turn, size_t *n_turn, struct fc_err *e)
{
	size_t n = json_array_size(turns);
	*turn = FC_ARRAY(struct eval_span, n);
	*n_turn = n;
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(turns, i);
		if (json_is_object(v))
			v = json_object_get(v, "content");
		if (!json_is_string(v))
			return fc_fail(e, "%s: %s %zu: expected a text", where, what, i + 1);
		(*turn)[i] = eval_span_json(v);
	}
	return 0;
}

static int read_question(
    void *ctx /* struct eval_bench */, json_t *o, const char *where, struct fc_err *e)
{
	struct eval_bench *b = ctx;
	FC_GROW(b->question, b->cap, b->n + 1);
	struct eval_question *q = &b->question[b->n++];
	*q = (struct eval_question){.o = o, .id = eval_question_id_text(o)};
	if (!q->id)
		return fc_fail(
		    e, "%s: expected an object with question_id, an integer or a string", where);
	if (fc_json_str(o, "category", "general", &q->category, where, e) < 0)
		return -1;
	const json_t *prompt = json_object_get(o, "prompt");
	if (!json_object_get(o, "turns") && json_is_string(prompt)) {
		q->turn = FC_ARRAY(struct eval_span, 1);
		q->turn[0] = eval_span_json(prompt);
		q->n_turn = 1;
		return 0;
	}
	const json_t *turns = json_object_get(o, "turns");
	if (!json_array_size(turns))
		return fc_fail(e, "%s: turns: expected an array of texts, not empty", where);
	return eval_bench_turns(turns, where, "turns: item", &q->turn, &q->n_turn, e);
}

static const struct eval_bench *sorting; /* qsort has no argument for it */

static int by_id(const void *a, const void *b)
{
	const size_t *x = a, *y = b;
	return strcmp(sorting->question[*x].id, sorting->question[*y].id);
}

static int sort_bench(struct eval_bench *b, const char *path, struct fc_err *e)
{
	b->by_id = FC_ARRAY(size_t, b->n);
	for (size_t i = 0; i < b->n; i++)
		b->by_id[i] = i;
	sorting = b;
	if (b->n)
		qsort(b->by_id, b->n, sizeof *b->by_id, by_id);
	for (size_t i = 1; i < b->n; i++)
		if (!by_id(&b->by_id[i - 1], &b->by_id[i]))
			return fc_fail(
			    e, "%s: question %s comes twice", path, b->question[b->by_id[i]].id);
	return b->n ? 0 : fc_fail(e, "%s: no question", path);
}

int eval_bench_read(struct eval_bench *b, const char *path, struct fc_err *e)
{
	*b = (struct eval_bench){0};
	return fc_jsonl_each(path, read_question, b, e) < 0 ? -1 : sort_bench(b, path, e);
}

void eval_bench_release(struct eval_bench *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->question[i].id);
		free(b->question[i].turn);
		json_decref(b->question[i].o);
	}
	free(b->question);
	free(b->by_id);
	*b = (struct eval_bench){0};
}

const struct eval_question *eval_bench_find(const struct eval_bench *b, const char *id)
{
	size_t low = 0, high = b->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct eval_question *q = &b->question[b->by_id[mid]];
		int c = strcmp(id, q->id);
		if (c == 0)
			return q;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const json_t *eval_question_id(const struct eval_question *q)
{
	return id_of(q->o);
}
