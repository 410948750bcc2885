/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cpu/head.h"

#include <math.h>
#include <stdlib.h>

#include "base/par.h"

/* Elements of a row that are summed up before it is looked where draws fall. */
enum { CHUNK = 512 };

static size_t n_chunk(size_t V)
{
	return (V + CHUNK - 1) / CHUNK;
}

/* Of each thread, for the row it is at. */
struct scratch {
	double *point;    /* [n] the draws, as places in the sum of exponentials, ascending */
	double *sum;      /* [n_chunk] of exponentials */
	uint64_t *key;    /* [n] entries: count and id */
	float *group_max; /* [fc_kern_n_group] */
};

static size_t scratch_bytes(size_t n, size_t V)
{
	return n * (sizeof(double) + sizeof(uint64_t)) + n_chunk(V) * sizeof(double) +
	    fc_kern_n_group(V) * sizeof(float);
}

static struct scratch scratch_of(char *memory, size_t n, size_t V)
{
	struct scratch s;
	s.point = (double *)(void *)memory;
	s.sum = s.point + n;
	s.key = (uint64_t *)(void *)(s.sum + n_chunk(V));
	s.group_max = (float *)(void *)(s.key + n);
	return s;
}

static int by_point(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int by_key(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* z becomes exp((z - max) / T).  The difference comes first: it is exact where it matters, and
 * large logits at a low temperature don't overflow. */
static void exp_row(const struct fc_kern *k, float *z, size_t V, float max, double temperature)
{
	const float a = (float)(1 / temperature);
	for (size_t v = 0; v < V; v++)
		z[v] = (z[v] - max) * a;
	k->exp_scaled(z, z, 1, 0, 1, V);
}

/* Sums of chunks in double precision; returns the sum of these. */
static double sum_chunks(const float *p, size_t V, double *sum)
{
	enum { LANES = 8 };
	double whole = 0;
	for (size_t c = 0; c < n_chunk(V); c++) {
		const size_t end = fc_min_size((c + 1) * CHUNK, V);
		double lane[LANES] = {0};
		size_t v = c * CHUNK;
		for (; v + LANES <= end; v += LANES)
			for (size_t l = 0; l < LANES; l++)
				lane[l] += (double)p[v + l];
		for (; v < end; v++)
			lane[0] += (double)p[v];
		sum[c] = ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
		    ((lane[2] + lane[6]) + (lane[3] + lane[7]));
		whole += sum[c];
	}
	return whole;
}

/*
 * Counts the points [*at, end) that fall in the chunk, whose first element's share begins at
 * `before`.  What the rounding of the two ways to sum leaves over is the last element's that is
 * above 0.
 */
static size_t count_chunk(const float *p, size_t first, size_t last, double before,
    const double *point, size_t *at, size_t end, uint64_t *key, size_t n)
{
	double sum = before;
	size_t top = last - 1;
	while (top > first && !(p[top] > 0))
		top--;
	for (size_t v = first; *at < end; v++) {
		size_t count = 0;
		sum += (double)p[v];
		while (*at < end && (point[*at] < sum || v == top))
			++*at, count++;
		if (count) /* orders by falling count, then rising id */
			key[n++] = (uint64_t)(UINT32_MAX - count) << 32 | v;
	}
	return n;
}

/* Entries of the drawn ids in s->key; returns their number. */
static size_t count_draws(const struct scratch *s, const float *p, size_t V, size_t n_draw)
{
	size_t n = 0, at = 0;
	double before = 0;
	const size_t n_c = n_chunk(V);
	for (size_t c = 0; c < n_c && at < n_draw; c++) {
		const double after = before + s->sum[c];
		size_t end = at;
		while (end < n_draw && (s->point[end] < after || c + 1 == n_c))
			end++;
		if (end > at)
			n = count_chunk(p, c * CHUNK, fc_min_size((c + 1) * CHUNK, V), before,
			    s->point, &at, end, s->key, n);
		before = after;
	}
	return n;
}

struct row { /* where it goes */
	uint32_t *n_entry, *id;
	float *logprob, *true_logprob;
};

/* One row from its logits z, which are changed. */
static void draw_row(const struct fc_kern *kern, float *z, size_t V, uint32_t target,
    const struct fc_draws *d, struct fc_rng *rng, const struct scratch *s, const struct row *r)
{
	const struct fc_head_norm norm = fc_head_norm_row(kern, z, V, s->group_max);
	*r->true_logprob = target == FC_NO_TARGET ? 0 : (float)fc_head_logprob(&norm, z[target]);
	exp_row(kern, z, V, norm.max, d->temperature);
	const double whole = sum_chunks(z, V, s->sum), last = nextafter(whole, 0);
	for (size_t i = 0; i < d->n; i++) /* a product may be rounded up to the whole */
		s->point[i] = fmin(fc_rng_unit(rng) * whole, last);
	qsort(s->point, d->n, sizeof *s->point, by_point);
	const size_t n = count_draws(s, z, V, d->n);
	qsort(s->key, n, sizeof *s->key, by_key);
	*r->n_entry = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		const uint32_t count = UINT32_MAX - (uint32_t)(s->key[i] >> 32);
		r->id[i] = (uint32_t)s->key[i];
		r->logprob[i] = (float)log((double)count / (double)d->n);
	}
}

void fc_cpu_head_draw(struct fc_nn *nn, const struct fc_head *h, const float *x,
    const uint32_t *target, size_t N, const struct fc_draws *d, struct fc_rng *rng,
    uint32_t *n_entry, uint32_t *id, float *logprob, float *true_logprob)
{
	struct fc_cpu *cpu = fc_cpu_of(nn);
	const size_t C = h->w.n_in, V = h->n_vocab, ld = h->w.n_out, tile = fc_head_tile_rows(h, N);
	const size_t K = fc_head_draw_most(h, d);
	const size_t bytes = (scratch_bytes(d->n, V) + 7) / 8 * 8;
	float *logits = fc_cpu_scratch(cpu, FC_SCRATCH_LOGITS, tile * ld, sizeof *logits);
	char *memory = fc_cpu_scratch(cpu, FC_SCRATCH_ROW, (size_t)fc_par_threads(), bytes);
	for (size_t n0 = 0; n0 < N; n0 += tile) {
		const size_t n_rows = fc_min_size(tile, N - n0);
		size_t next = 0;
		fc_head_tile(cpu, h, x + n0 * C, n_rows, logits);
#pragma omp parallel if (n_rows * V > FC_PAR_ELEMENTS)
		{
			size_t me;
#pragma omp atomic capture
			me = next++;
			const struct scratch s = scratch_of(memory + me * bytes, d->n, V);
#pragma omp for schedule(dynamic)
			for (size_t n = n0; n < n0 + n_rows; n++) {
				const struct row r = {
				    n_entry + n, id + n * K, logprob + n * K, true_logprob + n};
				draw_row(cpu->kern, logits + (n - n0) * ld, V, target[n], d,
				    &rng[n], &s, &r);
			}
		}
	}
}
