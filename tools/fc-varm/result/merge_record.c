/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/merge_record.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/opt.h"
#include "text/json_write.h"

static json_t *fingerprint(const struct plan_model *m)
{
	return m->path ? json_sprintf("%016" PRIx64, m->fingerprint) : json_null();
}

static json_t *weight(double v)
{
	return isnan(v) ? json_null() : json_real(v);
}

/* The one method of all items, or "several". */
static const char *method_name(const struct plan *p)
{
	const struct method *m = NULL;
	for (size_t i = 0; i < p->n; i++) {
		if (m && p->item[i].method && p->item[i].method != m)
			return "several";
		m = p->item[i].method ? p->item[i].method : m;
	}
	return m ? m->name : "none";
}

static json_t *make_record(const struct plan *p, const struct all_measured *r)
{
	json_t *targets = json_array(), *tensors = json_object();
	for (int k = 0; k < p->n_model; k++)
		json_array_append_new(targets, fingerprint(&p->model[k]));
	for (size_t i = 0; i < r->n; i++) {
		json_t *row = json_array();
		for (int k = 0; k < p->item[i].n_target; k++)
			json_array_append_new(row, weight(r->item[i].weight[k]));
		json_object_set_new(tensors, p->item[i].out.name, row);
	}
	json_t *record = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o}", "program", fc_prog, "version",
	    fc_version, "method", method_name(p), "options", fc_opt_given(), "pivot",
	    fingerprint(&p->base), "targets", targets, "weights", tensors);
	if (p->rounding.stochastic)
		json_object_set_new(record, "rounding",
		    json_pack("{s:s, s:o}", "kind", "stochastic", "seed",
			json_sprintf("%" PRIu64, p->rounding.seed)));
	return record;
}

int varm_merge_record_write(
    const char *dir, const struct plan *p, const struct all_measured *r, struct fc_err *e)
{
	json_t *record = make_record(p, r);
	char *path = fc_path_join(dir, "fc-varm.json");
	int ret = fc_json_write(path, record, e);
	free(path);
	json_decref(record);
	return ret;
}
