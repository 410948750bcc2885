/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#pragma GCC visibility push(default)
#include "libfc-stream/fc/stream.h"
#pragma GCC visibility pop

#include "base/mem.h"
#include "base/prog.h"
#include "libfc-stream/no_memory.h"
#include "stream/reader.h"

_Static_assert((int)FC_STREAM_TOKENS == (int)FC_KIND_TOKENS &&
	(int)FC_STREAM_DISTRIBUTIONS == (int)FC_KIND_DISTS &&
	(int)FC_STREAM_TENSORS == (int)FC_KIND_TENSORS && (int)FC_STREAM_MAP == (int)FC_KIND_MAP &&
	(int)FC_STREAM_UPDATE == (int)FC_KIND_UPDATE,
    "kinds");
_Static_assert((int)FC_STREAM_ROLE_SYSTEM == (int)FC_ROLE_SYSTEM &&
	(int)FC_STREAM_ROLE_USER == (int)FC_ROLE_USER &&
	(int)FC_STREAM_ROLE_ASSISTANT == (int)FC_ROLE_ASSISTANT,
    "roles");
_Static_assert((int)FC_STREAM_PART_TEMPLATE == (int)FC_PART_TEMPLATE &&
	(int)FC_STREAM_PART_TURN_END == (int)FC_PART_TURN_END &&
	(int)FC_STREAM_PART_BOS == (int)FC_PART_BOS,
    "parts");

_Static_assert((int)FC_STREAM_CUT_PROMPT == (int)FC_CUT_PROMPT, "cuts");

struct fc_stream {
	struct fc_reader *reader;
	struct fc_example example; /* what x shows */
	struct fc_stream_example x;
	uint32_t *segment_end;
	uint8_t *segment_flags;
	size_t cap_segment_end, cap_segment_flags;

	struct fc_stream_header header;
	struct fc_stream_source *source;   /* [header.n_source] */
	struct fc_stream_program *program; /* [header.n_program] */

	int last; /* what fc_stream_next() said; 1 before it was asked */
	struct fc_err e;
};

/* Where the stream comes from, and what it becomes. */
struct opening {
	struct fc_stream *s;
	const char *path; /* NULL: from fd */
	int fd;
	const char *name;
};

/* The header as it is now; sources of a later part of the stream come behind the first ones. */
static void show_header(struct fc_stream *s)
{
	const struct fc_header *h = fc_reader_header(s->reader);
	s->source = fc_realloc(s->source, h->n_source, sizeof *s->source);
	for (size_t i = 0; i < h->n_source; i++)
		s->source[i] = (struct fc_stream_source){
		    h->source[i].name, h->source[i].model, h->source[i].tokenizer};
	s->program = fc_realloc(s->program, h->n_history, sizeof *s->program);
	for (size_t i = 0; i < h->n_history; i++)
		s->program[i] = (struct fc_stream_program){
		    h->history[i].name, h->history[i].version, h->history[i].args};
	s->header = (struct fc_stream_header){
	    .kind = (int)h->kind,
	    .cut = (int)h->cut,
	    .tokenizer = h->tokenizer,
	    .model = h->model,
	    .template_hash = h->template_hash,
	    .n_vocab = h->n_vocab,
	    .n_output = fc_header_n_output(h),
	    .top_k = h->top_k,
	    .n_sample = h->n_sample,
	    .sample_temperature = h->sample_temperature,
	    .shard = h->part.i,
	    .n_shard = h->part.n,
	    .n_source = h->n_source,
	    .n_program = h->n_history,
	};
}

static int open_step(void *arg)
{
	const struct opening *o = arg;
	struct fc_stream *s = o->s;
	/* The reader takes "-" for standard input, which here is a file like others. */
	int rc = o->path ? fc_reader_open(&s->reader, o->path, 0, &s->e)
			 : fc_reader_open_fd(&s->reader, o->fd, o->name, 0, &s->e);
	if (rc == 0)
		show_header(s);
	return rc;
}

static struct fc_stream *open_stream(struct opening *o, char *error, size_t n_error)
{
	struct fc_stream *s = o->s = calloc(1, sizeof *s);
	if (n_error)
		*error = 0;
	if (!s) {
		snprintf(error, n_error, "out of memory (%zu bytes)", sizeof *s);
		return NULL;
	}
	s->last = 1;
	fc_example_init(&s->example);
	if (fc_survive(open_step, o, &s->e) == 0)
		return s;
	snprintf(error, n_error, "%s", s->e.msg);
	fc_stream_close(s);
	return NULL;
}

struct fc_stream *fc_stream_open(const char *path, char *error, size_t n_error)
{
	struct opening o = {.path = path[0] == '-' && !path[1] ? "./-" : path};
	return open_stream(&o, error, n_error);
}

struct fc_stream *fc_stream_open_fd(int fd, const char *name, char *error, size_t n_error)
{
	struct opening o = {.fd = fd, .name = name};
	return open_stream(&o, error, n_error);
}

void fc_stream_close(struct fc_stream *s)
{
	if (!s)
		return;
	fc_reader_close(s->reader);
	fc_example_release(&s->example);
	free(s->segment_end);
	free(s->segment_flags);
	free(s->source);
	free(s->program);
	free(s);
}

const struct fc_stream_header *fc_stream_header(const struct fc_stream *s)
{
	return &s->header;
}

const struct fc_stream_source *fc_stream_source(const struct fc_stream *s, size_t i)
{
	return i < s->header.n_source ? &s->source[i] : NULL;
}

const struct fc_stream_program *fc_stream_program(const struct fc_stream *s, size_t i)
{
	return i < s->header.n_program ? &s->program[i] : NULL;
}

static const char *text_of(const struct fc_buf *b)
{
	return b->p ? b->p : "";
}

static void show_example(struct fc_stream *s)
{
	struct fc_example *x = &s->example;
	fc_example_reserve(x, 1, 1, 1); /* makes the arrays of an empty one, too */
	FC_GROW(s->segment_end, s->cap_segment_end, x->n_seg + 1);
	FC_GROW(s->segment_flags, s->cap_segment_flags, x->n_seg + 1);
	for (size_t i = 0; i < x->n_seg; i++) {
		s->segment_end[i] = x->seg[i].end;
		s->segment_flags[i] = x->seg[i].flags;
	}
	x->row_off[0] = 0;
	s->x = (struct fc_stream_example){
	    .id = text_of(&x->id),
	    .meta = text_of(&x->meta),
	    .text = text_of(&x->text),
	    .n_id = x->id.n,
	    .n_meta = x->meta.n,
	    .n_text = x->text.n,
	    .n_segment = x->n_seg,
	    .segment_end = s->segment_end,
	    .segment_flags = s->segment_flags,
	    .n_token = x->n_tok,
	    .token = x->tok,
	    .end = x->end,
	    .flags = x->flags,
	    .n_row = x->n_row,
	    .row_token = x->row_tok,
	    .row_start = x->row_off,
	    .true_logprob = x->true_logprob,
	    .entry_id = x->entry_id,
	    .entry_logprob = x->entry_logprob,
	    .nll = x->nll,
	    .n_label = x->n_label,
	    .label_bytes = x->label_bytes,
	    .source = x->source,
	};
}

static int next_step(void *arg)
{
	struct fc_stream *s = arg;
	if (!fc_kind_has_examples(fc_reader_header(s->reader)->kind))
		return fc_fail(&s->e, "%s: this is a %s, which has no examples; see fc-view(1)",
		    fc_reader_name(s->reader), fc_kind_name(fc_reader_header(s->reader)->kind));
	enum fc_read rc = fc_reader_example(s->reader, &s->example, &s->e);
	if (rc == FC_READ_ERROR)
		return -1;
	show_header(s);
	if (rc == FC_READ_END)
		return 0;
	show_example(s);
	return 1;
}

int fc_stream_next(struct fc_stream *s, const struct fc_stream_example **x)
{
	if (s->last == 1)
		s->last = fc_survive(next_step, s, &s->e);
	*x = s->last == 1 ? &s->x : NULL;
	return s->last;
}

const char *fc_stream_error(const struct fc_stream *s)
{
	return s->e.msg;
}

double fc_stream_tail(const struct fc_stream_example *x, size_t r)
{
	double sum = 0;
	for (size_t i = x->row_start[r]; i < x->row_start[r + 1]; i++)
		sum += exp((double)x->entry_logprob[i]);
	return sum < 1 ? 1 - sum : 0;
}

const char *fc_stream_version(void)
{
	return fc_version;
}
