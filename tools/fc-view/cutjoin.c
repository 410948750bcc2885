/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/progress.h"
#include "fc-view/view.h"

/* --stream: the selected records of all inputs as one stream. */
struct joint {
	struct fc_header header; /* with every input's sources so far */
	struct fc_writer *writer;
	struct fc_buf tensor; /* the parts of one so far */
	bool named;           /* the header's only source stands for all */
	bool of_part;         /* the first input began as one */
};

static void add_history(struct fc_header *to, const struct fc_header *from)
{
	for (size_t i = 0; i < from->n_history; i++) {
		const struct fc_program *p = &from->history[i];
		bool known = false;
		for (size_t j = 0; j < to->n_history && !known; j++)
			known = !strcmp(to->history[j].name, p->name) &&
			    !strcmp(to->history[j].version, p->version) &&
			    !strcmp(to->history[j].args, p->args);
		if (!known)
			fc_header_add_program(to, p->name, p->version, p->args);
	}
}

/*
 * Parts that are joined are the part that they were cut from, or the whole: part i of n, taken by
 * every m-th from the i-th on, is parts i, i + n, i + 2 n ... of n m.
 */
static void join_parts(struct view *v, struct fc_header *to)
{
	struct fc_err e;
	const uint64_t m = (uint64_t)v->n_path;
	const struct fc_shard *first = &fc_reader_header(v->reader[0])->part;
	const struct fc_shard whole = {first->i, first->n / m};
	for (int k = 0; k < v->n_path; k++) {
		const struct fc_header *h = fc_reader_header(v->reader[k]);
		const struct fc_header want = {
		    .part = {whole.i + (uint64_t)k * whole.n, whole.n * m}};
		if (fc_header_same_part(&want, h, fc_reader_name(v->reader[k]), &e) < 0)
			fc_die(
			    "--in-turn: %s is no part of a whole in %d parts, or not in its place: "
			    "give all of them, in their order",
			    fc_reader_name(v->reader[k]), v->n_path);
	}
	to->part = whole.n > 1 ? whole : (struct fc_shard){0, 0};
}

/* A cut into parts and their joining leave no trace in the history: the header tells of a part that
 * it is one, and what parts become is again what they were cut from, byte for byte. */
static void finish_header(struct view *v, struct fc_header *h)
{
	struct fc_err e;
	const bool selects = view_selects(v);
	const bool cuts = v->shard.n && v->n_path == 1 && !selects && fc_kind_has_examples(h->kind);
	bool parts = false;
	for (int k = 0; v->in_turn && k < v->n_path; k++)
		parts = parts || fc_reader_header(v->reader[k])->part.n;
	if (parts)
		join_parts(v, h);
	else if (v->n_path > 1 || selects || (v->shard.n && !cuts))
		h->part = (struct fc_shard){0, 0};
	if (cuts && fc_header_set_part(h, &v->shard, &e) < 0)
		fc_die("%s: %s", v->path[0], e.msg);
	if (v->name || !(parts || cuts))
		fc_header_add_self(h);
}

/* Takes h, of the input name, into the header of all. */
static void add_header(struct fc_header *to, const struct fc_header *h, const char *name)
{
	struct fc_err e;
	if (!to->kind) {
		fc_header_copy(to, h);
		return;
	}
	if (fc_header_compatible(to, h, name, &e) < 0)
		fc_die("%s", e.msg);
	for (size_t i = 0; i < h->n_source; i++)
		fc_header_find_source(to, &h->source[i]);
	add_history(to, h);
	if (to->model != h->model)
		to->model = 0; /* of several */
	if (to->top_k < h->top_k)
		to->top_k = h->top_k;
	if (fc_header_n_output(to) < fc_header_n_output(h))
		to->n_output = h->n_output;
}

/* Sources that a later part of an input (cat) brought in start another section, and so does that
 * it is of another part. */
static void follow_sections(struct joint *j, const struct fc_header *h)
{
	struct fc_err e;
	const size_t before = j->header.n_source;
	const bool mixed = j->header.part.n && j->of_part && !h->part.n;
	if (mixed)
		j->header.part = (struct fc_shard){0, 0};
	for (size_t i = 0; i < h->n_source && !j->named; i++)
		fc_header_find_source(&j->header, &h->source[i]);
	if ((mixed || j->header.n_source != before) &&
	    fc_writer_section(j->writer, &j->header, &e) < 0)
		fc_die("%s", e.msg);
}

static void write_example(
    struct view *v, void *data, const struct fc_reader *r, struct fc_example *x)
{
	(void)v;
	struct joint *j = data;
	struct fc_err e;
	const struct fc_header *h = fc_reader_header(r);
	follow_sections(j, h);
	if (j->named)
		x->source = 0;
	else if (h->n_source)
		x->source = (uint32_t)fc_header_find_source(&j->header, &h->source[x->source]);
	if (fc_writer_example(j->writer, x, &e) < 0)
		fc_die("%s", e.msg);
}

static void write_tensor(struct view *v, void *data, const struct fc_tensor_part *t)
{
	(void)v;
	struct joint *j = data;
	struct fc_err e;
	if (t->offset == 0)
		fc_buf_clear(&j->tensor);
	fc_buf_add(&j->tensor, t->data, t->n);
	if (j->tensor.n < t->whole.n_bytes)
		return;
	struct fc_tensor whole = t->whole;
	whole.data = j->tensor.p;
	if (fc_writer_tensor(j->writer, &whole, &e) < 0)
		fc_die("%s", e.msg);
}

static void write_map(struct view *v, void *data, const struct fc_map_entry *entry, size_t n)
{
	(void)v;
	struct joint *j = data;
	struct fc_err e;
	if (fc_writer_map(j->writer, entry, n, &e) < 0)
		fc_die("%s", e.msg);
}

/* The next record of an input, which has been read to know where a pair ends. */
struct ahead {
	struct fc_example x;
	bool there;
	struct view_pairing pairing;
};

static void read_ahead(struct ahead *a, struct fc_reader *r)
{
	struct fc_err e;
	enum fc_read got = fc_reader_example(r, &a->x, &e);
	if (got == FC_READ_ERROR)
		fc_die("%s", e.msg);
	a->there = got == FC_READ_RECORD;
}

/* Writes a record, or all of a pair. */
static void write_unit(struct view *v, struct joint *j, struct ahead *a, struct fc_reader *r)
{
	view_pairing_goes_on(&a->pairing, &a->x);
	do {
		write_example(v, j, r, &a->x);
		fc_progress_set(++v->n_taken, NULL);
		read_ahead(a, r);
	} while (a->there && view_pairing_goes_on(&a->pairing, &a->x));
}

/*
 * A record of each input in turn, or a pair of them.  Shards of one sequence end in one round: once
 * one has ended, so have those after it.
 */
static void write_in_turn(struct view *v, struct joint *j)
{
	struct ahead *ahead = FC_ARRAY(struct ahead, (size_t)v->n_path);
	int ended = -1;
	for (int i = 0; i < v->n_path; i++) {
		fc_example_init(&ahead[i].x);
		read_ahead(&ahead[i], v->reader[i]);
	}
	fc_progress_start("records", 0);
	for (int i = 0; ended != i; i = (i + 1) % v->n_path) {
		if (ahead[i].there && ended >= 0)
			fc_die("%s goes on where %s has ended: these are not all shards of one "
			       "whole, in their order",
			    fc_reader_name(v->reader[i]), fc_reader_name(v->reader[ended]));
		if (ahead[i].there)
			write_unit(v, j, &ahead[i], v->reader[i]);
		else if (ended < 0)
			ended = i;
	}
	fc_progress_end();
	for (int i = 0; i < v->n_path; i++) {
		fc_example_release(&ahead[i].x);
		view_pairing_release(&ahead[i].pairing);
		fc_reader_close(v->reader[i]);
	}
	free(ahead);
}

/* One source takes the place of all: of no model's, where they are of several. */
static void name_sources(struct joint *j, const char *name)
{
	struct fc_header *h = &j->header;
	if (!h->n_source)
		fc_die("--name: the streams have no sources");
	const struct fc_source first = h->source[0];
	bool same = true, alike = true;
	for (size_t i = 1; i < h->n_source; i++) {
		same = same && h->source[i].model == first.model;
		alike = alike && h->source[i].tokenizer == first.tokenizer;
	}
	fc_header_clear_sources(h);
	fc_header_add_source(h, name, same && alike ? first.model : 0, alike ? first.tokenizer : 0);
	j->named = true;
}

void view_stream(struct view *v)
{
	struct fc_err e;
	struct joint j = {0};
	v->reader = FC_ARRAY(struct fc_reader *, (size_t)v->n_path);
	for (int i = 0; i < v->n_path; i++) {
		if (fc_reader_open(&v->reader[i], v->path[i], 0, &e) < 0)
			fc_die("%s", e.msg);
		add_header(&j.header, fc_reader_header(v->reader[i]), fc_reader_name(v->reader[i]));
	}
	j.of_part = j.header.part.n > 0;
	if (v->name)
		name_sources(&j, v->name);
	if (v->in_turn && !fc_kind_has_examples(j.header.kind))
		fc_die("--in-turn is for streams of conversations, which %s is not", v->path[0]);
	finish_header(v, &j.header);
	if (fc_writer_open(&j.writer, v->output, &j.header, &e) < 0)
		fc_die("%s", e.msg);
	if (v->in_turn)
		write_in_turn(v, &j);
	else
		view_walk(v, &(struct visitor){&j, NULL, write_example, write_tensor, write_map});
	if (fc_writer_finish(j.writer, &e) < 0)
		fc_die("%s", e.msg);
	fc_header_release(&j.header);
	fc_buf_release(&j.tensor);
	free(v->reader);
}
