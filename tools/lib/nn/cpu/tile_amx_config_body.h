/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of AMX: their shape, for bfloat16.  Included where the instructions are allowed, by
 * few_amx.c and tile_amx_body.h, so without a guard. */

/* A left tile is TILE rows of DEPTH numbers, a right one pairs of depth for all TILE columns, one
 * pair below the other (Intel SDM, TDPBF16PS): [DEPTH / 2][TILE][2]. */
enum { TILE = 16, DEPTH = 32, NUMBERS = TILE * DEPTH };

/* Palette 1: of every tile the bytes of a row and the rows (SDM, LDTILECFG). */
static inline void configure(void)
{
	static const struct {
		uint8_t palette, start_row, reserved[14];
		uint16_t row_bytes[16];
		uint8_t rows[16];
	} config = {.palette = 1,
	    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
	    .rows = {TILE, TILE, TILE, TILE, TILE, TILE, TILE, TILE}};
	_tile_loadconfig(&config);
}

/* A function, since clang does not allow AMX in what it makes of a parallel region. */
static inline void release(void)
{
	_tile_release();
}

/* What has been written to p is there: compilers do not know that a tile's load reads memory. */
static inline void settle(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}
