/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_HOSTMEM_H
#define FC_BASE_HOSTMEM_H

#include <stddef.h>

/* Bytes of memory that this process may have, and those of them that can be had now, with what the
 * kernel keeps of files: of the machine, or of a control group (version 2) that leaves less.  root:
 * what stands before /proc and /sys, "" but for tests. */
void fc_host_memory(const char *root, size_t *n_free, size_t *n_total);

#endif
