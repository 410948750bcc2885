/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "chat/invalid.h"
#include "fc-infer/doubled.h"
#include "fc-infer/generate.h"
#include "fc-infer/resume.h"

/* A line of the input with its choices. */
struct item {
	struct fc_conversation line;
	struct task *task; /* [n_choice] */
	size_t n_given, n_done;
	uint64_t end_bytes; /* of the input up to the line's end */
};

struct queue {
	struct session *s;
	size_t n_choice;
	struct item *item; /* ring [n_item]; [next_out, next_in) are in it */
	size_t n_item;
	uint64_t next_in, next_out;
	bool input_ended;
	struct resume *resume; /* NULL without --resume */
	uint64_t n_kept;       /* lines that were answered before */
	struct doubled doubled;
	struct fc_out *out;
	struct fc_buf text;
	uint64_t all_bytes; /* of the input; 0: not known */
};

int infer_queue_open(struct queue **out, struct session *s, struct fc_err *e)
{
	struct queue *q = FC_NEW(struct queue);
	size_t keep = 0;
	*out = q;
	q->s = s;
	q->n_choice = (size_t)s->opt->n_choice;
	q->n_item = 4 * (size_t)s->opt->n_slot;
	q->item = FC_ARRAY(struct item, q->n_item);
	if (!s->opt->resume)
		return fc_out_open(&q->out, s->opt->output, FC_OUT_TEXT, e);
	if (infer_resume_open(&q->resume, s, &keep, e) < 0)
		return -1;
	return fc_out_append(&q->out, s->opt->output, keep, e);
}

static void task_release(struct task *t)
{
	fc_conversation_release(&t->c);
	free(t->answer_tokens);
}

static void item_release(struct item *it, size_t n_choice)
{
	fc_conversation_release(&it->line);
	for (size_t i = 0; it->task && i < n_choice; i++)
		task_release(&it->task[i]);
	free(it->task);
	*it = (struct item){0};
}

void infer_queue_abort(struct queue *q)
{
	if (!q)
		return;
	for (; q->next_out < q->next_in; q->next_out++)
		item_release(&q->item[q->next_out % q->n_item], q->n_choice);
	infer_resume_close(q->resume);
	infer_doubled_release(&q->doubled);
	fc_out_abort(q->out);
	fc_buf_release(&q->text);
	free(q->item);
	free(q);
}

/* Choice i of seed s is drawn as choice 0 of seed s + i. */
static void task_init(
    struct task *t, struct item *it, size_t choice, const struct session *s, double temperature)
{
	const struct fc_conversation *line = &it->line;
	t->item = it;
	t->choice = (int)choice;
	t->c.id = fc_strdup(line->id);
	t->c.form = line->form;
	t->c.extra = json_incref(line->extra);
	for (size_t i = 0; i < line->n_message; i++)
		fc_conversation_add_copy(&t->c, &line->message[i]);
	t->sampling = s->opt->sampling;
	t->sampling.temperature = temperature;
	fc_rng_seed2(&t->rng, s->opt->seed + choice, fc_hash(line->id, strlen(line->id), 0));
}

/* What the template refuses is left out here, where --invalid skip says so: a slot can't. */
static int next_valid(struct session *s, struct fc_conversation *line, struct fc_err *e)
{
	struct fc_err why, named;
	int got;
	while ((got = fc_conversations_next(s->input, line, e)) == 1) {
		if (fc_invalid_asked.rule != FC_INVALID_SKIP || !s->chat ||
		    infer_turn_check(s, line, &why) == 0)
			break;
		fc_fail(&named, "%s: conversation %s: %s", fc_conversations_where(s->input),
		    line->id, why.msg);
		if (fc_conversations_refuse(s->input, &named, e) < 0)
			return -1;
	}
	return got;
}

static int next_line(struct queue *q, struct fc_conversation *line, struct fc_err *e)
{
	const int got = next_valid(q->s, line, e);
	if (got == 1)
		infer_doubled_add(&q->doubled, line->id);
	return got;
}

/* A conversation that the output has answered: by whom this run would have answered it? */
static int check_kept(const struct queue *q, const struct fc_conversation *line,
    const struct resume_line *kept, struct fc_err *e)
{
	struct task t = {.c = *line};
	struct fc_policy by;
	if (kept->is_answer || !infer_turn_find(&t, 0))
		return 0;
	json_t *members = json_copy(line->extra);
	const int ret = fc_policy_add(members, &q->s->policy, e);
	const bool same = ret == 0 && kept->said && fc_policy_read(members, &by, e) == 1 &&
	    fc_policy_equal(&kept->by, &by);
	json_decref(members);
	if (ret < 0 || same)
		return ret;
	return fc_fail(e,
	    "%s: conversation '%s' was answered by another model, or by nobody known; without "
	    "--resume all are answered anew",
	    q->s->opt->output, line->id);
}

/* 1: a line that is not answered yet, 0: end of input, -1: error */
static int next_open(struct queue *q, struct fc_conversation *line, struct fc_err *e)
{
	const struct resume_line *kept;
	int got;
	while ((got = next_line(q, line, e)) == 1 && q->resume &&
	    (kept = infer_resume_find(q->resume, line->id))) {
		if (check_kept(q, line, kept, e) < 0)
			return -1;
		q->s->n_line++;
		q->n_kept++;
	}
	return got;
}

/* 1: the ring's next place is filled, 0: end of input, -1: error */
static int read_item(struct queue *q, struct fc_err *e)
{
	struct item *it = &q->item[q->next_in % q->n_item];
	double temperature;
	const int got = next_open(q, &it->line, e);
	if (got <= 0)
		return got;
	q->next_in++;
	infer_session_count(q->s, &it->line);
	fc_conversations_bytes(q->s->input, &it->end_bytes, &q->all_bytes);
	if (q->next_in == 1) /* what was answered before is no work of this run */
		fc_progress_share(it->end_bytes, q->all_bytes);
	if (infer_answers_temperature(q->s->opt, &it->line, &temperature, e) < 0)
		return -1;
	it->task = FC_ARRAY(struct task, q->n_choice);
	for (size_t i = 0; i < q->n_choice; i++)
		task_init(&it->task[i], it, i, q->s, temperature);
	return 1;
}

int infer_queue_next(struct queue *q, struct task **t, struct fc_err *e)
{
	struct item *it = q->next_in > q->next_out ? &q->item[(q->next_in - 1) % q->n_item] : NULL;
	if (!it || it->n_given == q->n_choice) {
		if (q->input_ended || q->next_in - q->next_out == q->n_item)
			return 0;
		int got = read_item(q, e);
		if (got < 0)
			return -1;
		q->input_ended = got == 0;
		if (q->input_ended)
			return 0;
		it = &q->item[(q->next_in - 1) % q->n_item];
	}
	*t = &it->task[it->n_given++];
	return 1;
}

/* The line with the choice's messages in place of its own, and who answered. */
static int write_conversation(struct queue *q, struct item *it, size_t choice, struct fc_err *e)
{
	struct fc_conversation c = it->line;
	c.message = it->task[choice].c.message;
	c.n_message = it->task[choice].c.n_message;
	if (q->n_choice > 1)
		json_object_set_new(c.extra, "choice", json_integer((json_int_t)choice));
	struct fc_err why;
	if (it->task[choice].n_answer && fc_policy_add(c.extra, &q->s->policy, &why) < 0)
		return fc_fail(e, "conversation %s: %s", c.id, why.msg);
	fc_conversation_write(&q->text, &c);
	return 0;
}

/* A line of which one choice did not fit is left out whole. */
static int write_item(struct queue *q, struct item *it, struct fc_err *e)
{
	fc_buf_clear(&q->text);
	for (size_t i = 0; i < q->n_choice; i++)
		if (it->task[i].skipped)
			return 0;
	if (it->line.form == FC_FORM_QUESTION || it->line.form == FC_FORM_ARENA)
		infer_answers_write(&q->text, q->s, &it->line, it->task, q->n_choice);
	else
		for (size_t i = 0; i < q->n_choice; i++)
			if (write_conversation(q, it, i, e) < 0)
				return -1;
	return fc_out_write(q->out, q->text.p, q->text.n, e);
}

int infer_queue_done(struct queue *q, struct task *t, struct fc_err *e)
{
	t->item->n_done++;
	while (q->next_out < q->next_in) {
		struct item *it = &q->item[q->next_out % q->n_item];
		if (it->n_done < q->n_choice)
			break;
		if (write_item(q, it, e) < 0)
			return -1;
		fc_progress_share(it->end_bytes, q->all_bytes);
		item_release(it, q->n_choice);
		fc_progress_set(++q->next_out, NULL);
	}
	return 0;
}

bool infer_queue_ended(const struct queue *q)
{
	return q->input_ended && q->next_out == q->next_in;
}

uint64_t infer_queue_lines(const struct queue *q)
{
	return q->next_in;
}

int infer_queue_finish(struct queue *q, struct fc_err *e)
{
	if (q->n_kept)
		fc_note("%s: kept %" PRIu64 " answered before", q->s->opt->output, q->n_kept);
	infer_doubled_tell(&q->doubled);
	int ret = fc_out_commit(q->out, e);
	q->out = NULL;
	infer_queue_abort(q);
	return ret;
}
