/* SPDX-License-Identifier: Apache-2.0 */
/* exp, tanh, activations, sine and cosine of vectors; included by kern_body.h, so without a guard.
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
