/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/cuda/async.h"
#include "nn/cuda/few_rows.h"
#include "nn/cuda/tile.h"

#include <type_traits>

/*
 * Products of up to 64 rows in bfloat16 by the tensor cores, with weights of any type, which are
 * read once, as they are stored, for all of the rows.
 *
 * The columns are cut into 1, 2, 4 or 8 parts by the shape of the weights alone; a result is the
 * sum over each part's ascending columns, and these sums are added in their order.  So a row has
 * the same bits alone and in any company, however the work is dealt:
 *
 * A block has FEW_LINES lines of weights, 64 columns a stage, several stages ahead of the sums.
 * Lines are outputs of one part; or, where the rows are few, outputs of all parts, fewer of them,
 * so that a block has the whole sum.  For more rows that would read x too often: there what a part
 * sums up goes through memory to a second kernel, few_join_k.
 *
 * What bounds it is the reading of the weights: [4096 x 14336] in bfloat16 are 117 MB, 28 us of a
 * GPU that reads 4.2e12 bytes a second, by 128 blocks, each with 32 kB of them on their way (that
 * speed times the 0.8 us until they come is 25 kB for each of 132 multiprocessors).  [576 x 1536],
 * 1.8 MB, are 40 blocks of 3 stages, and starting them takes longer than the reading.
 */
/* 2^n: fewer in the emulation, where each lane costs. */
#ifdef __CUDACC__
enum { FEW_WARPS_LOG = 3 };
#else
enum { FEW_WARPS_LOG = 2 };
#endif
enum {
	FEW_LANES = FC_WARP << FEW_WARPS_LOG,
	FEW_LINES_LOG = FEW_WARPS_LOG + 4,
	FEW_LINES = 1 << FEW_LINES_LOG,
	FEW_STEP = 64,                  /* columns of a stage */
	FEW_PARTS_MOST = FEW_WARPS_LOG, /* 2^n; a warp's lines are of one part */
	FEW_BLOCKS = 176, /* parts make no more, a third above the multiprocessors of an H200 */
	FEW_LD = FEW_STEP + 16 / sizeof(tile_bf16),
	FEW_SUMS_LD = FEW_LINES + 16 / sizeof(float),
	JOIN_LANES = fc_lanes(256)
};

struct few_product {
	float *y;                  /* [N,O], or [2^parts,N,O] */
	const uint8_t *x, *w;      /* x: [N,I] in bfloat16 */
	size_t N, O, I, row_bytes; /* of w */
	uint32_t parts, here;      /* 2^parts of them, and 2^here in a block: one or all */
	bool x_whole, w_whole;     /* pieces of 8 columns are multiples of 16 bytes */
};

template <class T>
__host__ __device__ constexpr bool is_as_products_take_it()
{
	return std::is_same<T, as_bf16>::value;
}

/* Stages of a part. */
struct few_part {
	size_t first, n;
};

__host__ __device__ static inline size_t few_steps(size_t I)
{
	return (I + FEW_STEP - 1) / FEW_STEP;
}

__device__ static inline struct few_part few_part_of(const struct few_product &f, uint32_t part)
{
	const size_t n = few_steps(f.I), first = n * part >> f.parts;
	return {first, (n * (part + 1) >> f.parts) - first};
}

/* What is written at once. */
struct alignas(16) few_eight {
	tile_bf16 v[FEW_COLUMNS];
};

/* The columns [i, i + 8) of a row. */
template <class T>
__device__ static inline void few_piece(
    tile_bf16 *to, const uint8_t *row, size_t i, size_t I, bool whole, struct async_copies &copies)
{
	if (is_as_products_take_it<T>() && whole && i < I) {
		copies.take(to, row + i * sizeof(tile_bf16));
		return;
	}
	float v[FEW_COLUMNS];
	struct few_eight narrow;
	load_weights<T>(v, row, i, I);
#pragma unroll
	for (int j = 0; j < FEW_COLUMNS; j++)
		narrow.v[j] = tile_from<tile_bf16>(v[j]);
	*reinterpret_cast<struct few_eight *>(to) = narrow;
}

/* Stage `step` of the block's parts.  Rows that are not there are left as they are: nothing of them
 * comes into a result. */
template <class T, int ROWS>
__device__ static inline void few_load(tile_bf16 *w, tile_bf16 *x, const struct few_product &f,
    size_t step, struct async_copies &copies)
{
	const uint32_t lines = 16 * ROWS << f.here, outs = FEW_LINES >> f.here;
	const uint32_t part = blockIdx.y << f.here, at_out = FEW_LINES_LOG - f.here;
	const uint32_t at = threadIdx.x % FEW_COLUMNS * FEW_COLUMNS;
	const uint32_t from = threadIdx.x / FEW_COLUMNS;
	const size_t o0 = (size_t)blockIdx.x * outs;
#pragma unroll(T::BLOCK > 1 ? 1 : 4) /* unpacking takes registers */
	for (uint32_t line = from; line < FEW_LINES; line += FEW_LANES / FEW_COLUMNS) {
		const struct few_part p = few_part_of(f, part + (line >> at_out));
		const size_t o = o0 + (line & (outs - 1));
		if (step < p.n && o < f.O)
			few_piece<T>(w + line * FEW_LD + at, f.w + o * f.row_bytes,
			    (p.first + step) * FEW_STEP + at, f.I, f.w_whole, copies);
	}
	for (uint32_t line = from; line < lines; line += FEW_LANES / FEW_COLUMNS) {
		const struct few_part p = few_part_of(f, part + line / (16 * ROWS));
		const size_t n = line % (16 * ROWS);
		if (step < p.n && n < f.N)
			few_piece<as_bf16>(x + line * FEW_LD + at,
			    f.x + n * f.I * sizeof(tile_bf16), (p.first + step) * FEW_STEP + at,
			    f.I, f.x_whole, copies);
	}
	copies.close();
}

/* ROWS: squares of 16 rows.  A warp has the sums of 16 lines with all rows; or, where those are 64,
 * of 32 lines with half of them, for which less is read from shared memory. */
template <class T, int ROWS, int STAGES>
__global__ void __launch_bounds__(FEW_LANES)
    few_tiles_k(const __grid_constant__ struct few_product f)
{
	DYN_SHARED(unsigned char, shared);
	constexpr int WIDE = ROWS == 4 ? 2 : 1, HIGH = ROWS / WIDE;
	const int x_lines = 16 * ROWS << f.here, stage = (FEW_LINES + x_lines) * FEW_LD;
	const int outs = FEW_LINES >> f.here, warp = (int)threadIdx.x / FC_WARP;
	const int line = warp / WIDE * 16 * WIDE, row = warp % WIDE * 16 * HIGH;
	const int slot = line / outs;
	const size_t n_step = (few_steps(f.I) + ((size_t)1 << f.parts) - 1) >> f.parts;
	const size_t o0 = (size_t)blockIdx.x * (size_t)outs;
	const struct few_part part = few_part_of(f, (blockIdx.y << f.here) + (uint32_t)slot);
	const size_t own = o0 + (size_t)(line - slot * outs) < f.O ? part.n : 0;
	tile_bf16 *const tiles = reinterpret_cast<tile_bf16 *>(shared);
	struct async_copies copies;
	struct tile_sums<HIGH, WIDE> sums;
	for (size_t ahead = 0; ahead < n_step + STAGES - 1; ahead++) {
		const size_t step = ahead - (STAGES - 1); /* whose sums are made meanwhile */
		if (ahead >= STAGES - 1) {
			copies.wait<STAGES - 2>();
			SYNC(1);
		}
		tile_bf16 *const next = tiles + (int)(ahead % STAGES) * stage;
		few_load<T, ROWS>(next, next + FEW_LINES * FEW_LD, f, ahead, copies);
		const tile_bf16 *const w = tiles + (int)(step % STAGES) * stage;
		const tile_bf16 *const x = w + FEW_LINES * FEW_LD;
		if (ahead < STAGES - 1 || step >= own)
			continue;
		const size_t left = f.I - (part.first + step) * FEW_STEP;
#pragma unroll
		for (int i = 0; i < FEW_STEP && (size_t)i < left; i += 16)
			sums.add(x + (slot * 16 * ROWS + row) * FEW_LD + i, FEW_LD,
			    w + line * FEW_LD + i, FEW_LD);
	}
	SYNC(2);
	float *const t = reinterpret_cast<float *>(shared);
	sums.store(t + row * FEW_SUMS_LD + line, FEW_SUMS_LD);
	SYNC(3);
	float *const y = f.y + (size_t)blockIdx.y * f.N * f.O;
	for (int i = (int)threadIdx.x; i < (int)f.N * outs; i += FEW_LANES) {
		const int n = i / outs, o = i % outs;
		if (o0 + (size_t)o >= f.O)
			continue;
		float sum = t[n * FEW_SUMS_LD + o];
		for (int s = 1; s < 1 << f.here; s++)
			sum += t[n * FEW_SUMS_LD + s * outs + o];
		y[(size_t)n * f.O + o0 + (size_t)o] = sum;
	}
}

/* y[i] = sum_p part[p,i] */
__global__ void few_join_k(float *y, const float *part, uint32_t n_part, size_t n)
{
	for (size_t i = lane_index(); i < n; i += lane_count()) {
		float sum = part[i];
		for (uint32_t p = 1; p < n_part; p++)
			sum += part[p * n + i];
		y[i] = sum;
	}
}

/* As many as there are blocks for: 2^n. */
static uint32_t parts_of(size_t O, size_t I)
{
	const size_t n_block = fc_cuda_ceil(O, FEW_LINES);
	uint32_t n = 0;
	while (
	    n < FEW_PARTS_MOST && n_block << (n + 1) <= FEW_BLOCKS && few_steps(I) >> (n + 1) > 0)
		n++;
	return n;
}

template <class T, int ROWS, int STAGES>
static void start(struct fc_cuda *cu, const struct few_product *f)
{
	const dim3 grid(
	    (unsigned)fc_cuda_ceil(f->O, FEW_LINES >> f->here), 1u << (f->parts - f->here));
	KLAUNCH(cu, (few_tiles_k<T, ROWS, STAGES>), grid, FEW_LANES,
	    STAGES * (FEW_LINES + (16 * ROWS << f->here)) * FEW_LD * sizeof(tile_bf16), *f);
}

/* Two blocks of three stages have room on a multiprocessor of 228 KiB of shared memory; weights
 * that are converted on their way are not ahead of the sums anyway. */
template <class T, int ROWS>
static void start_rows(struct fc_cuda *cu, const struct few_product *f)
{
	if constexpr (is_as_products_take_it<T>()) {
		if (ROWS << f->here <= 4) {
			start<T, ROWS, 3>(cu, f);
			return;
		}
	}
	start<T, ROWS, 2>(cu, f);
}

template <class T>
static void product(struct fc_cuda *cu, float *y, struct few_product *f)
{
	const uint32_t rows = f->N <= 16 ? 1 : f->N <= 32 && is_as_products_take_it<T>() ? 2 : 4;
	f->row_bytes = f->I / T::BLOCK * T::BYTES;
	f->x_whole = f->I % FEW_COLUMNS == 0;
	f->w_whole = f->x_whole && (uintptr_t)f->w % 16 == 0;
	f->here = rows < 4 && rows << f->parts <= 8 ? f->parts : 0;
	f->y = y;
	if (f->parts > f->here)
		f->y = static_cast<float *>(
		    fc_cuda_scratch(cu, FC_CUDA_FEW, f->N * f->O << f->parts, sizeof *y));
	if (cu->failed)
		return;
	if (rows == 1)
		start_rows<T, 1>(cu, f);
	else if (rows == 4)
		start_rows<T, 4>(cu, f);
	else if constexpr (is_as_products_take_it<T>())
		start_rows<T, 2>(cu, f);
	if (f->parts > f->here)
		KLAUNCH(cu, few_join_k, fc_element_blocks(f->N * f->O, JOIN_LANES), JOIN_LANES, 0,
		    y, f->y, 1u << f->parts, f->N * f->O);
}

void few_tiles_fwd(
    struct fc_cuda *cu, float *y, const float *x, const struct fc_weight *w, size_t N)
{
	const uint16_t *narrow = fc_cuda_rounded(cu, x, N, w->n_in, N);
	const struct fc_cuda_rounded rows = cu->rounded;
	struct few_product f = {};
	f.x = reinterpret_cast<const uint8_t *>(narrow);
	f.w = static_cast<const uint8_t *>(w->p);
	f.N = N;
	f.O = w->n_out;
	f.I = w->n_in;
	f.parts = parts_of(f.O, f.I);
	if (cu->failed || N == 0)
		return;
	switch (w->dtype) {
#define CASE(type, as)                                                                             \
	case type:                                                                                 \
		product<as>(cu, y, &f);                                                            \
		break;
		FOR_WEIGHTS(CASE)
#undef CASE
	default:
		fc_cuda_fail(
		    cu, "device %s: computes with no weights of type %d", cu->name, (int)w->dtype);
	}
	cu->rounded = rows;
	fc_cuda_written(cu, y, N * f.O);
}
