/* SPDX-License-Identifier: Apache-2.0 */
#include "token/component.h"

#include <stdlib.h>
#include <string.h>

const char *fc_component_type(const json_t *o, const char *where, struct fc_err *e)
{
	const char *type = json_string_value(json_object_get(o, "type"));
	if (!type)
		fc_fail(e, "%s: expected an object with a \"type\"", where);
	return type;
}

static bool has_word(const char *words, const char *word, char separator, int *index)
{
	size_t n = strlen(word);
	*index = 0;
	for (const char *w = words; w; w = strchr(w, separator), w = w ? w + 1 : NULL, ++*index)
		if (!strncmp(w, word, n) && (w[n] == separator || !w[n]))
			return true;
	return false;
}

int fc_component_keys(const json_t *o, const char *keys, const char *where, struct fc_err *e)
{
	const char *key;
	json_t *v;
	int index;
	json_object_foreach((json_t *)o, key, v)
	{
		if (strcmp(key, "type") != 0 && !has_word(keys, key, ' ', &index))
			return fc_fail(e, "%s: %s is not supported", where, key);
	}
	return 0;
}

int fc_component_choice(const json_t *o, const char *key, const char *words, int def, int *out,
    const char *where, struct fc_err *e)
{
	const char *word;
	*out = def;
	if (fc_json_str(o, key, NULL, &word, where, e) < 0)
		return -1;
	if (word && !has_word(words, word, '|', out))
		return fc_fail(e, "%s: %s: \"%s\" is not one of %s", where, key, word, words);
	return 0;
}

const char *fc_component_word(const char *words, int index, size_t *n)
{
	for (; index; index--)
		words = strchr(words, '|') + 1;
	*n = strcspn(words, "|");
	return words;
}

int fc_component_text(const json_t *o, const char *key, size_t max, const char **out, size_t *n,
    const char *where, struct fc_err *e)
{
	const json_t *v = json_object_get(o, key);
	*out = json_string_value(v);
	*n = json_string_length(v);
	if (!*out || !*n || *n > max || strlen(*out) != *n)
		return fc_fail(e, "%s: %s: expected a string of 1 to %zu bytes", where, key, max);
	return 0;
}

static int each_part(const json_t *o, const char *list,
    int (*fn)(void *to, const json_t *part, const char *where, struct fc_err *e), void *to,
    const char *where, int depth, struct fc_err *e)
{
	if (json_is_null(o) || !o)
		return 0;
	const char *type = fc_component_type(o, where, e);
	if (!type)
		return -1;
	if (strcmp(type, "Sequence") != 0)
		return fn(to, o, where, e);
	const json_t *parts = json_object_get(o, list);
	if (!json_is_array(parts) || json_array_size(parts) > 256 || depth > 8)
		return fc_fail(e, "%s: %s: expected a list of at most 256 parts", where, list);
	for (size_t i = 0; i < json_array_size(parts); i++)
		if (each_part(json_array_get(parts, i), list, fn, to, where, depth + 1, e) < 0)
			return -1;
	return fc_component_keys(o, list, where, e);
}

int fc_component_each(const json_t *o, const char *list,
    int (*fn)(void *to, const json_t *part, const char *where, struct fc_err *e), void *to,
    const char *where, struct fc_err *e)
{
	return each_part(o, list, fn, to, where, 0, e);
}
