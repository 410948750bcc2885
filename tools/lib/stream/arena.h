/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_ARENA_H
#define FC_STREAM_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

/*
 * Memory for one unpacked message, taken back all at once and kept for the next: reading records
 * allocates nothing once the longest was seen.  An allocation beyond the budget fails, which makes
 * the unpacking fail: a hostile message of many tiny fields must not cost many times its length.
 */
struct fc_arena {
	ProtobufCAllocator allocator; /* hand this to protobuf-c */
	uint8_t *p;
	size_t used, cap;
};
void fc_arena_init(struct fc_arena *a);
/* Forgets everything allocated and makes budget bytes available. */
void fc_arena_reset(struct fc_arena *a, size_t budget_bytes);
void fc_arena_release(struct fc_arena *a);

#endif
