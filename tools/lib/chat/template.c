/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/template.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/store.h"

#define TEMPLATE_MAX ((size_t)1 << 20)
#define MAIN_FILE "chat_template.jinja"
#define FOLDER "additional_chat_templates"
#define SUFFIX ".jinja"

/* Calls take for the name of each template in the folder of the others, in their order. */
static void each_other(
    const char *model, void (*take)(void *ctx, const char *name, size_t n), void *ctx /* take's */)
{
	char *dir = fc_path_join(model, FOLDER);
	struct dirent **entry = NULL;
	const int n_entry = scandir(dir, &entry, NULL, alphasort);
	for (int i = 0; i < n_entry; i++) {
		const char *name = entry[i]->d_name;
		if (fc_ends_with(name, SUFFIX) && strcmp(name, SUFFIX) != 0)
			take(ctx, name, strlen(name) - strlen(SUFFIX));
		free(entry[i]);
	}
	free(entry);
	free(dir);
}

static void count_name(void *ctx, const char *name, size_t n)
{
	(void)name;
	(void)n;
	++*(size_t *)ctx;
}

static bool has_main(const char *model)
{
	char *path = fc_path_join(model, MAIN_FILE);
	const bool is = fc_file_exists(path);
	free(path);
	return is;
}

bool fc_template_has_folder(const char *model)
{
	size_t n = 0;
	each_other(model, count_name, &n);
	return n > 0;
}

/* Files go before tokenizer_config.json, whichever templates they are. */
static bool has_files(const char *model)
{
	return fc_template_has_folder(model) || has_main(model);
}

static char *file_of(const char *model, const char *name)
{
	if (!strcmp(name, FC_TEMPLATE_DEFAULT) && has_main(model))
		return fc_path_join(model, MAIN_FILE);
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, FOLDER "/%s" SUFFIX, name);
	char *path = fc_path_join(model, b.p);
	fc_buf_release(&b);
	return path;
}

/* Borrowed; NULL: there is none. */
static const char *in_config(const json_t *config, const char *name)
{
	const json_t *v = json_object_get(config, "chat_template"), *item;
	size_t i;
	if (json_is_string(v))
		return strcmp(name, FC_TEMPLATE_DEFAULT) ? NULL : json_string_value(v);
	json_array_foreach(v, i, item)
	{
		const char *own = json_string_value(json_object_get(item, "name"));
		if (own && !strcmp(own, name))
			return json_string_value(json_object_get(item, "template"));
	}
	return json_string_value(json_object_get(v, name));
}

/* The config of a GGUF file is made from its keys. */
static char *place_in_config(const char *model, const char *name)
{
	char *gguf = fc_store_gguf_path(model);
	const bool is_default = !strcmp(name, FC_TEMPLATE_DEFAULT);
	struct fc_buf b = FC_BUF_INIT;
	if (!gguf)
		return fc_path_join(model, "tokenizer_config.json: chat_template");
	fc_buf_addf(&b, "%s: tokenizer.chat_template%s%s", gguf, is_default ? "" : ".",
	    is_default ? "" : name);
	free(gguf);
	return fc_buf_detach(&b);
}

int fc_template_find(const char *model, const json_t *config, const char *name, struct fc_buf *text,
    char **where, struct fc_err *e)
{
	*where = NULL;
	if (has_files(model)) {
		char *path = file_of(model, name);
		const bool is = fc_file_exists(path);
		if (is && fc_file_read(path, TEMPLATE_MAX, text, e) < 0) {
			free(path);
			return -1;
		}
		if (is)
			*where = path;
		else
			free(path);
		return is;
	}
	const char *s = in_config(config, name);
	if (!s)
		return 0;
	fc_buf_adds(text, s);
	*where = place_in_config(model, name);
	return 1;
}

static void add_name(void *ctx, const char *name, size_t n)
{
	struct fc_buf *b = ctx;
	fc_buf_adds(b, b->n ? ", " : "");
	fc_buf_add(b, name, n);
}

void fc_template_names(const char *model, const json_t *config, struct fc_buf *names)
{
	json_t *v = json_object_get(config, "chat_template"), *item;
	const char *key;
	size_t i;
	if (has_main(model))
		add_name(names, FC_TEMPLATE_DEFAULT, strlen(FC_TEMPLATE_DEFAULT));
	each_other(model, add_name, names);
	if (has_files(model))
		return;
	json_object_foreach(v, key, item) add_name(names, key, strlen(key));
	json_array_foreach(v, i, item)
	{
		key = json_string_value(json_object_get(item, "name"));
		if (key)
			add_name(names, key, strlen(key));
	}
}

/* Keys of an object, whose texts are read later. */
static void note_name(void *names /* json_t */, const char *name, size_t n)
{
	json_object_setn_new(names, name, n, json_null());
}

/* The names that count: of files, else of config. */
static json_t *find_names(const char *model, const json_t *config)
{
	json_t *names = json_object(), *v = json_object_get(config, "chat_template"), *item;
	const char *key;
	size_t i;
	if (has_main(model))
		note_name(names, FC_TEMPLATE_DEFAULT, strlen(FC_TEMPLATE_DEFAULT));
	each_other(model, note_name, names);
	if (json_object_size(names))
		return names;
	if (json_is_string(v))
		note_name(names, FC_TEMPLATE_DEFAULT, strlen(FC_TEMPLATE_DEFAULT));
	json_object_foreach(v, key, item) note_name(names, key, strlen(key));
	json_array_foreach(v, i, item)
	{
		key = json_string_value(json_object_get(item, "name"));
		if (key)
			note_name(names, key, strlen(key));
	}
	return names;
}

json_t *fc_template_all(const char *model, const json_t *config, struct fc_err *e)
{
	json_t *names = find_names(model, config), *all = json_object(), *unread;
	const char *name;
	int found = 0;
	json_object_foreach(names, name, unread)
	{
		struct fc_buf text = FC_BUF_INIT;
		char *where = NULL;
		found = fc_template_find(model, config, name, &text, &where, e);
		json_t *s = found == 1 ? json_stringn(text.n ? text.p : "", text.n) : NULL;
		if (found == 1 && !s)
			found = fc_fail(e, "%s: not UTF-8", where);
		if (s)
			json_object_set_new(all, name, s);
		fc_buf_release(&text);
		free(where);
		if (found < 0)
			break;
	}
	json_decref(names);
	if (found >= 0)
		return all;
	json_decref(all);
	return NULL;
}
