/* SPDX-License-Identifier: Apache-2.0 */
/* Several batches that go through the layers together: the bits of one after the other, and each
 * unit's gradient is whole when it is said to be. */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/par.h"
#include "device.h"
#include "model/params.h"
#include "t.h"

enum { V = 101, BATCHES = 4, MOST = 40, UNITS = 16 };
static const struct {
	const char *name, *config;
} models[] = {
    {"untied", "\"model_type\": \"llama\", \"num_attention_heads\": 4"},
    {"tied",
	"\"model_type\": \"qwen2\", \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
	"\"tie_word_embeddings\": true"},
    {"gemma2",
	"\"model_type\": \"gemma2\", \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
	"\"head_dim\": 12, \"sliding_window\": 7, \"final_logit_softcapping\": 5"},
    {"rope by length",
	"\"model_type\": \"llama\", \"num_attention_heads\": 4, \"max_position_embeddings\": 20, "
	"\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 4}"},
};

static struct fc_err err;

/* One batch of one or two sequences, with labels and a teacher's rows; the second has no rows. */
struct made {
	uint32_t tok[MOST], row[MOST], target[MOST], row_off[MOST + 1], id[MOST];
	float sft[MOST], kd[MOST], logprob[MOST];
	size_t off[3];
	struct fc_batch b;
	struct fc_targets t;
	struct fc_teacher teacher;
};

static void make_batch(struct made *m, size_t i)
{
	static const size_t length[BATCHES] = {17, 5, MOST, 9};
	const size_t n = length[i];
	size_t R = 0;
	for (size_t k = 0; k < n; k++)
		m->tok[k] = (uint32_t)((k * 13 + i * 29 + k * k) % V);
	m->off[0] = 0;
	m->off[1] = n / 3;
	m->off[2] = n;
	for (size_t k = 0; k + 1 < n && i != 1; k += 1 + k % 3, R++) {
		m->row[R] = (uint32_t)k;
		m->target[R] = m->tok[k + 1];
		m->sft[R] = 0.01f;
		m->kd[R] = 0.02f;
		m->row_off[R] = (uint32_t)R;
		m->id[R] = (uint32_t)(k % V);
		m->logprob[R] = -0.5f;
	}
	m->row_off[R] = (uint32_t)R;
	m->teacher = (struct fc_teacher){m->row_off, m->id, m->logprob,
	    {.kind = FC_LOSS_KL, .rule = FC_ROW_TAIL, .temperature = 1}};
	m->b = (struct fc_batch){m->tok, m->off, 2};
	m->t = (struct fc_targets){m->row, m->target, m->sft, m->kd, &m->teacher, R};
}

static float **read_gradients(const struct fc_params *p)
{
	float **g = FC_ARRAY(float *, p->n);
	for (size_t i = 0; i < p->n; i++)
		g[i] = device_read(p->model.nn, p->v[i].g, p->v[i].n * sizeof **g);
	return g;
}

static void free_gradients(const struct fc_params *p, float **g)
{
	for (size_t i = 0; i < p->n; i++)
		free(g[i]);
	free(g);
}

/* What is said while the passes run, and each unit's gradient when it is said to be whole. */
struct seen {
	struct fc_params *p;
	size_t next, n_pause;
	bool open, in_order;
	float **g; /* [p->n] */
};

static void begin(void *arg, size_t unit)
{
	struct seen *s = arg;
	s->in_order = s->in_order && !s->open && unit == s->next;
	s->open = true;
}

static void end(void *arg, size_t unit)
{
	struct seen *s = arg;
	s->in_order = s->in_order && s->open && unit == s->next++;
	s->open = false;
	for (size_t i = 0; i < s->p->n; i++)
		if (s->p->v[i].unit == unit)
			s->g[i] =
			    device_read(s->p->model.nn, s->p->v[i].g, s->p->v[i].n * sizeof **s->g);
}

static void pause_(void *arg)
{
	((struct seen *)arg)->n_pause++;
}

static bool same_gradients(const struct fc_params *p, float **a, float **b)
{
	for (size_t i = 0; i < p->n; i++)
		if (memcmp(a[i], b[i], p->v[i].n * sizeof **a))
			return false;
	return true;
}

static void check_together(struct fc_params *p, const struct made *m, size_t n, const char *name)
{
	struct fc_nn *nn = p->model.nn;
	struct fc_loss one[BATCHES] = {{0}}, all[BATCHES] = {{0}};
	struct fc_step_batch v[BATCHES];
	bool done = true;
	fc_params_zero_grad(p);
	for (size_t i = 0; i < n; i++) {
		v[i] = (struct fc_step_batch){&m[i].b, &m[i].t, &all[i]};
		done = fc_params_step(nn, p, &m[i].b, &m[i].t, true, &one[i], &err) == 0 && done;
	}
	float **want = read_gradients(p);
	struct seen s = {p, 0, 0, false, true, FC_ARRAY(float *, p->n)};
	const struct fc_step_watch watch = {&s, begin, end, pause_};
	fc_params_zero_grad(p);
	done = fc_params_steps(nn, p, v, n, &watch, &err) == 0 && done;
	float **got = read_gradients(p);
	T_OK(done && !memcmp(one, all, sizeof one), "%s, %zu batches: losses", name, n);
	T_OK(same_gradients(p, got, want), "%s, %zu batches: the same bits of gradients", name, n);
	T_OK(
	    s.in_order && s.next == fc_params_units(p), "%s, %zu batches: units in order", name, n);
	T_OK(same_gradients(p, s.g, want), "%s, %zu batches: each is whole at its end", name, n);
	T_OK(s.n_pause >= 2 * n, "%s, %zu batches: pauses", name, n);
	free_gradients(p, want);
	free_gradients(p, got);
	free_gradients(p, s.g);
}

/* Gradients in memory of the caller's, in which each has its place. */
static void check_placed(struct fc_params *p, const struct made *m, const char *name)
{
	struct fc_nn *nn = p->model.nn;
	struct fc_loss loss = {0};
	float **place = FC_ARRAY(float *, p->n);
	size_t n = 0;
	fc_params_zero_grad(p);
	fc_params_step(nn, p, &m->b, &m->t, true, &loss, &err);
	float **want = read_gradients(p);
	for (size_t i = 0; i < p->n; i++)
		n += p->v[i].n;
	float *all = fc_nn_alloc(nn, n, sizeof *all);
	n = 0;
	for (size_t i = 0; i < p->n; n += p->v[i++].n)
		place[i] = all + n;
	fc_params_place_grad(p, place);
	fc_params_zero_grad(p);
	fc_params_step(nn, p, &m->b, &m->t, true, &loss, &err);
	float **got = read_gradients(p);
	bool there = true;
	for (size_t i = 0; i < p->n; i++)
		there = there && p->v[i].g == place[i];
	T_OK(there && same_gradients(p, got, want), "%s: gradients placed elsewhere", name);
	free_gradients(p, want);
	free_gradients(p, got);
	fc_params_free(p);
	fc_nn_free(nn, all);
	free(place);
}

static void test_model(size_t which, enum fc_compute compute)
{
	char path[] = "/tmp/fc-steps-XXXXXX", name[64];
	FILE *f = fdopen(mkstemp(path), "w");
	fprintf(f,
	    "{\"vocab_size\": %d, \"hidden_size\": 32, \"intermediate_size\": 48, "
	    "\"num_hidden_layers\": 3, \"rms_norm_eps\": 1e-5, %s}",
	    V, models[which].config);
	fclose(f);
	struct fc_nn *nn = open_nn(compute);
	struct fc_params *p = NULL;
	struct fc_rng rng;
	struct made *m = FC_ARRAY(struct made, BATCHES);
	fc_rng_seed(&rng, 5 + which);
	err.msg[0] = 0;
	snprintf(name, sizeof name, "%s, %s", models[which].name,
	    compute == FC_COMPUTE_BF16 ? "bf16" : "f32");
	for (size_t i = 0; i < BATCHES; i++)
		make_batch(&m[i], i);
	if (T_OK(fc_params_init(&p, path, nn, &rng, &err) == 0, "%s: initialised %s", name,
		err.msg)) {
		for (size_t n = 1; n <= BATCHES; n++)
			check_together(p, m, n, name);
		check_placed(p, m, name);
	}
	fc_nn_close(nn);
	free(m);
	unlink(path);
}

int main(void)
{
	fc_par_init(1); /* in bfloat16 threads decide about bits */
	for (size_t i = 0; i < FC_LEN(models); i++) {
		test_model(i, FC_COMPUTE_F32);
		test_model(i, FC_COMPUTE_BF16);
	}
	return t_done();
}
