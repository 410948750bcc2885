/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "fc-eval/judge/bench.h"
#include "text/jsonl.h"

/* Only choices[0] is ever judged. */
static int read_answer(
    void *ctx /* struct eval_bench_answers */, json_t *o, const char *where, struct fc_err *e)
{
	struct eval_bench_answers *a = ctx;
	FC_GROW(a->item, a->cap, a->n + 1);
	struct eval_bench_answer *g = &a->item[a->n];
	*g = (struct eval_bench_answer){.o = o, .id = eval_question_id_text(o), .order = a->n++};
	const json_t *turns =
	    json_object_get(json_array_get(json_object_get(o, "choices"), 0), "turns");
	if (!g->id || !json_array_size(turns))
		return fc_fail(e,
		    "%s: expected an answer: {\"question_id\", \"choices\": [{\"turns\": [text]}]}",
		    where);
	return eval_bench_turns(turns, where, "choices[0]: turn", &g->turn, &g->n_turn, e);
}

static void release_answer(struct eval_bench_answer *g)
{
	free(g->id);
	free(g->turn);
	json_decref(g->o);
}

static int by_id(const void *a, const void *b)
{
	const struct eval_bench_answer *x = a, *y = b;
	int c = strcmp(x->id, y->id);
	return c ? c : x->order < y->order ? -1 : x->order > y->order;
}

const struct eval_bench_answer *eval_bench_answers_find(
    const struct eval_bench_answers *a, const char *id)
{
	size_t low = 0, high = a->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(id, a->item[mid].id);
		if (c == 0)
			return &a->item[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* By id; of several answers to a question the last stays, as in FastChat, where a file grows by
 * appending. */
static void sort_by_id(struct eval_bench_answers *a, const char *path)
{
	size_t n = 0, n_double = 0;
	const char *first = NULL;
	if (a->n)
		qsort(a->item, a->n, sizeof *a->item, by_id);
	for (size_t i = 0; i < a->n; i++) {
		if (n && !strcmp(a->item[n - 1].id, a->item[i].id)) {
			release_answer(&a->item[--n]);
			n_double++;
			first = first ? first : a->item[i].id;
		}
		a->item[n++] = a->item[i];
	}
	a->n = n;
	if (n_double)
		fc_warn("%s: %zu answers are to questions that have a later answer (the first is "
			"question %s); the last one counts",
		    path, n_double, first);
}

int eval_bench_answers_read(struct eval_bench_answers *a, const char *path, struct fc_err *e)
{
	*a = (struct eval_bench_answers){.model = fc_path_stem(path, ".jsonl")};
	if (fc_jsonl_each(path, read_answer, a, e) < 0)
		return -1;
	sort_by_id(a, path);
	return a->n ? 0 : fc_fail(e, "%s: no answer", path);
}

void eval_bench_answers_empty(
    struct eval_bench_answers *a, const char *model, const struct eval_bench *b)
{
	*a = (struct eval_bench_answers){.model = fc_strdup(model)};
	a->item = FC_ARRAY(struct eval_bench_answer, b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct eval_question *q = &b->question[b->by_id[i]];
		struct eval_bench_answer *g = &a->item[a->n++];
		*g = (struct eval_bench_answer){.id = fc_strdup(q->id), .n_turn = q->n_turn};
		g->turn = FC_ARRAY(struct eval_span, q->n_turn);
		for (size_t t = 0; t < q->n_turn; t++)
			g->turn[t] = eval_span_of("");
	}
}

void eval_bench_answers_release(struct eval_bench_answers *a)
{
	for (size_t i = 0; i < a->n; i++)
		release_answer(&a->item[i]);
	free(a->item);
	free(a->model);
	*a = (struct eval_bench_answers){0};
}

bool eval_bench_answer_is_error(struct eval_span s)
{
	static const char *const marks[] = {"ERROR", "$ERROR$"};
	for (size_t i = 0; i < FC_LEN(marks); i++)
		if (s.n == strlen(marks[i]) && !memcmp(s.p, marks[i], s.n))
			return true;
	return false;
}
