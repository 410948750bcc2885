/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/select/selected.h"

#include <math.h>
#include <stdlib.h>

static const char *const own_members[] = {"answer_of", "source", "choice", "reward", "answered_by"};

/* The line's members but those that tell answers apart; new. */
static json_t *plain_members(const struct eval_candidate *a)
{
	json_t *o = json_copy(a->c.extra);
	for (size_t i = 0; i < sizeof own_members / sizeof *own_members; i++)
		json_object_del(o, own_members[i]);
	return o;
}

/* A reward that is not finite is null: JSON has no form for it. */
static json_t *reward_json(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static void write_candidate(
    struct fc_buf *b, const struct eval_candidate *a, const char *id, json_t *members)
{
	struct fc_conversation c = a->c;
	c.id = (char *)id; /* only written */
	c.extra = members;
	fc_conversation_write(b, &c);
}

void eval_selected_listed(struct fc_buf *b, const struct eval_candidate *a)
{
	json_t *o = json_copy(a->c.extra);
	char *id = eval_candidate_id(a);
	json_object_set_new(o, "answer_of", json_string(a->prompt_id));
	json_object_set_new(o, "source", json_string(a->source));
	json_object_set_new(o, "choice", json_integer(a->choice));
	if (!isnan(a->reward))
		json_object_set_new(o, "reward", reward_json(a->reward));
	write_candidate(b, a, id, o);
	json_decref(o);
	free(id);
}

void eval_selected_best(struct fc_buf *b, const struct eval_candidate *a, size_t n)
{
	json_t *o = plain_members(a), *said = json_object();
	json_t *by = json_object_get(a->c.extra, "answered_by");
	json_object_set_new(said, "source", json_string(a->source));
	json_object_set_new(said, "reward", reward_json(a->reward));
	json_object_set_new(said, "of", json_integer((json_int_t)n));
	if (by)
		json_object_set(said, "answered_by", by);
	json_object_set_new(o, "selected", said);
	write_candidate(b, a, a->prompt_id, o);
	json_decref(o);
}

/* The line's messages as JSON, without the answer, which is taken out. */
static json_t *messages_of(const struct eval_candidate *a, json_t **answer)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_err e;
	struct fc_conversation c = a->c;
	c.form = FC_FORM_MESSAGES;
	fc_conversation_write(&b, &c);
	json_t *line = fc_json_text(b.p, b.n, "line", &e);
	json_t *messages = json_incref(json_object_get(line, "messages"));
	const size_t last = json_array_size(messages) - 1;
	*answer = json_array();
	json_array_append(*answer, json_array_get(messages, last));
	json_array_remove(messages, last);
	json_decref(line);
	fc_buf_release(&b);
	return messages;
}

void eval_selected_pair(struct fc_buf *b, const struct eval_candidate *chosen,
    const struct eval_candidate *rejected, const struct eval_candidate *of_source)
{
	json_t *answer[3], *o = json_object(), *more = plain_members(chosen);
	json_t *prompt = messages_of(chosen, &answer[0]);
	json_decref(messages_of(rejected, &answer[1]));
	json_object_set_new(o, "id", json_string(chosen->prompt_id));
	json_object_set_new(o, "prompt", prompt);
	json_object_set_new(o, "chosen", answer[0]);
	json_object_set_new(o, "rejected", answer[1]);
	if (of_source) {
		json_decref(messages_of(of_source, &answer[2]));
		json_object_set_new(o, "source_chosen", answer[2]);
		json_object_set_new(o, "source_chosen_source", json_string(of_source->source));
		json_object_set_new(o, "source_chosen_reward", reward_json(of_source->reward));
	}
	json_object_set_new(o, "chosen_source", json_string(chosen->source));
	json_object_set_new(o, "rejected_source", json_string(rejected->source));
	json_object_set_new(o, "chosen_reward", reward_json(chosen->reward));
	json_object_set_new(o, "rejected_reward", reward_json(rejected->reward));
	json_object_update_missing(o, more);
	fc_json_dump(b, o);
	fc_buf_addc(b, '\n');
	json_decref(more);
	json_decref(o);
}

int eval_selected_question(struct fc_buf *question, struct fc_buf *answer,
    const struct eval_candidate *a, struct fc_err *e)
{
	const struct fc_message *asked = &a->c.message[0];
	if (a->c.n_message != 2 || asked->role != FC_ROLE_USER)
		return fc_fail(e,
		    "%s: conversation '%s' is more than a user's message and an answer; fc-eval "
		    "judge takes no other",
		    a->where, a->prompt_id);
	char *id = eval_candidate_id(a);
	json_t *q = json_pack("{s:s, s:o, s:[o]}", "question_id", id, "category",
	    json_string("answers"), "turns", json_stringn(asked->content, asked->n));
	json_t *x = json_pack("{s:s, s:s, s:[{s:i, s:[o]}]}", "question_id", id, "model_id",
	    "answers", "choices", "index", 0, "turns", json_stringn(asked[1].content, asked[1].n));
	fc_json_dump(question, q);
	fc_buf_addc(question, '\n');
	fc_json_dump(answer, x);
	fc_buf_addc(answer, '\n');
	json_decref(q);
	json_decref(x);
	free(id);
	return 0;
}
