/* SPDX-License-Identifier: Apache-2.0 */
#include "merge_record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/opt.h"
#include "text/json.h"

static json_t *fingerprint(const struct source *s)
{
	return json_sprintf("%016" PRIx64, s->fingerprint);
}

static json_t *weight(double v)
{
	return isnan(v) ? json_null() : json_real(v);
}

static json_t *make_record(
    const struct inputs *in, const struct merge_options *o, const struct weights *w)
{
	json_t *targets = json_array(), *tensors = json_object();
	for (int k = 0; k < in->n_target; k++)
		json_array_append_new(targets, fingerprint(&in->target[k]));
	for (size_t i = 0; i < w->n; i++) {
		json_t *row = json_array();
		for (int k = 0; k < w->n_target; k++)
			json_array_append_new(
			    row, weight(w->v[i * (size_t)w->n_target + (size_t)k]));
		json_object_set_new(tensors, fc_store_at(in->base.store, i)->name, row);
	}
	return json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o}", "program", fc_prog, "version", fc_version,
	    "method", o->method->name, "options", fc_opt_given(), "pivot", fingerprint(&in->base),
	    "targets", targets, "weights", tensors);
}

int merge_record_write(const char *dir, const struct inputs *in, const struct merge_options *o,
    const struct weights *w, struct fc_err *e)
{
	json_t *record = make_record(in, o, w);
	char *path = fc_path_join(dir, "fc-varm.json");
	char *text = json_dumps(record, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	int ret = -1, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (!text)
		fc_fail(e, "%s: the record is not UTF-8", path);
	else if (fd < 0)
		fc_fail(e, "create %s:", path);
	else
		ret = fc_write_all(fd, text, strlen(text), path, e);
	if (ret == 0)
		ret = fc_write_all(fd, "\n", 1, path, e);
	if (fd >= 0 && close(fd) < 0 && ret == 0)
		ret = fc_fail(e, "close %s:", path);
	free(text);
	free(path);
	json_decref(record);
	return ret;
}
