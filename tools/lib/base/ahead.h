/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_AHEAD_H
#define FC_BASE_AHEAD_H

#include <stddef.h>
#include <stdint.h>

/*
 * For loops to which numbers come from memory, once, and with which little is computed: few rows
 * multiplied with weights, a merge.  What lies ahead is asked for while they are worked on: in the
 * order in which it lies, so that the processor sees a stream, and for the second cache, since few
 * lines can be under way to the first (on Zen 4 weights came at half of the memory's speed).
 */

/* How far ahead, where weights are worked on in stretches of so many bytes: whole stretches, since
 * inside of one the order is another. */
static inline size_t fc_ahead_bytes(size_t stretch)
{
	const size_t enough = 6000; /* what comes in the time that memory takes, with some room */
	return stretch ? (enough + stretch - 1) / stretch * stretch : 0;
}

/* "from" may be behind what belongs to the program. */
static inline __attribute__((always_inline)) void fc_ahead(uintptr_t from, size_t n_bytes)
{
	const uintptr_t line = 64;
	for (uintptr_t p = (from + line - 1) & ~(line - 1); p < from + n_bytes; p += line)
		__builtin_prefetch((const void *)p, 0, 2);
}

/* Where n_bytes of weights begin: what nobody has asked for yet. */
static inline void fc_ahead_begin(const void *w, size_t n_bytes, size_t stretch)
{
	const size_t first = fc_ahead_bytes(stretch);
	fc_ahead((uintptr_t)w, first < n_bytes ? first : n_bytes);
}

#endif
