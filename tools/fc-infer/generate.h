/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_GENERATE_H
#define FC_INFER_GENERATE_H

#include "fc-infer/infer.h"

/* Between the files of --generate; infer.h says which there are. */

/* One choice of one input line: what a slot works on. */
struct task {
	struct item *item;        /* the line, owned by the queue */
	int choice;               /* from 0 */
	struct fc_conversation c; /* id and messages, own; answers are put in as they come */
	size_t turn;              /* the message being answered; the answer goes behind it */
	size_t *answer_tokens;    /* [n_answer] */
	size_t n_answer, cap_answer_tokens;
	bool skipped; /* over the context: its line is left out */
	struct fc_sampling sampling;
	struct fc_rng rng;
};

/* ---- answer_queue.c ---- */
struct queue;
/* Opens the output; with --resume reads what it holds. */
int infer_queue_open(struct queue **q, struct session *s, struct fc_err *e);
/* 1: *t is to be answered, 0: nothing is at the moment (or ever: infer_queue_ended()), -1: error.
 * Answers depend on their task only, so tasks may be done in any order. */
int infer_queue_next(struct queue *q, struct task **t, struct fc_err *e);
/* t is answered or skipped; writes the lines that are complete up to the first that is not. */
int infer_queue_done(struct queue *q, struct task *t, struct fc_err *e);
bool infer_queue_ended(const struct queue *q);
uint64_t infer_queue_lines(const struct queue *q); /* read so far, without those answered before */
int infer_queue_finish(struct queue *q, struct fc_err *e); /* frees it, also on failure */
void infer_queue_abort(struct queue *q);

/* ---- stops.c ---- */
struct stops {
	uint32_t *token;
	size_t n_token, cap;
	const struct fc_strs *text; /* borrowed */
};
/* The model's own stop tokens (end of turn, EOS, eos_token_id of its configurations) and those of
 * the command line. */
int infer_stops_open(struct stops *st, const struct session *s, struct fc_err *e);
void infer_stops_release(struct stops *st);
bool infer_stops_is_token(const struct stops *st, uint32_t id);
/* Where the earliest stop string begins in the n bytes at p; n if there is none. */
size_t infer_stops_find(const struct stops *st, const char *p, size_t n);

/* ---- turn.c ---- */
struct overflow {
	uint64_t n_truncated, n_turns,
	    n_skipped; /* conversations truncated, turns they lost, those left out */
};
/* Goes on to the first open user turn at or after message from; false: there is none. */
bool infer_turn_find(struct task *t, size_t from);
/* Can the first open turn be rendered?  -1: the template refuses it. */
int infer_turn_check(const struct session *s, const struct fc_conversation *c, struct fc_err *e);
/*
 * The tokens that ask for the answer to the open turn, in scratch->tok; at least one token of
 * answer fits behind them.  1: done, 0: too long, and to be skipped, -1: error.
 */
int infer_turn_prompt(const struct session *s, const struct task *t, struct fc_example *scratch,
    struct overflow *over, struct fc_err *e);
/*
 * Puts the text of the answer's tokens into the conversation: up to where a stop string begins,
 * without special tokens; bytes that are no UTF-8 become U+FFFD, an unfinished character at the end
 * is dropped.  A question's is without white space at its ends, any other has all its bytes, but
 * for those that are put there again when the conversation is read (fc_chat_lead()).  last: the
 * last token of the prompt.
 */
void infer_turn_answer(const struct session *s, struct task *t, const struct stops *st,
    uint32_t last, const uint32_t *id, size_t n, const char *why);

/* Puts n bytes of an answer of n_token tokens into the conversation; a question's are without white
 * space at their ends.  why: its finish_reason; NULL: not said. */
void infer_turn_put(struct task *t, const char *p, size_t n, const char *why, size_t n_token);

/* ---- slots.c ---- */
struct slots;
struct slots *infer_slots_new(struct session *s, const struct stops *st);
void infer_slots_free(struct slots *g);
/* One round: free slots take tasks, prompts are run, every slot gets a token.  1: there is more to
 * do, 0: nothing is left, -1: error. */
int infer_slots_round(struct slots *g, struct queue *q, struct fc_err *e);
struct slots_count {
	uint64_t n_answer, n_truncated; /* answers; those that ran into the limit of tokens */
	uint64_t n_full;                /* times that a slot found no room in the cache */
	struct overflow over;
};
const struct slots_count *infer_slots_counted(const struct slots *g);

/* ---- answers.c ---- */
/* The temperature of a question: --temperature, else the line's required_temperature, else the
 * category's in MT-Bench, else 0.7.  Of a conversation: --temperature, else 0. */
int infer_answers_temperature(const struct infer_options *o, const struct fc_conversation *line,
    double *temperature, struct fc_err *e);
/* Appends the line of an answer file: task [n] are the choices. */
void infer_answers_write(struct fc_buf *b, const struct session *s,
    const struct fc_conversation *line, const struct task *task, size_t n);
/* Appends how an answer was made, the object that is the member "generation". */
void infer_answers_settings(struct fc_buf *b, const struct session *s, double temperature);

#endif
