/* SPDX-License-Identifier: Apache-2.0 */
#include <algorithm>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <vector>

#include "nn/cuda/emu_env.h"
#include "nn/cuda/launch.h"

/*
 * Lanes as fibers.  Until all lanes have ended, each lane that can runs until it waits or ends;
 * then a warp whose lanes all wait at one barrier of the warp goes on, or the block whose lanes all
 * wait at one of the block.  A lane that waits or ends switches to the next lane of its warp
 * itself; one that ends starts the next on its own stack, so that lanes without barriers are a
 * plain loop.
 */

__thread struct fc_emu_place fc_emu_now;

/* Stacks come by the slab, of a huge page; each begins a little lower than the one before, since
 * the same place in all of them would be the same set of a cache. */
enum { STACK_BYTES = 64 * 1024, SLAB_BYTES = 2 << 20, STAGGER_BYTES = 7 * 64, STAGGERS = 16 };

/* Where a lane is: READY, ENDED, or at a barrier, place_of(): a byte each. */
enum { READY, ENDED, WAITS };
enum kind { AT_WARP, AT_BLOCK };
enum { EXCHANGE = 63 }; /* in place of a SYNC's number */

static inline unsigned char place_of(enum kind kind, int barrier)
{
	return (unsigned char)(WAITS + 2 * barrier + kind);
}

struct lane {
	void *sp; /* where it stopped; NULL: not started */
	char *stack;
	size_t shared_top; /* bytes of static shared memory it has declared */
	uint3 thread;
	unsigned n_exchange;
};

/* What one thread of the system runs blocks with. */
struct worker {
	void *sp; /* of the scheduler, while a lane runs */
	unsigned char place[FC_BLOCK_MOST];
	struct lane lane[FC_BLOCK_MOST];
	unsigned n, current;
	/* Of the warp that runs: its first lane, the order of its lanes, how many had their turn.
	 */
	unsigned first, turn, step;
	unsigned n_given[FC_BLOCK_MOST / FC_WARP]; /* lanes of a warp that are at its exchange */
	uint3 block_dim;                           /* that lane[].thread is of */
	std::vector<char *> idle_stacks;
	std::vector<char *> slabs;
	/* [parity]: a lane is at most one exchange ahead of another; a warp's values are one after
	 * the other */
	alignas(64) unsigned char slot[2][FC_BLOCK_MOST * FC_EMU_EXCHANGE_MOST];
	alignas(64) unsigned char shared[FC_SHARED_MOST];
	size_t dynamic_bytes, poisoned_bytes;
	uint64_t rng;
	void (*run)(const void *);
	const void *arg;
	int dropped;   /* SYNC that does nothing here; -1: none */
	uint64_t seen; /* bit i: a lane was at SYNC(i) */
	char error[160];
};

static __thread struct worker *self;

/* ---- switch of stacks: registers that a call keeps, and the stack pointer ---- */

extern "C" void fc_emu_switch(void **from, void *to);

#if defined(__x86_64__)
asm(".text\n"
    ".p2align 4\n"
    ".hidden fc_emu_switch\n"
    ".globl fc_emu_switch\n"
    ".type fc_emu_switch,@function\n"
    "fc_emu_switch:\n"
    "	pushq %rbp\n	pushq %rbx\n	pushq %r12\n	pushq %r13\n	pushq %r14\n	pushq "
    "%r15\n"
    "	movq %rsp,(%rdi)\n"
    "	movq %rsi,%rsp\n"
    "	popq %r15\n	popq %r14\n	popq %r13\n	popq %r12\n	popq %rbx\n	popq %rbp\n"
    "	ret\n"
    ".size fc_emu_switch,.-fc_emu_switch\n");
enum { KEPT_WORDS = 6 };

/* A function's stack is 8 beyond a multiple of 16 when it begins. */
static void *first_sp(char *end, void (*entry)(void))
{
	uintptr_t *top = (uintptr_t *)(end - 64);
	*--top = 0;
	*--top = (uintptr_t)entry;
	for (int i = 0; i < KEPT_WORDS; i++)
		*--top = 0;
	return top;
}
#elif defined(__aarch64__)
asm(".text\n"
    ".p2align 4\n"
    ".hidden fc_emu_switch\n"
    ".globl fc_emu_switch\n"
    ".type fc_emu_switch,%function\n"
    "fc_emu_switch:\n"
    "	sub sp,sp,#160\n"
    "	stp x19,x20,[sp]\n	stp x21,x22,[sp,#16]\n	stp x23,x24,[sp,#32]\n"
    "	stp x25,x26,[sp,#48]\n	stp x27,x28,[sp,#64]\n	stp x29,x30,[sp,#80]\n"
    "	stp d8,d9,[sp,#96]\n	stp d10,d11,[sp,#112]\n	stp d12,d13,[sp,#128]\n"
    "	stp d14,d15,[sp,#144]\n"
    "	mov x9,sp\n	str x9,[x0]\n	mov sp,x1\n"
    "	ldp x19,x20,[sp]\n	ldp x21,x22,[sp,#16]\n	ldp x23,x24,[sp,#32]\n"
    "	ldp x25,x26,[sp,#48]\n	ldp x27,x28,[sp,#64]\n	ldp x29,x30,[sp,#80]\n"
    "	ldp d8,d9,[sp,#96]\n	ldp d10,d11,[sp,#112]\n	ldp d12,d13,[sp,#128]\n"
    "	ldp d14,d15,[sp,#144]\n"
    "	add sp,sp,#160\n"
    "	ret\n"
    ".size fc_emu_switch,.-fc_emu_switch\n");

static void *first_sp(char *end, void (*entry)(void))
{
	uintptr_t *top = (uintptr_t *)(end - 64 - 160);
	memset(top, 0, 160);
	top[11] = (uintptr_t)entry; /* x30 */
	return top;
}
#else
#error "the emulation switches stacks on x86-64 and aarch64"
#endif

/* ---- orders ---- */

static uint64_t next_random(uint64_t *x) /* splitmix64 */
{
	uint64_t z = *x += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void set_order(struct worker *w, const struct fc_emu_order *o, unsigned *order, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		order[i] = o->kind == FC_EMU_REVERSE ? n - 1 - i : i;
	for (unsigned i = n; o->kind == FC_EMU_SHUFFLE && i > 1; i--)
		std::swap(order[i - 1], order[(next_random(&w->rng) >> 33) % i]);
}

/* ---- lanes ---- */

static void take_slab(struct worker *w)
{
	char *slab = static_cast<char *>(aligned_alloc(SLAB_BYTES, SLAB_BYTES));
	if (!slab)
		abort();
	madvise(slab, SLAB_BYTES, MADV_HUGEPAGE);
	w->slabs.push_back(slab);
	for (size_t i = SLAB_BYTES / STACK_BYTES; i-- > 0;) {
		memset(slab + i * STACK_BYTES, 0, sizeof(uint64_t));
		w->idle_stacks.push_back(slab + i * STACK_BYTES);
	}
}

static char *take_stack(struct worker *w)
{
	if (w->idle_stacks.empty())
		take_slab(w);
	char *s = w->idle_stacks.back();
	w->idle_stacks.pop_back();
	return s;
}

static char *stack_top(char *stack)
{
	return stack + STACK_BYTES -
	    (uintptr_t)stack / STACK_BYTES % STAGGERS * (size_t)STAGGER_BYTES;
}

/* The lowest word of a stack stays 0, unless the stack was too small. */
static bool stack_is_whole(const char *stack)
{
	uint64_t low;
	memcpy(&low, stack, sizeof low);
	return low == 0;
}

/* The next lane of the warp that can run, after step turns, becomes the current one; false: there
 * is none. */
static bool choose_next(struct worker *w)
{
	for (; w->step < FC_WARP; w->step++) {
		const unsigned i = w->first + (w->step ^ w->turn);
		if (w->place[i] != READY)
			continue;
		w->step++;
		w->current = i;
		fc_emu_now.thread = w->lane[i].thread;
		return true;
	}
	return false;
}

/* After the last of this lane: its stack is free once another one is switched to.  The stacks of a
 * warp's first lane are looked at, since looking at all, which are as deep, takes long. */
static void give_stack(struct worker *w, const struct lane *l)
{
	if (w->current % FC_WARP == 0 && !stack_is_whole(l->stack) && !*w->error)
		snprintf(w->error, sizeof w->error, "more than %d bytes of stack", STACK_BYTES);
	w->idle_stacks.push_back(l->stack);
}

static void *sp_of_current(struct worker *w);

static void begin_lane(void)
{
	struct worker *w = self;
	for (;;) {
		w->run(w->arg);
		struct lane *l = &w->lane[w->current];
		w->place[w->current] = ENDED;
		give_stack(w, l);
		const bool more = choose_next(w);
		struct lane *next = &w->lane[w->current];
		if (more && !next->sp) {
			next->stack = take_stack(w);
			continue;
		}
		fc_emu_switch(&l->sp, more ? sp_of_current(w) : w->sp);
	}
}

/* Where the current lane goes on. */
static void *sp_of_current(struct worker *w)
{
	struct lane *l = &w->lane[w->current];
	if (!l->sp) {
		l->stack = take_stack(w);
		l->sp = first_sp(stack_top(l->stack), begin_lane);
	}
	return l->sp;
}

static void wait_at(struct worker *w, unsigned char place)
{
	struct lane *l = &w->lane[w->current];
	w->place[w->current] = place;
	fc_emu_switch(&l->sp, choose_next(w) ? sp_of_current(w) : w->sp);
}

void fc_emu_sync(int i)
{
	struct worker *w = self;
	w->seen |= (uint64_t)1 << i;
	if (i != w->dropped)
		wait_at(w, place_of(AT_BLOCK, i));
}

void fc_emu_warp_sync(int i)
{
	struct worker *w = self;
	w->seen |= (uint64_t)1 << i;
	if (i != w->dropped)
		wait_at(w, place_of(AT_WARP, i));
}

struct fc_emu_exchange fc_emu_give(void)
{
	struct worker *w = self;
	const unsigned warp = w->current / FC_WARP;
	unsigned char *slot = w->slot[w->lane[w->current].n_exchange++ % 2] +
	    (size_t)warp * FC_WARP * FC_EMU_EXCHANGE_MOST;
	const bool last = ++w->n_given[warp] == FC_WARP;
	w->n_given[warp] %= FC_WARP;
	return {slot, w->current % FC_WARP, last};
}

void fc_emu_meet(void)
{
	wait_at(self, place_of(AT_WARP, EXCHANGE));
}

void *fc_emu_dynamic_shared(void)
{
	return self->shared;
}

void *fc_emu_shared(size_t n_bytes)
{
	struct worker *w = self;
	struct lane *l = &w->lane[w->current];
	const size_t at = l->shared_top, end = at + (n_bytes + 15) / 16 * 16;
	if (end > FC_SHARED_MOST) {
		snprintf(w->error, sizeof w->error, "more than %d bytes of shared memory",
		    FC_SHARED_MOST);
		w->place[w->current] = ENDED;
		give_stack(w, l);
		fc_emu_switch(&l->sp, w->sp);
	}
	if (end > w->poisoned_bytes) {
		memset(w->shared + w->poisoned_bytes, 0xff, end - w->poisoned_bytes);
		w->poisoned_bytes = end;
	}
	l->shared_top = end;
	return w->shared + at;
}

/* ---- barriers ---- */

static void describe(char *text, size_t size, unsigned char place)
{
	const int barrier = (place - WAITS) / 2;
	if (place == ENDED)
		snprintf(text, size, "has ended");
	else if (barrier == EXCHANGE)
		snprintf(text, size, "exchanges values in its warp");
	else
		snprintf(text, size, "waits at %sSYNC(%d)",
		    (place - WAITS) % 2 == AT_WARP ? "WARP_" : "", barrier);
}

/* Do lanes [first, first + n) wait at one barrier of this kind?  They go on then. */
static bool release(struct worker *w, unsigned first, unsigned n, enum kind kind)
{
	unsigned char *p = w->place + first;
	if (*p < WAITS || (*p - WAITS) % 2 != kind || memcmp(p, p + 1, n - 1) != 0)
		return false;
	memset(p, READY, n);
	return true;
}

/* Runs the lanes [first, first + FC_WARP) as far as they come without the block's others. */
static void run_warp(struct worker *w, unsigned first, const struct fc_emu_order *o)
{
	w->first = first;
	do { /* exclusive or with a number below FC_WARP is an order of the lanes */
		w->turn = o->kind == FC_EMU_FORWARD ? 0
		    : o->kind == FC_EMU_REVERSE     ? FC_WARP - 1
						    : next_random(&w->rng) % FC_WARP;
		w->step = 0;
		while (choose_next(w))
			fc_emu_switch(&w->sp, sp_of_current(w));
	} while (!*w->error && release(w, first, FC_WARP, AT_WARP));
}

/* After every lane has stopped, not all at one barrier of the block. */
static void must_have_ended(struct worker *w)
{
	unsigned other = 0;
	bool waits = false;
	for (unsigned i = 0; i < w->n; i++) {
		waits = waits || w->place[i] != ENDED;
		if (w->place[i] != w->place[0])
			other = i;
	}
	if (waits && !*w->error) {
		char a[64], b[64];
		describe(a, sizeof a, w->place[0]);
		describe(b, sizeof b, w->place[other]);
		snprintf(w->error, sizeof w->error, "lane 0 %s, lane %u %s", a, other, b);
	}
}

static void run_block(struct worker *w, const struct fc_emu_order *o)
{
	const uint3 d = fc_emu_now.block_dim;
	if (memcmp(&d, &w->block_dim, sizeof d) != 0)
		for (unsigned i = 0; i < w->n; i++)
			w->lane[i].thread = {i % d.x, i / d.x % d.y, i / d.x / d.y};
	w->block_dim = d;
	for (unsigned i = 0; i < w->n; i++) {
		struct lane *l = &w->lane[i];
		l->sp = NULL;
		l->shared_top = (w->dynamic_bytes + 15) / 16 * 16;
		l->n_exchange = 0;
	}
	memset(w->place, READY, w->n);
	memset(w->n_given, 0, sizeof w->n_given);
	memset(w->shared, 0xff, w->dynamic_bytes);
	w->poisoned_bytes = w->dynamic_bytes;
	do {
		unsigned order[FC_BLOCK_MOST / FC_WARP];
		set_order(w, o, order, w->n / FC_WARP);
		for (unsigned i = 0; i < w->n / FC_WARP; i++)
			run_warp(w, order[i] * FC_WARP, o);
	} while (!*w->error && release(w, 0, w->n, AT_BLOCK));
	must_have_ended(w);
	for (unsigned i = 0; i < w->n; i++) /* of lanes that an error left behind */
		if (w->place[i] != ENDED && w->lane[i].sp)
			w->idle_stacks.push_back(w->lane[i].stack);
}

struct workers { /* freed when the module is closed */
	std::vector<struct worker *> all;
	~workers()
	{
		for (struct worker *w : all) {
			for (char *s : w->slabs)
				free(s);
			delete w;
		}
	}
};
static struct workers workers;

static struct worker *own_worker(void)
{
	if (!self) {
		self = new struct worker();
#pragma omp critical(fc_emu_workers)
		workers.all.push_back(self);
	}
	return self;
}

/* The i-th block to run, of n. */
static size_t block_at(const struct fc_emu_order *o, size_t i, size_t n)
{
	if (o->kind == FC_EMU_FORWARD)
		return i;
	if (o->kind == FC_EMU_REVERSE)
		return n - 1 - i;
	return (i + (size_t)(o->seed % n)) % n;
}

/* What is run, and in which order. */
struct grid {
	const char *kernel;
	struct fc_emu_order order;
	dim3 size, block;
	size_t n_block, shared_bytes;
	void (*run)(const void *);
	const void *arg;
	int dropped;
	uint64_t seen;
	char error[sizeof self->error];
};

static void run_kth(struct grid *g, size_t k)
{
	struct worker *w = own_worker();
	const size_t b = block_at(&g->order, k, g->n_block);
	*w->error = '\0';
	w->n = g->block.x * g->block.y * g->block.z;
	w->run = g->run;
	w->arg = g->arg;
	w->dropped = g->dropped;
	w->dynamic_bytes = g->shared_bytes;
	w->rng = g->order.seed * 0x9e3779b97f4a7c15 + b;
	fc_emu_now.grid_dim = {g->size.x, g->size.y, g->size.z};
	fc_emu_now.block_dim = {g->block.x, g->block.y, g->block.z};
	fc_emu_now.block = {(unsigned)(b % g->size.x), (unsigned)(b / g->size.x % g->size.y),
	    (unsigned)(b / g->size.x / g->size.y)};
	w->seen = 0;
	run_block(w, &g->order);
	if (w->seen & ~g->seen || *w->error) {
#pragma omp critical(fc_emu_grid)
		{
			g->seen |= w->seen;
			if (*w->error)
				memcpy(g->error, w->error, sizeof g->error);
		}
	}
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

cudaError_t fc_emu_run(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes,
    void (*run)(const void *), const void *arg)
{
	const double worth = 2e-4; /* seconds of work, below which threads are not woken */
	struct grid g = {kernel, fc_emu_order_read(), grid, block, (size_t)grid.x * grid.y * grid.z,
	    shared_bytes, run, arg, fc_emu_dropped(kernel), 0, ""};
	const double start = seconds();
	run_kth(&g, 0);
	const bool many = (seconds() - start) * (double)(g.n_block - 1) > worth;
#pragma omp parallel for schedule(dynamic) if (many)
	for (size_t k = 1; k < g.n_block; k++)
		run_kth(&g, k);
	fc_emu_trace(kernel, g.seen);
	return *g.error ? fc_emu_raise(cudaErrorLaunchFailure, g.error) : cudaSuccess;
}
