/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_CANDIDATES_H
#define FC_EVAL_CANDIDATES_H

#include "chat/conversation.h"

/*
 * select/: of several answers to a prompt, the best and a pair.  select is the command.  candidates
 * reads answers and puts together those of one prompt; reward says what each is worth, by itself,
 * by the others, by a stream, by judgments or by a program; choosing takes the best and
 * a pair of a prompt's; selected writes what was taken as lines.
 */

/* One answer to a prompt: a conversation that ends with an assistant's message. */
struct eval_candidate {
	struct fc_conversation c; /* as it came; id is the line's */
	char *prompt_id;          /* the conversation's, the same for all answers to it */
	char *source;             /* who answered: member "source", else the file's name */
	char *where;
	int64_t choice;  /* of several of one source, from 0 */
	double reward;   /* NaN: none */
	size_t prompt;   /* number of its prompt */
	size_t n_source; /* number of its source */
	size_t order;
};
/* Those of prompt p are v[first[p]] to v[first[p + 1] - 1], in the order they came; prompts are in
 * the order they came. */
struct eval_candidates {          /* {0} is empty */
	struct eval_candidate *v; /* [n] */
	size_t n, cap;
	size_t *first; /* [n_prompt + 1] */
	size_t n_prompt;
	char **source; /* [n_source] names */
	size_t n_source;
	uint64_t n_truncated; /* answers that were truncated and left out */
};

/* Reads all files of answers.  An answer that was truncated is left out unless keep_truncated.  An
 * error: a conversation without an answer at its end, two answers of one source with one number to
 * a prompt, and prompts of one id with different messages. */
int eval_candidates_read(struct eval_candidates *s, const char *const *paths, int n_paths,
    bool keep_truncated, struct fc_err *e);
void eval_candidates_release(struct eval_candidates *s);
const char *eval_candidate_answer(const struct eval_candidate *a);
/* The candidate's id among all, which names prompt, source and number; new. */
char *eval_candidate_id(const struct eval_candidate *a);
/* The candidate of this line's id or eval_candidate_id(), NULL: none.  by_id: [n], see
 * eval_candidates_index(). */
struct eval_named {
	char *id;
	struct eval_candidate *a;
};
struct eval_named *eval_candidates_index(struct eval_candidates *s); /* release by _unindex */
void eval_candidates_unindex(struct eval_named *by_id, size_t n);
struct eval_candidate *eval_candidates_find(
    const struct eval_named *by_id, size_t n, const char *id);

#endif
