/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "stream/frame.h"
#include "stream/reader.h"
#include "stream/record.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "t.h"

/*
 * Streams whose bytes are in order and whose contents are not: each case changes one thing of a
 * stream that is read.  And what looks odd and must stay legal.
 */

static char path[64];

#define BYTES(s) ((ProtobufCBinaryData){sizeof(s) - 1, (uint8_t *)(s)})
enum { N_VOCAB = 300 };

/* What is read, or may be changed: sources of the header, one example, how often it comes. */
struct stream {
	Fc__Header header;
	Fc__Source source[2], *source_at[2];
	Fc__Program program, *program_at[1025];
	Fc__Example example;
};

/* A user's "ab", an assistant's "cd" and the end of its turn, "ef".  Two rows with probabilities
 * e^-0.25, e^-2 and e^-1, e^-1; the true tokens are 7 (entry 1, -0.25) and 3 (entry 2, -1). */
static void good_stream(struct stream *s)
{
	fc__header__init(&s->header);
	s->header.magic = FC_STREAM_MAGIC;
	s->header.major = 1;
	s->header.minor = 1;
	s->header.kind = FC__KIND__DISTS;
	s->header.tokenizer = 5;
	s->header.n_vocab = N_VOCAB;
	s->header.top_k = 2;
	for (int i = 0; i < 2; i++) {
		fc__source__init(&s->source[i]);
		s->source[i].name = i ? "b" : "a";
		s->source[i].model = 9;
		s->source[i].tokenizer = i ? 6 : 5;
		s->source_at[i] = &s->source[i];
	}
	s->header.n_source = 2;
	s->header.source = s->source_at;
	fc__program__init(&s->program);
	s->program.name = "x";
	for (int i = 0; i < 1025; i++)
		s->program_at[i] = &s->program;
	s->header.n_history = 1;
	s->header.history = s->program_at;

	Fc__Example *m = &s->example;
	fc__example__init(m);
	m->id = BYTES("q");
	m->meta = BYTES("{\"n\":1}");
	m->text = BYTES("abcdef");
	m->segment = BYTES("\2\2\2");
	m->segment_flags = BYTES("\4\7\27"); /* user; assistant, trained; its turn's end, trained */
	m->n_token = 4;
	m->token = BYTES("\1\1\7\3\0\0\0\0");
	m->span = BYTES("\0\2\2\2");
	m->flags = BYTES("\30\4\47\67"); /* BOS */
	m->row_length = 2;
	m->entry_id = BYTES("\7\53\2\3\0\1\0\0"); /* 7 299, 2 3 */
	m->entry_logprob = BYTES("\0\0\0\0\x34\x0c\x3c\0");
	m->true_rank = BYTES("\1\2");
	m->nll = 1.25;
	m->n_label = 2;
	m->label_bytes = 4;
}

/* NULL, or why it is refused. */
static const char *verdict(const struct stream *s)
{
	static char why[1024];
	struct fc_buf b = FC_BUF_INIT;
	struct fc_err e = {""};
	struct fc_frame_out *f;
	struct fc_reader *r;
	struct fc_example x;
	enum fc_read ret = FC_READ_ERROR;
	fc_example_init(&x);
	fc_pack_record(NULL, &b, FC__RECORD__KIND_HEADER, &s->header.base, NULL);
	fc_pack_record(NULL, &b, FC__RECORD__KIND_EXAMPLE, &s->example.base, NULL);
	fc_pack_trailer(&b, 1, fc_hash(b.p, b.n, 0), NULL, 0);
	if (fc_frame_out_open(&f, path, &e) < 0 || fc_frame_out_put(f, b.p, b.n, NULL, 0, &e) < 0 ||
	    fc_frame_out_finish(f, &e) < 0)
		return "could not write the case";
	if (fc_reader_open(&r, path, 0, &e) == 0) {
		while ((ret = fc_reader_example(r, &x, &e)) == FC_READ_RECORD)
			;
		fc_reader_close(r);
	}
	fc_example_release(&x);
	fc_buf_release(&b);
	snprintf(why, sizeof why, "%s", e.msg);
	return ret == FC_READ_END ? NULL : why;
}

/* Changes one thing of an example's numbers and texts; returns what, and what is to be said of it,
 * NULL: that it is taken. */
static const char *change_example(int i, Fc__Example *m, const char **message)
{
	switch (i) {
	case 0:
		m->nll = -1;
		*message = "its cross-entropy is negative: -1 nats";
		return "a negative nll";
	case 1:
		m->nll = 1e308;
		*message = "a cross-entropy of 1e+308 nats for 2 labels";
		return "an absurd nll";
	case 2:
		m->n_label = 999;
		*message = "999 labels in a text of 6 bytes and 4 tokens";
		return "more labels than the text can have";
	case 3:
		m->n_label = 0xffffffff;
		*message = "4294967295 labels";
		return "four billion labels";
	case 4:
		m->label_bytes = 7;
		*message = "labels for 7 bytes of a text of 6";
		return "label bytes above the text";
	case 5:
		m->n_label = 0;
		*message = "a cross-entropy of 1.25 nats over 4 bytes, and no label";
		return "a cross-entropy without labels";
	case 6:
		m->meta = BYTES("[1]");
		*message = "meta is no JSON object";
		return "a list as meta";
	case 7:
		m->meta = BYTES("{\"n\":");
		*message = "meta is no JSON object: ";
		return "half an object as meta";
	case 8:
		m->id = BYTES("caf\xe9");
		*message = "id: byte 3 is no UTF-8";
		return "an id in Latin-1";
	case 9:
		m->text = BYTES("abc\xff"
				"ef");
		*message = "text: byte 3 is no UTF-8";
		return "a text that is no UTF-8";
	case 10:
		m->segment_flags = BYTES("\4\6\26");
		*message = "token 2 is trained, and no segment is";
		return "trained tokens, untrained segments";
	case 11:
		m->flags = BYTES("\30\5\47\67");
		*message = "token 1, bytes 0 to 2, has flags 0x5, which no segment there has";
		return "a trained token of an untrained segment";
	case 12:
		m->flags = BYTES("\30\4\47\47");
		*message = "token 3, bytes 4 to 6, has flags 0x7";
		return "a token with the part of its neighbour's segment";
	case 13:
		m->nll = 2 * 65504.;
		return "legal: the least log-probability twice";
	case 14:
		m->n_label = 96;
		return "legal: as many labels as another tokenizer may have";
	case 15:
		m->label_bytes = 0;
		return "legal: labels that cover no bytes";
	case 16:
		m->nll = 0;
		return "legal: labels that are certain";
	case 17:
		m->span = BYTES("\0\3\1\2");
		return "legal: a token over a border, with the flags of where it begins";
	case 18:
		m->span = BYTES("\0\1\3\2");
		return "legal: a token over a border, with the flags of where it ends";
	case 19:
		m->segment.len = m->segment_flags.len = 0;
		return "legal: segments that are not known";
	case 20:
		m->meta.len = m->id.len = 0;
		return "legal: neither id nor meta";
	default:
		return NULL;
	}
}

static const char *change_rows(int i, struct stream *s, const char **message)
{
	Fc__Example *m = &s->example;
	switch (i) {
	case 0:
		m->entry_id = BYTES("\7\7\2\3\0\0\0\0");
		*message = "row 0: id 7 twice";
		return "an id twice in a row";
	case 1:
		m->entry_logprob = BYTES("\0\0\0\0\0\0\x3c\0");
		*message = "row 0: its 2 entries have a probability of 2 together";
		return "a mass of 2";
	case 2: /* e^-0.6875 twice: 1.0057 */
		m->entry_logprob = BYTES("\x80\0\0\0\x39\0\x3c\0");
		*message = "row 0: its 2 entries have a probability of 1.0057 together";
		return "a mass a little above 1";
	case 3:
		m->true_rank = BYTES("\2\2");
		*message = "row 0: its true token is 7, but entry 2, which true_rank names, is 299";
		return "a rank that names another token";
	case 4:
		m->true_rank = BYTES("\0\2");
		m->true_logprob = BYTES("\0\x3c");
		*message =
		    "row 0: its true token 7 is entry 1 with log-probability -0.25, but has -1";
		return "a listed token with another log-probability";
	case 5:
		m->true_rank = BYTES("\0\2");
		m->true_logprob = BYTES("\1\x34");
		return "legal: a listed token with a log-probability rounded otherwise";
	case 6:
		m->source = 1;
		m->true_rank = BYTES("\0\2");
		m->true_logprob = BYTES("\0\x3c");
		return "legal: carried over, a listed token's own log-probability";
	case 7:
		m->source = 1;
		m->true_rank = BYTES("\2\2");
		*message = "row 0: its true token is 7, but entry 2";
		return "carried over, a rank that names another token";
	case 8: /* e^-0.69336 twice: 0.99982; by bits 398C */
		m->entry_logprob = BYTES("\x8c\0\0\0\x39\0\x3c\0");
		return "legal: halves";
	case 9:
		m->entry_logprob = BYTES("\0\0\0\0\x48\0\x3c\0");
		return "legal: entries that are not the likeliest";
	case 10:
		m->row_length = 0;
		m->entry_id.len = m->entry_logprob.len = 0;
		m->true_rank = BYTES("\0\0");
		m->true_logprob = BYTES("\0\0\x34\x3c");
		return "legal: rows without entries";
	default:
		return NULL;
	}
}

static const char *change_header(int i, struct stream *s, const char **message)
{
	switch (i) {
	case 0:
		s->source[1].name = "a";
		*message = "two sources are called 'a'";
		return "two sources of one name";
	case 1:
		s->source[0].name = "caf\xe9";
		*message = "a source's name: byte 3 is no UTF-8";
		return "a source's name in Latin-1";
	case 2:
		s->program.args = "--by caf\xe9";
		*message = "a program's options: byte 8 is no UTF-8";
		return "a program's options in Latin-1";
	case 3:
		s->program.version = "\xff";
		*message = "a program's version: byte 0 is no UTF-8";
		return "a program's version that is no UTF-8";
	case 4:
		s->header.n_history = 1025;
		*message = "1025 programs, the limit is 1024";
		return "1025 programs";
	case 5:
		s->header.n_history = 1024;
		return "legal: 1024 programs";
	default:
		return NULL;
	}
}

/* Rows of four draws at temperature 1: 3 and 1, 2 and 2; ln(4/3), ln 4 and ln 2 are binary16 349A,
 * 3D8C and 398C (struct.pack of Python). */
static const char *change_draws(int i, struct stream *s, const char **message)
{
	Fc__Example *m = &s->example;
	s->header.n_sample = 4;
	s->header.sample_temperature = 1;
	m->entry_logprob = BYTES("\x9a\xf2\x8c\0\x34\x08\x39\0");
	m->true_rank = BYTES("\0\0");
	m->true_logprob = BYTES("\0\0\x40\x40"); /* -2, whatever was drawn */
	switch (i) {
	case 0:
		return "legal: counts, and true tokens with another value than their share";
	case 1:
		m->entry_logprob = BYTES("\0\0\x8c\0\x34\x0c\x39\0");
		*message =
		    "row 0: entry 1 has log-probability -0.25, which is no whole number of 4 draws";
		return "a share that is no count";
	case 2:
		m->source = 1;
		m->entry_logprob = BYTES("\0\0\x8c\0\x34\x0c\x39\0");
		return "legal: carried over, a share that is no count";
	case 3:
		m->entry_logprob = BYTES("\x9b\xf1\x8c\0\x34\x08\x39\0");
		return "legal: a count rounded otherwise";
	case 4:
		s->header.sample_temperature = 0;
		*message = "4 draws at temperature 0";
		return "draws without a temperature";
	case 5:
		s->header.sample_temperature = -1;
		*message = "4 draws at temperature -1";
		return "a negative temperature";
	case 6:
		s->header.sample_temperature = NAN;
		*message = "4 draws at temperature nan";
		return "a temperature that is no number";
	case 7:
		s->header.n_sample = 0;
		*message = "0 draws at temperature 1";
		return "a temperature without draws";
	case 8:
		s->header.n_sample = 2049;
		*message = "rows of 2049 draws, the limit is 2048";
		return "more draws than binary16 can count";
	case 9:
		s->header.kind = FC__KIND__TOKENS;
		*message = "draws of rows in a token stream";
		return "draws in a token stream";
	case 10:
		m->row_length = 1;
		m->entry_id = BYTES("\7\2\0\0");
		m->entry_logprob = BYTES("\x9a\x8c\x34\x39");
		return "legal: rows that lack draws, of ids that no token has";
	default:
		return NULL;
	}
}

static void test_changes(void)
{
	static struct stream s;
	good_stream(&s);
	const char *why = verdict(&s);
	T_OK(!why, "control: read (%s)", why ? why : "");
	for (int group = 0; group < 4; group++) {
		for (int i = 0;; i++) {
			const char *message = NULL;
			good_stream(&s);
			const char *what = group == 0 ? change_example(i, &s.example, &message)
			    : group == 1              ? change_rows(i, &s, &message)
			    : group == 2              ? change_header(i, &s, &message)
						      : change_draws(i, &s, &message);
			if (!what)
				break;
			why = verdict(&s);
			if (message)
				T_OK(why && strstr(why, message), "%s: %s", what,
				    why ? why : "accepted");
			else
				T_OK(!why, "%s (%s)", what, why ? why : "");
		}
	}
}

/* Rows of k equal probabilities, which rounding moves together: the worst case of the bound. */
static void test_rounding(void)
{
	enum { MOST = 60000 };
	struct fc_err e = {""};
	struct fc_header h;
	struct fc_writer *w;
	struct fc_example x;
	uint32_t *id = FC_ARRAY(uint32_t, MOST);
	float *logprob = FC_ARRAY(float, MOST);
	int n_refused = 0, n = 0;
	fc_header_init(&h, FC_KIND_DISTS);
	h.n_vocab = MOST;
	fc_example_init(&x);
	fc_buf_adds(&x.text, "ab");
	fc_example_add_token(&x, 0, 1, 0);
	fc_example_add_token(&x, MOST - 1, 2, 0);
	for (uint32_t k = 1; k < MOST; k += 1 + k / 50, n++) {
		for (uint32_t i = 0; i < k; i++) {
			id[i] = i;
			logprob[i] = -logf((float)k);
		}
		h.top_k = k;
		fc_example_clear_rows(&x);
		fc_example_add_row(&x, 1, k, id, logprob, -20);
		if (fc_writer_open(&w, path, &h, &e) < 0)
			break;
		n_refused += fc_writer_example(w, &x, &e) < 0;
		fc_writer_abort(w);
	}
	T_OK(n > 300 && n_refused == 0, "rounding: %d of %d uniform rows are refused (%s)",
	    n_refused, n, e.msg);
	fc_example_release(&x);
	fc_header_release(&h);
	free(id);
	free(logprob);
}

static const char *tensors(const char *const *name, size_t n)
{
	static struct fc_err e;
	struct fc_header h;
	struct fc_writer *w;
	struct fc_reader *r;
	struct fc_tensor_part part;
	enum fc_read ret;
	const float one = 1;
	fc_header_init(&h, FC_KIND_TENSORS);
	if (fc_writer_open(&w, path, &h, &e) < 0)
		return e.msg;
	for (size_t i = 0; i < n; i++) {
		struct fc_tensor t = {.name = name[i], .dtype = FC_F32, .data = &one, .n_bytes = 4};
		if (fc_writer_tensor(w, &t, &e) < 0) {
			fc_writer_abort(w);
			return e.msg;
		}
	}
	if (fc_writer_finish(w, &e) < 0 || fc_reader_open(&r, path, 0, &e) < 0)
		return e.msg;
	while ((ret = fc_reader_tensor(r, &part, &e)) == FC_READ_RECORD)
		;
	fc_reader_close(r);
	return ret == FC_READ_END ? NULL : e.msg;
}

static void test_tensors(void)
{
	enum { MANY = 5000 };
	char text[MANY][16];
	const char *many[MANY + 1];
	const char *why = tensors((const char *[]){"a", "b", "c"}, 3);
	T_OK(!why, "control: tensors (%s)", why ? why : "");
	why = tensors((const char *[]){"a", "b", "a"}, 3);
	T_OK(why && strstr(why, "tensor a comes twice"), "a tensor twice: %s", why ? why : "taken");
	why = tensors((const char *[]){"a", ""}, 2);
	T_OK(why && strstr(why, "a tensor without a name"), "no name: %s", why ? why : "taken");
	why = tensors((const char *[]){"caf\xe9"}, 1);
	T_OK(why && strstr(why, "tensor caf\\xe9: its name is no UTF-8"), "a name in Latin-1: %s",
	    why ? why : "taken");
	for (int i = 0; i < MANY; i++) {
		snprintf(text[i], sizeof text[i], "t%d", i);
		many[i] = text[i];
	}
	why = tensors(many, MANY);
	T_OK(!why, "control: many tensors (%s)", why ? why : "");
	many[MANY] = "t17";
	why = tensors(many, MANY + 1);
	T_OK(why && strstr(why, "tensor t17 comes twice"), "one of many twice: %s",
	    why ? why : "taken");
}

int main(void)
{
	snprintf(path, sizeof path, "/tmp/fc-impossible-%ld.fcs", (long)getpid());
	test_changes();
	test_rounding();
	test_tensors();
	unlink(path);
	return t_done();
}
