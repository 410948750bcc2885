/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* struct winsize */
#include "base/board.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/barline.h"

enum { MAX_LINES = 24, LINE_BYTES = 400, WAIT_MS = 500 };

struct line {
	int64_t pid; /* 0: nobody's */
	char text[LINE_BYTES];
};
struct board {
	int32_t n_drawn; /* lines, when the block was drawn last */
	struct line line[MAX_LINES];
};

#define FORMAT 1 /* of the shared memory, a part of its name */

static struct board alone; /* where there is no shared memory */
static struct {
	struct board *b; /* NULL: not joined */
	int fd;          /* of the shared memory, or -1 */
	int own;         /* line */
	pid_t pid;       /* who joined: a child has no line */
	char name[96];
} here = {.fd = -1};
static volatile sig_atomic_t drawn;

bool fc_board_on_terminal(void)
{
	const char *kind = getenv("TERM");
	return isatty(STDERR_FILENO) && !(kind && !strcmp(kind, "dumb"));
}

/* Byte 0 of the memory is the lock of all, byte 1 + i that of line i.  Record locks end with their
 * process, whatever ends it. */
static bool set_lock(int fd, short type, int byte)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	return fcntl(fd, F_SETLK, &l) == 0;
}

/* A program that was stopped while it wrote has the lock, and nothing shown is worth waiting for
 * it.  Locks are held for as long as a terminal takes to be written to. */
static bool lock_all(int fd, int wait_ms)
{
	while (!set_lock(fd, F_WRLCK, 0)) {
		if (wait_ms-- == 0)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return true;
}

static bool is_held(int fd, int byte)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	return fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static bool make_name(char *name, size_t n)
{
	struct stat st;
	if (fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(name, n, "/fc-progress.%d.%ju.%jx.%jx", FORMAT, (uintmax_t)geteuid(),
	    (uintmax_t)st.st_dev, (uintmax_t)st.st_rdev);
	return true;
}

/* Opens the memory and takes the lock; the descriptor, or -1.  flags: O_CREAT or 0. */
static int open_locked(const char *name, int flags)
{
	for (int i = 0; i < 100; i++) {
		struct stat st = {.st_nlink = 1};
		int fd = shm_open(name, O_RDWR | flags, 0600);
		if (fd < 0)
			return -1;
		if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && lock_all(fd, WAIT_MS) &&
		    fstat(fd, &st) == 0 && st.st_nlink &&
		    (st.st_size == sizeof(struct board) ||
			ftruncate(fd, sizeof(struct board)) == 0))
			return fd;
		close(fd);
		if (st.st_nlink) /* a removed one is somebody's last: there may be a new one */
			return -1;
	}
	return -1;
}

static struct board *map_board(int fd)
{
	void *p = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* A line whose program has ended without a word is nobody's. */
static void sweep(struct board *b, int fd)
{
	for (int i = 0; i < MAX_LINES; i++)
		if (b->line[i].pid && !(b == here.b && i == here.own) && !is_held(fd, 1 + i))
			b->line[i].pid = 0;
}

static void put_line(struct board *b, int i, const char *text)
{
	snprintf(b->line[i].text, LINE_BYTES, "%s", text);
	b->line[i].pid = getpid();
}

/* Lines in the order of their programs' starts: those of a pipe get their numbers from left to
 * right. */
static int sorted(const struct board *b, int order[MAX_LINES])
{
	int n = 0;
	for (int i = 0; i < MAX_LINES; i++) {
		if (!b->line[i].pid)
			continue;
		int at = n++;
		for (; at && b->line[order[at - 1]].pid > b->line[i].pid; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	return n;
}

static bool is_empty(const struct board *b)
{
	int order[MAX_LINES];
	return sorted(b, order) == 0;
}

/* Takes a line of the shared memory, whose lock is held; false: there is none. */
static bool take_line(int fd)
{
	struct board *b = map_board(fd);
	if (!b)
		return false;
	sweep(b, fd);
	if (is_empty(b)) /* of a block that nobody took away */
		b->n_drawn = 0;
	for (int i = 0; i < MAX_LINES; i++)
		if (!b->line[i].pid && set_lock(fd, F_WRLCK, 1 + i)) {
			here.b = b;
			here.fd = fd;
			here.own = i;
			return true;
		}
	munmap(b, sizeof *b);
	return false;
}

static void join(void)
{
	static bool hooked;
	int fd = make_name(here.name, sizeof here.name) ? open_locked(here.name, O_CREAT) : -1;
	here.pid = getpid();
	if (fd >= 0 && !take_line(fd)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0) {
		here.b = &alone;
		here.own = 0;
	}
	if (!hooked)
		atexit(fc_board_leave);
	hooked = true;
}

/* ---- drawing: what is written in one piece ---- */

struct screen {
	size_t n;
	char p[MAX_LINES * (LINE_BYTES + 8) + 4096];
};

static void add(struct screen *s, const char *text, size_t n)
{
	const size_t room = sizeof s->p - s->n;
	n = n < room ? n : room;
	memcpy(s->p + s->n, text, n);
	s->n += n;
}

static void adds(struct screen *s, const char *text)
{
	add(s, text, strlen(text));
}

static void write_screen(const struct screen *s)
{
	for (size_t at = 0; at < s->n;) {
		ssize_t w = write(STDERR_FILENO, s->p + at, s->n - at);
		if (w < 0 && errno != EINTR)
			return; /* a terminal that takes nothing */
		at += w > 0 ? (size_t)w : 0;
	}
}

/* How many of n lines are seen at once, below the one that the cursor rests on. */
static int seen_of(int n)
{
	struct winsize w;
	const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 2;
	const int most = known ? w.ws_row - 2 : 22;
	return n < most ? n : most;
}

/* Another program's line may be from when the terminal was wider. */
static void add_line(struct screen *s, const struct line *l)
{
	const char *text = l->text;
	add(s, text, fc_barline_cut(text, strnlen(text, LINE_BYTES), fc_barline_columns()));
}

/* Several lines, below the line with the cursor, of which only what is behind the cursor is
 * cleared.  First as many lines are made as the block takes, by IND, which scrolls: DECRC goes back
 * to the place on the screen. */
static void add_block(struct screen *s, const struct board *b, const int *order, int n)
{
	char up[16];
	if (b->n_drawn < 2)
		adds(s, "\r");
	for (int i = 0; i < n; i++)
		adds(s, "\033D");
	snprintf(up, sizeof up, "\033[%dA", n);
	adds(s, up);
	adds(s, "\033[K\0337");
	for (int i = 0; i < n; i++) {
		adds(s, "\r\n");
		add_line(s, &b->line[order[i]]);
		adds(s, "\033[K");
	}
	adds(s, "\033[J\0338");
}

static void draw(struct board *b, const char *message)
{
	static struct screen s;
	int order[MAX_LINES];
	const int n = seen_of(sorted(b, order));
	s.n = 0;
	if (message) {
		adds(&s, "\r\033[J");
		adds(&s, message);
	}
	if (n > 1)
		add_block(&s, b, order, n);
	else
		adds(&s, "\r");
	if (n == 1)
		add_line(&s, &b->line[order[0]]);
	if (n < 2)
		adds(&s, "\033[J");
	b->n_drawn = n;
	write_screen(&s);
}

/* ---- what others call ---- */

/* A child of a program that has joined has no line, and its parent's locks are not its own. */
static bool has_joined(void)
{
	if (here.b && here.pid != getpid()) {
		if (here.fd >= 0) {
			munmap(here.b, sizeof *here.b);
			close(here.fd);
		}
		here.b = NULL;
		here.fd = -1;
		drawn = 0;
	}
	return here.b != NULL;
}

/* Takes the lock, if there is shared memory, and looks who is left. */
static bool begin(int wait_ms)
{
	if (here.fd < 0)
		return true;
	if (!lock_all(here.fd, wait_ms))
		return false;
	sweep(here.b, here.fd);
	return true;
}

static void end(void)
{
	if (here.fd >= 0)
		set_lock(here.fd, F_UNLCK, 0);
}

void fc_board_show(const char *text)
{
	if (!has_joined())
		join(); /* has the lock */
	else if (!begin(0))
		return;
	put_line(here.b, here.own, text);
	drawn = 1; /* a signal may come before the lines are whole */
	draw(here.b, NULL);
	end();
}

void fc_board_leave(void)
{
	if (!has_joined())
		return;
	const bool locked = begin(WAIT_MS);
	here.b->line[here.own].pid = 0;
	if (locked)
		draw(here.b, NULL);
	if (here.fd >= 0) {
		if (locked && is_empty(here.b))
			shm_unlink(here.name);
		munmap(here.b, sizeof *here.b);
		close(here.fd); /* closing ends all locks */
	}
	drawn = 0;
	here.b = NULL;
	here.fd = -1;
}

/* Above the block of the others, by one that has no line in it; false: there is none. */
static bool print_above_others(const char *text)
{
	char name[sizeof here.name];
	int fd = make_name(name, sizeof name) ? open_locked(name, 0) : -1;
	struct board *b = fd >= 0 ? map_board(fd) : NULL;
	bool any = false;
	if (b) {
		sweep(b, fd);
		any = !is_empty(b);
		if (any)
			draw(b, text);
		munmap(b, sizeof *b);
	}
	if (fd >= 0)
		close(fd);
	return any;
}

bool fc_board_print(const char *text)
{
	if (!fc_board_on_terminal())
		return false;
	if (!has_joined())
		return print_above_others(text);
	if (!begin(WAIT_MS))
		return false;
	draw(here.b, text);
	end();
	return true;
}

/* fcntl() and unlink(), which is all that shm_unlink() comes to, may be called in a handler. */
void fc_board_clear(void)
{
	static const char clear[] = "\r\033[J";
	if (!drawn)
		return;
	drawn = 0;
	if (here.fd >= 0 && set_lock(here.fd, F_WRLCK, 0)) {
		sweep(here.b, here.fd);
		here.b->line[here.own].pid = 0;
		if (is_empty(here.b))
			shm_unlink(here.name);
	}
	/* a terminal that takes nothing has nothing to be cleared */
	if (write(STDERR_FILENO, clear, sizeof clear - 1) < 0)
		return;
}
