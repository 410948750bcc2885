/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/file.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "t.h"

/* Concatenated streams: what their headers must have in common, what becomes of their sources; and
 * what a writer refuses to write. */

static char path[64];

static void header(struct fc_header *h, const char *const *source)
{
	fc_header_init(h, FC_KIND_DISTS);
	h->tokenizer = 5;
	h->template_hash = 6;
	h->n_vocab = 300;
	h->top_k = 4;
	for (; source && *source; source++)
		fc_header_add_source(h, *source, (uint64_t) * *source, 0);
}

static void example(struct fc_example *x, uint32_t source)
{
	fc_example_clear(x);
	fc_buf_adds(&x->id, "q");
	fc_buf_adds(&x->text, "abcd");
	fc_example_add_token(x, 1, 2, 0);
	fc_example_add_token(x, 2, 4, FC_TOK_TRAINED);
	fc_example_add_row(x, 1, 2, (uint32_t[]){2, 3}, (float[]){-0.5f, -1}, -0.5f);
	x->source = source;
}

/* Appends a stream of h with one example of each of its sources to all. */
static void add_stream(struct fc_buf *all, const struct fc_header *h)
{
	struct fc_err e = {""};
	struct fc_writer *w;
	struct fc_example x;
	fc_example_init(&x);
	bool good = fc_writer_open(&w, path, h, &e) == 0;
	for (uint32_t i = 0; good && i < h->n_source; i++) {
		example(&x, i);
		good = fc_writer_example(w, &x, &e) == 0;
	}
	if (!good || fc_writer_finish(w, &e) < 0 || fc_file_read(path, 1 << 20, all, &e) < 0)
		T_OK(false, "writing a stream: %s", e.msg);
	fc_example_release(&x);
}

static void put(const struct fc_buf *b)
{
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(b->p, 1, b->n, f) != b->n || fclose(f))
		T_OK(false, "write %s", path);
}

/* The names of the sources of the examples in the file, or the message. */
static const char *sources(void)
{
	static char names[1024];
	struct fc_err e = {""};
	struct fc_reader *r;
	struct fc_example x;
	enum fc_read ret;
	fc_example_init(&x);
	names[0] = 0;
	if (fc_reader_open(&r, path, FC_KIND_DISTS, &e) < 0)
		return strcpy(names, e.msg);
	while ((ret = fc_reader_example(r, &x, &e)) == FC_READ_RECORD)
		strcat(names, fc_reader_header(r)->source[x.source].name);
	if (ret == FC_READ_ERROR)
		strcpy(names, e.msg);
	fc_reader_close(r);
	fc_example_release(&x);
	return names;
}

static void test_sources(void)
{
	static const char *const first[] = {"a", "b", NULL},
				 *const second[] = {"c", "b", "a", NULL};
	struct fc_buf all = FC_BUF_INIT;
	struct fc_header h1, h2;
	header(&h1, first);
	header(&h2, second);
	add_stream(&all, &h1);
	put(&all);
	T_STR(sources(), "ab", "sources of one stream");
	add_stream(&all, &h2);
	add_stream(&all, &h1);
	put(&all);
	T_STR(sources(), "abcbaab", "sources of three after one another");

	struct fc_err e;
	struct fc_writer *w;
	struct fc_example x;
	fc_example_init(&x);
	bool good = fc_writer_open(&w, path, &h1, &e) == 0;
	example(&x, 1);
	good = good && fc_writer_example(w, &x, &e) == 0 && fc_writer_section(w, &h2, &e) == 0;
	example(&x, 0);
	good = good && fc_writer_example(w, &x, &e) == 0 && fc_writer_finish(w, &e) == 0;
	T_OK(good, "a writer starts another section");
	T_STR(sources(), "bc", "and it reads as two streams do");
	fc_example_release(&x);
	fc_header_release(&h1);
	fc_header_release(&h2);
	fc_buf_release(&all);
}

static void test_compatible(void)
{
	static const char *const name[] = {"a", NULL};
	static const char *const message[] = {"tokenizer (0000000000000007) differs", "template",
	    "vocabulary size (301) differs from the one before (300)",
	    "a token stream does not go with", "top-k 5 comes after top-k 4", NULL, NULL,
	    "a model of 301 outputs comes after one of 300", NULL,
	    "was cut into tokens by --cut prompt, the one before by --cut whole",
	    "has rows of 8 draws at temperature 1, the one before has the likeliest entries"};
	for (int i = 0; i < 11; i++) {
		struct fc_buf all = FC_BUF_INIT;
		struct fc_header h;
		header(&h, name);
		add_stream(&all, &h);
		h.tokenizer = i == 0 ? 7 : h.tokenizer;
		h.template_hash = i == 1 ? 7 : h.template_hash;
		h.n_vocab = i == 2 ? 301 : h.n_vocab;
		h.n_source = 0;
		h.kind = i == 3 ? FC_KIND_TOKENS : h.kind;
		h.top_k = i == 4 ? 5 : i == 5 ? 2 : h.top_k;
		h.model = i == 6 ? 9 : h.model;
		h.n_sample = i == 10 ? 8 : 0;
		h.sample_temperature = i == 10;
		h.n_output = i == 7 ? 301 : i == 8 ? 300 : 0;
		h.cut = i == 9 ? FC_CUT_PROMPT : h.cut;
		add_stream(&all, &h);
		put(&all);
		if (message[i])
			T_OK(strstr(sources(), message[i]), "incompatible: %s", sources());
		else
			T_STR(sources(), "a", "compatible");
		h.n_source = 1;
		fc_header_release(&h);
		fc_buf_release(&all);
	}
}

static const char *change(int i, struct fc_example *x)
{
	switch (i) {
	case 0:
		x->tok[1] = 300;
		return "token 1 has id 300";
	case 1:
		x->end[1] = 5;
		return "token 1 ends at byte 5";
	case 2:
		x->end[0] = 3;
		x->end[1] = 2;
		return "token 1 ends at byte 2";
	case 3:
		x->row_tok[0] = 0;
		return "row 0 is of token 0";
	case 4:
		x->row_tok[0] = 2;
		return "row 0 is of token 2";
	case 5:
		x->entry_logprob[0] = NAN;
		return "row 0: log-probability nan";
	case 6:
		x->entry_logprob[0] = 0.25f;
		return "row 0: log-probability 0.25";
	case 7:
		x->entry_logprob[1] = -0.25f;
		return "row 0: log-probability -0.25 after";
	case 8:
		x->entry_id[1] = 300;
		return "row 0: id 300";
	case 9:
		x->entry_id[1] = 2;
		x->entry_logprob[1] = -0.5f;
		return "id 2 twice";
	case 10:
		x->true_logprob[0] = NAN;
		return "true token's log-probability nan";
	case 11:
		x->source = 1;
		return "source 1 of 1";
	case 12:
		x->nll = INFINITY;
		return "not finite";
	case 13:
		fc_example_add_segment(x, 3, 0);
		return "segments cover 3 of 4";
	case 14:
		x->flags[1] = 32;
		return "token 1 has flags 0x20";
	case 15:
		fc_example_clear_rows(x);
		fc_example_add_row(
		    x, 1, 5, (uint32_t[]){1, 2, 3, 4, 5}, (float[]){-2, -2, -2, -2, -2}, -2);
		return "row 0 has 5 entries";
	default:
		return NULL;
	}
}

static void test_refusals(void)
{
	static const char *const name[] = {"a", NULL};
	struct fc_header h;
	struct fc_writer *w;
	struct fc_err e = {""};
	struct fc_example x;
	header(&h, name);
	fc_example_init(&x);
	T_OK(fc_writer_open(&w, path, &h, &e) == 0, "a writer");
	for (int i = 0;; i++) {
		example(&x, 0);
		if (i == 0)
			T_OK(fc_writer_example(w, &x, &e) == 0, "control: the example is written");
		const char *message = change(i, &x);
		if (!message)
			break;
		T_OK(fc_writer_example(w, &x, &e) < 0 && strstr(e.msg, message) &&
			strstr(e.msg, "example q:"),
		    "refused: %s", e.msg);
	}
	example(&x, 0);
	T_OK(fc_writer_example(w, &x, &e) == 0 && fc_writer_finish(w, &e) == 0,
	    "and goes on after (%s)", e.msg);
	T_STR(sources(), "aa", "nothing of the refused ones is in the stream");
	fc_example_release(&x);
	fc_header_release(&h);
}

/* Values that become equal by rounding are ordered by id. */
static void test_ties(void)
{
	struct fc_header h;
	struct fc_writer *w;
	struct fc_reader *r = NULL;
	struct fc_err e = {""};
	struct fc_example x;
	header(&h, NULL);
	fc_example_init(&x);
	example(&x, 0);
	fc_example_clear_rows(&x);
	fc_example_add_row(&x, 1, 4, (uint32_t[]){9, 200, 100, 150},
	    (float[]){-1, -2.00001f, -2.00002f, -2.00003f}, -2.00002f);
	bool good = fc_writer_open(&w, path, &h, &e) == 0 && fc_writer_example(w, &x, &e) == 0 &&
	    fc_writer_finish(w, &e) == 0 && fc_reader_open(&r, path, 0, &e) == 0 &&
	    fc_reader_example(r, &x, &e) == FC_READ_RECORD;
	T_OK(good, "ties: written and read (%s)", e.msg);
	T_OK(x.entry_id[0] == 9 && x.entry_id[1] == 100 && x.entry_id[2] == 150 &&
		x.entry_id[3] == 200,
	    "ties: by id");
	fc_reader_close(r);
	fc_example_release(&x);
	fc_header_release(&h);
}

int main(void)
{
	snprintf(path, sizeof path, "/tmp/fc-section-%ld.fcs", (long)getpid());
	test_sources();
	test_compatible();
	test_refusals();
	test_ties();
	unlink(path);
	return t_done();
}
