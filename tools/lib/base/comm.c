/* SPDX-License-Identifier: Apache-2.0 */
#include "base/comm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mpi/mpi_module.h"
#include "base/die.h"
#include "base/launcher.h"
#include "base/mem.h"
#include "base/module.h"

struct fc_comm {
	const struct fc_comm_module *module; /* NULL: alone */
	size_t rank, size;
	uint64_t n_sent;
	char label[128];
};

struct request {
	void *mpi;
};

struct fc_comm_mail {
	struct fc_comm *c;
	enum fc_comm_channel channel;
	struct request *v; /* [n]; those before n_done are */
	size_t n, n_done, cap;
};

/* Of the open one: whoever leaves without closing it ends the others, too. */
static const struct fc_comm_module *left_open;

static void abort_with(int status)
{
	if (left_open) {
		fflush(stderr);
		left_open->abort(status ? status : FC_EXIT_FAIL);
	}
}

static void abort_others(void)
{
	abort_with(FC_EXIT_FAIL);
}

static void or_die(const char *what, const char *error)
{
	if (error)
		fc_die("MPI cannot %s: %s", what, error);
}

static int open_module(struct fc_comm *c, struct fc_err *e)
{
	struct fc_module found;
	if (fc_module_open(&found, "several processes", "mpi", FC_COMM_SYMBOL,
		"it is built by make where Open MPI is (Debian: libopenmpi-dev)", e) < 0)
		return -1;
	const struct fc_comm_module *m = found.symbol;
	free(found.path);
	if (m->abi != FC_COMM_ABI || strcmp(m->version, fc_version))
		return fc_fail(e, "libfc-mpi.so is of another version than this program");
	const char *error = m->open(&c->rank, &c->size);
	if (error)
		return fc_fail(e, "MPI cannot be started: %s", error);
	c->module = m;
	if (fc_launcher_count() > 1 && c->size != fc_launcher_count())
		return fc_fail(e,
		    "a launcher has started %zu processes, and Open MPI sees %zu: it is the "
		    "launcher "
		    "of another MPI; start them by Open MPI's mpirun, or by srun --mpi=pmix",
		    fc_launcher_count(), c->size);
	return 0;
}

/* Rank 0 speaks for all. */
static void tell_apart(struct fc_comm *c)
{
	char host[64];
	if (!c->rank)
		return;
	c->module->host(host, sizeof host);
	snprintf(c->label, sizeof c->label, "rank %zu on %s", c->rank, host);
	fc_prog_label = c->label;
	fc_quiet = true;
}

int fc_comm_open(struct fc_comm **out, struct fc_err *e)
{
	struct fc_comm *c = *out = FC_NEW(struct fc_comm);
	c->size = 1;
	if (!fc_launcher_ranks())
		return 0;
	const int ret = open_module(c, e);
	if (c->module) {
		left_open = c->module;
		fc_die_hook(abort_with);
		atexit(abort_others);
	}
	if (ret < 0) {
		free(c);
		*out = NULL;
		return -1;
	}
	tell_apart(c);
	return 0;
}

void fc_comm_close(struct fc_comm *c)
{
	if (c && c->module) {
		left_open = NULL;
		c->module->close();
	}
	free(c);
}

size_t fc_comm_rank(const struct fc_comm *c)
{
	return c->rank;
}

size_t fc_comm_size(const struct fc_comm *c)
{
	return c->size;
}

size_t fc_comm_neighbours(struct fc_comm *c)
{
	enum { NAME = 256 };
	if (c->size == 1)
		return 1;
	char *name = fc_calloc(c->size, NAME), *own = name + c->rank * NAME;
	size_t n = 0;
	c->module->host(own, NAME);
	fc_comm_gather(c, name, NAME);
	for (size_t r = 0; r < c->size; r++)
		n += !strcmp(name + r * NAME, own);
	free(name);
	return n;
}

uint64_t fc_comm_sent(const struct fc_comm *c)
{
	return c->n_sent;
}

static size_t piece(size_t left)
{
	return left < FC_COMM_MESSAGE ? left : FC_COMM_MESSAGE;
}

void fc_comm_share(struct fc_comm *c, void *p, size_t n_bytes)
{
	if (c->size == 1)
		return;
	for (size_t at = 0, n; at < n_bytes; at += n) {
		n = piece(n_bytes - at);
		or_die("share what rank 0 has", c->module->share((char *)p + at, n));
	}
	c->n_sent += c->rank ? 0 : n_bytes * (c->size - 1);
}

void fc_comm_gather(struct fc_comm *c, void *part, size_t n_bytes)
{
	if (c->size == 1 || !n_bytes)
		return;
	if (n_bytes > FC_COMM_MESSAGE)
		fc_die("a part of %zu bytes is too large to gather", n_bytes);
	or_die("gather what ranks have", c->module->gather(part, n_bytes));
	c->n_sent += n_bytes * (c->size - 1);
}

void fc_comm_send(struct fc_comm *c, size_t to, const void *p, size_t n_bytes)
{
	struct fc_comm_mail *m = fc_comm_mail_new(c, FC_COMM_TALK);
	fc_comm_begin_send(m, to, p, n_bytes);
	fc_comm_mail_free(m);
}

void fc_comm_receive(struct fc_comm *c, size_t from, void *p, size_t n_bytes)
{
	struct fc_comm_mail *m = fc_comm_mail_new(c, FC_COMM_TALK);
	fc_comm_begin_receive(m, from, p, n_bytes);
	fc_comm_mail_free(m);
}

struct fc_comm_mail *fc_comm_mail_new(struct fc_comm *c, enum fc_comm_channel channel)
{
	struct fc_comm_mail *m = FC_NEW(struct fc_comm_mail);
	m->c = c;
	m->channel = channel;
	return m;
}

static void **new_request(struct fc_comm_mail *m)
{
	FC_GROW(m->v, m->cap, m->n + 1);
	return &m->v[m->n++].mpi;
}

void fc_comm_begin_send(struct fc_comm_mail *m, size_t to, const void *p, size_t n_bytes)
{
	for (size_t at = 0, n; at < n_bytes; at += n) {
		n = piece(n_bytes - at);
		or_die("send",
		    m->c->module->send(
			to, (int)m->channel, (const char *)p + at, n, new_request(m)));
	}
	m->c->n_sent += n_bytes;
}

void fc_comm_begin_receive(struct fc_comm_mail *m, size_t from, void *p, size_t n_bytes)
{
	for (size_t at = 0, n; at < n_bytes; at += n) {
		n = piece(n_bytes - at);
		or_die("receive",
		    m->c->module->receive(
			from, (int)m->channel, (char *)p + at, n, new_request(m)));
	}
}

bool fc_comm_arrived(struct fc_comm_mail *m)
{
	bool done = true;
	while (m->n_done < m->n && done) {
		or_die("send or receive", m->c->module->test(&m->v[m->n_done].mpi, &done));
		m->n_done += done;
	}
	return done;
}

void fc_comm_wait(struct fc_comm_mail *m)
{
	for (; m->n_done < m->n; m->n_done++)
		or_die("send or receive", m->c->module->finish(&m->v[m->n_done].mpi));
	m->n = m->n_done = 0;
}

void fc_comm_advance(struct fc_comm *c)
{
	if (c->module)
		or_die("look for messages", c->module->advance());
}

void fc_comm_mail_free(struct fc_comm_mail *m)
{
	if (!m)
		return;
	fc_comm_wait(m);
	free(m->v);
	free(m);
}
