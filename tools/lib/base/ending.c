/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ending.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/board.h"
#include "base/die.h"
#include "base/mem.h"

static const int endings[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXCPU, SIGXFSZ};

static pthread_t main_thread;
static bool armed;
static void (*hooks[FC_ENDING_HOOKS])(void);
static int n_hook;
static int n_hold;
static sigset_t before; /* the mask outside of fc_ending_hold() */

/* Handlers in any thread walk this list, so that its nodes are never freed but used again. */
struct mapped {
	_Atomic uintptr_t begin, end; /* equal: not in use */
	char *name;
	struct mapped *next;
};
static struct mapped *_Atomic first_mapped;
static struct mapped *_Atomic cut_off; /* the one whose file has lost its end */

static void clean_up(void)
{
	fc_board_clear();
	for (int i = 0; i < n_hook; i++)
		hooks[i]();
}

static void put_text(const char *text)
{
	size_t n = strlen(text);
	while (n) {
		ssize_t w = write(STDERR_FILENO, text, n);
		if (w <= 0)
			return;
		text += w;
		n -= (size_t)w;
	}
}

static _Noreturn void end_cut_off(const char *name)
{
	clean_up();
	put_text(fc_prog);
	put_text(": ");
	put_text(name);
	put_text(": was cut off while it was read\n");
	_exit(FC_EXIT_FAIL);
}

static void handle_ending(int sig)
{
	if (!pthread_equal(pthread_self(), main_thread)) {
		pthread_kill(main_thread, sig);
		return; /* this thread may hold a lock that the main one waits for, signals held */
	}
	clean_up();
	sigset_t this;
	sigemptyset(&this);
	sigaddset(&this, sig);
	signal(sig, SIG_DFL);
	raise(sig);
	pthread_sigmask(SIG_UNBLOCK, &this, NULL);
}

_Noreturn void fc_ending_end(int sig)
{
	handle_ending(sig);
	for (;;) /* another thread's signal: the main one ends all */
		pause();
}

static struct mapped *find_mapped(const void *p)
{
	struct mapped *m = atomic_load(&first_mapped);
	while (m && ((uintptr_t)p < atomic_load(&m->begin) || (uintptr_t)p >= atomic_load(&m->end)))
		m = m->next;
	return m;
}

static void handle_bus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	struct mapped *m = atomic_load(&cut_off);
	if (!m && info->si_code > 0 && (m = find_mapped(info->si_addr)))
		atomic_store(&cut_off, m);
	if (!m) { /* a fault of our own: it comes again, and ends the program as any does */
		signal(sig, SIG_DFL);
		return;
	}
	if (pthread_equal(pthread_self(), main_thread))
		end_cut_off(m->name);
	pthread_kill(main_thread, sig);
	for (;;) /* there is nothing to go back to */
		pause();
}

void fc_ending_arm(void)
{
	if (armed)
		return;
	armed = true;
	main_thread = pthread_self();
	struct sigaction act = {.sa_handler = handle_ending, .sa_flags = SA_RESTART}, old;
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < FC_LEN(endings); i++)
		sigaddset(&act.sa_mask, endings[i]);
	for (size_t i = 0; i < FC_LEN(endings); i++)
		if (sigaction(endings[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(endings[i], &act, NULL);
	act.sa_flags = SA_SIGINFO;
	act.sa_sigaction = handle_bus;
	sigaction(SIGBUS, &act, NULL);
}

void fc_ending_hook(void (*remove)(void))
{
	for (int i = 0; i < n_hook; i++)
		if (hooks[i] == remove)
			return;
	if (n_hook == FC_ENDING_HOOKS)
		fc_die("more than %d things to remove at an early end", FC_ENDING_HOOKS);
	hooks[n_hook++] = remove;
}

void fc_ending_hold(void)
{
	sigset_t held;
	sigemptyset(&held);
	for (size_t i = 0; i < FC_LEN(endings); i++)
		sigaddset(&held, endings[i]);
	if (n_hold++ == 0)
		pthread_sigmask(SIG_BLOCK, &held, &before);
}

void fc_ending_release(void)
{
	if (--n_hold == 0)
		pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void fc_ending_mapped(const void *p, size_t n_bytes, const char *name)
{
	struct mapped *m = atomic_load(&first_mapped);
	while (m && atomic_load(&m->end))
		m = m->next;
	fc_ending_arm();
	if (m)
		free(m->name);
	else
		m = FC_NEW(struct mapped);
	m->name = fc_strdup(name);
	atomic_store(&m->begin, (uintptr_t)p);
	atomic_store(&m->end, (uintptr_t)p + n_bytes);
	for (struct mapped *at = atomic_load(&first_mapped); at; at = at->next)
		if (at == m)
			return;
	m->next = atomic_load(&first_mapped);
	atomic_store(&first_mapped, m);
}

void fc_ending_unmapped(const void *p)
{
	struct mapped *m = p ? find_mapped(p) : NULL;
	if (m)
		atomic_store(&m->end, 0);
}

const char *fc_ending_map_name(const void *p)
{
	struct mapped *m = find_mapped(p);
	return m ? m->name : NULL;
}
