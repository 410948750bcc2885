/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_BENCH_H
#define FC_EVAL_BENCH_H

#include <stdbool.h>

#include "text/json.h"

/* Questions and answers as FastChat's llm_judge keeps them. */

/* Text inside a JSON value: NUL-terminated, may hold NULs. */
struct eval_span {
	const char *p;
	size_t n;
};
struct eval_span eval_span_of(const char *s);
struct eval_span eval_span_json(const json_t *string);

/*
 * A line with "question_id" (or Arena-Hard's "uid"), an integer or a string, "category", and
 * "turns": strings or {"content": string}; "prompt": string is one turn.
 */
struct eval_question {
	char *id;               /* as text */
	json_t *o;              /* the line */
	const char *category;   /* borrowed from o */
	struct eval_span *turn; /* [n_turn], borrowed from o */
	size_t n_turn;
};

struct eval_bench {
	struct eval_question *question; /* [n] in the file's order */
	size_t n, cap;
	size_t *by_id; /* [n] numbers of questions, in the order of ids' bytes */
};
/* Blank lines are skipped; an id that comes twice is an error. */
int eval_bench_read(struct eval_bench *b, const char *path, struct fc_err *e);
void eval_bench_release(struct eval_bench *b);
/* NULL if there is none. */
const struct eval_question *eval_bench_find(const struct eval_bench *b, const char *id);
/* The line's question id as it is to be written into other files, borrowed. */
const json_t *eval_question_id(const struct eval_question *q);

/* "question_id" or "uid" of a line as text, the caller's to free(); NULL if it has none. */
char *eval_question_id_text(const json_t *line);
/* Compares ids: numbers by value and before names, names by bytes. */
int eval_question_id_compare(const char *a, const char *b);

/* The texts of turns, strings or Arena-Hard's {"content": string}, borrowed; the array is the
 * caller's to free().  what: of the message, before a turn's number. */
int eval_bench_turns(const json_t *turns, const char *where, const char *what,
    struct eval_span **turn, size_t *n_turn, struct fc_err *e);

/* One model's answer to one question: the turns of its first choice. */
struct eval_bench_answer {
	char *id;
	json_t *o;
	struct eval_span *turn; /* [n_turn], borrowed from o */
	size_t n_turn;
	size_t order; /* line of the file it came from */
};
struct eval_bench_answers {
	char *model; /* the file's name without folder and .jsonl, as FastChat does */
	struct eval_bench_answer *item; /* [n], in the order of ids' bytes */
	size_t n, cap;
};
/* Of several lines with one question's id the last counts. */
int eval_bench_answers_read(struct eval_bench_answers *a, const char *path, struct fc_err *e);
/* Makes empty answers of a model to every turn of every question. */
void eval_bench_answers_empty(
    struct eval_bench_answers *a, const char *model, const struct eval_bench *b);
void eval_bench_answers_release(struct eval_bench_answers *a);
const struct eval_bench_answer *eval_bench_answers_find(
    const struct eval_bench_answers *a, const char *id);

/* Is the text what FastChat stores where no answer could be had: "ERROR" or "$ERROR$"? */
bool eval_bench_answer_is_error(struct eval_span s);

#endif
