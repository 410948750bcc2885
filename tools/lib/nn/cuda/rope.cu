/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/kernels.h"
#include "nn/cuda/launch.h"

enum { ROPE_BLOCK = fc_lanes(128), PAIRS_MOST = 256 };

struct rope_params {
	float inv_freq[PAIRS_MOST];
	uint32_t half, interleaved;
	float scale, sign; /* sign: of the sine, -1 for the transposed map */
};

/* A token a block: the turns of its position in shared memory, then all its heads.  Whole turns are
 * taken off in double: as a float, an angle of 1e5 radians would be off by 4e-3. */
__global__ void rope_k(
    float *x, const uint32_t *pos, size_t N, size_t heads, size_t D, struct rope_params r)
{
	SHARED(float, c, PAIRS_MOST);
	SHARED(float, s, PAIRS_MOST);
	const double turn = 6.283185307179586476925;
	for (size_t n = blockIdx.x; n < N; n += gridDim.x) {
		for (size_t i = threadIdx.x; i < r.half; i += blockDim.x) {
			const double t = (double)pos[n] * ((double)r.inv_freq[i] / turn);
			const double angle = (t - rint(t)) * turn;
			c[i] = (float)cos(angle) * r.scale;
			s[i] = (float)sin(angle) * r.scale * r.sign;
		}
		SYNC(1);
		for (size_t k = threadIdx.x; k < heads * r.half; k += blockDim.x) {
			const size_t i = k % r.half;
			float *a = x + (n * heads + k / r.half) * D + (r.interleaved ? 2 * i : i);
			float *b = a + (r.interleaved ? 1 : r.half);
			const float first = *a, second = *b;
			*a = first * c[i] - second * s[i];
			*b = second * c[i] + first * s[i];
		}
		SYNC(2);
	}
}

void fc_cuda_rope_apply(struct fc_nn *nn, float *x, const uint32_t *pos, size_t N, size_t heads,
    size_t D, const struct fc_rope *r, bool inverse)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	struct rope_params p = {};
	p.half = (uint32_t)(r->n_rot / 2);
	p.interleaved = r->interleaved;
	p.scale = r->scale;
	p.sign = inverse ? -1.0f : 1.0f;
	if (p.half > PAIRS_MOST) {
		fc_cuda_fail(cu, "device %s: rotates at most %d components of a head, not %zu",
		    cu->name, 2 * PAIRS_MOST, r->n_rot);
		return;
	}
	for (uint32_t i = 0; i < p.half; i++)
		p.inv_freq[i] = r->inv_freq[i];
	KLAUNCH(cu, rope_k, fc_row_blocks(N), ROPE_BLOCK, 0, x, pos, N, heads, D, p);
}
