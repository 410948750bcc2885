/* SPDX-License-Identifier: Apache-2.0 */
#include "token/sidefiles.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"

#define EXTRA "extra_special_tokens"
#define ADDITIONAL "additional_special_tokens" /* its name before version 5 */

static const char *const roles[] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

static char *path_beside(const char *stem, const char *name)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s%s", stem, name);
	return fc_buf_detach(&b);
}

/* *o NULL where there is no such file. */
static int read_object(json_t **o, const char *path, struct fc_err *e)
{
	*o = NULL;
	if (!fc_file_exists(path))
		return 0;
	if (!(*o = fc_json_file(path, e)))
		return -1;
	return json_is_object(*o) ? 0 : fc_fail(e, "%s: expected an object", path);
}

const char *fc_sidefiles_content(const json_t *v)
{
	return json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
}

static bool is_empty(const json_t *v)
{
	return json_array_size(v) + json_object_size(v) == 0;
}

/* Notes a token's content; false if it was noted before. */
static bool note_token(json_t *set, const json_t *token)
{
	const char *content = fc_sidefiles_content(token);
	if (!content || json_object_get(set, content))
		return false;
	json_object_set_new(set, content, json_true());
	return true;
}

/* Adds the tokens of more to the list. */
static void join_tokens(json_t *config, json_t *more)
{
	json_t *list = json_object_get(config, EXTRA);
	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(config, EXTRA, list);
	}
	json_t *there = json_object();
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v)
	{
		note_token(there, v);
	}
	json_array_foreach(more, i, v)
	{
		if (note_token(there, v))
			json_array_append(list, v);
	}
	json_decref(there);
}

/* Members of special_tokens_map.json over those of the other file. */
static void override_members(struct fc_sidefiles *s, json_t *map)
{
	const char *key;
	json_t *v, *config = s->config;
	json_object_foreach(map, key, v)
	{
		json_t *before = json_object_get(config, key);
		const char *was = fc_sidefiles_content(before);
		const char *is = fc_sidefiles_content(v);
		if (!strcmp(key, ADDITIONAL) &&
		    !(is_empty(before) && is_empty(json_object_get(config, EXTRA))))
			continue;
		if (!strcmp(key, EXTRA) && json_is_array(v)) {
			join_tokens(config, v);
			continue;
		}
		if (was && is && strcmp(was, is) != 0)
			json_object_set(s->overridden, key, before);
		json_object_set(config, key, v);
	}
}

int fc_sidefiles_read(struct fc_sidefiles *s, const char *stem, struct fc_err *e)
{
	json_t *map = NULL;
	*s = (struct fc_sidefiles){.config_path = path_beside(stem, "tokenizer_config.json"),
	    .map_path = path_beside(stem, "special_tokens_map.json"),
	    .added_path = path_beside(stem, "added_tokens.json")};
	int rc = read_object(&s->config, s->config_path, e);
	if (!s->config)
		s->config = json_object();
	s->overridden = json_object();
	if (rc == 0 && !json_object_get(s->config, "added_tokens_decoder") &&
	    (rc = read_object(&map, s->map_path, e)) == 0) {
		override_members(s, map);
		rc = read_object(&s->added, s->added_path, e);
	}
	json_decref(map);
	if (rc < 0)
		fc_sidefiles_release(s);
	return rc;
}

void fc_sidefiles_release(struct fc_sidefiles *s)
{
	json_decref(s->config);
	json_decref(s->added);
	json_decref(s->overridden);
	free(s->config_path);
	free(s->map_path);
	free(s->added_path);
	*s = (struct fc_sidefiles){0};
}

void fc_sidefiles_warn(const struct fc_sidefiles *s)
{
	const char *key;
	json_t *lost;
	json_object_foreach(s->overridden, key, lost)
	{
		fc_warn("%s: %s is \"%s\", but \"%s\" in tokenizer_config.json; the first counts, "
			"as in Transformers",
		    s->map_path, key, fc_sidefiles_content(json_object_get(s->config, key)),
		    fc_sidefiles_content(lost));
	}
}

static bool is_role(const char *key)
{
	for (size_t i = 0; i < FC_LEN(roles); i++)
		if (!strcmp(key, roles[i]))
			return true;
	return false;
}

/* Names a token, but has none of the known roles. */
static bool is_other_role(const char *key, const json_t *v)
{
	return fc_ends_with(key, "_token") && strcmp(key, "_token") != 0 && !is_role(key) &&
	    fc_sidefiles_content(v);
}

int fc_sidefiles_each(const struct fc_sidefiles *s,
    int (*fn)(void *to, const char *key, const json_t *token, struct fc_err *e), void *to,
    struct fc_err *e)
{
	json_t *extra = json_object_get(s->config, EXTRA), *v;
	const char *key;
	if (is_empty(extra))
		extra = json_object_get(s->config, ADDITIONAL);
	for (size_t i = 0; i < FC_LEN(roles); i++) {
		v = json_object_get(s->config, roles[i]);
		if (fc_sidefiles_content(v) && fn(to, roles[i], v, e) < 0)
			return -1;
	}
	json_object_foreach(s->config, key, v)
	{
		if (is_other_role(key, v) && fn(to, key, v, e) < 0)
			return -1;
	}
	json_object_foreach(extra, key, v)
	{
		if (fc_sidefiles_content(v) && fn(to, key, v, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < json_array_size(extra); i++) {
		v = json_array_get(extra, i);
		if (fc_sidefiles_content(v) && fn(to, NULL, v, e) < 0)
			return -1;
	}
	return 0;
}
