/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/attention_walk.h"

/* One head of a tile of queries a block; the last queries, which see most keys, come first. */
template <class T>
__global__ void attn_fwd_k(const __grid_constant__ struct attn_list l)
{
	DYN_SHARED(unsigned char, shared);
	const struct attn_dims &d = l.d;
	const struct attn_item &s = l.item[attn_item_of(l, blockIdx.x)];
	const uint32_t rows = blockDim.x / 4, i = blockIdx.x - s.first;
	const uint32_t head = i % d.H, n_tile = (s.n_q + rows - 1) / rows;
	const uint32_t query = (n_tile - 1 - i / d.H) * rows;
	struct attn_rows t = {query, head, 1, 0, s.n_q - query, 0, 0};
	t.n = t.n < rows ? t.n : rows;
	t.lo = attn_first(d.window, attn_end(s.n_q, s.n_k, query)) / ATTN_SEEN * ATTN_SEEN;
	t.hi = attn_end(s.n_q, s.n_k, query + t.n - 1);
	const struct attn_room<T> m = attn_room_of<T>(shared, (int)d.wide);
	const struct attn_running r =
	    attn_walk<T>(m, d, s, t, d.slope ? l.slope[head] : 0, d.sink ? d.sink + head : NULL);
	const uint32_t row = threadIdx.x / 4;
	if (threadIdx.x % 4 == 0) {
		m.row[row] = 1 / r.sum;
		if (s.lse && row < t.n)
			s.lse[(size_t)(query + row) * d.H + head] = r.max + logf(r.sum);
	}
	SYNC(6);
	float *o = s.o + ((size_t)query * d.H + head) * d.D;
	for (uint32_t j = threadIdx.x; j < t.n * d.D; j += blockDim.x) {
		const uint32_t c = j % d.D, n = j / d.D;
		attn_give(d, o + (size_t)n * d.H * d.D + c,
		    m.o[n * (uint32_t)tile_ld<float>((int)d.wide) + c] * m.row[n]);
	}
}

struct attn_dims attn_dims_of(const struct fc_attn *a)
{
	struct attn_dims d;
	d.H = (uint32_t)a->H;
	d.G = (uint32_t)a->G;
	d.D = (uint32_t)a->D;
	d.window = a->window;
	d.wide = (d.D + TILE_STEP - 1) / TILE_STEP * TILE_STEP;
	d.scale = a->scale;
	d.softcap = a->softcap;
	d.four = true;
	d.slope = a->slope != NULL;
	d.sink = a->sink;
	d.narrow = NULL;
	d.o_first = NULL;
	return d;
}

bool attn_is_four(const struct attn_dims *d, const void *p)
{
	return d->D % 4 == 0 && (uintptr_t)p % 16 == 0;
}

/* The ALiBi slopes are parameters; more heads than fit have none on this device. */
bool attn_set_slopes(struct fc_cuda *cu, float *slope, const struct fc_attn *a)
{
	memset(slope, 0, ATTN_SLOPES * sizeof *slope);
	if (!a->slope)
		return true;
	if (a->H > ATTN_SLOPES) {
		fc_cuda_fail(cu,
		    "attention with ALiBi: %zu heads are more than the %d of this device", a->H,
		    (int)ATTN_SLOPES);
		return false;
	}
	memcpy(slope, a->slope, a->H * sizeof *a->slope);
	return true;
}

bool attn_has_room(struct fc_cuda *cu, const struct fc_attn *a, int rows)
{
	if (!rows)
		fc_cuda_fail(cu, "attention: heads %zu wide are wider than this device takes (%s)",
		    a->D, "256, or 512 where nothing is trained");
	return rows > 0;
}

struct attn_item attn_item_from(struct attn_dims *d, const struct fc_attn_seq *s)
{
	const struct attn_item i = {
	    s->q, s->k, s->v, s->o, s->lse, (uint32_t)s->n_q, (uint32_t)s->n_k, 0};
	d->four =
	    d->four && attn_is_four(d, s->q) && attn_is_four(d, s->k) && attn_is_four(d, s->v);
	return i;
}

template <class T>
static void attend(struct fc_cuda *cu, struct attn_list *l, const struct fc_attn *a)
{
	const int wide = (int)l->d.wide;
	size_t most = 0;
	for (uint32_t s = 0; s < l->n_item; s++)
		most = l->item[s].n_q > most ? l->item[s].n_q : most;
	const int rows = attn_rows_fit(most, [wide](int n) { return attn_room_bytes<T>(n, wide); });
	if (!attn_has_room(cu, a, rows))
		return;
	l->end = 0;
	for (uint32_t s = 0; s < l->n_item; s++) {
		l->item[s].first = l->end;
		l->end += (uint32_t)fc_cuda_ceil(l->item[s].n_q, (size_t)rows) * l->d.H;
	}
	KLAUNCH(cu, attn_fwd_k<T>, dim3(l->end), dim3(4 * (unsigned)rows),
	    attn_room_bytes<T>(rows, wide), *l);
}

/* Rows of o, if those of the sequences lie one behind the other; else 0. */
static size_t rows_of(const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
	size_t n = 0;
	for (size_t s = 0; s < n_seq; s++) {
		if (seq[s].o != seq[0].o + n * a->H * a->D)
			return 0;
		n += seq[s].n_q;
	}
	return n;
}

static void attend_all(struct fc_cuda *cu, struct attn_list *l, const struct fc_attn *a,
    const struct fc_attn_seq *seq, size_t n_seq, uint16_t *narrow)
{
	for (size_t s = 0; s < n_seq;) {
		l->d = attn_dims_of(a);
		l->d.narrow = narrow;
		l->d.o_first = seq[0].o;
		for (l->n_item = 0; s < n_seq && l->n_item < ATTN_SEQS; s++)
			if (!attn_is_few(&seq[s]))
				l->item[l->n_item++] = attn_item_from(&l->d, &seq[s]);
		if (!l->n_item)
			return;
		if (cu->nn.compute == FC_COMPUTE_BF16)
			attend<tile_bf16>(cu, l, a);
		else
			attend<float>(cu, l, a);
	}
}

void fc_cuda_attn_fwd(
    struct fc_nn *nn, const struct fc_attn *a, const struct fc_attn_seq *seq, size_t n_seq)
{
	struct fc_cuda *cu = fc_cuda_of(nn);
	const size_t n_row = rows_of(a, seq, n_seq), C = a->H * a->D;
	struct attn_list l;
	if (!attn_set_slopes(cu, l.slope, a))
		return;
	uint16_t *narrow = n_row ? fc_cuda_rounded_begin(cu, n_row, C) : NULL;
	attn_decode(cu, a, seq, n_seq, narrow);
	attend_all(cu, &l, a, seq, n_seq, narrow);
	fc_cuda_rounded_end(cu, narrow, seq[0].o, n_row, C);
}
