/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/finite.h"

#include "tensor/simd.h"

/* A value is not finite where all bits of its exponent are set; F8_E4M3 has no infinity, and NaN
 * where all bits but the sign are. */
#define EXPONENT_F16 0x7c00u
#define EXPONENT_BF16 0x7f80u
#define EXPONENT_F32 0x7f800000u
#define EXPONENT_F64 UINT64_C(0x7ff0000000000000)
#define EXPONENT_E4M3 0x7fu
#define EXPONENT_E5M2 0x7cu

/* *bad: not 0 where some value has all bits of the mask.  These reach up to the sign, so that
 * adding the lowest of them to a value without its sign carries into the sign then, and only then.
 */
#define COUNT(NAME, UINT)                                                                          \
	static FC_SIMD_BODY void NAME##_body(                                                      \
	    const unsigned char *restrict p, size_t n, UINT mask, UINT *bad)                       \
	{                                                                                          \
		const UINT low = (UINT)(mask & -mask);                                             \
		UINT any = 0;                                                                      \
		for (size_t i = 0; i < n; i++) {                                                   \
			UINT x;                                                                    \
			memcpy(&x, p + i * sizeof x, sizeof x);                                    \
			any |= (UINT)((x & mask) + low);                                           \
		}                                                                                  \
		*bad = any & (UINT)(mask + low);                                                   \
	}                                                                                          \
	FC_SIMD_KERNEL(static void, NAME,                                                          \
	    (const unsigned char *p, size_t n, UINT mask, UINT *bad), (p, n, mask, bad))           \
	static bool NAME##_all(const unsigned char *p, size_t n, UINT mask)                        \
	{                                                                                          \
		UINT bad;                                                                          \
		NAME(p, n, mask, &bad);                                                            \
		return !bad;                                                                       \
	}

COUNT(finite8, uint8_t)
COUNT(finite16, uint16_t)
COUNT(finite32, uint32_t)
COUNT(finite64, uint64_t)

static bool all_finite(const unsigned char *p, enum fc_dtype t, size_t n)
{
	switch (t) {
	case FC_F16:
		return finite16_all(p, n, EXPONENT_F16);
	case FC_BF16:
		return finite16_all(p, n, EXPONENT_BF16);
	case FC_F32:
		return finite32_all(p, n, EXPONENT_F32);
	case FC_F64:
		return finite64_all(p, n, EXPONENT_F64);
	case FC_F8_E4M3:
		return finite8_all(p, n, EXPONENT_E4M3);
	case FC_F8_E5M2:
		return finite8_all(p, n, EXPONENT_E5M2);
	default:
		return true;
	}
}

size_t fc_finite_count(const void *p, enum fc_dtype t, size_t n)
{
	enum { PART = 1 << 13 };
	const unsigned char *at = p;
	const size_t size = fc_dtype_size(t);
	for (size_t i = 0; i < n; i += PART) {
		size_t m = n - i < PART ? n - i : PART;
		if (all_finite(at + i * size, t, m))
			continue;
		while (all_finite(at + i * size, t, 1))
			i++;
		return i;
	}
	return n;
}
