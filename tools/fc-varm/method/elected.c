/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/elected.h"

#include "fc-varm/method/eight.h"
#include "fc-varm/method/quad.h"
#include "tensor/simd.h"

static FC_SIMD_BODY void add_body(
    double *out, const struct election *by, const double *base, double *const *x)
{
	const struct election v = *by;
	for (size_t i = 0; i < v.n; i += QUADS * QUAD) {
		quad_double change, sum[QUADS] = {{0}}, moved[QUADS] = {{0}},
				    divisor[QUADS] = {{0}};
		quad_mask minus[QUADS], along;
		for (int k = 0; k < v.n_target; k++) {
			EACH_QUAD(q)
			{
				QUAD_LOAD(change, x[k] + i + q * QUAD);
				sum[q] += change;
			}
		}
		EACH_QUAD(q)
		minus[q] = QUAD_MINUS(sum[q]);
		for (int k = 0; k < v.n_target; k++) {
			EACH_QUAD(q)
			{
				QUAD_LOAD(change, x[k] + i + q * QUAD);
				along = QUAD_ALONG(change, minus[q]);
				moved[q] += QUAD_WHERE(along, QUAD_OF(1)) * change; /* NaN stays */
				divisor[q] += QUAD_WHERE(along, QUAD_OF(v.weight[k]));
			}
		}
		EACH_QUAD(q)
		{
			if (v.normalize)
				moved[q] /= QUAD_SELECT(divisor[q] == 0, QUAD_OF(1), divisor[q]);
			QUAD_STORE_CHANGED(out, v.n, i + q * QUAD, base, v.lambda, moved[q]);
		}
	}
}

#if defined(__x86_64__)
/* Eight entries' election under way. */
struct ballot {
	__m512d minus, moved, divisor;
};

FC_SIMD_AVX512 static inline void open_ballot(struct ballot *b, __m512d sum)
{
	__mmask8 minus = _mm512_cmp_pd_mask(sum, _mm512_setzero_pd(), _CMP_NGE_UQ);
	b->minus = _mm512_maskz_mov_pd(minus, _mm512_set1_pd(-0.0));
	b->moved = b->divisor = _mm512_setzero_pd();
}

/* The change counts as what is given. */
FC_SIMD_AVX512 static inline void count_change(
    struct ballot *b, __m512d change, __m512d as, double weight)
{
	const __m512d one = _mm512_set1_pd(1);
	__mmask8 along =
	    _mm512_cmp_pd_mask(_mm512_xor_pd(change, b->minus), _mm512_setzero_pd(), _CMP_GT_OQ);
	/* 1 times it is exact: the units that multiply have time */
	b->moved = _mm512_mask3_fmadd_pd(one, as, b->moved, along);
	b->divisor = _mm512_mask_add_pd(b->divisor, along, b->divisor, _mm512_set1_pd(weight));
}

FC_SIMD_AVX512 static inline void close_ballot(
    struct ballot *b, const struct election *by, __m512d base, size_t i, __mmask8 here, double *out)
{
	const __m512d zero = _mm512_setzero_pd(), one = _mm512_set1_pd(1);
	if (by->normalize) {
		__mmask8 none = _mm512_cmp_pd_mask(b->divisor, zero, _CMP_EQ_OQ);
		b->moved = _mm512_div_pd(b->moved, _mm512_mask_mov_pd(b->divisor, none, one));
	}
	__m512d by_lambda = _mm512_mul_pd(_mm512_set1_pd(by->lambda), b->moved);
	base = _mm512_mask_add_pd(
	    base, _mm512_cmp_pd_mask(b->moved, zero, _CMP_NEQ_UQ), base, by_lambda);
	_mm512_mask_storeu_pd(out + i, here, base);
}

FC_SIMD_AVX512 static inline void add_eight(double *out, const struct election *by,
    const double *base, double *const *x, size_t i, __mmask8 here)
{
	__m512d sum = _mm512_setzero_pd();
	struct ballot b;
	for (int k = 0; k < by->n_target; k++)
		sum = _mm512_add_pd(sum, _mm512_loadu_pd(x[k] + i));
	open_ballot(&b, sum);
	for (int k = 0; k < by->n_target; k++) {
		__m512d change = _mm512_loadu_pd(x[k] + i);
		count_change(&b, change, change, by->weight[k]);
	}
	close_ballot(&b, by, _mm512_maskz_loadu_pd(here, base + i), i, here, out);
}

#define ADD_EIGHT(I, HERE) add_eight(out, &v, base, x, I, HERE)
FC_SIMD_AVX512 static void add_avx512(
    double *out, const struct election *by, const double *base, double *const *x)
{
	const struct election v = *by;
	EACH_EIGHT(ADD_EIGHT, v.n);
}
#endif
FC_SIMD_KERNEL_BUT_AVX512(static void, add,
    (double *out, const struct election *by, const double *base, double *const *x),
    (out, by, base, x))

void varm_elected_add(
    double *out, const struct election *by, const double *base, double *const *change)
{
	add(out, by, base, change);
}

#if defined(__x86_64__)
/* Eight entries whose changes are computed, and whose election is not. */
struct eight_open {
	__m512d base, change[ELECTED_VALUES_MOST], sum;
};

FC_SIMD_AVX512 static FC_SIMD_BODY __m512d change_from(const enum elected_from from,
    const struct elected_values *t, __m512d base, size_t i, __mmask8 here)
{
	__m512d change = _mm512_sub_pd(eight_values(t->x, i, here), base);
	__mmask8 stays;
	if (from == ELECTED_ALL)
		return change;
	if (from == ELECTED_BITS)
		stays = t->bits[i / 8];
	else
		stays =
		    _mm512_cmp_pd_mask(_mm512_abs_pd(change), _mm512_set1_pd(t->least), _CMP_GE_OQ);
	return _mm512_maskz_mul_pd(stays, change, _mm512_set1_pd(t->factor));
}

FC_SIMD_AVX512 static FC_SIMD_BODY void take_eight(struct eight_open *e, const char *base,
    const enum elected_from from, const struct elected_values *target, const int K, size_t i,
    __mmask8 here)
{
	e->base = eight_values(base, i, here);
	e->sum = _mm512_setzero_pd();
#pragma GCC unroll 8
	for (int k = 0; k < K; k++) {
		e->change[k] = change_from(from, &target[k], e->base, i, here);
		e->sum = _mm512_add_pd(e->sum, e->change[k]);
	}
}

FC_SIMD_AVX512 static FC_SIMD_BODY void settle_eight(double *out, const struct eight_open *e,
    const struct election *by, const enum elected_from from, const double *weight, const int K,
    size_t i, __mmask8 here)
{
	struct ballot b;
	open_ballot(&b, e->sum);
#pragma GCC unroll 8
	for (int k = 0; k < K; k++) {
		__m512d change = e->change[k], as = change;
		if (from == ELECTED_ALL)
			as = _mm512_mul_pd(change, _mm512_set1_pd(weight[k]));
		count_change(&b, change, as, weight[k]);
	}
	close_ballot(&b, by, e->base, i, here, out);
}

/* Of K targets; this and "from" are numbers that the compiler knows.  What a sum decides takes long
 * to become known: meanwhile the next eight entries' changes are computed. */
FC_SIMD_AVX512 static FC_SIMD_BODY void add_values(double *restrict out,
    const struct election *restrict by, const char *restrict base, const enum elected_from from,
    const struct elected_values *restrict target, const int K)
{
	const struct election v = *by;
	const size_t whole = v.n / 8 * 8;
	struct elected_values t[ELECTED_VALUES_MOST];
	double weight[ELECTED_VALUES_MOST];
	struct eight_open now, next;
	for (int k = 0; k < K; k++) {
		t[k] = target[k];
		weight[k] = v.weight[k];
	}
	if (whole)
		take_eight(&now, base, from, t, K, 0, 0xff);
	for (size_t i = 8; i < whole; i += 8) {
		take_eight(&next, base, from, t, K, i, 0xff);
		settle_eight(out, &now, &v, from, weight, K, i - 8, 0xff);
		now = next;
	}
	if (whole)
		settle_eight(out, &now, &v, from, weight, K, whole - 8, 0xff);
	if (whole < v.n) {
		const __mmask8 here = (__mmask8)((1u << (v.n - whole)) - 1);
		take_eight(&now, base, from, t, K, whole, here);
		settle_eight(out, &now, &v, from, weight, K, whole, here);
	}
}

typedef void add_some(
    double *out, const struct election *by, const char *base, const struct elected_values *target);
#define ADD_SOME(NAME, FROM, K)                                                                    \
	FC_SIMD_AVX512 static void NAME##_##K(double *out, const struct election *by,              \
	    const char *base, const struct elected_values *target)                                 \
	{                                                                                          \
		add_values(out, by, base, FROM, target, K);                                        \
	}
#define ADD_FROM(NAME, FROM)                                                                       \
	ADD_SOME(NAME, FROM, 1)                                                                    \
	ADD_SOME(NAME, FROM, 2)                                                                    \
	ADD_SOME(NAME, FROM, 3)                                                                    \
	ADD_SOME(NAME, FROM, 4)                                                                    \
	ADD_SOME(NAME, FROM, 5)                                                                    \
	ADD_SOME(NAME, FROM, 6)                                                                    \
	ADD_SOME(NAME, FROM, 7)                                                                    \
	ADD_SOME(NAME, FROM, 8)
ADD_FROM(add_bits, ELECTED_BITS)
ADD_FROM(add_large, ELECTED_LARGE)
ADD_FROM(add_all, ELECTED_ALL)
#define SOME_OF(NAME)                                                                              \
	{                                                                                          \
		NAME##_1, NAME##_2, NAME##_3, NAME##_4, NAME##_5, NAME##_6, NAME##_7, NAME##_8     \
	}
static add_some *const adds[ELECTED_FROM][ELECTED_VALUES_MOST] = {
    [ELECTED_BITS] = SOME_OF(add_bits),
    [ELECTED_LARGE] = SOME_OF(add_large),
    [ELECTED_ALL] = SOME_OF(add_all)};
#endif

bool varm_elected_can_add_values(int n_target)
{
#if defined(__x86_64__)
	return fc_isa() >= FC_ISA_AVX512 && n_target <= ELECTED_VALUES_MOST;
#else
	(void)n_target;
	return false;
#endif
}

void varm_elected_add_values(double *out, const struct election *by, const char *base,
    enum elected_from from, const struct elected_values *target)
{
#if defined(__x86_64__)
	adds[from][by->n_target - 1](out, by, base, target);
#else
	(void)out;
	(void)by;
	(void)base;
	(void)from;
	(void)target;
#endif
}
