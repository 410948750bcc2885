/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/rounding.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"

const char *const fc_round_words[] = {
    [FC_ROUND_NEAREST] = "nearest", [FC_ROUND_STOCHASTIC] = "stochastic", NULL};
_Static_assert(FC_LEN(fc_round_words) == FC_ROUND_N + 1, "a word each");

/* Number i of a sequence: the finalizer of splitmix64 (Vigna) over key + i * golden ratio.  It
 * needs no state, so that blocks can be rounded in any order. */
static inline uint64_t draw_bits(uint64_t key, uint64_t i)
{
	uint64_t z = key + (i + 1) * 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline uint32_t bits(float f)
{
	uint32_t u;
	memcpy(&u, &f, 4);
	return u;
}

static inline float from_bits(uint32_t u)
{
	float f;
	memcpy(&f, &u, 4);
	return f;
}

/* The bits below the last one kept are a fraction of a step, in either sign and for subnormals too:
 * adding a uniform number as wide carries with just that probability. */
static inline uint16_t to_bf16(float x, uint64_t random)
{
	const uint32_t u = bits(x);
	if ((u & 0x7fffffff) >= 0x7f7f0000) /* the largest bfloat16, beyond it, or not finite */
		return fc_f32_to_bf16(x);
	return (uint16_t)((u + (uint32_t)(random >> 48)) >> 16);
}

#define F16_MOST 65504.0f
#define F16_NORMAL 0x1p-14f    /* below it the numbers are subnormal: */
#define F16_SUBNORMAL 0x1p-24f /* multiples of this */
#define F16_DROPPED 13         /* mantissa bits of float32 that float16 has not */

static inline uint16_t to_f16(float x, uint64_t random)
{
	const float size = fabsf(x);
	if (!(size < F16_MOST))
		return fc_f32_to_f16(x);
	if (size >= F16_NORMAL) {
		uint32_t u = bits(x) + (uint32_t)(random >> (64 - F16_DROPPED));
		return fc_f32_to_f16(from_bits(u >> F16_DROPPED << F16_DROPPED));
	}
	float steps = size / F16_SUBNORMAL, whole = floorf(steps);
	if ((double)(random >> 11) * 0x1p-53 < (double)(steps - whole))
		whole++;
	return fc_f32_to_f16(copysignf(whole * F16_SUBNORMAL, x));
}

void fc_round_f32(void *out, enum fc_dtype t, const float *in, size_t n,
    const struct fc_rounding *how, const char *name, size_t first)
{
	uint16_t *to = out;
	if (!how->stochastic || (t != FC_BF16 && t != FC_F16)) {
		fc_from_f32(out, t, in, n);
		return;
	}
	const uint64_t key = fc_hash(name, strlen(name), how->seed);
	if (t == FC_BF16)
		for (size_t i = 0; i < n; i++)
			to[i] = to_bf16(in[i], draw_bits(key, first + i));
	else
		for (size_t i = 0; i < n; i++)
			to[i] = to_f16(in[i], draw_bits(key, first + i));
}
