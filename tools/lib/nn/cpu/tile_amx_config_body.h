/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of AMX as tiles.  Included where the instructions are allowed, by few_amx.c,
 * product_amx.c and attention_amx.c, so without a guard. */

#include "nn/cpu/tile_shape.h"

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
