/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of VL floats and their memory; included by each kern_*.c, so without a guard. */
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * VL)));
typedef int32_t vi __attribute__((vector_size(4 * VL)));
typedef uint32_t vu __attribute__((vector_size(4 * VL)));
typedef uint16_t vh __attribute__((vector_size(2 * VL)));

INLINE vf vset(float x)
{
	return x - (vf){0}; /* a scalar operand is spread over the lanes; -0 stays -0 */
}

INLINE vf vload(const float *p)
{
	vf v;
	memcpy(&v, p, sizeof v);
	return v;
}

INLINE void vstore(float *p, vf v)
{
	memcpy(p, &v, sizeof v);
}

INLINE vf vselect(vi mask, vf a, vf b)
{
	return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

INLINE vf load_bf16(const void *p)
{
	vh h;
	memcpy(&h, p, sizeof h);
	return (vf)(__builtin_convertvector(h, vu) << 16);
}
