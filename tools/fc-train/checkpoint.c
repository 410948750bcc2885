/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/store.h"

#define STATE_FILE "state.json"
#define VERSION 2 /* 1 did not know the whole stream */

enum { PARTS = TRAIN_STATE_PARTS };
static const char part_letter[PARTS] = {'w', 'm', 'v'};

int train_checkpoint_check(const char *dir, bool may_exist, struct fc_err *e)
{
	if (fc_replace_folder(dir, &fc_folder_checkpoint, e) < 0)
		return -1;
	if (!may_exist && train_checkpoint_exists(dir))
		return fc_fail(e,
		    "%s: holds a checkpoint; go on with --resume or start anew with --force", dir);
	return 0;
}

bool train_checkpoint_exists(const char *dir)
{
	char *path = fc_path_join(dir, STATE_FILE);
	bool yes = fc_file_exists(path);
	free(path);
	return yes;
}

static char *part_name(const struct fc_param *p, int part)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%c.%s", part_letter[part], p->name);
	return fc_buf_detach(&b);
}

static struct fc_tensor plan_of(const struct fc_param *p, int part)
{
	struct fc_tensor t = {.name = part_name(p, part), .dtype = FC_F32, .n_dim = p->n_dim};
	for (int d = 0; d < p->n_dim; d++)
		t.dim[d] = p->dim[d];
	t.n_bytes = p->n * sizeof(float);
	return t;
}

/* A writer whose tensors are the parts of the first parameter, then of the next: all, or the
 * weights alone. */
struct saving {
	struct fc_store_writer *w;
	size_t n_part;
};

static int save_piece(
    void *to, size_t param, int part, size_t begin, size_t n, const float *x, struct fc_err *e)
{
	const struct saving *s = to;
	return fc_store_writer_put(
	    s->w, param * s->n_part + (size_t)part, begin * sizeof *x, x, n * sizeof *x, e);
}

static int save_tensors(const char *dir, struct train_crew *crew, size_t n_part, struct fc_err *e)
{
	const struct fc_params *p = train_crew_params(crew);
	const size_t n = n_part * p->n;
	struct fc_tensor *plan = FC_ARRAY(struct fc_tensor, n);
	struct fc_store_writer *w = NULL;
	for (size_t i = 0; i < n; i++)
		plan[i] = plan_of(&p->v[i / n_part], (int)(i % n_part));
	int ret = fc_store_writer_open(&w, dir, plan, n, SIZE_MAX, e);
	struct saving to = {w, n_part};
	if (ret == 0)
		ret = n_part == PARTS ? train_crew_read(crew, save_piece, &to, e)
				      : train_crew_read_weights(crew, save_piece, &to, e);
	if (w) {
		struct fc_err later;
		if (fc_store_writer_close(w, ret == 0 ? e : &later) < 0)
			ret = -1;
	}
	for (size_t i = 0; i < n; i++)
		free((char *)plan[i].name);
	free(plan);
	return ret;
}

static void add_mark(struct fc_buf *b, const struct train_mark *at)
{
	fc_buf_addf(b, "{\"since\": %" PRIu64, at->n_since);
	if (at->is_set)
		fc_buf_addf(b, ", \"step\": %" PRIu64 ", \"loss\": %.17g", at->step, at->loss);
	fc_buf_addc(b, '}');
}

/* text: up to the members that every state has.  Takes it over. */
static int write_state(const char *dir, struct fc_buf *text, json_t *run, struct fc_err *e)
{
	char *path = fc_path_join(dir, STATE_FILE);
	fc_buf_adds(text, ", \"run\": ");
	fc_json_dump(text, run);
	fc_buf_adds(text, "}\n");
	int ret = fc_out_whole(path, FC_OUT_TEXT, text, e);
	fc_buf_release(text);
	free(path);
	return ret;
}

static int save_state(
    const char *dir, const struct train_progress_state *s, json_t *run, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b,
	    "{\"version\": %d, \"step\": %" PRIu64 ", \"examples\": %" PRIu64
	    ", \"tokens\": %" PRIu64 ", \"pass\": %" PRIu64 ", \"taken\": %" PRIu64
	    ", \"hash\": \"%016" PRIx64 "\", \"stream\": \"%016" PRIx64
	    "\", \"log_bytes\": %" PRIu64,
	    VERSION, s->step, s->n_example, s->n_tok, s->pos.pass, s->pos.taken, s->pos.hash,
	    s->pos.stream, s->log_bytes);
	if (s->best.is_set || s->best.n_since) {
		fc_buf_adds(&b, ", \"best\": ");
		add_mark(&b, &s->best);
	}
	return write_state(dir, &b, run, e);
}

static int save_mark(const char *dir, const struct train_mark *at, json_t *run, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "{\"version\": %d, \"best\": ", VERSION);
	add_mark(&b, at);
	return write_state(dir, &b, run, e);
}

/* s or at: what the folder is for. */
static int save_folder(const char *dir, struct train_crew *crew,
    const struct train_progress_state *s, const struct train_mark *at, json_t *run,
    struct fc_err *e)
{
	struct fc_outdir *d;
	if (fc_outdir_open(&d, dir, &fc_folder_checkpoint, e) < 0)
		return -1;
	const char *tmp = fc_outdir_tmp(d);
	if (save_tensors(tmp, crew, s ? PARTS : 1, e) < 0 ||
	    (s ? save_state(tmp, s, run, e) : save_mark(tmp, at, run, e)) < 0) {
		fc_outdir_abort(d);
		return -1;
	}
	return fc_outdir_commit(d, e);
}

int train_checkpoint_save(const char *dir, struct train_crew *crew,
    const struct train_progress_state *s, json_t *run, struct fc_err *e)
{
	return save_folder(dir, crew, s, NULL, run, e);
}

int train_checkpoint_save_weights(const char *dir, struct train_crew *crew,
    const struct train_mark *at, json_t *run, struct fc_err *e)
{
	return save_folder(dir, crew, NULL, at, run, e);
}

int train_checkpoint_rewrite_weights(const char *dir, struct train_crew *crew, struct fc_err *e)
{
	return fc_store_remove(dir, e) < 0 ? -1 : save_tensors(dir, crew, 1, e);
}

static int read_count(
    const json_t *o, const char *key, uint64_t *out, const char *where, struct fc_err *e)
{
	int64_t v;
	if (fc_json_int(o, key, -1, &v, where, e) < 0)
		return -1;
	if (v < 0)
		return fc_fail(e, "%s: %s is missing or negative", where, key);
	*out = (uint64_t)v;
	return 0;
}

static int read_hash(
    const json_t *o, const char *key, uint64_t *out, const char *where, struct fc_err *e)
{
	const char *text;
	char *end;
	if (fc_json_str(o, key, "", &text, where, e) < 0)
		return -1;
	*out = strtoull(text, &end, 16);
	return end == text || *end ? fc_fail(e, "%s: %s is no number", where, key) : 0;
}

/* Absent: no evaluation yet. */
static int read_mark(const json_t *o, struct train_mark *at, const char *where, struct fc_err *e)
{
	const json_t *m = json_object_get(o, "best");
	*at = (struct train_mark){0};
	if (!m)
		return 0;
	at->is_set = json_object_get(m, "step") != NULL;
	if (read_count(m, "since", &at->n_since, where, e) < 0)
		return -1;
	if (!at->is_set)
		return 0;
	return read_count(m, "step", &at->step, where, e) < 0 ||
		fc_json_real(m, "loss", NAN, &at->loss, where, e) < 0
	    ? -1
	    : 0;
}

static int read_version(const json_t *o, const char *where, struct fc_err *e)
{
	uint64_t version = 0;
	if (read_count(o, "version", &version, where, e) < 0)
		return -1;
	if (version != VERSION)
		return fc_fail(
		    e, "%s: version %" PRIu64 ", this program reads %d", where, version, VERSION);
	return 0;
}

static int read_state(
    const json_t *o, struct train_progress_state *s, const char *where, struct fc_err *e)
{
	if (read_version(o, where, e) < 0 || read_count(o, "step", &s->step, where, e) < 0 ||
	    read_count(o, "examples", &s->n_example, where, e) < 0 ||
	    read_count(o, "tokens", &s->n_tok, where, e) < 0 ||
	    read_count(o, "pass", &s->pos.pass, where, e) < 0 ||
	    read_count(o, "taken", &s->pos.taken, where, e) < 0 ||
	    read_count(o, "log_bytes", &s->log_bytes, where, e) < 0 ||
	    read_mark(o, &s->best, where, e) < 0)
		return -1;
	return read_hash(o, "hash", &s->pos.hash, where, e) < 0 ||
		read_hash(o, "stream", &s->pos.stream, where, e) < 0
	    ? -1
	    : 0;
}

/* What says which weights are the result and when a run ends, and nothing of its steps. */
static bool only_watches(const char *key)
{
	static const char *const watching[] = {"keep", "patience", "eval", "eval-every"};
	for (size_t i = 0; i < FC_LEN(watching); i++)
		if (!strcmp(key, watching[i]))
			return true;
	return false;
}

/* Options that decide and that this run lacks. */
static int compare_lacking(
    const json_t *then, const json_t *now, const char *where, struct fc_err *e)
{
	const json_t *value;
	const char *key;
	json_object_foreach((json_t *)then, key, value)
	{
		const char *text = json_string_value(value);
		if (!only_watches(key) && !json_object_get(now, key))
			return fc_fail(e,
			    "%s: was made with %.64s %.64s, this run has none; it cannot be "
			    "resumed",
			    where, key, text ? text : "");
	}
	return 0;
}

static int compare_runs(const json_t *o, const json_t *now, const char *where, struct fc_err *e)
{
	const json_t *then = json_object_get(o, "run"), *value;
	const char *key;
	json_object_foreach((json_t *)now, key, value)
	{
		const char *a = json_string_value(json_object_get(then, key));
		const char *b = json_string_value(value);
		if (!a || strcmp(a, b))
			return fc_fail(e,
			    "%s: was made with %s %s, this run has %s; it cannot be resumed", where,
			    key, a ? a : "(none)", b);
	}
	return compare_lacking(then, now, where, e);
}

/* The tensor of each of the first n_part parts of every parameter; -1: not all are there in their
 * shapes. */
static int find_tensors(const struct fc_tensor **t, const struct fc_store *store,
    const struct fc_params *p, size_t n_part, const char *dir, struct fc_err *e)
{
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < n_part * p->n; i++) {
		struct fc_tensor want = plan_of(&p->v[i / n_part], (int)(i % n_part));
		t[i] = fc_store_find(store, want.name);
		if (!t[i] || t[i]->dtype != FC_F32 || !fc_tensor_same_shape(t[i], &want))
			ret = fc_fail(
			    e, "%s: tensor %s is missing or has another shape", dir, want.name);
		free((char *)want.name);
	}
	return ret;
}

static void load_piece(void *from, size_t param, int part, size_t begin, size_t n, float *x)
{
	const struct fc_tensor *const *t = from;
	memcpy(x, (const float *)t[param * PARTS + (size_t)part]->data + begin, n * sizeof *x);
}

static int load_tensors(
    const char *dir, struct train_crew *crew, uint64_t n_update, struct fc_err *e)
{
	const struct fc_params *p = train_crew_params(crew);
	struct fc_store *store;
	if (fc_store_open(&store, dir, e) < 0)
		return -1;
	const struct fc_tensor **t = FC_ARRAY(const struct fc_tensor *, PARTS * p->n);
	int ret = find_tensors(t, store, p, PARTS, dir, e);
	if (ret == 0)
		ret = train_crew_write(crew, load_piece, t, n_update, e);
	free(t);
	fc_store_close(store);
	return ret;
}

int train_checkpoint_load(const char *dir, struct train_crew *crew, struct train_progress_state *s,
    const json_t *run, struct fc_err *e)
{
	char *path = fc_path_join(dir, STATE_FILE);
	json_t *o = fc_json_file(path, e);
	int ret = o ? 0 : -1;
	if (ret == 0)
		ret = read_state(o, s, path, e);
	if (ret == 0)
		ret = compare_runs(o, run, path, e);
	if (ret == 0)
		ret = load_tensors(dir, crew, s->step, e);
	json_decref(o);
	free(path);
	return ret;
}

int train_checkpoint_read_mark(
    const char *dir, struct train_mark *at, const json_t *run, struct fc_err *e)
{
	char *path = fc_path_join(dir, STATE_FILE);
	json_t *o = fc_json_file(path, e);
	int ret = o ? read_version(o, path, e) : -1;
	if (ret == 0)
		ret = read_mark(o, at, path, e);
	if (ret == 0)
		ret = compare_runs(o, run, path, e);
	json_decref(o);
	free(path);
	return ret;
}

int train_checkpoint_load_weights(const char *dir, struct fc_params *p, struct fc_err *e)
{
	struct fc_store *store;
	if (fc_store_open(&store, dir, e) < 0)
		return -1;
	const struct fc_tensor **t = FC_ARRAY(const struct fc_tensor *, p->n + 1);
	int ret = find_tensors(t, store, p, 1, dir, e);
	for (size_t i = 0; ret == 0 && i < p->n; i++)
		fc_nn_put(p->model.nn, p->v[i].w, t[i]->data, p->v[i].n * sizeof(float));
	if (ret == 0)
		ret = fc_nn_check(p->model.nn, e);
	free(t);
	fc_store_close(store);
	return ret;
}
