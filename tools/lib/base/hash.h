/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_HASH_H
#define FC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH3.  Identifies and detects damage; does not authenticate. */
uint64_t fc_hash(const void *p, size_t n, uint64_t seed);

/* Running 64-bit hash; the value so far may be taken at any time. */
struct fc_hasher;
struct fc_hasher *fc_hasher_new(void);
void fc_hasher_add(struct fc_hasher *h, const void *p, size_t n);
uint64_t fc_hasher_value(const struct fc_hasher *h);
void fc_hasher_reset(struct fc_hasher *h);
void fc_hasher_free(struct fc_hasher *h);

#endif
