/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_SEEKTABLE_H
#define FC_STREAM_SEEKTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the frames of a file with records are, from the seek table at its end. */
struct fc_seektable { /* {0} is empty */
	uint64_t *at; /* [n] offsets of the frames that have content */
	size_t n;
};
/* False, and an empty table, where there is none that fits the file: a pipe, a file of another
 * writer, one that was cut off or put together with cat. */
bool fc_seektable_read(struct fc_seektable *t, int fd);
/* Does the file end with a table, whether it fits or not? */
bool fc_seektable_is(int fd);
void fc_seektable_release(struct fc_seektable *t);

#endif
