/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_MARKED_H
#define FC_VARM_MARKED_H

#include <stddef.h>
#include <stdint.h>

/* Marks of entries, each a byte of 0 or 1, with this many zeros behind the last. */
#define MARKED_ROOM 64

/* where[]: the places of the ones among n <= MARKED_MOST, the first first; returns how many.  where
 * has room for MARKED_PLACES. */
#define MARKED_MOST ((size_t)2048)
#define MARKED_AT_ONCE ((size_t)2)
#define MARKED_PLACES (MARKED_MOST + MARKED_AT_ONCE)
size_t varm_marked_list(const uint8_t *mark, size_t n, uint16_t *where);
/* where[]: the places of the bits that are set among n <= MARKED_MOST, bit i % 8 of bits[i / 8] for
 * entry i; up to a multiple of 64 those behind n are not set. */
size_t varm_marked_list_bits(const uint8_t *bits, size_t n, uint16_t *where);
/* Bit i % 8 of bits[i / 8] is mark[i]. */
void varm_marked_pack(const uint8_t *mark, size_t n, uint8_t *bits);
/* Bits "at" and on are the n of more[], behind which are none up to a multiple of 8; what bits[]
 * has from bit "at" on is lost. */
void varm_marked_append(uint8_t *bits, size_t at, const uint8_t *more, size_t n);

#endif
