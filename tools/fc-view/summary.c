/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/die.h"
#include "fc-view/view.h"

static void add_line(struct fc_buf *b, const char *key, const char *value)
{
	fc_buf_addf(b, "%-14s", key);
	view_add_plain(b, value, strlen(value));
	fc_buf_addc(b, '\n');
}

static void add_print(struct fc_buf *b, const char *key, uint64_t fingerprint)
{
	if (fingerprint)
		fc_buf_addf(b, "%-14s%016" PRIx64 "\n", key, fingerprint);
}

static void add_number(struct fc_buf *b, const char *key, uint32_t n)
{
	if (n)
		fc_buf_addf(b, "%-14s%" PRIu32 "\n", key, n);
}

static void add_header(struct fc_buf *b, const char *name, const struct fc_header *h)
{
	char draws[80];
	add_line(b, "stream", name);
	add_line(b, "kind", fc_kind_name(h->kind));
	add_print(b, "tokenizer", h->tokenizer);
	add_number(b, "vocabulary", h->n_vocab);
	if (fc_header_n_output(h) > h->n_vocab)
		add_number(b, "outputs", h->n_output);
	add_number(b, "top-k", h->top_k);
	fc_header_draws_text(h, draws, sizeof draws);
	if (*draws)
		add_line(b, "rows", draws + strlen("rows "));
	if (h->part.n)
		fc_buf_addf(b, "%-14s%" PRIu64 " of %" PRIu64 "\n", "part", h->part.i, h->part.n);
	add_print(b, "model", h->model);
	add_print(b, "template", h->template_hash);
	if (h->template_hash)
		add_line(b, "cut", fc_text_cut_words[h->cut]);
	add_print(b, "from tokenizer", h->source_tokenizer);
	add_number(b, "from vocab", h->source_n_vocab);
	for (size_t i = 0; i < h->n_source; i++) {
		const struct fc_source *s = &h->source[i];
		fc_buf_addf(b, "%-14s", "source");
		view_add_plain(b, s->name, strlen(s->name));
		fc_buf_addf(b, ", model %016" PRIx64 ", tokenizer %016" PRIx64 "\n", s->model,
		    s->tokenizer);
	}
	for (size_t i = 0; i < h->n_history; i++) {
		const struct fc_program *p = &h->history[i];
		fc_buf_addf(b, "%-14s", "program");
		view_add_plain(b, p->name, strlen(p->name));
		fc_buf_addc(b, ' ');
		view_add_plain(b, p->version, strlen(p->version));
		fc_buf_adds(b, *p->args ? " " : "");
		view_add_plain(b, p->args, strlen(p->args));
		fc_buf_addc(b, '\n');
	}
}

/* A stream that was cut off says the same of itself as a whole one: a file without a seek table is
 * read to its end. */
static void note_cut(struct fc_reader *r)
{
	struct fc_example x;
	struct fc_err e;
	enum fc_read ret;
	if (!fc_reader_may_be_cut(r))
		return;
	fc_example_init(&x);
	while ((ret = view_read_record(r, &x, &e)) == FC_READ_RECORD)
		;
	fc_example_release(&x);
	if (ret == FC_READ_ERROR)
		fc_warn("%s", e.msg);
}

void view_header(struct view *v)
{
	struct fc_err e;
	for (int i = 0; i < v->n_path; i++) {
		struct fc_reader *r;
		if (fc_reader_open(&r, v->path[i], 0, &e) < 0)
			fc_die("%s", e.msg);
		if (i)
			fc_buf_addc(&v->text, '\n');
		add_header(&v->text, fc_reader_name(r), fc_reader_header(r));
		note_cut(r);
		fc_reader_close(r);
	}
}
