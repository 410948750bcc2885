/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/runlog.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "text/jsonl.h"
#include "text/records.h"

#define MOST 1e100

bool eval_runlog_is(const char *path)
{
	struct stat st;
	struct fc_records *r;
	struct fc_err ignored; /* another reader tells it */
	char *p;
	size_t n;
	json_t *first = NULL;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || fc_records_open(&r, path, &ignored) < 0)
		return false;
	if (fc_records_next(r, &p, &n, &ignored) > 0)
		first = fc_json_text(p, n, path, &ignored);
	const bool yes = json_is_integer(json_object_get(first, "step"));
	json_decref(first);
	fc_records_close(r);
	return yes;
}

/* What no axis can hold is no value. */
static int read_value(
    const json_t *o, const char *key, double *v, const char *where, struct fc_err *e)
{
	if (fc_json_real(o, key, NAN, v, where, e) < 0)
		return -1;
	if (!(fabs(*v) < MOST))
		*v = NAN;
	return 0;
}

/* A run that is resumed writes again what came after its checkpoint: the later lines count. */
static void drop_from(struct eval_runlog *r, double step, bool evaluations)
{
	const size_t before = r->n_step + r->n_eval;
	while (r->n_step && r->step[r->n_step - 1].step >= step + (evaluations ? 1 : 0))
		r->n_step--;
	while (r->n_eval && r->eval[r->n_eval - 1].step >= step)
		r->n_eval--;
	r->n_again += before - r->n_step - r->n_eval;
	r->last_tokens = r->n_step ? r->step[r->n_step - 1].tokens : 0;
}

static int take_eval(
    struct eval_runlog *r, const json_t *o, double step, const char *where, struct fc_err *e)
{
	struct eval_runlog_point p = {.step = step};
	const char *key = json_object_get(o, "nll") ? "nll" : "loss";
	if (read_value(o, key, &p.v[0], where, e) < 0)
		return -1;
	drop_from(r, step, true);
	p.tokens = r->last_tokens;
	FC_GROW(r->eval, r->cap_eval, r->n_eval + 1);
	r->eval[r->n_eval++] = p;
	return 0;
}

static int take_step(
    struct eval_runlog *r, const json_t *o, double step, const char *where, struct fc_err *e)
{
	struct eval_runlog_point p = {.step = step};
	if (read_value(o, "tokens", &p.tokens, where, e) < 0 ||
	    read_value(o, "loss", &p.v[0], where, e) < 0 ||
	    read_value(o, "lr", &p.v[1], where, e) < 0)
		return -1;
	drop_from(r, step, false);
	r->last_tokens = p.tokens;
	FC_GROW(r->step, r->cap_step, r->n_step + 1);
	r->step[r->n_step++] = p;
	return 0;
}

static int take_line(
    void *ctx /* struct eval_runlog */, json_t *o, const char *where, struct fc_err *e)
{
	struct eval_runlog *r = ctx;
	double step;
	int ret = read_value(o, "step", &step, where, e);
	const json_t *eval = json_object_get(o, "eval"), *kept = json_object_get(o, "kept");
	if (ret == 0 && isnan(step))
		ret = fc_fail(e, "%s: no line of a training's log: it has no \"step\"", where);
	else if (ret == 0 && eval)
		ret = take_eval(r, eval, step, where, e);
	else if (ret == 0 && kept)
		ret = read_value(kept, "step", &r->kept, where, e);
	else if (ret == 0 && json_object_get(o, "lr"))
		ret = take_step(r, o, step, where, e);
	json_decref(o);
	return ret;
}

int eval_runlog_read(struct eval_runlog *r, const char *path, struct fc_err *e)
{
	*r = (struct eval_runlog){.name = fc_path_last(path), .kept = NAN};
	if (fc_jsonl_each(path, take_line, r, e) < 0)
		return -1;
	return r->n_step + r->n_eval ? 0 : fc_fail(e, "%s: a log without a step", path);
}

void eval_runlog_release(struct eval_runlog *r)
{
	free(r->step);
	free(r->eval);
	*r = (struct eval_runlog){0};
}
