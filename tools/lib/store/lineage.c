/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lineage.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/file.h"
#include "stream/policy.h"
#include "text/json_write.h"

static bool read_fingerprint(const json_t *v, uint64_t *to)
{
	return json_is_string(v) && fc_policy_fingerprint(json_string_value(v), to);
}

static int parse_lineage(struct fc_lineage *l, const json_t *o, const char *path, struct fc_err *e)
{
	const json_t *before = json_object_get(o, "before");
	const json_t *round = json_object_get(o, "round");
	bool good = read_fingerprint(json_object_get(o, "model"), &l->model) &&
	    json_is_integer(round) && json_integer_value(round) >= 0 &&
	    json_integer_value(round) < UINT32_MAX && json_is_array(before) &&
	    json_array_size(before) <= FC_LINEAGE_MAX;
	for (size_t i = 0; good && i < json_array_size(before); i++)
		good = read_fingerprint(json_array_get(before, i), &l->before[l->n_before++]);
	if (!good)
		return fc_fail(e,
		    "%s: not {\"model\": a fingerprint, \"round\": a number, \"before\": at most "
		    "%d fingerprints}",
		    path, FC_LINEAGE_MAX);
	l->round = (uint32_t)json_integer_value(round);
	return 0;
}

int fc_lineage_read(struct fc_lineage *l, const char *dir, uint64_t fingerprint, struct fc_err *e)
{
	char *path = fc_path_join(dir, FC_LINEAGE_FILE);
	int ret = 0;
	*l = (struct fc_lineage){.model = fingerprint};
	if (fc_file_exists(path)) {
		json_t *o = fc_json_file(path, e);
		ret = o ? parse_lineage(l, o, path, e) : -1;
		json_decref(o);
	}
	if (ret == 0 && l->model != fingerprint)
		ret = fc_fail(e,
		    "%s: tells of model %016" PRIx64 ", but the weights beside it are %016" PRIx64
		    "; remove the file, and the model is one that answers of no other are from",
		    path, l->model, fingerprint);
	free(path);
	return ret;
}

static json_t *print_fingerprint(uint64_t v)
{
	char hex[17];
	snprintf(hex, sizeof hex, "%016" PRIx64, v);
	return json_string(hex);
}

int fc_lineage_write_next(
    const struct fc_lineage *l, const char *dir, uint64_t fingerprint, struct fc_err *e)
{
	char *path = fc_path_join(dir, FC_LINEAGE_FILE);
	json_t *before = json_array();
	json_array_append_new(before, print_fingerprint(l->model));
	for (size_t i = 0; i < l->n_before && i < FC_LINEAGE_MAX - 1; i++)
		json_array_append_new(before, print_fingerprint(l->before[i]));
	json_t *o = json_pack("{s:o, s:I, s:o}", "model", print_fingerprint(fingerprint), "round",
	    (json_int_t)l->round + 1, "before", before);
	const int ret = fc_json_write(path, o, e);
	json_decref(o);
	free(path);
	return ret;
}

int fc_lineage_age(const struct fc_lineage *l, uint64_t model)
{
	if (model == l->model)
		return 0;
	for (size_t i = 0; i < l->n_before; i++)
		if (l->before[i] == model)
			return (int)i + 1;
	return -1;
}
