/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_ENDING_H
#define FC_BASE_ENDING_H

#include <stddef.h>

/*
 * How a run ends before its time.  SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXCPU and SIGXFSZ clear the
 * line of progress, remove what was begun and then end the program as they would have, so that a
 * shell sees 128 + n; those that were ignored at the start stay ignored.  A mapped file that is cut
 * off while it is read (SIGBUS) ends the program with a line that names the file and status 1.
 *
 * What happens in a handler happens in the thread that called fc_ending_arm(), the main one: other
 * threads pass the signal on to it, and only it begins and finishes outputs.
 */
void fc_ending_arm(void);

/* Ends the program as the signal would have, also one that is not listed above. */
_Noreturn void fc_ending_end(int sig);

/* remove: async-signal-safe; called once, at most FC_ENDING_HOOKS of them. */
enum { FC_ENDING_HOOKS = 4 };
void fc_ending_hook(void (*remove)(void));

/* Around every change of what the hooks look at; may be nested. */
void fc_ending_hold(void);
void fc_ending_release(void);

/* Files that are mapped, by their addresses.  name is copied. */
void fc_ending_mapped(const void *p, size_t n_bytes, const char *name);
void fc_ending_unmapped(const void *p);
/* The name of the file that is mapped at p, or NULL. */
const char *fc_ending_map_name(const void *p);

#endif
