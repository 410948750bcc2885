/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/template.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define TEMPLATE_MAX ((size_t)1 << 20)
#define MAIN_FILE "chat_template.jinja"
#define FOLDER "additional_chat_templates"
#define SUFFIX ".jinja"

/* Calls take for the name of each template in the folder of the others. */
static void each_other(
    const char *model, void (*take)(void *ctx, const char *name, size_t n), void *ctx /* take's */)
{
	char *dir = fc_path_join(model, FOLDER);
	DIR *d = opendir(dir);
	for (struct dirent *entry; d && (entry = readdir(d));) {
		const size_t n = strlen(entry->d_name), suffix = strlen(SUFFIX);
		if (n > suffix && !strcmp(entry->d_name + n - suffix, SUFFIX))
			take(ctx, entry->d_name, n - suffix);
	}
	if (d)
		closedir(d);
	free(dir);
}

static void count(void *ctx, const char *name, size_t n)
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

/* Files go before tokenizer_config.json, whichever templates they are. */
static bool has_files(const char *model)
{
	size_t n = 0;
	each_other(model, count, &n);
	return n || has_main(model);
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
	*where = fc_path_join(model, "tokenizer_config.json: chat_template");
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
