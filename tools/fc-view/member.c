/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-view/member.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/base64.h"

enum { SHOWN = 40 }; /* bytes of a value in a message */

static int fail_at(const struct view_place *at, const char *key, size_t item, const json_t *v,
    const char *expected, struct fc_err *e)
{
	char place[128] = "", which[32] = "";
	struct fc_buf b = FC_BUF_INIT;
	if (at->list)
		snprintf(place, sizeof place, "%s[%zu].", at->list, at->i);
	if (item != SIZE_MAX)
		snprintf(which, sizeof which, "[%zu]", item);
	if (v)
		fc_json_dump(&b, v);
	if (b.n > SHOWN)
		memcpy(b.p + SHOWN - 3, "...", 4);
	fc_fail(e, "%s: %s%s%s: %s is expected%s%s", at->line, place, key, which, expected,
	    v ? ", this is " : ", and there is none", v ? b.p : "");
	fc_buf_release(&b);
	return -1;
}

int view_member_fail(const struct view_place *at, const char *key, const json_t *v,
    const char *expected, struct fc_err *e)
{
	return fail_at(at, key, SIZE_MAX, v, expected, e);
}

int view_member_check_names(
    const struct view_place *at, const json_t *o, const char *const *names, struct fc_err *e)
{
	/* jansson's iterators take no const object, and change none */
	json_t *object = (json_t *)(uintptr_t)o;
	for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
		const char *key = json_object_iter_key(it);
		const char *const *name = names;
		while (*name && strcmp(*name, key))
			name++;
		if (*name)
			continue;
		struct fc_buf b = FC_BUF_INIT;
		for (name = names; *name; name++)
			fc_buf_addf(&b, "%s%s", name == names ? "" : ", ", *name);
		if (at->list)
			fc_fail(e, "%s: %s[%zu].%.80s: there is no such member here; known are %s",
			    at->line, at->list, at->i, key, b.p);
		else
			fc_fail(e, "%s: %.80s: there is no such member here; known are %s",
			    at->line, key, b.p);
		fc_buf_release(&b);
		return -1;
	}
	return 0;
}

static int whole_of(const json_t *v, uint64_t most, uint64_t *out)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > most)
		return -1;
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

static int fail_whole(const struct view_place *at, const char *key, size_t item, const json_t *v,
    uint64_t most, struct fc_err *e)
{
	char text[80];
	snprintf(text, sizeof text, "a whole number from 0 to %" PRIu64, most);
	return fail_at(at, key, item, v, text, e);
}

int view_member_get_whole(const struct view_place *at, const json_t *o, const char *key,
    uint64_t most, uint64_t *v, struct fc_err *e)
{
	const json_t *member = json_object_get(o, key);
	return !member || whole_of(member, most, v) == 0
	    ? 0
	    : fail_whole(at, key, SIZE_MAX, member, most, e);
}

int view_member_need_whole(const struct view_place *at, const json_t *o, const char *key,
    uint64_t most, uint64_t *v, struct fc_err *e)
{
	const json_t *member = json_object_get(o, key);
	return member && whole_of(member, most, v) == 0
	    ? 0
	    : fail_whole(at, key, SIZE_MAX, member, most, e);
}

int view_member_get_u32(const struct view_place *at, const json_t *o, const char *key,
    uint32_t most, uint32_t *v, struct fc_err *e)
{
	uint64_t wide = *v;
	if (view_member_get_whole(at, o, key, most, &wide, e) < 0)
		return -1;
	*v = (uint32_t)wide;
	return 0;
}

int view_member_get_real(
    const struct view_place *at, const json_t *o, const char *key, double *v, struct fc_err *e)
{
	const json_t *member = json_object_get(o, key);
	if (member && !json_is_number(member))
		return view_member_fail(at, key, member, "a number", e);
	if (member)
		*v = json_number_value(member);
	return 0;
}

static int truth_of(const json_t *v, bool *out)
{
	uint64_t bit = 0;
	if (!json_is_boolean(v) && whole_of(v, 1, &bit) < 0)
		return -1;
	*out = bit || json_is_true(v);
	return 0;
}

int view_member_get_truth(
    const struct view_place *at, const json_t *o, const char *key, bool *v, struct fc_err *e)
{
	const json_t *member = json_object_get(o, key);
	return !member || truth_of(member, v) == 0
	    ? 0
	    : view_member_fail(at, key, member, "true or false", e);
}

int view_member_get_text(
    const struct view_place *at, const json_t *o, const char *key, const char **v, struct fc_err *e)
{
	const json_t *member = json_object_get(o, key);
	if (!member)
		return 0;
	if (!json_is_string(member) ||
	    strlen(json_string_value(member)) != json_string_length(member))
		return view_member_fail(at, key, member, "a string without NUL", e);
	*v = json_string_value(member);
	return 0;
}

int view_member_get_bytes(const struct view_place *at, const json_t *o, const char *key,
    struct fc_buf *b, struct fc_err *e)
{
	const json_t *v = json_object_get(o, key);
	if (!v)
		return 0;
	if (!json_is_string(v))
		return view_member_fail(at, key, v, "a string of base64", e);
	const size_t n = json_string_length(v);
	const size_t bad = fc_base64_decode(b, json_string_value(v), n);
	return bad == n ? 0
			: fc_fail(e, "%s: %s: base64 is expected, which character %zu is not",
			      at->line, key, bad);
}

int view_member_get_print(
    const struct view_place *at, const json_t *o, const char *key, uint64_t *v, struct fc_err *e)
{
	const json_t *member = json_object_get(o, key);
	const char *p = json_string_value(member);
	if (!member)
		return 0;
	if (!p || json_string_length(member) != 16 || strspn(p, "0123456789abcdefABCDEF") != 16)
		return view_member_fail(at, key, member, "a string of 16 hexadecimal digits", e);
	*v = strtoull(p, NULL, 16);
	return 0;
}

static int word_of(const json_t *v, const char *const *words, unsigned *out)
{
	const char *p = json_string_value(v);
	for (unsigned i = 0; p && words[i]; i++) {
		if (!strcmp(words[i], p)) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

static int fail_word(const struct view_place *at, const char *key, size_t item, const json_t *v,
    const char *const *words, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, "one of ");
	for (size_t i = 0; words[i]; i++)
		fc_buf_addf(&b, "%s\"%s\"", i ? ", " : "", words[i]);
	fail_at(at, key, item, v, b.p, e);
	fc_buf_release(&b);
	return -1;
}

int view_member_get_word(const struct view_place *at, const json_t *o, const char *key,
    const char *const *words, unsigned *v, struct fc_err *e)
{
	const json_t *member = json_object_get(o, key);
	return !member || word_of(member, words, v) == 0
	    ? 0
	    : fail_word(at, key, SIZE_MAX, member, words, e);
}

int view_member_get_list(const struct view_place *at, const json_t *o, const char *key,
    const json_t **v, struct fc_err *e)
{
	*v = json_object_get(o, key);
	return !*v || json_is_array(*v) ? 0 : view_member_fail(at, key, *v, "a list", e);
}

int view_item_whole(const struct view_place *at, const char *key, const json_t *list, size_t i,
    uint64_t most, uint32_t *v, struct fc_err *e)
{
	uint64_t wide;
	if (whole_of(json_array_get(list, i), most, &wide) < 0)
		return fail_whole(at, key, i, json_array_get(list, i), most, e);
	*v = (uint32_t)wide;
	return 0;
}

int view_item_word(const struct view_place *at, const char *key, const json_t *list, size_t i,
    const char *const *words, unsigned *v, struct fc_err *e)
{
	return word_of(json_array_get(list, i), words, v) == 0
	    ? 0
	    : fail_word(at, key, i, json_array_get(list, i), words, e);
}

int view_item_truth(const struct view_place *at, const char *key, const json_t *list, size_t i,
    bool *v, struct fc_err *e)
{
	return truth_of(json_array_get(list, i), v) == 0
	    ? 0
	    : fail_at(at, key, i, json_array_get(list, i), "true or false", e);
}
