/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/kern.h"

/* Four lanes of plain vector arithmetic: every compiler target has them or imitates them. */
#define VL 4
#define FEW_ROWS 4
#define REGISTERS 16
#define MM_ROWS 6
#define KERN fc_kern_portable
#include "nn/cpu/kern_vector_body.h"

static inline vf vkept(vf v)
{
	return v;
}

static inline vf vfma(vf a, vf b, vf c)
{
	return a * b + c;
}

static inline vf vmax(vf a, vf b) /* b where one is not a number */
{
	return vselect(a > b, a, b);
}

static inline vf vmin(vf a, vf b) /* b where one is not a number */
{
	return vselect(a < b, a, b);
}

static inline float vmax_of(vf a)
{
	const float m = a[0] > a[1] ? a[0] : a[1], n = a[2] > a[3] ? a[2] : a[3];
	return m > n ? m : n;
}

static inline float vsum(vf a)
{
	return (a[0] + a[2]) + (a[1] + a[3]);
}

/* vsum() of four, at y */
static inline void vstore_sums(float *y, const vf s[4])
{
	const vf a = __builtin_shufflevector(s[0], s[1], 0, 1, 4, 5) +
	    __builtin_shufflevector(s[0], s[1], 2, 3, 6, 7),
		 b = __builtin_shufflevector(s[2], s[3], 0, 1, 4, 5) +
	    __builtin_shufflevector(s[2], s[3], 2, 3, 6, 7);
	vstore(y,
	    __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7));
}

static inline vf load_f16(const void *p)
{
	uint16_t h[VL];
	memcpy(h, p, sizeof h);
	return (vf){
	    fc_f16_to_f32(h[0]), fc_f16_to_f32(h[1]), fc_f16_to_f32(h[2]), fc_f16_to_f32(h[3])};
}

static inline vf load_i8(const int8_t *p)
{
	return (vf){p[0], p[1], p[2], p[3]};
}

/* n < VL floats, the other lanes are fill */
static inline vf vload_part(const float *p, size_t n, float fill)
{
	return (vf){n > 0 ? p[0] : fill, n > 1 ? p[1] : fill, n > 2 ? p[2] : fill, fill};
}

static inline void vstore_part(float *p, vf v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = v[i];
}

#include "nn/cpu/kern_body.h"
