/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_MEM_H
#define FC_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Allocation that ends the program when memory is out ("PROG: out of memory (N bytes)"): that
 * path can be neither tested nor handled.  Sizes that come from outside are bounded by the
 * caller before they get here.  Release with free().
 */
void *fc_malloc(size_t n_bytes);
void *fc_calloc(size_t n, size_t size_bytes); /* zeroed; n * size checked for overflow */
void *fc_realloc(void *p, size_t n, size_t size_bytes);
char *fc_strdup(const char *s);
char *fc_memdup0(const void *p, size_t n); /* copies n bytes and adds a NUL */

/* Memory that is released stays with the program: for one that takes much of it again and again,
 * which the system would clear each time.  Where the C library is not GNU's it does nothing. */
void fc_mem_keep(void);

/* Does s end with `end`?  All of s may be it. */
bool fc_ends_with(const char *s, const char *end);

/*
 * Linux is to use large pages in these bytes, which may be a part of a block, or a mapping: what is
 * gone through from end to end then costs neither faults nor the processor's search for its pages
 * (decoding with weights of 4 bits took 0.87 of the time, three steps of training 0.93).
 */
void fc_ask_large_pages(void *p, size_t n_bytes);

/* 64-byte aligned, for vectors, in large pages where it is large; release with free().  Contents
 * undefined.  The first: NULL where memory is out. */
void *fc_alloc_aligned(size_t n_bytes);
void *fc_malloc_aligned(size_t n, size_t size_bytes);

/* *out = a * b; false on overflow. */
bool fc_size_mul(size_t a, size_t b, size_t *out);

/* Grows the array behind *p so that it holds at least need items; *cap is its capacity. */
#define FC_GROW(p, cap, need)                                                                      \
	((need) <= (cap) ? (void)0 : (void)((p) = fc_grow((p), &(cap), (need), sizeof *(p))))
void *fc_grow(void *p, size_t *cap, size_t need, size_t size_bytes);

#define FC_NEW(type) ((type *)fc_calloc(1, sizeof(type)))
#define FC_ARRAY(type, n) ((type *)fc_calloc((n), sizeof(type)))
#define FC_LEN(a) (sizeof(a) / sizeof *(a))

#endif
