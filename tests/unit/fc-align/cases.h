/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TESTS_CASES_H
#define FC_TESTS_CASES_H

/* The worked cases of the reference implementation, from FC_SHARED. */

#include "base/mem.h"
#include "fc-align/vocab/vocabmap.h"
#include "t.h"
#include "text/json.h"

/* NULL, with a skip, where there are no shared inputs. */
__attribute__((unused)) static json_t *cases_open(const char *file)
{
	char path[4096];
	struct fc_err e;
	if (!t_shared()) {
		t_skip("no shared inputs");
		return NULL;
	}
	snprintf(path, sizeof path, "%s/cases/%s", t_shared(), file);
	json_t *o = fc_json_file(path, &e);
	T_OK(o != NULL, "%s is there%s%s", file, o ? "" : ": ", o ? "" : e.msg);
	return o;
}

__attribute__((unused)) static const json_t *cases_get(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}
__attribute__((unused)) static const char *cases_str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}
__attribute__((unused)) static size_t cases_n(const json_t *array)
{
	return json_array_size(array);
}
__attribute__((unused)) static const char *cases_str_at(const json_t *array, size_t i)
{
	return json_string_value(json_array_get(array, i));
}
__attribute__((unused)) static uint32_t cases_int_at(const json_t *array, size_t i)
{
	return (uint32_t)json_integer_value(json_array_get(array, i));
}
__attribute__((unused)) static double cases_real_at(const json_t *array, size_t i)
{
	return json_number_value(json_array_get(array, i));
}

/* Words spelled as in a JSON array; the caller frees v.word. */
__attribute__((unused)) static struct align_vocab cases_vocab(const json_t *words)
{
	struct align_vocab v = {
	    .word = FC_ARRAY(struct align_word, cases_n(words) + 1), .n = cases_n(words)};
	for (size_t i = 0; i < v.n; i++) {
		const char *s = cases_str_at(words, i);
		v.word[i] = (struct align_word){s, strlen(s), s, false};
	}
	for (int i = 0; i < ALIGN_N_SPECIAL; i++)
		v.role[i] = ALIGN_UNMAPPED;
	return v;
}

#endif
