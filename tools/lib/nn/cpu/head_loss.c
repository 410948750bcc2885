/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/head.h"

#include <math.h>
#include <string.h>

#include "base/par.h"
#include "nn/cpu/head_row.h"

struct row {
	uint32_t target;
	float sft_weight, kd_weight;
	struct fc_head_row taught; /* without entries: by labels alone */
};

struct step {
	const struct fc_head *h;
	const uint32_t *target;
	const float *sft_weight, *kd_weight;
	const struct fc_teacher *teacher;
	const struct fc_kern *kern;
};

static struct row row_of(const struct step *s, void *memory, size_t n)
{
	struct row r = {s->target[n], s->sft_weight[n], 0, {.n = 0}};
	const struct fc_teacher *t = s->teacher;
	if (t && t->row_off[n + 1] > t->row_off[n]) {
		r.taught.id = t->id + t->row_off[n];
		r.taught.logprob = t->logprob + t->row_off[n];
		r.taught.n = t->row_off[n + 1] - t->row_off[n];
		r.kd_weight = s->kd_weight[n];
		fc_head_row_place(&r.taught, memory);
	}
	return r;
}

/* Derivative of the cap where its result is z. */
static double cap_slope(const struct fc_head *h, float z)
{
	const double part = h->softcap > 0 ? (double)z / (double)h->softcap : 0;
	return (1 - part) * (1 + part);
}

/* z = weight exp(z - shift) times the slope of the cap */
static void exp_rows(const struct step *s, float *z, float shift, float weight)
{
	enum { CHUNK = 1024 };
	const size_t V = s->h->n_vocab;
	for (size_t v = 0; v < V; v += CHUNK) {
		const size_t n = fc_min_size(CHUNK, V - v);
		float capped[CHUNK];
		if (s->h->softcap > 0)
			memcpy(capped, z + v, n * sizeof *z);
		s->kern->exp_scaled(z + v, z + v, 1, shift, weight, n);
		if (s->h->softcap > 0)
			s->kern->cap_bwd(z + v, capped, s->h->softcap, n);
	}
}

/*
 * z becomes dL/dlogits, 0 in the padding.  What the row lists is written over what the pass over
 * the vocabulary left there, which takes no difference of large numbers.
 */
static void gradient(const struct step *s, float *z, const struct row *r,
    const struct fc_head_norm *norm, const struct fc_head_slope *slope)
{
	const size_t V = s->h->n_vocab, ld = s->h->w.n_out;
	const struct fc_head_row *t = &r->taught;
	const double sft = (double)r->sft_weight, kd = (double)r->kd_weight;
	const double at_target = sft != 0 ? sft * cap_slope(s->h, z[r->target]) : 0;
	const float shift = t->n ? slope->shift : norm->max;
	double weight = t->n ? kd * slope->factor : 0;
	if (shift == norm->max) /* another shift leaves p nothing but at the entries */
		weight += sft / norm->sum;
	exp_rows(s, z, shift, (float)weight);
	memset(z + V, 0, (ld - V) * sizeof *z);
	if (sft != 0)
		z[r->target] -= (float)at_target;
	for (size_t k = 0; k < t->n; k++) {
		const double p = exp(t->log_p[k]);
		const double label = t->id[k] == r->target ? sft : 0;
		z[t->id[k]] = (float)(cap_slope(s->h, t->z[k]) *
		    (sft * p - label + kd * (t->slope[k] - p * slope->sum)));
	}
}

/* Loss of one row from its logits z [V'], which become their gradient if that is wanted. */
static struct fc_loss row_loss(
    const struct step *s, float *z, const struct row *r, float *group_max, bool backward)
{
	struct fc_loss loss = {0};
	struct fc_head_slope slope = {0};
	const size_t V = s->h->n_vocab;
	const struct fc_head_norm norm = fc_head_norm_row(s->kern, z, V, group_max);
	if (r->sft_weight != 0) {
		loss.nll = -fc_head_logprob(&norm, z[r->target]);
		loss.sft = (double)r->sft_weight * loss.nll;
		loss.n_correct = fc_head_best(z, V, group_max, norm.max) == r->target;
	}
	if (r->taught.n)
		loss.kd = (double)r->kd_weight *
		    fc_head_row_loss(
			&r->taught, &s->teacher->objective, s->kern, z, V, &norm, &slope);
	if (backward)
		gradient(s, z, r, &norm, &slope);
	return loss;
}

static void loss_add(struct fc_loss *sum, const struct fc_loss *l)
{
	sum->sft += l->sft;
	sum->kd += l->kd;
	sum->nll += l->nll;
	sum->n_correct += l->n_correct;
}

/* Scratch: of a tile's rows, and of each thread for the row it is at. */
struct tile {
	struct fc_loss *loss; /* [n_rows] */
	float *group_max;     /* [n_rows][n_group] */
	char *taught;         /* [threads] of taught_bytes */
	size_t n_group, taught_bytes;
};

static struct tile tile_scratch(struct fc_cpu *cpu, const struct step *s, size_t n0, size_t n_rows)
{
	struct tile t = {.n_group = fc_kern_n_group(s->h->n_vocab)};
	size_t most = 0;
	for (size_t n = n0; s->teacher && n < n0 + n_rows; n++) {
		const size_t n_entry = s->teacher->row_off[n + 1] - s->teacher->row_off[n];
		most = n_entry > most ? n_entry : most;
	}
	t.taught_bytes = most ? fc_head_row_bytes(most) : 0;
	const size_t own = n_rows * sizeof *t.loss + (size_t)fc_par_threads() * t.taught_bytes;
	char *p =
	    fc_cpu_scratch(cpu, FC_SCRATCH_ROW, own + n_rows * t.n_group * sizeof *t.group_max, 1);
	t.loss = (struct fc_loss *)(void *)p;
	t.taught = p + n_rows * sizeof *t.loss;
	t.group_max = (float *)(void *)(p + own);
	return t;
}

/* Losses of rows n0... from their logits, which become gradients. */
static void tile_loss(struct fc_cpu *cpu, const struct step *s, float *logits, size_t n0,
    size_t n_rows, bool backward, struct fc_loss *loss)
{
	const struct tile t = tile_scratch(cpu, s, n0, n_rows);
	const size_t ld = s->h->w.n_out;
	size_t next = 0;
#pragma omp parallel if (n_rows * ld > FC_PAR_ELEMENTS)
	{
		size_t me;
#pragma omp atomic capture
		me = next++;
		void *memory = t.taught + me * t.taught_bytes;
#pragma omp for schedule(dynamic)
		for (size_t i = 0; i < n_rows; i++) {
			const struct row r = row_of(s, memory, n0 + i);
			t.loss[i] =
			    row_loss(s, logits + i * ld, &r, t.group_max + i * t.n_group, backward);
		}
	}
	for (size_t i = 0; i < n_rows; i++)
		loss_add(loss, &t.loss[i]);
}

void fc_cpu_head_loss(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, const float *sft_weight, const float *kd_weight,
    const struct fc_teacher *teacher, size_t N, float *dx, float *dw, struct fc_loss *loss)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	const struct step s = {h, target, sft_weight, kd_weight, teacher, cpu->kern};
	const size_t C = h->w.n_in, ld = h->w.n_out, tile = fc_head_tile_rows(h, N);
	float *logits = fc_cpu_scratch(cpu, FC_SCRATCH_LOGITS, tile * ld, sizeof *logits);
	for (size_t n0 = 0; n0 < N; n0 += tile) {
		const size_t n_rows = fc_min_size(tile, N - n0);
		fc_head_tile(cpu, h, x + n0 * C, n_rows, logits);
		tile_loss(cpu, &s, logits, n0, n_rows, dx || dw, loss);
		if (dx)
			fc_cpu_linear_bwd_x(nn, dx + n0 * C, logits, &h->w, n_rows, false);
		if (dw)
			fc_cpu_linear_bwd_w(nn, dw, logits, x + n0 * C, n_rows, ld, C);
	}
}
