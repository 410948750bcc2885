/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nn/far/far.h"

/*
 * An allocation ends where a page does, and the next page is none: what runs over its end is seen.
 * What was released is no memory any more.
 */
#define SPAN ((size_t)1 << 40) /* addresses cost nothing */
enum { ALIGN = 64, POISON = 0xff /* all bits set: not a number */ };

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int fc_far_map(struct fc_far *f, struct fc_err *e)
{
	const char *mib = getenv("FC_FAR_MIB");
	f->n_total = (mib ? strtoull(mib, NULL, 10) : (size_t)64 << 10) << 20;
	char *p =
	    mmap(NULL, 2 * SPAN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return fc_fail(e, "device far: no addresses:");
	f->away = p;
	f->here = p + SPAN;
	return 0;
}

void fc_far_unmap(struct fc_far *f)
{
	if (f->away)
		munmap(f->away, 2 * SPAN);
	free(f->block);
}

void *fc_far_alloc(struct fc_nn *nn, size_t n_bytes)
{
	struct fc_far *f = (struct fc_far *)nn;
	const size_t page = page_bytes(), size = round_up(n_bytes ? n_bytes : 1, page);
	if (n_bytes > f->n_total - f->n_used || size > SPAN - page - f->next)
		return NULL;
	if (f->n_block == f->cap_block) {
		const size_t cap = f->cap_block ? 2 * f->cap_block : 64;
		struct fc_far_block *more = realloc(f->block, cap * sizeof *more);
		if (!more)
			return NULL;
		f->block = more;
		f->cap_block = cap;
	}
	if (mprotect(f->here + f->next, size, PROT_READ | PROT_WRITE))
		return NULL;
	const size_t at = f->next + size - round_up(n_bytes, ALIGN);
	memset(f->here + f->next, POISON, size);
	f->block[f->n_block++] = (struct fc_far_block){f->away + at, n_bytes};
	f->next += size + page;
	f->n_used += n_bytes;
	f->n_most = f->n_used > f->n_most ? f->n_used : f->n_most;
	return f->away + at;
}

void fc_far_release(struct fc_nn *nn, void *p)
{
	struct fc_far *f = (struct fc_far *)nn;
	const size_t page = page_bytes();
	size_t i = f->n_block;
	while (i > 0 && f->block[i - 1].p != p)
		i--;
	if (!i) {
		fc_far_fail(f, "release of what is not allocated", p);
		return;
	}
	const struct fc_far_block b = f->block[i - 1];
	const size_t end = (size_t)(b.p - f->away) + round_up(b.n_bytes, ALIGN);
	const size_t size = round_up(b.n_bytes ? b.n_bytes : 1, page);
	/* new pages in their place, which gives the memory back */
	if (mmap(f->here + end - size, size, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		fc_far_fail(f, "the memory does not go back", p);
	f->n_used -= b.n_bytes;
	memmove(&f->block[i - 1], &f->block[i], (f->n_block-- - i) * sizeof *f->block);
}

const void *fc_far_keep(struct fc_nn *nn, const void *host, size_t n_bytes)
{
	struct fc_far *f = (struct fc_far *)nn;
	void *p = fc_far_alloc(nn, n_bytes);
	if (p)
		memcpy(fc_far_at(f, p), host, n_bytes);
	return p;
}

void fc_far_memory(const struct fc_nn *nn, size_t *n_free, size_t *n_total)
{
	const struct fc_far *f = (const struct fc_far *)nn;
	*n_free = f->n_total - f->n_used;
	*n_total = f->n_total;
}

void *fc_far_at(struct fc_far *f, const void *p)
{
	const char *x = p;
	if (!p)
		return NULL;
	if (x >= f->away && x < f->away + SPAN)
		return f->here + (x - f->away);
	fc_far_fail(f, "the address is not the device's", p);
	return NULL;
}

void fc_far_fail(struct fc_far *f, const char *what, const void *p)
{
	if (!f->failed)
		fc_fail(&f->first, "device far, %s: %s (%p)", f->doing, what, p);
	f->failed = true;
}
