/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/policy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SEVERAL "several"
#define DIGITS 16

bool fc_policy_fingerprint(const char *text, uint64_t *v)
{
	if (strlen(text) != DIGITS || strspn(text, "0123456789abcdef") != DIGITS)
		return false;
	*v = strtoull(text, NULL, 16);
	return true;
}

int fc_policy_read(const json_t *members, struct fc_policy *p, struct fc_err *e)
{
	const json_t *by = json_object_get(members, FC_POLICY_MEMBER);
	const char *model = json_string_value(json_object_get(by, "model"));
	const json_t *round = json_object_get(by, "round");
	*p = (struct fc_policy){0};
	if (!by)
		return 0;
	p->several = model && !strcmp(model, SEVERAL);
	if (!model || (!p->several && !fc_policy_fingerprint(model, &p->model)) ||
	    !json_is_integer(round) || json_integer_value(round) < 0 ||
	    json_integer_value(round) > UINT32_MAX)
		return fc_fail(e,
		    "\"" FC_POLICY_MEMBER "\" is not what fc-infer --generate writes, {\"model\": "
		    "a fingerprint, \"round\": a number}; give the member another name");
	p->round = (uint32_t)json_integer_value(round);
	return 1;
}

/* Most streams have no such member: the text is parsed only where its name is in it. */
static bool may_have(const char *json, size_t n)
{
	static const char name[] = "\"" FC_POLICY_MEMBER "\"";
	const size_t n_name = sizeof name - 1;
	for (const char *at = json, *end = json + n;
	     n && (at = memchr(at, '"', (size_t)(end - at))) && (size_t)(end - at) >= n_name; at++)
		if (!memcmp(at, name, n_name))
			return true;
	return false;
}

int fc_policy_parse(const char *json, size_t n, struct fc_policy *p, struct fc_err *e)
{
	*p = (struct fc_policy){0};
	if (!may_have(json, n))
		return 0;
	json_t *members = fc_json_text(json, n, "meta", e);
	const int ret = members ? fc_policy_read(members, p, e) : -1;
	json_decref(members);
	return ret;
}

bool fc_policy_equal(const struct fc_policy *a, const struct fc_policy *b)
{
	return a->several == b->several && a->model == b->model && a->round == b->round;
}

int fc_policy_add(json_t *members, const struct fc_policy *p, struct fc_err *e)
{
	struct fc_policy before;
	char hex[DIGITS + 1] = SEVERAL;
	const int got = fc_policy_read(members, &before, e);
	if (got < 0)
		return -1;
	if (!p->several && (got == 0 || fc_policy_equal(&before, p)))
		snprintf(hex, sizeof hex, "%016" PRIx64, p->model);
	json_object_set_new(members, FC_POLICY_MEMBER,
	    json_pack("{s:s, s:I}", "model", hex, "round", (json_int_t)p->round));
	return 0;
}
