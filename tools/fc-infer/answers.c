/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "fc-infer/generate.h"

/* FastChat's llm_judge: temperatures of MT-Bench's categories; Arena-Hard answers greedily. */
static const struct {
	const char *category;
	double temperature;
} table[] = {
    {"writing", 0.7},
    {"roleplay", 0.7},
    {"extraction", 0},
    {"math", 0},
    {"coding", 0},
    {"reasoning", 0},
    {"stem", 0.1},
    {"humanities", 0.1},
    {"arena-hard-200", 0},
    {"arena-hard-v0.1", 0},
};
static const double of_other_category = 0.7;

int infer_answers_temperature(const struct infer_options *o, const struct fc_conversation *line,
    double *temperature, struct fc_err *e)
{
	const bool question = line->form == FC_FORM_QUESTION || line->form == FC_FORM_ARENA;
	const json_t *required = json_object_get(line->extra, "required_temperature");
	const char *category = json_string_value(json_object_get(line->extra, "category"));
	*temperature = o->sampling.temperature;
	if (*temperature >= 0)
		return 0;
	*temperature = question ? of_other_category : 0;
	if (!question)
		return 0;
	if (required) {
		*temperature = json_number_value(required);
		if (!json_is_number(required) || *temperature < 0 || *temperature > 100)
			return fc_fail(e,
			    "question %s: \"required_temperature\" is no number in [0, 100]",
			    line->id);
		return 0;
	}
	for (size_t i = 0; category && i < FC_LEN(table); i++)
		if (!strcmp(table[i].category, category))
			*temperature = table[i].temperature;
	return 0;
}

static void add_list(struct fc_buf *b, const char *name, const struct fc_strs *list)
{
	fc_buf_addf(b, ", \"%s\": [", name);
	for (int i = 0; i < list->n; i++) {
		fc_buf_adds(b, i ? ", " : "");
		fc_json_quote(b, list->v[i], strlen(list->v[i]));
	}
	fc_buf_addc(b, ']');
}

void infer_answers_settings(struct fc_buf *b, const struct session *s, double temperature)
{
	const struct infer_options *o = s->opt;
	fc_buf_addf(b,
	    "{\"temperature\": %.10g, \"top_k\": %d, \"top_p\": %.10g, \"min_p\": %.10g, "
	    "\"repetition_penalty\": %.10g, \"seed\": \"%" PRIu64 "\", \"max_new\": %d",
	    temperature, o->sampling.top_k, o->sampling.top_p, o->sampling.min_p, o->penalty,
	    o->seed, infer_max_new(o, FC_FORM_QUESTION));
	add_list(b, "stop", &o->stop);
	add_list(b, "stop_token", &o->stop_token);
	if (o->served_model) {
		fc_buf_adds(b, ", \"served_model\": ");
		fc_json_quote(b, o->served_model, strlen(o->served_model));
		fc_buf_addc(b, '}');
		return;
	}
	fc_buf_addf(b, ", \"template\": \"%016" PRIx64 "\", \"dtype\": \"%s\"}",
	    fc_chat_hash(s->chat), fc_nn_compute(s->nn) == FC_COMPUTE_BF16 ? "bf16" : "f32");
}

/* 22 characters of FastChat's alphabet for the hash of what was answered. */
static void add_answer_id(
    struct fc_buf *b, const char *model, const char *id, const struct task *task, size_t n)
{
	static const char digit[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	struct fc_hasher *h[2] = {fc_hasher_new(), fc_hasher_new()};
	fc_hasher_add(h[1], "second half", 11);
	for (size_t k = 0; k < 2; k++) {
		fc_hasher_add(h[k], model, strlen(model) + 1);
		fc_hasher_add(h[k], id, strlen(id) + 1);
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < task[i].c.n_message; j++)
				fc_hasher_add(
				    h[k], task[i].c.message[j].content, task[i].c.message[j].n + 1);
		uint64_t v = fc_hasher_value(h[k]);
		for (size_t i = 0; i < 11; i++, v /= sizeof digit - 1)
			fc_buf_addc(b, digit[v % (sizeof digit - 1)]);
		fc_hasher_free(h[k]);
	}
}

static void add_choice(struct fc_buf *b, const struct task *t, bool arena)
{
	size_t k = 0;
	fc_buf_addf(b, "{\"index\": %d, \"turns\": [", t->choice);
	for (size_t i = 0; i < t->c.n_message; i++) {
		const struct fc_message *m = &t->c.message[i];
		if (m->role != FC_ROLE_ASSISTANT)
			continue;
		fc_buf_adds(b, k ? ", " : "");
		if (arena)
			fc_buf_adds(b, "{\"content\": ");
		fc_json_quote(b, m->content, m->n);
		if (arena)
			fc_buf_addf(b, ", \"token_len\": %zu}", t->answer_tokens[k]);
		k++;
	}
	fc_buf_adds(b, "], \"finish\": [");
	k = 0;
	for (size_t i = 0; i < t->c.n_message; i++) {
		const struct fc_message *m = &t->c.message[i];
		if (m->role != FC_ROLE_ASSISTANT)
			continue;
		fc_buf_adds(b, k++ ? ", " : "");
		if (m->finish_reason)
			fc_json_quote(b, m->finish_reason, strlen(m->finish_reason));
		else
			fc_buf_adds(b, "null");
	}
	fc_buf_adds(b, "]}");
}

void infer_answers_write(struct fc_buf *b, const struct session *s,
    const struct fc_conversation *line, const struct task *task, size_t n)
{
	const json_t *id = json_object_get(line->extra, "question_id");
	const json_t *tag = json_object_get(line->extra, "category");
	char *model = infer_session_name(s);
	fc_buf_adds(b, "{\"question_id\": ");
	if (id)
		fc_json_dump(b, id);
	else
		fc_json_quote(b, line->id, strlen(line->id));
	fc_buf_adds(b, ", \"answer_id\": \"");
	add_answer_id(b, model, line->id, task, n);
	fc_buf_adds(b, "\", \"model_id\": ");
	fc_json_quote(b, model, strlen(model));
	fc_buf_adds(b, ", \"choices\": [");
	for (size_t i = 0; i < n; i++) {
		fc_buf_adds(b, i ? ", " : "");
		add_choice(b, &task[i], line->form == FC_FORM_ARENA);
	}
	fc_buf_addf(b, "], \"tstamp\": %.10g", s->opt->tstamp);
	if (tag) {
		fc_buf_adds(b, ", \"category\": ");
		fc_json_dump(b, tag);
	}
	fc_buf_adds(b, ", \"generation\": ");
	infer_answers_settings(b, s, task[0].sampling.temperature);
	fc_buf_adds(b, "}\n");
	free(model);
}
