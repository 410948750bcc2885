/* SPDX-License-Identifier: Apache-2.0 */
#include "model/fields.h"

bool fc_fields_has(const struct fc_fields *s, const char *key)
{
	const json_t *v = json_object_get(s->o, key);
	return v && !json_is_null(v);
}

int fc_fields_natural(
    const struct fc_fields *s, const char *key, int64_t def, int64_t min, int64_t max, size_t *out)
{
	int64_t v;
	if (fc_json_int(s->o, key, def, &v, s->where, s->e) < 0)
		return -1;
	if (fc_fields_has(s, key) && (v < min || v > max))
		return fc_fail(s->e, "%s: %s: %lld is not in %lld to %lld", s->where, key,
		    (long long)v, (long long)min, (long long)max);
	*out = (size_t)v;
	return 0;
}

int fc_fields_size(const struct fc_fields *s, const char *key, size_t def, int64_t max, size_t *out)
{
	if (!def && !fc_fields_has(s, key))
		return fc_fail(s->e, "%s: %s is missing", s->where, key);
	return fc_fields_natural(s, key, (int64_t)def, 1, max, out);
}

int fc_fields_positive(const struct fc_fields *s, const char *key, double *out)
{
	double v;
	if (fc_json_real(s->o, key, *out, &v, s->where, s->e) < 0)
		return -1;
	if (fc_fields_has(s, key) && !(v > 0 && v < 1e30))
		return fc_fail(s->e, "%s: %s: expected a positive number", s->where, key);
	*out = v;
	return 0;
}

int fc_fields_flag(const struct fc_fields *s, const char *key, bool *out)
{
	return fc_json_bool(s->o, key, *out, out, s->where, s->e);
}

int fc_fields_refuse(const struct fc_fields *s, const char *key)
{
	bool set = false;
	if (fc_fields_flag(s, key, &set) < 0)
		return -1;
	return set ? fc_fail(s->e, "%s: %s is not supported", s->where, key) : 0;
}
