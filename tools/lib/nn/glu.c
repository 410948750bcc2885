/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/nn.h"

#include <math.h>

/* act(x) and its derivative */
static float silu(float x, float *d)
{
	const float s = 1 / (1 + expf(-x));
	*d = s * (1 + x * (1 - s));
	return x * s;
}

static float gelu_tanh(float x, float *d)
{
	const float a = 0.79788456f, b = 0.044715f; /* sqrt(2/pi) */
	const float t = tanhf(a * (x + b * x * x * x));
	*d = 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * a * (1 + 3 * b * x * x);
	return 0.5f * x * (1 + t);
}

static float gelu(float x, float *d)
{
	const float p = 0.5f * erfcf(-x * 0.70710678f);
	*d = p + x * 0.39894228f * expf(-0.5f * x * x);
	return x * p;
}

static float act_of(enum fc_act act, float x, float *d)
{
	return act == FC_ACT_SILU ? silu(x, d) : act == FC_ACT_GELU ? gelu(x, d) : gelu_tanh(x, d);
}

void fc_glu_fwd(float *y, const float *gate, const float *up, enum fc_act act, size_t N, size_t F)
{
#pragma omp parallel for
	for (size_t i = 0; i < N * F; i++) {
		float d;
		y[i] = act_of(act, gate[i], &d) * up[i];
	}
}

void fc_glu_bwd(float *dgate, float *dup, const float *dy, const float *gate, const float *up,
    enum fc_act act, size_t N, size_t F)
{
#pragma omp parallel for
	for (size_t i = 0; i < N * F; i++) {
		float d;
		const float a = act_of(act, gate[i], &d), u = up[i];
		dgate[i] = dy[i] * u * d;
		dup[i] = dy[i] * a;
	}
}
