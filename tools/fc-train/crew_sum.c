/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "fc-train/crew_inside.h"

float **train_crew_keep(struct train_crew *c, size_t i)
{
	const struct fc_params *p = c->params;
	while (c->n_kept <= i) {
		c->kept = fc_realloc(c->kept, c->n_kept + 1, sizeof *c->kept);
		float **g = c->kept[c->n_kept++] = FC_ARRAY(float *, p->n);
		for (size_t k = 0; k < p->n; k++)
			g[k] = fc_nn_alloc(c->nn, p->v[k].n, sizeof(float));
	}
	return c->kept[i];
}

/* One piece of the exchange on its way: what others are sent, and what is added up here. */
struct exchange {
	struct fc_comm_mail *mail;
	float *out, *in; /* [own parts][size][piece] and [parts][piece] */
	struct train_piece own;
	bool has_own;
};

/* The next piece of every rank's share. */
struct pieces {
	size_t *block; /* [size] first block of the next one */
};

static bool next_piece(
    const struct train_crew *c, const struct pieces *s, size_t rank, struct train_piece *p)
{
	if (s->block[rank] >= train_shares_begin(&c->shares, rank + 1))
		return false;
	*p = train_shares_piece(&c->shares, rank, s->block[rank]);
	s->block[rank] = p->block_end;
	return true;
}

static size_t own_parts(const struct train_crew *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->sum.n; i++)
		n += c->sum.part[i].rank == c->rank;
	return n;
}

static const float *gradient_of(const struct train_crew *c, size_t part, size_t param)
{
	float **g = c->part[part];
	return g ? g[param] : c->params->v[param].g;
}

static void send_piece(struct train_crew *c, struct exchange *x, size_t to, struct train_piece p)
{
	const size_t n_own = own_parts(c);
	for (size_t i = 0; i < n_own; i++) {
		float *out = x->out + (i * c->size + to) * TRAIN_PIECE;
		fc_nn_get(c->nn, out, gradient_of(c, i, p.param) + p.begin, p.n * sizeof *out);
		fc_comm_begin_send(x->mail, to, out, p.n * sizeof *out);
	}
}

static void receive_piece(struct train_crew *c, struct exchange *x, struct train_piece p)
{
	size_t own = 0;
	for (size_t i = 0; i < c->sum.n; i++) {
		float *in = x->in + i * TRAIN_PIECE;
		const size_t from = c->sum.part[i].rank;
		if (from == c->rank)
			fc_nn_get(
			    c->nn, in, gradient_of(c, own++, p.param) + p.begin, p.n * sizeof *in);
		else
			fc_comm_begin_receive(x->mail, from, in, p.n * sizeof *in);
	}
}

/* Begins to move the next piece of every share; false: there is none. */
static bool begin_exchange(struct train_crew *c, struct exchange *x, struct pieces *s)
{
	bool any = false;
	x->has_own = next_piece(c, s, c->rank, &x->own);
	if (x->has_own)
		receive_piece(c, x, x->own);
	for (size_t i = 1; i < c->size; i++) {
		const size_t to = (c->rank + i) % c->size;
		struct train_piece p;
		if (!next_piece(c, s, to, &p))
			continue;
		send_piece(c, x, to, p);
		any = true;
	}
	return any || x->has_own;
}

/* Adds the parts of the own piece in the order of the sum. */
static void finish_exchange(struct train_crew *c, struct exchange *x)
{
	float *stack[64];
	size_t depth = 0;
	fc_comm_wait(x->mail);
	if (!x->has_own)
		return;
	for (size_t i = 0; i < c->sum.n; i++) {
		stack[depth++] = x->in + i * TRAIN_PIECE;
		for (size_t a = 0; a < c->sum.part[i].n_add; a++) {
			float *to = stack[depth - 2];
			const float *from = stack[--depth];
#pragma omp parallel for simd
			for (size_t k = 0; k < x->own.n; k++)
				to[k] += from[k];
		}
	}
	fc_nn_put(
	    c->nn, c->params->v[x->own.param].g + x->own.begin, stack[0], x->own.n * sizeof(float));
}

static struct exchange new_exchange(const struct train_crew *c)
{
	return (struct exchange){.mail = fc_comm_mail_new(c->comm),
	    .out = fc_malloc_aligned(own_parts(c) * c->size, TRAIN_PIECE * sizeof(float)),
	    .in = fc_malloc_aligned(c->sum.n, TRAIN_PIECE * sizeof(float))};
}

static void free_exchange(struct exchange *x)
{
	fc_comm_mail_free(x->mail);
	free(x->out);
	free(x->in);
}

static struct pieces first_pieces(const struct train_crew *c)
{
	struct pieces s = {FC_ARRAY(size_t, c->size)};
	for (size_t r = 0; r < c->size; r++)
		s.block[r] = train_shares_begin(&c->shares, r);
	return s;
}

/* While one piece is added up the next is on its way. */
void train_crew_exchange(struct train_crew *c)
{
	if (c->size == 1)
		return;
	struct exchange x[2] = {new_exchange(c), new_exchange(c)};
	struct pieces s = first_pieces(c);
	bool more[2] = {begin_exchange(c, &x[0], &s), false};
	for (int i = 0; more[i]; i = !i) {
		more[!i] = begin_exchange(c, &x[!i], &s);
		finish_exchange(c, &x[i]);
	}
	free(s.block);
	free_exchange(&x[0]);
	free_exchange(&x[1]);
}

/* What products read of a parameter. */
static void *weights_of(const struct fc_param *v, size_t *size)
{
	*size = v->bf16 ? sizeof *v->bf16 : sizeof *v->w;
	return v->bf16 ? (void *)v->bf16 : (void *)v->w;
}

static void share_piece(
    struct train_crew *c, struct fc_comm_mail *m, size_t owner, struct train_piece p, char *buffer)
{
	size_t size;
	char *w = weights_of(&c->params->v[p.param], &size);
	const size_t n = p.n * size;
	if (owner == c->rank) {
		fc_nn_get(c->nn, buffer, w + p.begin * size, n);
		for (size_t i = 1; i < c->size; i++)
			fc_comm_begin_send(m, (c->rank + i) % c->size, buffer, n);
	} else {
		fc_comm_begin_receive(m, owner, buffer, n);
	}
}

static void take_piece(struct train_crew *c, size_t owner, struct train_piece p, const char *buffer)
{
	size_t size;
	char *w = weights_of(&c->params->v[p.param], &size);
	if (owner != c->rank)
		fc_nn_put(c->nn, w + p.begin * size, buffer, p.n * size);
}

void train_crew_share_weights(struct train_crew *c)
{
	if (c->size == 1)
		return;
	struct pieces s = first_pieces(c);
	struct fc_comm_mail *m = fc_comm_mail_new(c->comm);
	struct train_piece *p = FC_ARRAY(struct train_piece, c->size);
	char *buffer = fc_malloc_aligned(c->size, TRAIN_PIECE * sizeof(float));
	for (bool more = true; more;) {
		more = false;
		for (size_t r = 0; r < c->size; r++) {
			p[r].n = 0;
			if (!next_piece(c, &s, r, &p[r]))
				continue;
			share_piece(c, m, r, p[r], buffer + r * TRAIN_PIECE * sizeof(float));
			more = true;
		}
		fc_comm_wait(m);
		for (size_t r = 0; r < c->size; r++)
			if (p[r].n)
				take_piece(c, r, p[r], buffer + r * TRAIN_PIECE * sizeof(float));
	}
	free(buffer);
	free(p);
	free(s.block);
	fc_comm_mail_free(m);
}
