/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_HOSTMEM_H
#define FC_BASE_HOSTMEM_H

#include <stddef.h>

/*
 * Bytes of the host's memory that this process may still take: what Linux holds available, which
 * counts pages of files that it can drop, and no more than its control groups (a job's, a
 * container's) leave it.  n_total: of the machine or of the smallest group.  root: "" but in tests.
 */
void fc_hostmem_read(const char *root, size_t *n_free, size_t *n_total);

#endif
