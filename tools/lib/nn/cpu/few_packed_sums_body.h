/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of x, and sums of their products with packed weights; included by few_packed_vnni.c and
 * few_packed_avx2.c, so without a guard.
 *
 * Packed weights are small integers q with a scale, and often a minimum, for a group of 16 or 32.
 * Numbers of x become integers X of 16 bits with a scale for every 32, so that products and their
 * sums over a group are exact: sum x w = scale_x (scale_w sum(X q) - min_w sum(X)).  What is summed
 * in floats are groups, one after the other, so that all instruction sets give the same bits.  That
 * changes no number of x by more than 2^-16 of the largest in its 32, and no weight at all.
 *
 * Lanes are outputs: what is needed of a weight is its transpose by fours, which costs little where
 * it is made before 4 bits are taken apart to 8.
 */
enum { STEP = 32, MOST_ROWS = 32, MOST_X = 127 * 256 + 127 };

/* 32 numbers of a row of x; sums are of the first 16, of the others, and of all. */
struct step {
	struct numbers numbers;
	float scale, sum[3]; /* sum(X) scale */
	int32_t minus[3];    /* - sum(X) */
	int32_t unused;
};

/* Steps that rows of x are apart: an odd number, so that rows do not meet in the cache. */
static size_t apart(size_t I)
{
	return I / STEP | 1;
}

/* Whole tiles. */
static size_t steps_bytes(size_t N, size_t I)
{
	return (N + FC_FEW_PACK_ROWS - 1) / FC_FEW_PACK_ROWS * FC_FEW_PACK_ROWS * apart(I) *
	    sizeof(struct step);
}

INLINE float largest_of(__m256 v)
{
	__m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	m = _mm_max_ps(m, _mm_movehl_ps(m, m));
	return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

INLINE int32_t sum_of(__m256i v)
{
	__m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
	s = _mm_add_epi32(s, _mm_unpackhi_epi64(s, s));
	return _mm_cvtsi128_si32(s) + _mm_extract_epi32(s, 1);
}

/* The largest magnitude; not finite where some number is not. */
INLINE float largest(const __m256 x[4])
{
	const __m256 sign = _mm256_set1_ps(-0.0F), infinity = _mm256_set1_ps(INFINITY);
	__m256 most = _mm256_setzero_ps(), bad = _mm256_setzero_ps();
	for (int i = 0; i < 4; i++) {
		const __m256 magnitude = _mm256_andnot_ps(sign, x[i]);
		most = _mm256_max_ps(most, magnitude);
		bad = _mm256_or_ps(bad, _mm256_cmp_ps(magnitude, infinity, _CMP_NLT_UQ));
	}
	return _mm256_movemask_ps(bad) ? INFINITY : largest_of(most);
}

/* Numbers so small that their scale is none count as 0; what is not a number makes the row's
 * results none. */
static void step_pack(struct step *s, const float *from)
{
	__m256 x[4];
	__m256i X[4];
	for (int i = 0; i < 4; i++)
		x[i] = _mm256_loadu_ps(from + 8 * i);
	const float most = largest(x);
	memset(s, 0, sizeof *s);
	if (most == INFINITY) {
		s->scale = s->sum[0] = s->sum[1] = s->sum[2] = NAN;
		return;
	}
	if (most < 0x1p-100f)
		return;
	s->scale = most / MOST_X;
	for (int i = 0; i < 4; i++) {
		X[i] = _mm256_cvtps_epi32(_mm256_mul_ps(x[i], _mm256_set1_ps(MOST_X / most)));
		numbers_set(&s->numbers, i, X[i]);
	}
	s->minus[0] = -sum_of(_mm256_add_epi32(X[0], X[1]));
	s->minus[1] = -sum_of(_mm256_add_epi32(X[2], X[3]));
	s->minus[2] = s->minus[0] + s->minus[1];
	for (int i = 0; i < 3; i++)
		s->sum[i] = -(float)s->minus[i] * s->scale;
}

static void steps_pack(void *pack, const float *x, size_t n, size_t n_row, size_t I)
{
	for (size_t r = n; r < n + n_row; r++) {
		struct step *s = (struct step *)pack + r * apart(I);
		for (size_t i = 0; i < I; i += STEP)
			step_pack(s + i / STEP, x + r * I + i);
	}
}

/* The rows of x at one step, ld steps apart. */
struct rows {
	const struct step *x;
	size_t ld, N;
	struct tiles *tiles; /* NULL: without them */
};

/* 32 weights of LANES outputs, q[i] those at 4 i to 4 i + 3; every group's scale and min. */
struct part {
	ints q[STEP / 4];
	floats scale[2], min[2];
};

/* - sum(X) times what q was moved up by */
INLINE ints moved(const struct step *s, int part, unsigned up)
{
	return up ? ints_left(ints_of(s->minus[part]), (int)up) : ints_of(0);
}

/* A row's sums with those of a group. */
INLINE floats with_group(floats all, ints exact, const struct step *s, const struct part *w, int g,
    int part, bool has_min)
{
	const floats scale = floats_times(w->scale[g], floats_all(s->scale));
	all = floats_plus(all, floats_of(exact), scale);
	return has_min ? floats_minus(all, w->min[g], floats_all(s->sum[part])) : all;
}

/* sum [R, LANES] += x w, of one group of 32 or two of 16 */
INLINE void add_together(float *sum, const struct step *s, size_t ld, const struct part *w,
    int groups, bool has_min, unsigned up, const int R)
{
	const int n = STEP / 4 / groups;
	floats all[TOGETHER];
	const struct numbers *x[TOGETHER];
	for (int r = 0; r < R; r++) {
		all[r] = floats_at(sum + r * LANES);
		x[r] = &s[(size_t)r * ld].numbers;
	}
	for (int g = 0; g < groups; g++) {
		const int part = groups == 1 ? 2 : g;
		ints exact[TOGETHER];
		for (int r = 0; r < R; r++)
			exact[r] = moved(s + (size_t)r * ld, part, up);
		products(exact, x, w->q, n * g, n * g + n, R);
		for (int r = 0; r < R; r++)
			all[r] =
			    with_group(all[r], exact[r], s + (size_t)r * ld, w, g, part, has_min);
	}
	for (int r = 0; r < R; r++)
		floats_put(sum + r * LANES, all[r]);
}

INLINE void add_rows(
    float *sum, const struct rows *x, const struct part *w, int groups, bool has_min, unsigned up)
{
	size_t r = 0;
	for (; r + TOGETHER <= x->N; r += TOGETHER)
		add_together(
		    sum + r * LANES, x->x + r * x->ld, x->ld, w, groups, has_min, up, TOGETHER);
	for (; r < x->N; r++)
		add_together(sum + r * LANES, x->x + r * x->ld, x->ld, w, groups, has_min, up, 1);
}
