/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_TMPNAME_H
#define FC_BASE_TMPNAME_H

#include "base/err.h"

/* Names and folders of outputs that are not finished.  All strings are the caller's to free(). */

/* "dir/.NAME" and the suffix. */
char *fc_tmpname_hidden(const char *path, const char *suffix);
/* "dir/.NAME.PID.tmp" */
char *fc_tmpname_process(const char *path);
/* "dir/.NAME.partial": a file that may be interrupted and resumed; the same in every run. */
char *fc_tmpname_partial(const char *path);
/* The folder that path is in, "." where it has no slash. */
char *fc_tmpname_folder(const char *path);

/* Locks what several runs may go on with, until fd is closed; other descriptors of it may come and
 * go.  -1 where another process has it, or has by now given it its name or removed it. */
int fc_tmpname_lock(int fd, const char *tmp, struct fc_err *e);
#define FC_TMPNAME_TAKEN "%s: another process has just written it; begin again"

/* Adds to the message that what could not get its name is whole, and stays as tmp.  -1 */
int fc_tmpname_fail_kept(const char *tmp, struct fc_err *e);

/* Syncs a file or folder; flags are open()'s. */
int fc_tmpname_sync(const char *path, int flags, struct fc_err *e);
/* Syncs the folder that path is in, so that its new name lasts. */
int fc_tmpname_sync_folder(const char *path, struct fc_err *e);

#endif
