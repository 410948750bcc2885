/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/plane.h"

#include <string.h>

int fc_plane_width(uint32_t max)
{
	return max < 1u << 8 ? 1 : max < 1u << 16 ? 2 : max < 1u << 24 ? 3 : 4;
}

void fc_plane_split(uint8_t *out, const uint32_t *in, size_t n, int width)
{
	for (int w = 0; w < width; w++) {
#pragma omp simd
		for (size_t i = 0; i < n; i++)
			out[i] = (uint8_t)(in[i] >> 8 * w);
		out += n;
	}
}

static void join1(uint32_t *restrict out, const uint8_t *restrict in, size_t n)
{
#pragma omp simd
	for (size_t i = 0; i < n; i++)
		out[i] = in[i];
}

static void join2(uint32_t *restrict out, const uint8_t *restrict in, size_t n)
{
	const uint8_t *restrict high = in + n;
#pragma omp simd
	for (size_t i = 0; i < n; i++)
		out[i] = (uint32_t)in[i] | (uint32_t)high[i] << 8;
}

static void add_plane(uint32_t *restrict out, const uint8_t *restrict in, size_t n, int shift)
{
#pragma omp simd
	for (size_t i = 0; i < n; i++)
		out[i] |= (uint32_t)in[i] << shift;
}

void fc_plane_join(uint32_t *out, const uint8_t *in, size_t n, int width)
{
	if (width == 1) {
		join1(out, in, n);
		return;
	}
	join2(out, in, n);
	for (int w = 2; w < width; w++)
		add_plane(out, in + (size_t)w * n, n, 8 * w);
}

uint32_t fc_plane_max(const uint32_t *v, size_t n)
{
	uint32_t max = 0;
#pragma omp simd reduction(max : max)
	for (size_t i = 0; i < n; i++)
		max = v[i] > max ? v[i] : max;
	return max;
}

/* Round to nearest even in integers.  Below 2^-14 float16 has steps of 2^-24, which adding a
 * power of two with that last place rounds to. */
uint32_t fc_logprob_bits(float logprob)
{
	float v = -logprob;
	if (!(v >= -1e-3f))
		return FC_BAD_LOGPROB;
	if (v <= 0)
		return 0;
	if (v >= 65504)
		return FC_MAX_LOGPROB_BITS;
	uint32_t u;
	if (v < 0x1p-14f) {
		v += 0.5f; /* last place 2^-24 */
		memcpy(&u, &v, 4);
		return u - 0x3f000000;
	}
	memcpy(&u, &v, 4);
	u += 0xfff + (u >> 13 & 1);
	return (u >> 13) - (112 << 10);
}

/* Shifted into a float32 the bits read as value * 2^-112, also those of subnormal values. */
void fc_logprob_values(float *restrict out, const uint32_t *restrict bits, size_t n)
{
#pragma omp simd
	for (size_t i = 0; i < n; i++) {
		union {
			uint32_t u;
			float f;
		} x = {.u = bits[i] << 13};
		out[i] = 0 - x.f * 0x1p112f; /* not -0 */
	}
}
