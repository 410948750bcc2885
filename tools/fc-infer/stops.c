/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "fc-infer/generate.h"

static void add_stop(struct stops *st, uint32_t id)
{
	if (id == FC_NO_TOKEN || infer_stops_is_token(st, id))
		return;
	FC_GROW(st->token, st->cap, st->n_token + 1);
	st->token[st->n_token++] = id;
}

/* eos_token_id is a number or a list of them, in config.json or generation_config.json. */
static void add_of_config(struct stops *st, const json_t *config)
{
	json_t *v = json_object_get(config, "eos_token_id"), *item;
	size_t i;
	if (json_is_integer(v) && json_integer_value(v) >= 0)
		add_stop(st, (uint32_t)json_integer_value(v));
	json_array_foreach(v, i, item) if (json_is_integer(item) && json_integer_value(item) >= 0)
	    add_stop(st, (uint32_t)json_integer_value(item));
}

static int add_of_file(struct stops *st, const char *dir, struct fc_err *e)
{
	char *path = fc_path_join(dir, "generation_config.json");
	int ret = 0;
	if (fc_file_exists(path)) {
		json_t *config = fc_json_file(path, e);
		if (config)
			add_of_config(st, config);
		else
			ret = -1;
		json_decref(config);
	}
	free(path);
	return ret;
}

/* A token of the command line: as the vocabulary spells it, else its number. */
static int add_named(
    struct stops *st, const struct fc_tokenizer *t, const char *name, struct fc_err *e)
{
	uint32_t id = fc_tokenizer_find(t, name);
	if (id == FC_NO_TOKEN) {
		char *end;
		errno = 0;
		unsigned long long v = strtoull(name, &end, 10);
		if (end == name || *end || *name == '-' || errno || v >= fc_tokenizer_n_vocab(t))
			return fc_fail(e,
			    "--stop-token %s: the vocabulary has no such token, and it is no "
			    "number below %zu",
			    name, fc_tokenizer_n_vocab(t));
		id = (uint32_t)v;
	}
	add_stop(st, id);
	return 0;
}

int infer_stops_open(struct stops *st, const struct session *s, struct fc_err *e)
{
	*st = (struct stops){.text = &s->opt->stop};
	for (int i = 0; i < s->opt->stop.n; i++)
		if (!*s->opt->stop.v[i])
			return fc_fail(e, "--stop: an empty string would stop everywhere");
	add_stop(st, s->turn_end);
	add_stop(st, fc_tokenizer_eos(s->tokenizer));
	add_of_config(st, s->model->cfg.json);
	if (add_of_file(st, s->opt->model, e) < 0)
		return -1;
	for (int i = 0; i < s->opt->stop_token.n; i++)
		if (add_named(st, s->tokenizer, s->opt->stop_token.v[i], e) < 0)
			return -1;
	return 0;
}

void infer_stops_release(struct stops *st)
{
	free(st->token);
	*st = (struct stops){0};
}

bool infer_stops_is_token(const struct stops *st, uint32_t id)
{
	for (size_t i = 0; i < st->n_token; i++)
		if (st->token[i] == id)
			return true;
	return false;
}

size_t infer_stops_find(const struct stops *st, const char *p, size_t n)
{
	size_t first = n;
	for (int i = 0; i < st->text->n; i++) {
		const char *stop = st->text->v[i];
		const size_t len = strlen(stop);
		for (size_t at = 0; at < first && at + len <= n; at++)
			if (p[at] == *stop && !memcmp(p + at, stop, len))
				first = at;
	}
	return first;
}
