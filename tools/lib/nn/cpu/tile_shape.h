/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_NN_TILE_SHAPE_H
#define FC_NN_TILE_SHAPE_H

/* Tiles of bfloat16.  A left one is TILE rows of DEPTH numbers, a right one pairs of depth for all
 * TILE columns, one pair below the other: [DEPTH / 2][TILE][2] (Intel SDM, TDPBF16PS). */
enum { TILE = 16, DEPTH = 32, NUMBERS = TILE * DEPTH };

#endif
