/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of kern.h in terms of kern_vector.h; included by each kern_*.c, so without a guard.
 */

/*
 * exp(x) = 2^n exp(r) with n = round(x / ln 2), |r| <= ln 2 / 2, exp(r) = 1 + r + r^2 q(r).  q is
 * the minimax polynomial (Remez; relative error of exp(r) 3.1e-9).  ln 2 is split so that n times
 * its first part is exact.  Where n is -127 the factor 2^n becomes 0, where it is 128 infinity.
 */
INLINE vf vexp(vf x)
{
	const float round = 0x1.8p23f; /* adding it leaves no bits behind the point */
	x = vmax(vset(-88), x);        /* this order keeps a NaN */
	x = vmin(vset(89), x);
	const vf shifted = vfma(x, vset(0x1.715476p0f), vset(round)), n = shifted - vset(round);
	vf r = vfma(n, vset(-0x1.62e4p-1f), x);
	r = vfma(n, vset(-0x1.7f7d1cp-20f), r);
	vf q = vfma(vset(0.00138143164f), r, vset(0.008368850984f));
	q = vfma(q, r, vset(0.04166840114f));
	q = vfma(q, r, vset(0.1666651953f));
	q = vfma(q, r, vset(0.4999999337f));
	const vi exponent = (vi)shifted - (int32_t)0x4b400000 + 127;
	return (vfma(q, r * r, r) + vset(1)) * (vf)(exponent << 23);
}

INLINE vf vabs(vf x)
{
	return (vf)((vi)x & 0x7fffffff);
}

/* x + x^3 p(x^2) up to 9/16 (Remez, relative error 1.3e-9), above 1 - 2 / (exp(2x) + 1) */
INLINE vf vtanh(vf x)
{
	const vf a = vabs(x), u = x * x;
	vf p = vfma(vset(-0.00617980975f), u, vset(0.02100745838f));
	p = vfma(p, u, vset(-0.05383742988f));
	p = vfma(p, u, vset(0.1333245227f));
	p = vfma(p, u, vset(-0.3333331389f));
	const vf near = vfma(a * u, p, a), far = vset(1) - vset(2) / (vexp(a + a) + vset(1));
	const vf t = vselect(a > vset(0.5625f), far, near);
	return (vf)((vi)t | ((vi)x & INT32_MIN));
}

/* The normal distribution function, 0.5 erfc(-x / sqrt 2), and its density times sqrt(2 pi).  With
 * z = |x| / sqrt 2 and t = 1 / (1 + 0.4 z): erfc(z) = exp(-z^2) t p(t), p by Remez for z up to 10,
 * relative error 7.9e-9. */
INLINE vf vnormal(vf x, vf *density)
{
	const vf t = vset(1) / vfma(vabs(x), vset(0.4f * 0.70710678f), vset(1));
	vf p = vfma(vset(-0.02959421847f), t, vset(0.1980127521f));
	p = vfma(p, t, vset(-0.4988108322f));
	p = vfma(p, t, vset(0.5474351211f));
	p = vfma(p, t, vset(-0.2843668735f));
	p = vfma(p, t, vset(0.2720665669f));
	p = vfma(p, t, vset(0.1296794128f));
	p = vfma(p, t, vset(0.2149191557f));
	p = vfma(p, t, vset(0.2249520136f));
	p = vfma(p, t, vset(0.2257069097f));
	*density = vexp(x * x * vset(-0.5f));
	const vf tail = vset(0.5f) * *density * t * p;
	return vselect(x > vset(0), vset(1) - tail, tail);
}

/* act(x) and its derivative.  Beyond +-20 gelu's factors are 0 and 1; that keeps cubes finite. */
INLINE vf vact(enum fc_act act, vf x, vf *d)
{
	const vf one = vset(1), half = vset(0.5f);
	const vf c = vmax(vset(-20), vmin(vset(20), x));
	if (act == FC_ACT_SILU) {
		const vf e = vexp(-x), s = one / (one + e);
		const vf rest =
		    vselect(e > vset(1e30f), one, e * s);    /* 1 - s without cancellation */
		*d = vfma(vmax(vset(-100), x) * s, rest, s); /* not infinity times zero */
		return x * s;
	}
	if (act == FC_ACT_GELU_TANH) {
		const vf a = vset(0.79788456f), b = vset(0.044715f), u = c * c; /* a: sqrt(2/pi) */
		const vf t = vtanh(a * c * vfma(b, u, one));
		*d = half * (one + t) +
		    half * c * (one - t) * (one + t) * a * vfma(vset(3 * 0.044715f), u, one);
		return x * (half * (one + t));
	}
	vf density;
	const vf p = vnormal(c, &density);
	*d = vfma(c * density, vset(0.39894228f), p); /* 1/sqrt(2 pi) */
	return x * p;
}

static float kern_max(const float *x, size_t n)
{
	vf m0 = vset(-INFINITY), m1 = m0;
	size_t i = 0;
	for (; i + 2 * VL <= n; i += 2 * VL) {
		m0 = vmax(vload(x + i), m0);
		m1 = vmax(vload(x + i + VL), m1);
	}
	for (; i < n; i += VL)
		m0 = vmax(n - i < VL ? vload_part(x + i, n - i, -INFINITY) : vload(x + i), m0);
	m0 = vmax(m0, m1);
	return vmax_of(m0);
}

static float kern_group_max(const float *x, size_t n, float *group)
{
	enum { PER_GROUP = FC_KERN_LANES / VL };
	vf all = vset(-INFINITY), m[PER_GROUP];
	for (size_t i = 0; i < n; group += FC_KERN_LANES) {
		const size_t end = n - i < FC_KERN_BLOCK ? n : i + FC_KERN_BLOCK;
		for (int l = 0; l < PER_GROUP; l++)
			m[l] = vset(-INFINITY);
		for (; i + FC_KERN_LANES <= end; i += FC_KERN_LANES)
			for (int l = 0; l < PER_GROUP; l++)
				m[l] = vmax(vload(x + i + l * VL), m[l]);
		for (int l = 0; i < end; i = end - i < VL ? end : i + VL, l++)
			m[l] = vmax(
			    end - i < VL ? vload_part(x + i, end - i, -INFINITY) : vload(x + i),
			    m[l]);
		for (int l = 0; l < PER_GROUP; l++) {
			vstore(group + l * VL, m[l]);
			all = vmax(m[l], all);
		}
	}
	return vmax_of(all);
}

/* float sums of at most SUM_BLOCK terms are added up as doubles */
enum { SUM_BLOCK = 1024 };

static double kern_exp_sum(const float *x, float shift, size_t n)
{
	double total = 0;
	for (size_t i = 0; i < n;) {
		const size_t end = n - i < SUM_BLOCK ? n : i + SUM_BLOCK;
		vf sum = vset(0);
		for (; i + VL <= end; i += VL)
			sum += vexp(vload(x + i) - vset(shift));
		if (i < end)
			sum += vexp(vload_part(x + i, end - i, -INFINITY) - vset(shift));
		i = end;
		total += (double)vsum(sum);
	}
	return total;
}

static double kern_exp_scaled(float *y, const float *x, float a, float shift, float w, size_t n)
{
	double total = 0;
	for (size_t i = 0; i < n;) {
		const size_t end = n - i < SUM_BLOCK ? n : i + SUM_BLOCK;
		vf sum = vset(0);
		for (; i + VL <= end; i += VL) {
			const vf e = vset(w) * vexp(vfma(vload(x + i), vset(a), vset(-shift)));
			vstore(y + i, e);
			sum += e;
		}
		if (i < end) {
			const vf part = vfma(vload_part(x + i, end - i, 0), vset(a), vset(-shift));
			const vf e = vset(w) * vexp(part);
			vstore_part(y + i, e, end - i);
			sum += vload_part(y + i, end - i, 0);
		}
		i = end;
		total += (double)vsum(sum);
	}
	return total;
}

static void kern_cap(float *y, const float *x, float a, float cap, size_t n)
{
	const vf in = vset(a / cap), out = vset(cap);
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, out * vtanh(vload(x + i) * in));
	if (i < n)
		vstore_part(y + i, out * vtanh(vload_part(x + i, n - i, 0) * in), n - i);
}

static void kern_cap_bwd(float *y, const float *c, float cap, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] *= (1 - c[i] / cap) * (1 + c[i] / cap);
}

static void kern_score_bwd(float *ds, const float *p, float delta, float scale, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ds[i] = scale * p[i] * (ds[i] - delta);
}

static double kern_sum_squares(const float *x, size_t n)
{
	double total = 0;
	for (size_t i = 0; i < n;) {
		const size_t end = n - i < SUM_BLOCK ? n : i + SUM_BLOCK;
		vf sum = vset(0);
		for (; i + VL <= end; i += VL)
			sum = vfma(vload(x + i), vload(x + i), sum);
		if (i < end) {
			const vf v = vload_part(x + i, end - i, 0);
			sum = vfma(v, v, sum);
		}
		i = end;
		total += (double)vsum(sum);
	}
	return total;
}

static double kern_dot3(const float *a, const float *b, float one, const float *c, size_t n)
{
	double total = 0;
	for (size_t i = 0; i < n;) {
		const size_t end = n - i < SUM_BLOCK ? n : i + SUM_BLOCK;
		vf sum = vset(0);
		for (; i + VL <= end; i += VL)
			sum = vfma(vload(a + i) * (vload(b + i) + vset(one)), vload(c + i), sum);
		if (i < end)
			sum = vfma(vload_part(a + i, end - i, 0) *
				(vload_part(b + i, end - i, 0) + vset(one)),
			    vload_part(c + i, end - i, 0), sum);
		i = end;
		total += (double)vsum(sum);
	}
	return total;
}

static void kern_axpy(float *y, const float *x, float a, size_t n)
{
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, vfma(vset(a), vload(x + i), vload(y + i)));
	for (; i < n; i++)
		y[i] += a * x[i];
}

/* VL columns at a time; four rows in flight. */
static void kern_weighted_sum(
    float *y, const float *p, const float *v, size_t ldv, size_t n, size_t D, bool accumulate)
{
	size_t d = 0;
	for (; d + VL <= D; d += VL) {
		vf s0 = accumulate ? vload(y + d) : vset(0), s1 = vset(0), s2 = s1, s3 = s1;
		size_t j = 0;
		for (; j + 4 <= n; j += 4) {
			const float *r = v + j * ldv + d;
			s0 = vfma(vset(p[j]), vload(r), s0);
			s1 = vfma(vset(p[j + 1]), vload(r + ldv), s1);
			s2 = vfma(vset(p[j + 2]), vload(r + 2 * ldv), s2);
			s3 = vfma(vset(p[j + 3]), vload(r + 3 * ldv), s3);
		}
		for (; j < n; j++)
			s0 = vfma(vset(p[j]), vload(v + j * ldv + d), s0);
		vstore(y + d, (s0 + s1) + (s2 + s3));
	}
	for (; d < D; d++) {
		float sum = accumulate ? y[d] : 0;
		for (size_t j = 0; j < n; j++)
			sum += p[j] * v[j * ldv + d];
		y[d] = sum;
	}
}

/* rows * vectors sums in registers; part: floats of a last, partial vector, else VL */
INLINE void mm_tile(float *c, size_t ldc, const float *a, size_t a_row, size_t a_k, const float *b,
    size_t ldb, size_t K, bool accumulate, const int rows, const int vectors, size_t part)
{
	vf sum[MM_ROWS][2];
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < vectors; v++) {
			const float *p = c + (size_t)r * ldc + v * VL;
			sum[r][v] = !accumulate ? vset(0)
			    : part < VL         ? vload_part(p, part, 0)
						: vload(p);
		}
	for (size_t k = 0; k < K; k++) {
		vf bv[2];
		for (int v = 0; v < vectors; v++) {
			const float *p = b + k * ldb + v * VL;
			bv[v] = part < VL ? vload_part(p, part, 0) : vload(p);
		}
		for (int r = 0; r < rows; r++)
			for (int v = 0; v < vectors; v++)
				sum[r][v] =
				    vfma(vset(a[(size_t)r * a_row + k * a_k]), bv[v], sum[r][v]);
	}
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < vectors; v++) {
			float *p = c + (size_t)r * ldc + v * VL;
			if (part < VL)
				vstore_part(p, sum[r][v], part);
			else
				vstore(p, sum[r][v]);
		}
}

INLINE void mm_columns(float *c, size_t ldc, const float *a, size_t a_row, size_t a_k,
    const float *b, size_t ldb, size_t M, size_t K, bool accumulate, const int vectors, size_t part)
{
	size_t m = 0;
#define MM_STEP(rows)                                                                              \
	for (; m + (rows) <= M; m += (rows))                                                       \
	mm_tile(c + m * ldc, ldc, a + m * a_row, a_row, a_k, b, ldb, K, accumulate, rows, vectors, \
	    part)
	MM_STEP(MM_ROWS);
	MM_STEP(4);
	MM_STEP(1);
#undef MM_STEP
}

static void kern_mm(float *c, size_t ldc, const float *a, size_t a_row, size_t a_k, const float *b,
    size_t ldb, size_t M, size_t N, size_t K, bool accumulate)
{
	size_t n = 0;
	for (; n + 2 * VL <= N; n += 2 * VL)
		mm_columns(c + n, ldc, a, a_row, a_k, b + n, ldb, M, K, accumulate, 2, VL);
	for (; n + VL <= N; n += VL)
		mm_columns(c + n, ldc, a, a_row, a_k, b + n, ldb, M, K, accumulate, 1, VL);
	if (n < N)
		mm_columns(c + n, ldc, a, a_row, a_k, b + n, ldb, M, K, accumulate, 1, N - n);
}

/* Squares of 4 by 4, the rest one by one. */
static void kern_transpose(float *y, size_t ldy, const float *x, size_t ldx, size_t M, size_t N)
{
	typedef float v4 __attribute__((vector_size(16)));
	for (size_t n = 0; n < N; n += 4)
		for (size_t m = 0; m < M; m += 4) {
			if (m + 4 > M || n + 4 > N) {
				for (size_t i = m; i < M && i < m + 4; i++)
					for (size_t j = n; j < N && j < n + 4; j++)
						y[j * ldy + i] = x[i * ldx + j];
				continue;
			}
			v4 r[4], t[4];
			for (int i = 0; i < 4; i++)
				memcpy(&r[i], x + (m + (size_t)i) * ldx + n, sizeof r[i]);
			t[0] = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
			t[1] = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
			t[2] = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
			t[3] = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
			r[0] = __builtin_shufflevector(t[0], t[2], 0, 1, 4, 5);
			r[1] = __builtin_shufflevector(t[0], t[2], 2, 3, 6, 7);
			r[2] = __builtin_shufflevector(t[1], t[3], 0, 1, 4, 5);
			r[3] = __builtin_shufflevector(t[1], t[3], 2, 3, 6, 7);
			for (int i = 0; i < 4; i++)
				memcpy(y + (n + (size_t)i) * ldy + m, &r[i], sizeof r[i]);
		}
}

INLINE vf load_weights(const char *w, enum fc_dtype t)
{
	if (t == FC_BF16)
		return load_bf16(w);
	if (t == FC_F16)
		return load_f16(w);
	vf v;
	memcpy(&v, w, sizeof v);
	return v;
}

INLINE vf load_weights_part(const char *w, enum fc_dtype t, size_t n)
{
	char part[4 * VL] = {0};
	memcpy(part, w, n * (t == FC_F32 ? 4 : 2));
	return load_weights(part, t);
}

/* XR rows of x times WR rows of w: XR * WR sums in registers. */
INLINE void dot_tile(float *y, size_t ldy, const float *x, size_t ldx, const char *w, size_t ldw,
    enum fc_dtype t, size_t I, const int XR, const int WR)
{
	const size_t size = t == FC_F32 ? 4 : 2;
	vf sum[4][4] = {{{0}}};
	for (size_t i = 0; i < I; i += VL) {
		const bool whole = i + VL <= I;
		vf wv[4], xv;
		for (int b = 0; b < WR; b++) {
			const char *p = w + ((size_t)b * ldw + i) * size;
			wv[b] = whole ? load_weights(p, t) : load_weights_part(p, t, I - i);
		}
		for (int a = 0; a < XR; a++) {
			const float *p = x + (size_t)a * ldx + i;
			xv = whole ? vload(p) : vload_part(p, I - i, 0);
			for (int b = 0; b < WR; b++)
				sum[a][b] = vfma(xv, wv[b], sum[a][b]);
		}
	}
	for (int a = 0; a < XR; a++)
		for (int b = 0; b < WR; b++)
			y[(size_t)a * ldy + (size_t)b] = vsum(sum[a][b]);
}

INLINE void dot_rows_of(float *y, size_t ldy, const float *x, size_t ldx, const char *w, size_t ldw,
    enum fc_dtype t, size_t M, size_t O, size_t I)
{
	const size_t row = ldw * (t == FC_F32 ? 4 : 2);
	size_t o = 0;
	for (; o + 4 <= O; o += 4) {
		const char *p = w + o * row;
		size_t m = 0;
		for (; m + 4 <= M; m += 4)
			dot_tile(y + m * ldy + o, ldy, x + m * ldx, ldx, p, ldw, t, I, 4, 4);
		if (M - m >= 2) {
			dot_tile(y + m * ldy + o, ldy, x + m * ldx, ldx, p, ldw, t, I, 2, 4);
			m += 2;
		}
		if (m < M)
			dot_tile(y + m * ldy + o, ldy, x + m * ldx, ldx, p, ldw, t, I, 1, 4);
	}
	for (; o < O; o++)
		for (size_t m = 0; m < M; m++)
			dot_tile(
			    y + m * ldy + o, ldy, x + m * ldx, ldx, w + o * row, ldw, t, I, 1, 1);
}

static void kern_dot_rows(float *y, size_t ldy, const float *x, size_t ldx, const void *w,
    size_t ldw, enum fc_dtype t, size_t M, size_t O, size_t I)
{
	if (t == FC_BF16)
		dot_rows_of(y, ldy, x, ldx, w, ldw, FC_BF16, M, O, I);
	else if (t == FC_F16)
		dot_rows_of(y, ldy, x, ldx, w, ldw, FC_F16, M, O, I);
	else
		dot_rows_of(y, ldy, x, ldx, w, ldw, FC_F32, M, O, I);
}

INLINE void widen_from(float *y, const char *x, enum fc_dtype t, size_t n)
{
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, load_weights(x + i * 2, t));
	if (i < n)
		vstore_part(y + i, load_weights_part(x + i * 2, t, n - i), n - i);
}

static void kern_widen(float *y, const void *x, enum fc_dtype t, size_t n)
{
	if (t == FC_BF16)
		widen_from(y, x, FC_BF16, n);
	else if (t == FC_F16)
		widen_from(y, x, FC_F16, n);
	else
		memcpy(y, x, n * sizeof *y);
}

/* To nearest, ties to even; a NaN stays one. */
static void kern_to_bf16(uint16_t *y, const float *x, size_t n)
{
	size_t i = 0;
	for (; i + VL <= n; i += VL) {
		const vu u = (vu)vload(x + i);
		const vu rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
		const vu nan = (vu)((u & 0x7fffffff) > 0x7f800000);
		const vh h =
		    __builtin_convertvector((nan & ((u >> 16) | 0x40)) | (~nan & rounded), vh);
		memcpy(y + i, &h, sizeof h);
	}
	for (; i < n; i++)
		y[i] = fc_f32_to_bf16(x[i]);
}

/* Sine and cosine of f turns, |f| <= 1/2: at most an eighth of a turn (Remez; relative error of the
 * sine 4.6e-12, absolute of the cosine 5.4e-11) and k quarters. */
INLINE void vsincos(vf f, vf *sine, vf *cosine)
{
	const vf shifted = vfma(f, vset(4), vset(0x1.8p23f)), quarters = shifted - vset(0x1.8p23f);
	const vi k = (vi)shifted;
	const vf g = vfma(quarters, vset(-0.25f), f), u = g * g;
	vf s = vfma(vset(41.46988942f), u, vset(-76.69777412f));
	s = vfma(s, u, vset(81.60520381f));
	s = vfma(s, u, vset(-41.34170215f));
	s = vfma(s, u, vset(6.283185307f)) * g;
	vf c = vfma(vset(59.24596512f), u, vset(-85.44374176f));
	c = vfma(c, u, vset(64.93932647f));
	c = vfma(c, u, vset(-19.73920869f));
	c = vfma(c, u, vset(1));
	const vi odd = (k & 1) == 1;
	*sine = (vf)((vi)vselect(odd, c, s) ^ ((k & 2) << 30));
	*cosine = (vf)((vi)vselect(odd, s, c) ^ (((k + 1) & 2) << 30));
}

/* Whole turns are taken off in double: as a float, an angle of 1e5 radians would be off by 4e-3. */
static void kern_turn(float *c, float *s, const float *freq, uint32_t pos, float scale, size_t n)
{
	enum { CHUNK = 64 };
	const double turns = 1 / 6.283185307179586476925, round = 0x1.8p52;
	for (size_t i = 0; i < n; i += CHUNK) {
		const size_t m = n - i < CHUNK ? n - i : CHUNK;
		float f[CHUNK] = {0};
		for (size_t j = 0; j < m; j++) {
			const double t = (double)pos * ((double)freq[i + j] * turns);
			f[j] = (float)(t - ((t + round) - round));
		}
		for (size_t j = 0; j < m; j += VL) {
			vf sine, cosine;
			vsincos(vload(f + j), &sine, &cosine);
			if (m - j < VL) {
				vstore_part(c + i + j, cosine * vset(scale), m - j);
				vstore_part(s + i + j, sine * vset(scale), m - j);
			} else {
				vstore(c + i + j, cosine * vset(scale));
				vstore(s + i + j, sine * vset(scale));
			}
		}
	}
}

INLINE void glu_of(float *y, const float *gate, const float *up, enum fc_act act, size_t n)
{
	vf d;
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		vstore(y + i, vact(act, vload(gate + i), &d) * vload(up + i));
	if (i < n)
		vstore_part(y + i,
		    vact(act, vload_part(gate + i, n - i, 0), &d) * vload_part(up + i, n - i, 0),
		    n - i);
}

static void kern_glu(float *y, const float *gate, const float *up, enum fc_act act, size_t n)
{
	if (act == FC_ACT_SILU)
		glu_of(y, gate, up, FC_ACT_SILU, n);
	else if (act == FC_ACT_GELU_TANH)
		glu_of(y, gate, up, FC_ACT_GELU_TANH, n);
	else
		glu_of(y, gate, up, FC_ACT_GELU, n);
}

/* One vector, or the last n < VL floats. */
INLINE void glu_bwd_step(float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t n)
{
	const bool whole = n == VL;
	const vf g = whole ? vload(gate) : vload_part(gate, n, 0);
	const vf u = whole ? vload(up) : vload_part(up, n, 0);
	const vf t = whole ? vload(dy) : vload_part(dy, n, 0);
	vf d;
	const vf a = t * vact(act, g, &d), b = t * u * d;
	if (whole) {
		vstore(dgate, b);
		vstore(dup, a);
	} else {
		vstore_part(dgate, b, n);
		vstore_part(dup, a, n);
	}
}

INLINE void glu_bwd_of(float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t n)
{
	size_t i = 0;
	for (; i + VL <= n; i += VL)
		glu_bwd_step(dgate + i, dup + i, dy + i, gate + i, up + i, act, VL);
	if (i < n)
		glu_bwd_step(dgate + i, dup + i, dy + i, gate + i, up + i, act, n - i);
}

static void kern_glu_bwd(float *dgate, float *dup, const float *dy, const float *gate,
    const float *up, enum fc_act act, size_t n)
{
	if (act == FC_ACT_SILU)
		glu_bwd_of(dgate, dup, dy, gate, up, FC_ACT_SILU, n);
	else if (act == FC_ACT_GELU_TANH)
		glu_bwd_of(dgate, dup, dy, gate, up, FC_ACT_GELU_TANH, n);
	else
		glu_bwd_of(dgate, dup, dy, gate, up, FC_ACT_GELU, n);
}

#define NAME_(x) #x
#define NAME(x) NAME_(x)
extern const struct fc_kern KERN;
const struct fc_kern KERN = {NAME(KERN), FEW_ROWS, kern_max, kern_group_max, kern_exp_sum,
    kern_exp_scaled, kern_cap, kern_cap_bwd, kern_score_bwd, kern_sum_squares, kern_dot3, kern_axpy,
    kern_weighted_sum, kern_mm, kern_transpose, kern_dot_rows, kern_widen, kern_to_bf16, kern_turn,
    kern_glu, kern_glu_bwd};
