/* SPDX-License-Identifier: Apache-2.0 */
#include "model/lora.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* ---- passes ---- */

/* What products read of A or of B. */
static struct fc_weight weight_of(const struct fc_param *v)
{
	return (struct fc_weight){v->bf16 ? (const void *)v->bf16 : v->w,
	    v->bf16 ? FC_BF16 : FC_F32, (size_t)v->dim[0], (size_t)v->dim[1]};
}

static void reserve(struct fc_nn *nn, struct fc_loras *l, size_t n)
{
	if (n <= l->n_mem)
		return;
	fc_nn_free(nn, l->mem);
	l->mem = fc_nn_alloc(nn, n, sizeof *l->mem);
	l->n_mem = n;
}

void fc_lora_begin(struct fc_nn *nn, struct fc_layer_loras *layer, size_t N, bool keep)
{
	if (!layer->n)
		return;
	struct fc_loras *l = layer->v->whole;
	const size_t rows = (N + 15) & ~(size_t)15; /* every part starts on a cache line */
	size_t most = 0, width = (keep ? 2 : 1) * l->r, n;
	for (size_t i = 0; i < layer->n && keep && l->dora; i++) {
		const size_t n_out = layer->v[i].w->n_out;
		most = n_out > most ? n_out : most;
		width += n_out;
	}
	if (!fc_size_mul(rows, width + most, &n))
		n = SIZE_MAX; /* ends in fc_nn_alloc() */
	reserve(nn, l, n);
	float *at = l->mem;
	l->keep = keep;
	l->u = at;
	at += rows * l->r;
	if (!keep)
		return;
	l->du = at;
	at += rows * l->r;
	l->dz = at;
	at += rows * most;
	for (size_t i = 0; i < layer->n && l->dora; i++) {
		layer->v[i].normed = at;
		at += rows * layer->v[i].w->n_out;
	}
}

struct fc_lora *fc_lora_of(const struct fc_layer_loras *l, const struct fc_weight *w)
{
	for (size_t i = 0; l && i < l->n; i++)
		if (l->v[i].w == w)
			return &l->v[i];
	return NULL;
}

/* u = s x A^T */
static void project(struct fc_nn *nn, const struct fc_lora *l, const float *x, size_t N)
{
	const struct fc_weight a = weight_of(l->a);
	fc_linear_fwd(nn, l->whole->u, x, &a, N);
	fc_gain_fwd(nn, l->whole->u, l->whole->u, l->whole->scales, N, a.n_out);
}

void fc_lora_fwd(struct fc_nn *nn, struct fc_lora *l, float *y, const float *x, size_t N)
{
	const struct fc_weight b = weight_of(l->b);
	project(nn, l, x, N);
	fc_linear_bwd_x(nn, y, l->whole->u, &b, N, true); /* y += u B^T */
	if (!l->m)
		return;
	if (l->whole->keep)
		fc_gain_fwd(nn, l->normed, y, l->inverse, N, b.n_in);
	fc_gain_fwd(nn, y, y, l->gain, N, b.n_in);
}

const float *fc_lora_bwd_w(
    struct fc_nn *nn, struct fc_lora *l, const float *dy, const float *x, size_t N)
{
	const struct fc_weight a = weight_of(l->a), b = weight_of(l->b);
	float *u = l->whole->u, *du = l->whole->du;
	project(nn, l, x, N); /* costs less than to keep it in the forward pass of all linears */
	if (l->m) {
		fc_gain_bwd(nn, l->m->g, dy, l->normed, N, b.n_in);
		fc_gain_fwd(nn, l->whole->dz, dy, l->gain, N, b.n_in);
		dy = l->whole->dz;
	}
	fc_linear_fwd(nn, du, dy, &b, N); /* dy B */
	fc_gain_fwd(nn, du, du, l->whole->scales, N, a.n_out);
	fc_linear_bwd_w(nn, l->b->g, u, dy, N, b.n_out, b.n_in);
	fc_linear_bwd_w(nn, l->a->g, du, x, N, a.n_out, a.n_in);
	return dy;
}

void fc_lora_bwd_x(struct fc_nn *nn, const struct fc_lora *l, float *dx, size_t N)
{
	const struct fc_weight a = weight_of(l->a);
	fc_linear_bwd_x(nn, dx, l->whole->du, &a, N, true);
}

/* ---- the lengths of rows ---- */

/* On the host: what of the device's memory a length is made of. */
struct measured {
	float *aw, *aa, *b, *m; /* A W^T [r,O], A A^T [r,r], B^T [r,O], m [O] */
	float *gain, *inverse;  /* results [O] */
};

/* |W + s B A|^2 = |W|^2 + 2 s B (A W^T) + s^2 B (A A^T) B^T, by rows o. */
static double row_square(
    const struct fc_lora *l, const struct measured *h, size_t r, size_t O, size_t o)
{
	double cross = 0, own = 0;
	for (size_t k = 0; k < r; k++) {
		double part = 0;
		for (size_t i = 0; i < r; i++)
			part += (double)h->aa[k * r + i] * (double)h->b[i * O + o];
		cross += (double)h->b[k * O + o] * (double)h->aw[k * O + o];
		own += (double)h->b[k * O + o] * part;
	}
	return l->square[o] + l->scale * (2 * cross + l->scale * own);
}

static void refresh_gain(struct fc_nn *nn, struct fc_loras *all, struct fc_lora *l)
{
	const size_t r = all->r, O = l->w->n_out;
	const struct fc_weight a = {l->a->w, FC_F32, r, l->w->n_in};
	float *host = FC_ARRAY(float, (2 * r + 3) * O + r * r);
	struct measured h = {.aw = host, .b = host + r * O, .m = host + 2 * r * O};
	h.gain = h.m + O;
	h.inverse = h.gain + O;
	h.aa = h.inverse + O;
	reserve(nn, all, r * (O + r));
	float *aw = all->mem, *aa = all->mem + r * O;
	fc_linear_fwd(nn, aw, l->a->w, l->w, r);
	fc_linear_fwd(nn, aa, l->a->w, &a, r);
	fc_nn_get(nn, h.aw, aw, r * O * sizeof *aw);
	fc_nn_get(nn, h.aa, aa, r * r * sizeof *aa);
	fc_nn_get(nn, h.b, l->b->w, r * O * sizeof *h.b);
	fc_nn_get(nn, h.m, l->m->w, O * sizeof *h.m);
#pragma omp parallel for if (r * r * O > 1 << 16)
	for (size_t o = 0; o < O; o++) {
		const double length = sqrt(row_square(l, &h, r, O, o));
		h.inverse[o] = length > 0 ? (float)(1 / length) : 0; /* a row of zeros stays one */
		h.gain[o] = h.inverse[o] * h.m[o];
	}
	fc_nn_put(nn, l->inverse, h.inverse, O * sizeof *h.inverse);
	fc_nn_put(nn, l->gain, h.gain, O * sizeof *h.gain);
	free(host);
}

void fc_lora_refresh(struct fc_params *p)
{
	struct fc_loras *l = p->lora;
	for (size_t i = 0; l && l->dora && i < l->n_layer; i++)
		for (size_t k = 0; k < l->layer[i].n; k++)
			refresh_gain(p->model.nn, l, &l->layer[i].v[k]);
}

void fc_loras_free(struct fc_nn *nn, struct fc_loras *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_layer; i++) {
		for (size_t k = 0; k < l->layer[i].n; k++) {
			struct fc_lora *x = &l->layer[i].v[k];
			free(x->square);
			fc_nn_free(nn, x->gain);
			fc_nn_free(nn, x->inverse);
		}
		free(l->layer[i].v);
	}
	for (size_t i = 0; i < l->n_module; i++)
		free(l->module[i]);
	free(l->module);
	free(l->layer);
	fc_nn_free(nn, l->scales);
	fc_nn_free(nn, l->mem);
	free(l);
}
