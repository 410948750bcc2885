/* SPDX-License-Identifier: Apache-2.0 */
#include <algorithm>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <vector>

#include "nn/cuda/emu_env.h"
#include "nn/cuda/launch.h"

/*
 * Lanes as fibers.  Until all lanes have ended, each lane that can runs until it waits or ends;
 * then a warp whose lanes all wait at one barrier of the warp goes on, or the block whose lanes all
 * wait at one of the block.
 */

__thread struct fc_emu_place fc_emu_now;

enum { STACK_BYTES = 64 * 1024, SLOT_BYTES = 8 };

enum state { READY, ENDED, AT_WARP, AT_BLOCK };

struct lane {
	void *sp; /* where it stopped; NULL: not started */
	char *stack;
	enum state state;
	int barrier;       /* it waits at: a SYNC's number */
	size_t shared_top; /* bytes of static shared memory it has declared */
	uint3 thread;
	unsigned n_exchange;
};

/* What one thread of the system runs blocks with. */
struct worker {
	void *sp; /* of the scheduler, while a lane runs */
	struct lane lane[FC_BLOCK_MOST];
	unsigned n, current;
	std::vector<char *> idle_stacks;
	std::vector<char *> stacks;
	/* [parity][lane]: a lane is at most one exchange ahead of another */
	unsigned char slot[2][FC_BLOCK_MOST][SLOT_BYTES];
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
static void *first_sp(char *stack, void (*entry)(void))
{
	uintptr_t *top = (uintptr_t *)(stack + STACK_BYTES - 64);
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

static void *first_sp(char *stack, void (*entry)(void))
{
	uintptr_t *top = (uintptr_t *)(stack + STACK_BYTES - 64 - 160);
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

static char *take_stack(struct worker *w)
{
	if (w->idle_stacks.empty()) {
		void *p = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			abort();
		w->stacks.push_back(static_cast<char *>(p));
		return w->stacks.back();
	}
	char *s = w->idle_stacks.back();
	w->idle_stacks.pop_back();
	return s;
}

/* The lowest word of a stack stays 0, unless the stack was too small. */
static bool stack_is_whole(const char *stack)
{
	uint64_t low;
	memcpy(&low, stack, sizeof low);
	return low == 0;
}

static void begin_lane(void)
{
	struct worker *w = self;
	w->run(w->arg);
	w->lane[w->current].state = ENDED;
	fc_emu_switch(&w->lane[w->current].sp, w->sp);
	abort();
}

static void wait_at(enum state state, int i)
{
	struct lane *l = &self->lane[self->current];
	l->state = state;
	l->barrier = i;
	fc_emu_switch(&l->sp, self->sp);
}

void fc_emu_sync(int i)
{
	self->seen |= (uint64_t)1 << i;
	if (i != self->dropped)
		wait_at(AT_BLOCK, i);
}

void fc_emu_warp_sync(int i)
{
	self->seen |= (uint64_t)1 << i;
	if (i != self->dropped)
		wait_at(AT_WARP, i);
}

void fc_emu_exchange(void *out, const void *v, size_t n_bytes, int lane)
{
	struct worker *w = self;
	const unsigned me = w->current, parity = w->lane[me].n_exchange++ % 2;
	unsigned char(*slot)[SLOT_BYTES] = w->slot[parity];
	const unsigned other = me / FC_WARP * FC_WARP + (unsigned)lane;
	if (n_bytes == 4) { /* nearly always; copied by one instruction */
		memcpy(slot[me], v, 4);
		wait_at(AT_WARP, -1);
		memcpy(out, slot[other], 4);
	} else {
		memcpy(slot[me], v, n_bytes);
		wait_at(AT_WARP, -1);
		memcpy(out, slot[other], n_bytes);
	}
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
		l->state = ENDED;
		fc_emu_switch(&l->sp, w->sp);
	}
	if (end > w->poisoned_bytes) {
		memset(w->shared + w->poisoned_bytes, 0xff, end - w->poisoned_bytes);
		w->poisoned_bytes = end;
	}
	l->shared_top = end;
	return w->shared + at;
}

static void run_lane(struct worker *w, unsigned i)
{
	struct lane *l = &w->lane[i];
	w->current = i;
	fc_emu_now.thread = l->thread;
	if (!l->sp) {
		l->stack = take_stack(w);
		l->sp = first_sp(l->stack, begin_lane);
	}
	fc_emu_switch(&w->sp, l->sp);
	if (l->state == ENDED) {
		if (!stack_is_whole(l->stack) && !*w->error)
			snprintf(
			    w->error, sizeof w->error, "more than %d bytes of stack", STACK_BYTES);
		w->idle_stacks.push_back(l->stack);
	}
}

/* ---- barriers ---- */

static void describe(char *text, size_t size, const struct lane *l)
{
	if (l->state == ENDED)
		snprintf(text, size, "has ended");
	else if (l->barrier < 0)
		snprintf(text, size, "exchanges values in its warp");
	else
		snprintf(text, size, "waits at %sSYNC(%d)", l->state == AT_WARP ? "WARP_" : "",
		    l->barrier);
}

/* Do lanes [first, first + n) wait at one barrier of this kind?  They go on then. */
static bool release(struct worker *w, unsigned first, unsigned n, enum state state)
{
	for (unsigned i = first; i < first + n; i++)
		if (w->lane[i].state != state || w->lane[i].barrier != w->lane[first].barrier)
			return false;
	for (unsigned i = first; i < first + n; i++)
		w->lane[i].state = READY;
	return true;
}

/* Runs the lanes [first, first + FC_WARP) as far as they come without the block's others. */
static void run_warp(struct worker *w, unsigned first, const struct fc_emu_order *o)
{
	do { /* exclusive or with a number below FC_WARP is an order of the lanes */
		const unsigned turn = o->kind == FC_EMU_FORWARD ? 0
		    : o->kind == FC_EMU_REVERSE                 ? FC_WARP - 1
								: next_random(&w->rng) % FC_WARP;
		for (unsigned i = 0; i < FC_WARP; i++)
			if (w->lane[first + (i ^ turn)].state == READY)
				run_lane(w, first + (i ^ turn));
	} while (!*w->error && release(w, first, FC_WARP, AT_WARP));
}

/* After every lane has stopped, not all at one barrier of the block. */
static void must_have_ended(struct worker *w)
{
	unsigned other = 0;
	bool waits = false;
	for (unsigned i = 0; i < w->n; i++) {
		waits = waits || w->lane[i].state != ENDED;
		if (w->lane[i].state != w->lane[0].state ||
		    w->lane[i].barrier != w->lane[0].barrier)
			other = i;
	}
	if (waits && !*w->error) {
		char a[64], b[64];
		describe(a, sizeof a, &w->lane[0]);
		describe(b, sizeof b, &w->lane[other]);
		snprintf(w->error, sizeof w->error, "lane 0 %s, lane %u %s", a, other, b);
	}
}

static void run_block(struct worker *w, const struct fc_emu_order *o)
{
	const uint3 d = fc_emu_now.block_dim;
	for (unsigned i = 0; i < w->n; i++) {
		struct lane *l = &w->lane[i];
		l->thread = {i % d.x, i / d.x % d.y, i / d.x / d.y};
		l->sp = NULL;
		l->state = READY;
		l->barrier = -1;
		l->shared_top = (w->dynamic_bytes + 15) / 16 * 16;
		l->n_exchange = 0;
	}
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
		if (w->lane[i].state != ENDED && w->lane[i].sp)
			w->idle_stacks.push_back(w->lane[i].stack);
}

struct workers { /* freed when the module is closed */
	std::vector<struct worker *> all;
	~workers()
	{
		for (struct worker *w : all) {
			for (char *s : w->stacks)
				munmap(s, STACK_BYTES);
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

cudaError_t fc_emu_run(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes,
    void (*run)(const void *), const void *arg)
{
	const struct fc_emu_order order = fc_emu_order_read();
	const int dropped = fc_emu_dropped(kernel);
	const size_t n_block = (size_t)grid.x * grid.y * grid.z;
	char error[sizeof self->error] = "";
	uint64_t seen = 0;
#pragma omp parallel for schedule(dynamic) reduction(| : seen) if (n_block > 1)
	for (size_t k = 0; k < n_block; k++) {
		struct worker *w = own_worker();
		const size_t b = block_at(&order, k, n_block);
		*w->error = '\0';
		w->n = block.x * block.y * block.z;
		w->run = run;
		w->arg = arg;
		w->dropped = dropped;
		w->dynamic_bytes = shared_bytes;
		w->rng = order.seed * 0x9e3779b97f4a7c15 + b;
		fc_emu_now.grid_dim = {grid.x, grid.y, grid.z};
		fc_emu_now.block_dim = {block.x, block.y, block.z};
		fc_emu_now.block = {(unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y),
		    (unsigned)(b / grid.x / grid.y)};
		w->seen = 0;
		run_block(w, &order);
		seen |= w->seen;
		if (*w->error)
#pragma omp critical(fc_emu_error)
			memcpy(error, w->error, sizeof error);
	}
	fc_emu_trace(kernel, seen);
	return *error ? fc_emu_raise(cudaErrorLaunchFailure, error) : cudaSuccess;
}
