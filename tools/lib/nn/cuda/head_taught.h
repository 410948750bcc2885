/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_CUDA_HEAD_TAUGHT_H
#define FC_NN_CUDA_HEAD_TAUGHT_H

#include "nn/cuda/head_device.h"

/*
 * A teacher's row against a row of logits, by the lanes of a block: the formulas of
 * cpu/head_row.c and cpu/head_objective.c, in double precision, each lane having every
 * blockDim.x-th category.
 */
struct head_taught { /* in memory that all lanes see */
	const uint32_t *id;
	const float *logprob;
	uint32_t n;
	double *log_q, *log_p, *slope; /* [n + 1]: the entries, and the tail as the last */
	double *mild_q, *mild_p;       /* [n + 1]: at the objective's temperature */
	float *z;                      /* [n] the entries' logits */
};

__host__ __device__ inline size_t head_taught_bytes(size_t n)
{
	return 5 * (n + 1) * sizeof(double) + (n + 1) / 2 * 2 * sizeof(float);
}

__device__ inline void head_taught_place(struct head_taught *t, double *memory)
{
	t->log_q = memory;
	t->log_p = t->log_q + t->n + 1;
	t->slope = t->log_p + t->n + 1;
	t->mild_q = t->slope + t->n + 1;
	t->mild_p = t->mild_q + t->n + 1;
	t->z = reinterpret_cast<float *>(t->mild_p + t->n + 1);
}

/* dL/dlogits, apart from weights and a cap's slope:
 *   entry k          slope[k] - p[k] sum
 *   another id v     factor exp(z[v] - shift) */
struct head_slope {
	double loss, sum, factor;
	float shift;
};

/* ---- the divergences, a category at a time ---- */

/* log(w exp(a) + (1 - w) exp(b)) */
__device__ inline double log_mix(double w, double a, double b)
{
	a += log(w);
	b += log1p(-w);
	const double hi = a > b ? a : b, lo = a > b ? b : a;
	return isinf(hi) ? hi : hi + log1p(exp(lo - hi));
}

/* x log y, where 0 times any logarithm is 0 */
__device__ inline double times_log(double x, double log_y)
{
	return x > 0 ? x * log_y : 0;
}

struct head_term {
	double loss, slope; /* slope: p times the derivative by p */
};

__device__ inline struct head_term head_term_of(
    enum fc_loss_kind kind, double a, double log_q, double log_p)
{
	const double q = exp(log_q), p = exp(log_p);
	double m;
	switch (kind) {
	case FC_LOSS_CE:
		return {-times_log(q, log_p), -q};
	case FC_LOSS_KL:
		return {times_log(q, log_q - log_p), -q};
	case FC_LOSS_REVERSE_KL:
		return {times_log(p, log_p - log_q), times_log(p, log_p - log_q + 1)};
	case FC_LOSS_JSD:
		m = log_mix(a, log_q, log_p);
		return {a * times_log(q, log_q - m) + (1 - a) * times_log(p, log_p - m),
		    (1 - a) * times_log(p, log_p - m)};
	case FC_LOSS_SKEW_KL:
		m = log_mix(a, log_q, log_p);
		return {times_log(q, log_q - m), -(1 - a) * times_log(q, exp(log_p - m))};
	default: /* FC_LOSS_SKEW_REVERSE_KL */
		m = log_mix(a, log_p, log_q);
		return {times_log(p, log_p - m), times_log(p, log_p - m + 1 - a * exp(log_p - m))};
	}
}

/* ---- steps of a row; s: FC_WARP doubles of shared memory ---- */

/* to = log(x^(1/T) / sum x^(1/T)).  Has the barriers i to i + 3. */
__device__ inline void head_temper(
    double *to, const double *log_x, double temperature, uint32_t n, double *s, int i)
{
	double most = -INFINITY, sum = 0;
	for (uint32_t c = threadIdx.x; c < n; c += blockDim.x) {
		to[c] = log_x[c] / temperature;
		most = to[c] > most ? to[c] : most;
	}
	most = block_max(most, s, i);
	for (uint32_t c = threadIdx.x; c < n; c += blockDim.x)
		sum += exp(to[c] - most);
	sum = log(block_sum(sum, s, i + 2));
	for (uint32_t c = threadIdx.x; c < n; c += blockDim.x)
		to[c] -= most + sum;
}

/* log_q of a teacher whose tail, if there is one, is all that is not listed.  Has the barriers i to
 * i + 3. */
__device__ inline void head_add_tail(const struct head_taught &t, bool tail, double *s, int i)
{
	const double least = -126 * 0.69314718055994530942; /* log 2^-126 */
	double sum = 0, doubt = 0, rest = 0;
	for (uint32_t k = threadIdx.x; k < t.n; k += blockDim.x) {
		const double log_q = (double)t.logprob[k] > least ? (double)t.logprob[k] : least;
		const double q = exp(log_q);
		t.log_q[k] = log_q;
		sum += q;
		doubt -= 0x1p-12 * q * log_q;
	}
	sum = block_sum(sum, s, i);
	doubt = 0x1p-24 + block_sum(doubt, s, i + 2);
	if (tail)
		rest = 1 - sum > doubt ? 1 - sum : doubt;
	const double whole = log(sum + rest);
	for (uint32_t k = threadIdx.x; k < t.n; k += blockDim.x)
		t.log_q[k] -= whole;
	if (tail && threadIdx.x == 0)
		t.log_q[t.n] = log(rest) - whole;
}

struct head_rest { /* the student's probability of what is not listed: */
	float shift;
	double sum; /* sum exp(z - shift) over it */
};

/* Has the barriers i to i + 6; z comes back as it was, for all lanes after a barrier that must
 * follow. */
__device__ inline struct head_rest head_rest_of(const struct head_taught &t, float *z, uint32_t V,
    const struct head_norm &norm, double *s, int i)
{
	struct head_rest rest = {norm.max, 0};
	double listed = 0;
	for (uint32_t k = threadIdx.x; k < t.n; k += blockDim.x)
		listed += exp((double)(t.z[k] - norm.max));
	rest.sum = norm.sum - block_sum(listed, s, i);
	if (rest.sum > 0x1p-8 * norm.sum) /* a lesser part is not made by a difference */
		return rest;
	for (uint32_t k = threadIdx.x; k < t.n; k += blockDim.x)
		z[t.id[k]] = -INFINITY;
	SYNC(i + 2);
	const struct head_norm others = head_norm_of(z, V, s, i + 3);
	for (uint32_t k = threadIdx.x; k < t.n; k += blockDim.x)
		z[t.id[k]] = t.z[k];
	return {others.max, others.sum};
}

/* The loss and slope[c], its derivative with respect to log_p[c] as if every p[c] were free, for n
 * categories; *sum: of the slopes.  Has the barriers i to i + 13, of which one or more come after
 * all of slope. */
__device__ inline double head_divergence(const struct fc_objective &o, double T,
    const struct head_taught &t, uint32_t n, double *s, double *sum, int i)
{
	const double *log_q = t.log_q, *log_p = t.log_p;
	double loss = 0, slopes = 0;
	if (T != 1) {
		head_temper(t.mild_q, log_q, T, n, s, i);
		head_temper(t.mild_p, log_p, T, n, s, i + 4);
		log_q = t.mild_q;
		log_p = t.mild_p;
	}
	for (uint32_t c = threadIdx.x; c < n; c += blockDim.x) {
		const struct head_term x = head_term_of(o.kind, o.skew, log_q[c], log_p[c]);
		loss += x.loss;
		t.slope[c] = x.slope;
		slopes += x.slope;
	}
	loss = block_sum(loss, s, i + 8);
	*sum = block_sum(slopes, s, i + 10);
	if (T == 1)
		return loss;
	/* d log(tempered p[c]) / d log(p[d]) = ([c = d] - tempered p[d]) / T */
	slopes = 0;
	for (uint32_t c = threadIdx.x; c < n; c += blockDim.x) {
		t.slope[c] = T * (t.slope[c] - exp(log_p[c]) * *sum);
		slopes += t.slope[c];
	}
	*sum = block_sum(slopes, s, i + 12);
	return T * T * loss;
}

/* The loss between the row and logits z [V], of which norm was made; z comes back as it was.  Has
 * the barriers i to i + 28. */
__device__ inline struct head_slope head_taught_loss(const struct head_taught &t,
    const struct fc_objective &o, float *z, uint32_t V, const struct head_norm &norm, double *s,
    int i)
{
	const bool tail = o.rule == FC_ROW_TAIL && t.n < V;
	struct head_rest rest = {0, 0};
	struct head_slope r;
	for (uint32_t k = threadIdx.x; k < t.n; k += blockDim.x) {
		t.z[k] = z[t.id[k]];
		t.log_p[k] = head_logprob(norm, t.z[k]);
		t.log_q[k] = (double)t.logprob[k];
	}
	if (o.rule == FC_ROW_TAIL)
		head_add_tail(t, tail, s, i);
	if (o.rule == FC_ROW_RENORMALISED)
		head_temper(t.log_q, t.log_q, o.temperature, t.n, s, i);
	if (tail) {
		rest = head_rest_of(t, z, V, norm, s, i + 4);
		if (threadIdx.x == 0)
			t.log_p[t.n] =
			    (double)(rest.shift - norm.max) + log(rest.sum) - norm.log_sum;
	}
	SYNC(i + 14);
	r.loss = head_divergence(
	    o, o.rule == FC_ROW_TAIL ? o.temperature : 1, t, t.n + tail, s, &r.sum, i + 15);
	r.shift = norm.max;
	r.factor = -r.sum / norm.sum;
	if (tail) {
		const double log_p = t.log_p[t.n], slope = t.slope[t.n];
		r.factor = (slope / exp(log_p) - r.sum) / norm.sum;
		if (log_p <=
		    -60 * 0.69314718055994530942) { /* 2^-60: beside the entries', nothing */
			r.shift = rest.shift;
			r.factor = slope / rest.sum;
		}
	}
	return r;
}

#endif
