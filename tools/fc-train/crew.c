/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/crew.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-train/crew_inside.h"
#include "fc-train/micro_wire.h"

/* What is done with micro-batches. */
enum task { TASK_GRADIENT, TASK_LOSS, TASK_LOGPROBS };

/* What rank 0 asks of the others. */
enum order {
	ORDER_TASK, /* of micro-batches that follow */
	ORDER_NORM,
	ORDER_UPDATE,
	ORDER_READ,
	ORDER_WRITE,
	ORDER_END
};
struct command {
	enum order order;
	enum task task;
	uint64_t n_micro, n_update;
	int n_part;
	double lr, grad_scale;
};

static void share_command(struct train_crew *c, struct command *m)
{
	fc_comm_share(c->comm, m, sizeof *m);
}

/* A rank does the micro-batches [first, first_of(rank + 1)): those of its lanes, and, where there
 * is nothing to add, as many as others. */
static size_t first_of(const struct train_crew *c, size_t n_micro, size_t rank)
{
	return n_micro * rank / c->size;
}

/* ---- what every rank does with a micro-batch ---- */

static int run_step(struct train_crew *c, const struct train_micro *m, bool backward,
    struct fc_loss *l, struct fc_err *e)
{
	*l = (struct fc_loss){0};
	return fc_params_step(c->nn, c->params, &m->batch, &m->targets, backward, l, e) < 0
	    ? -1
	    : fc_nn_check(c->nn, e);
}

/* Where the micro-batches of a task come from: packed here, or from rank 0. */
struct source {
	const struct train_stepbatch *b;
	const struct train_micros *micros;
	const struct train_weights *w;
};

/* The i-th micro-batch, in c->micro. */
static void take_micro(struct train_crew *c, const struct source *s, size_t i)
{
	uint64_t n;
	if (s) {
		train_micro_pack(&c->micro, s->micros, i, s->b, s->w);
		return;
	}
	fc_comm_receive(c->comm, 0, &n, sizeof n);
	char *p = fc_malloc(n + 1);
	fc_comm_receive(c->comm, 0, p, n);
	train_micro_read(&c->micro, p, n);
	free(p);
}

static void add_gradient(struct train_crew *c, float *const *from)
{
	for (size_t i = 0; i < c->params->n; i++)
		fc_add(c->nn, c->params->v[i].g, from[i], c->params->v[i].n);
}

static void keep_gradient(struct train_crew *c, float *const *to)
{
	for (size_t i = 0; i < c->params->n; i++)
		fc_nn_copy(c->nn, to[i], c->params->v[i].g, c->params->v[i].n * sizeof(float));
}

/* The sum of the lanes of a part becomes the parameters' gradient.  first_kept: buffers from there
 * on are free. */
static int run_part(struct train_crew *c, const struct source *s, size_t n_micro,
    const struct train_sum_part *part, size_t first_kept, struct fc_loss *loss, struct fc_err *e)
{
	size_t depth = 0;
	train_sum_make(
	    &c->lane, n_micro, c->opts.n_lane, part->lane, part->lane_end, c->opts.n_lane);
	for (size_t i = 0; i < c->lane.n; i++) {
		const struct train_sum_part *lane = &c->lane.part[i];
		if (depth++)
			keep_gradient(c, train_crew_keep(c, first_kept + depth - 2));
		fc_params_zero_grad(c->params);
		for (size_t k = lane->first; k < lane->end; k++) {
			take_micro(c, s, k);
			if (run_step(c, &c->micro, true, &loss[k], e) < 0)
				return -1;
		}
		for (size_t a = 0; a < lane->n_add; a++)
			add_gradient(c, train_crew_keep(c, first_kept + --depth - 1));
	}
	return 0;
}

/* All parts of this rank; loss [n_micro] of its own. */
static int run_gradient(struct train_crew *c, const struct source *s, size_t n_micro,
    struct fc_loss *loss, struct fc_err *e)
{
	size_t n_own = 0;
	train_sum_make(&c->sum, n_micro, c->opts.n_lane, 0, c->opts.n_lane, c->size);
	for (size_t i = 0; i < c->sum.n; i++) {
		if (c->sum.part[i].rank != c->rank)
			continue;
		if (n_own)
			keep_gradient(c, c->part[n_own - 1] = train_crew_keep(c, n_own - 1));
		FC_GROW(c->part, c->cap_part, n_own + 1);
		c->part[n_own++] = NULL;
		if (run_part(c, s, n_micro, &c->sum.part[i], n_own - 1, loss, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- ranks above 0 ---- */

static int serve_losses(struct train_crew *c, const struct command *m, struct fc_err *e)
{
	const size_t first = first_of(c, m->n_micro, c->rank);
	const size_t end = first_of(c, m->n_micro, c->rank + 1);
	struct fc_loss *loss = FC_ARRAY(struct fc_loss, m->n_micro);
	int ret = 0;
	if (m->task == TASK_GRADIENT)
		ret = run_gradient(c, NULL, m->n_micro, loss, e);
	for (size_t i = first; i < end && m->task == TASK_LOSS && ret == 0; i++) {
		take_micro(c, NULL, i);
		ret = run_step(c, &c->micro, false, &loss[i], e);
	}
	if (ret == 0)
		fc_comm_send(c->comm, 0, loss + first, (end - first) * sizeof *loss);
	if (ret == 0 && m->task == TASK_GRADIENT)
		train_crew_exchange(c);
	free(loss);
	return ret;
}

static int serve_logprobs(struct train_crew *c, const struct command *m, struct fc_err *e)
{
	for (size_t i = first_of(c, m->n_micro, c->rank); i < first_of(c, m->n_micro, c->rank + 1);
	     i++) {
		take_micro(c, NULL, i);
		if (train_logprobs_run(&c->logprobs, c->nn, c->params, &c->micro, e) < 0)
			return -1;
		fc_comm_send(c->comm, 0, c->logprobs.logprob,
		    c->micro.targets.n * sizeof *c->logprobs.logprob);
	}
	return 0;
}

static double own_norm(struct train_crew *c);
static void own_update(struct train_crew *c, double lr, double grad_scale);

int train_crew_serve(struct train_crew *c, struct fc_err *e)
{
	for (;;) {
		struct command m;
		int ret = 0;
		share_command(c, &m);
		switch (m.order) {
		case ORDER_TASK:
			ret = m.task == TASK_LOGPROBS ? serve_logprobs(c, &m, e)
						      : serve_losses(c, &m, e);
			break;
		case ORDER_NORM:
			own_norm(c);
			break;
		case ORDER_UPDATE:
			own_update(c, m.lr, m.grad_scale);
			break;
		case ORDER_READ:
			ret = train_crew_serve_read(c, m.n_part, e);
			break;
		case ORDER_WRITE:
			ret = train_crew_serve_write(c, m.n_part, e);
			c->adamw.t = m.n_update;
			train_crew_refresh(c);
			break;
		case ORDER_END:
			return 0;
		}
		if (ret < 0)
			return -1;
	}
}

/* ---- rank 0 ---- */

/* The others' micro-batches on their way, each with its size before it. */
struct letters {
	struct fc_comm_mail *mail;
	struct fc_buf *b; /* [n] */
	uint64_t *n_bytes;
	size_t n;
};

static struct letters send_micros(struct train_crew *c, const struct source *s)
{
	const size_t n = s->micros->n;
	struct letters l = {
	    fc_comm_mail_new(c->comm), FC_ARRAY(struct fc_buf, n), FC_ARRAY(uint64_t, n), n};
	for (size_t r = 1; r < c->size; r++)
		for (size_t i = first_of(c, n, r); i < first_of(c, n, r + 1); i++) {
			train_micro_pack(&c->micro, s->micros, i, s->b, s->w);
			train_micro_write(&l.b[i], &c->micro);
			l.n_bytes[i] = l.b[i].n;
			fc_comm_begin_send(l.mail, r, &l.n_bytes[i], sizeof l.n_bytes[i]);
			fc_comm_begin_send(l.mail, r, l.b[i].p, l.b[i].n);
		}
	return l;
}

static void finish_letters(struct letters *l)
{
	fc_comm_mail_free(l->mail);
	for (size_t i = 0; i < l->n; i++)
		fc_buf_release(&l->b[i]);
	free(l->b);
	free(l->n_bytes);
}

int train_crew_losses(struct train_crew *c, const struct train_stepbatch *b,
    const struct train_micros *micros, const struct train_weights *w, bool backward,
    struct fc_loss *loss, struct fc_err *e)
{
	const size_t n = micros->n;
	const struct source s = {b, micros, w};
	struct command m = {
	    .order = ORDER_TASK, .task = backward ? TASK_GRADIENT : TASK_LOSS, .n_micro = n};
	int ret = 0;
	share_command(c, &m);
	struct letters l = send_micros(c, &s);
	if (backward)
		ret = run_gradient(c, &s, n, loss, e);
	for (size_t i = 0; i < first_of(c, n, 1) && !backward && ret == 0; i++) {
		take_micro(c, &s, i);
		ret = run_step(c, &c->micro, false, &loss[i], e);
	}
	for (size_t r = 1; r < c->size && ret == 0; r++)
		fc_comm_receive(c->comm, r, loss + first_of(c, n, r),
		    (first_of(c, n, r + 1) - first_of(c, n, r)) * sizeof *loss);
	finish_letters(&l);
	if (ret == 0 && backward)
		train_crew_exchange(c);
	return ret;
}

int train_crew_logprobs(struct train_crew *c, const struct train_stepbatch *b, size_t max_tok,
    double *sum, struct fc_err *e)
{
	static const struct train_weights alike = {.label = 1, .untaught = 1};
	const struct source s = {b, &c->micros, &alike};
	struct command m = {.order = ORDER_TASK, .task = TASK_LOGPROBS};
	size_t rank = 0;
	int ret = 0;
	train_micros_cut(&c->micros, b, max_tok);
	m.n_micro = c->micros.n;
	share_command(c, &m);
	struct letters l = send_micros(c, &s);
	for (size_t i = 0; i < b->n; i++)
		sum[i] = 0;
	for (size_t i = 0; i < c->micros.n && ret == 0; i++) {
		while (i >= first_of(c, c->micros.n, rank + 1))
			rank++;
		take_micro(c, &s, i);
		if (rank) {
			FC_GROW(c->received, c->cap_received, c->micro.targets.n);
			fc_comm_receive(
			    c->comm, rank, c->received, c->micro.targets.n * sizeof *c->received);
		} else {
			ret = train_logprobs_run(&c->logprobs, c->nn, c->params, &c->micro, e);
		}
		if (ret == 0)
			train_logprobs_add(
			    &c->micro, rank ? c->received : c->logprobs.logprob, sum);
	}
	finish_letters(&l);
	return ret;
}

/* ---- norm and update, of every rank ---- */

/* Sums of blocks go to all, who add them in their order. */
static double own_norm(struct train_crew *c)
{
	size_t most = 0;
	double sum = 0;
	for (size_t r = 0; r < c->size; r++) {
		const size_t n =
		    train_shares_begin(&c->shares, r + 1) - train_shares_begin(&c->shares, r);
		most = n > most ? n : most;
	}
	double *part = FC_ARRAY(double, c->size *most);
	train_adamw_squares(&c->adamw, c->params->v, part + c->rank * most);
	fc_comm_gather(c->comm, part, most * sizeof *part);
	for (size_t r = 0; r < c->size; r++) {
		const size_t n =
		    train_shares_begin(&c->shares, r + 1) - train_shares_begin(&c->shares, r);
		for (size_t i = 0; i < n; i++)
			sum += part[r * most + i];
	}
	free(part);
	return sqrt(sum);
}

void train_crew_refresh(struct train_crew *c)
{
	for (size_t i = 0; i < c->params->n; i++) {
		const struct fc_param *v = &c->params->v[i];
		const struct train_own own = c->adamw.own[i];
		if (v->bf16 && own.n)
			fc_to_bf16(c->nn, v->bf16 + own.begin, v->w + own.begin, own.n);
	}
	train_crew_share_weights(c);
}

static void own_update(struct train_crew *c, double lr, double grad_scale)
{
	train_adamw_update(&c->adamw, c->params->v, lr, grad_scale);
	train_crew_refresh(c);
}

double train_crew_norm(struct train_crew *c)
{
	struct command m = {.order = ORDER_NORM};
	share_command(c, &m);
	return own_norm(c);
}

void train_crew_update(struct train_crew *c, double lr, double grad_scale)
{
	struct command m = {.order = ORDER_UPDATE, .lr = lr, .grad_scale = grad_scale};
	share_command(c, &m);
	own_update(c, lr, grad_scale);
}

/* ---- state ---- */

int train_crew_read(struct train_crew *c, train_state_put *put, void *to, struct fc_err *e)
{
	struct command m = {.order = ORDER_READ, .n_part = TRAIN_STATE_PARTS};
	share_command(c, &m);
	return train_crew_read_parts(c, m.n_part, put, to, e);
}

int train_crew_write(
    struct train_crew *c, train_state_get *get, void *from, uint64_t n_update, struct fc_err *e)
{
	struct command m = {
	    .order = ORDER_WRITE, .n_part = TRAIN_STATE_PARTS, .n_update = n_update};
	share_command(c, &m);
	const int ret = train_crew_write_parts(c, m.n_part, get, from, e);
	c->adamw.t = n_update;
	train_crew_refresh(c);
	return ret;
}

static int put_weights(
    void *to, size_t param, int part, size_t begin, size_t n, const float *x, struct fc_err *e)
{
	const struct train_crew *c = to;
	(void)part;
	(void)e;
	fc_nn_put(c->nn, c->params->v[param].w + begin, x, n * sizeof *x);
	return 0;
}

int train_crew_collect(struct train_crew *c, struct fc_err *e)
{
	struct command m = {.order = ORDER_READ, .n_part = 1};
	if (c->size == 1)
		return 0;
	share_command(c, &m);
	return train_crew_read_parts(c, m.n_part, put_weights, c, e);
}

static void get_weights(void *from, size_t param, int part, size_t begin, size_t n, float *x)
{
	const struct train_crew *c = from;
	(void)part;
	fc_nn_get(c->nn, x, c->params->v[param].w + begin, n * sizeof *x);
}

int train_crew_open(struct train_crew **out, const struct train_crew_opts *o, struct fc_comm *comm,
    struct fc_nn *nn, struct fc_params *p, struct fc_err *e)
{
	struct train_crew *c = *out = FC_NEW(struct train_crew);
	int ret = 0;
	c->opts = *o;
	c->comm = comm;
	c->nn = nn;
	c->params = p;
	c->rank = fc_comm_rank(comm);
	c->size = fc_comm_size(comm);
	train_shares_make(&c->shares, p->v, p->n, c->size);
	train_adamw_init(&c->adamw, nn, &o->adamw, p->n, &c->shares, c->rank);
	c->micro.teacher.objective = o->objective;
	if (c->size == 1)
		return 0;
	if (c->rank)
		ret = train_crew_serve_write(c, 1, e);
	else
		ret = train_crew_write_parts(c, 1, get_weights, c, e);
	train_crew_refresh(c);
	return ret;
}

void train_crew_close(struct train_crew *c)
{
	struct command m = {.order = ORDER_END};
	if (!c)
		return;
	if (!c->rank)
		share_command(c, &m);
	for (size_t i = 0; i < c->n_kept; i++) {
		for (size_t k = 0; k < c->params->n; k++)
			fc_nn_free(c->nn, c->kept[i][k]);
		free(c->kept[i]);
	}
	free(c->kept);
	free(c->part);
	train_logprobs_release(&c->logprobs);
	free(c->received);
	train_adamw_release(&c->adamw);
	train_shares_release(&c->shares);
	train_sum_release(&c->sum);
	train_sum_release(&c->lane);
	train_micros_release(&c->micros);
	train_micro_release(&c->micro);
	free(c);
}

size_t train_crew_lanes(const struct train_crew *c)
{
	return c->opts.n_lane;
}

struct fc_params *train_crew_params(struct train_crew *c)
{
	return c->params;
}
