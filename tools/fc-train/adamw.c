/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/adamw.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define BLOCK 16384 /* elements: 4 arrays of 64 KiB, within a core's level-2 cache */

struct train_adamw_block {
	size_t param, begin, n;
};

static size_t count_blocks(const struct fc_param *p, size_t n_param)
{
	size_t n = 0;
	for (size_t i = 0; i < n_param; i++)
		n += (p[i].n + BLOCK - 1) / BLOCK;
	return n;
}

void train_adamw_init(struct train_adamw *a, const struct train_adamw_opts *opts,
    const struct fc_param *p, size_t n_param)
{
	*a = (struct train_adamw){.opts = *opts, .n_param = n_param};
	a->m = FC_ARRAY(float *, n_param);
	a->v = FC_ARRAY(float *, n_param);
	a->block = FC_ARRAY(struct train_adamw_block, count_blocks(p, n_param));
	for (size_t i = 0; i < n_param; i++) {
		a->m[i] = FC_ARRAY(float, p[i].n);
		a->v[i] = FC_ARRAY(float, p[i].n);
		for (size_t at = 0; at < p[i].n; at += BLOCK) {
			size_t left = p[i].n - at;
			a->block[a->n_block++] =
			    (struct train_adamw_block){i, at, left < BLOCK ? left : BLOCK};
		}
	}
}

void train_adamw_release(struct train_adamw *a)
{
	for (size_t i = 0; i < a->n_param; i++) {
		free(a->m[i]);
		free(a->v[i]);
	}
	free(a->m);
	free(a->v);
	free(a->block);
	*a = (struct train_adamw){0};
}

static double sum_squares(const float *g, size_t n)
{
	double sum[8] = {0};
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (int j = 0; j < 8; j++)
			sum[j] += (double)g[i + j] * (double)g[i + j];
	for (; i < n; i++)
		sum[0] += (double)g[i] * (double)g[i];
	return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

double train_adamw_grad_norm(const struct train_adamw *a, const struct fc_param *p)
{
	double *part = FC_ARRAY(double, a->n_block), sum = 0;
#pragma omp parallel for schedule(static)
	for (size_t b = 0; b < a->n_block; b++) {
		const struct train_adamw_block *k = &a->block[b];
		part[b] = sum_squares(p[k->param].g + k->begin, k->n);
	}
	for (size_t b = 0; b < a->n_block; b++)
		sum += part[b];
	free(part);
	return sqrt(sum);
}

struct coefs {
	float grad_scale, beta1, beta2;
	float step;       /* lr / (1 - beta1^t) */
	float root_bias;  /* 1 / sqrt(1 - beta2^t) */
	float eps, decay; /* decay: lr * weight_decay */
};

/* w -= lr * (m^ / (sqrt(v^) + eps) + weight_decay * w), m^ and v^ corrected for their start at 0 */
static void update_weights(float *restrict w, float *restrict m, float *restrict v,
    const float *restrict g, size_t n, struct coefs c)
{
#pragma omp simd
	for (size_t i = 0; i < n; i++) {
		float x = g[i] * c.grad_scale;
		m[i] = c.beta1 * m[i] + (1 - c.beta1) * x;
		v[i] = c.beta2 * v[i] + (1 - c.beta2) * x * x;
		w[i] -= c.step * m[i] / (sqrtf(v[i]) * c.root_bias + c.eps) + c.decay * w[i];
	}
}

void train_adamw_update(struct train_adamw *a, struct fc_param *p, double lr, double grad_scale)
{
	const struct train_adamw_opts *o = &a->opts;
	double t = (double)++a->t;
	struct coefs c = {
	    .grad_scale = (float)grad_scale,
	    .beta1 = (float)o->beta1,
	    .beta2 = (float)o->beta2,
	    .step = (float)(lr / (1 - pow(o->beta1, t))),
	    .root_bias = (float)(1 / sqrt(1 - pow(o->beta2, t))),
	    .eps = (float)o->eps,
	};
#pragma omp parallel for schedule(static)
	for (size_t b = 0; b < a->n_block; b++) {
		const struct train_adamw_block *k = &a->block[b];
		size_t i = k->param, at = k->begin;
		struct coefs mine = c;
		mine.decay = p[i].decay ? (float)(lr * o->weight_decay) : 0;
		update_weights(p[i].w + at, a->m[i] + at, a->v[i] + at, p[i].g + at, k->n, mine);
	}
}
