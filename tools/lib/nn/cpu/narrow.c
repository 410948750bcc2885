/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/narrow.h"

#include "base/isa.h"
#include "base/mem.h"
#include "nn/cpu/kern.h"

static void narrow_any(uint16_t *r, const void *x, enum fc_dtype t, size_t n)
{
	const struct fc_kern *k = fc_kern();
	float wide[256]; /* whole blocks */
	for (size_t i = 0; i < n; i += FC_LEN(wide)) {
		const size_t m = n - i < FC_LEN(wide) ? n - i : FC_LEN(wide);
		k->widen(wide, (const char *)x + fc_dtype_bytes(t, i), t, m);
		k->to_bf16(r + i, wide, m);
	}
}

void fc_narrow(uint16_t *r, const void *x, enum fc_dtype t, size_t n)
{
#if defined(__x86_64__)
	if (fc_isa() >= FC_ISA_AVX512_BF16) {
		fc_narrow_avx512_bf16(r, x, t, n);
		return;
	}
#endif
	if (t == FC_F32)
		fc_kern()->to_bf16(r, x, n);
	else
		narrow_any(r, x, t, n);
}

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,f16c"))),                 \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,f16c")
#endif

#define QUANT_MASKS
#include "tensor/quant_x86_body.h"
#include "tensor/quant_unpack.h"

#define INLINE static inline __attribute__((always_inline))

INLINE void store_pair(uint16_t *r, __m512 low, __m512 high)
{
	const __m512bh both = _mm512_cvtne2ps_pbh(high, low);
	memcpy(r, &both, sizeof both);
}

INLINE __m512 load(const char *p, enum fc_dtype t, __mmask16 some)
{
	return t == FC_F32 ? _mm512_maskz_loadu_ps(some, p)
			   : _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(some, p));
}

INLINE void narrow_plain(uint16_t *r, const char *p, enum fc_dtype t, size_t n)
{
	const size_t size = t == FC_F32 ? 4 : 2;
	size_t i = 0;
	for (; i + 32 <= n; i += 32) {
		store_pair(
		    r + i, load(p + i * size, t, 0xffff), load(p + (i + 16) * size, t, 0xffff));
	}
	for (; i < n; i += 16) {
		const __mmask16 some = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
		const __m256bh part = _mm512_cvtneps_pbh(load(p + i * size, t, some));
		_mm256_mask_storeu_epi16(r + i, some, (__m256i)part);
	}
}

/* Values [i, i + 16) of a block. */
INLINE __m512 lanes(const struct unpacked *u, size_t i, size_t group, bool has_min)
{
	__m128i q;
	memcpy(&q, u->q + i, sizeof q);
	const __m512 v = _mm512_mul_ps(
	    _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(q)), _mm512_set1_ps(u->scale[i / group]));
	return has_min ? _mm512_sub_ps(v, _mm512_set1_ps(u->min[i / group])) : v;
}

#define FOR_PACKED(DO)                                                                             \
	DO(Q4_0)                                                                                   \
	DO(Q4_1) DO(Q5_0) DO(Q5_1) DO(Q8_0) DO(Q2_K) DO(Q3_K) DO(Q4_K) DO(Q5_K) DO(Q6_K) DO(IQ4_NL)

#define NARROW_PACKED(TYPE)                                                                        \
	static void narrow_##TYPE(uint16_t *r, const char *p, size_t n)                            \
	{                                                                                          \
		for (size_t at = 0; at < n; at += TYPE##_BLOCK, p += TYPE##_BYTES) {               \
			struct unpacked u;                                                         \
			unpack_##TYPE(&u, (const uint8_t *)p);                                     \
			for (size_t i = 0; i < TYPE##_BLOCK; i += 32)                              \
				store_pair(r + at + i, lanes(&u, i, TYPE##_GROUP, TYPE##_HAS_MIN), \
				    lanes(&u, i + 16, TYPE##_GROUP, TYPE##_HAS_MIN));              \
		}                                                                                  \
	}
FOR_PACKED(NARROW_PACKED)

void fc_narrow_avx512_bf16(uint16_t *r, const void *x, enum fc_dtype t, size_t n)
{
	switch (t) {
#define NARROW_CASE(TYPE)                                                                          \
	case FC_##TYPE:                                                                            \
		narrow_##TYPE(r, x, n);                                                            \
		break;
		FOR_PACKED(NARROW_CASE)
	case FC_F16:
		narrow_plain(r, x, FC_F16, n);
		break;
	case FC_F32:
		narrow_plain(r, x, FC_F32, n);
		break;
	default:
		narrow_any(r, x, t, n);
	}
}

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
