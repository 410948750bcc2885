/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/kern.h"

/* Four lanes of plain vector arithmetic: every compiler target has them or imitates them. */
#define VL 4
#define KERN fc_kern_portable
#include "nn/kern_vector.h"

static inline vf vfma(vf a, vf b, vf c)
{
	return a * b + c;
}

static inline vf vmax(vf a, vf b) /* b where one is not a number */
{
	return vselect(a > b, a, b);
}

static inline float vsum(vf a)
{
	return (a[0] + a[2]) + (a[1] + a[3]);
}

static inline vf load_f16(const void *p)
{
	uint16_t h[VL];
	memcpy(h, p, sizeof h);
	return (vf){
	    fc_f16_to_f32(h[0]), fc_f16_to_f32(h[1]), fc_f16_to_f32(h[2]), fc_f16_to_f32(h[3])};
}

#include "nn/kern_body.h"
