/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "t.h"

/* A stream that is cut off anywhere, or changed in one bit, is refused or says the same as before;
 * which of the two is checked against where the bit stands. */

static char path[64];
static int fd;

static void make_example(struct fc_example *x, int i)
{
	static const uint32_t id[2][3] = {{7, 299, 33}, {299, 7, 4}};
	static const float logprob[] = {-0.25f, -2.5f, -4};
	fc_example_clear(x);
	fc_buf_addf(&x->id, "q%d", i);
	fc_buf_adds(&x->text, "Hello there, world!");
	fc_example_add_segment(x, 6, FC_TOK_FLAGS(0, FC_ROLE_USER, FC_PART_CONTENT));
	fc_example_add_segment(x, 19, FC_TOK_FLAGS(1, FC_ROLE_ASSISTANT, FC_PART_CONTENT));
	for (uint32_t t = 0; t < 10; t++)
		fc_example_add_token(x, 29 * t, t * 2, t % 2);
	for (uint32_t t = 1; t < 10; t += 2)
		fc_example_add_row(x, t, 3, id[t % 4 / 2], logprob, logprob[t % 3]);
	x->nll = 1.5;
	x->n_label = 5;
	x->label_bytes = 13;
}

/* The first n bytes of b become the file at path. */
static void put(const struct fc_buf *b, size_t n)
{
	if (pwrite(fd, b->p, n, 0) != (ssize_t)n || ftruncate(fd, (off_t)n) < 0)
		T_OK(false, "write %s", path);
}

/* Everything the stream at path says, as bytes; false when it is refused. */
static bool contents(struct fc_buf *all, char *why)
{
	struct fc_err e = {""};
	struct fc_reader *r;
	struct fc_example x;
	enum fc_read ret = FC_READ_ERROR;
	fc_buf_clear(all);
	fc_example_init(&x);
	if (fc_reader_open(&r, path, FC_KIND_DISTS, &e) == 0) {
		const struct fc_header *h = fc_reader_header(r);
		fc_buf_addf(all, "%llu %u %u %zu\n", (unsigned long long)h->tokenizer, h->n_vocab,
		    h->top_k, h->n_history);
		while ((ret = fc_reader_example(r, &x, &e)) == FC_READ_RECORD) {
			fc_buf_add(all, x.id.p, x.id.n);
			fc_buf_add(all, x.text.p, x.text.n);
			fc_buf_add(all, x.tok, x.n_tok * sizeof *x.tok);
			fc_buf_add(all, x.end, x.n_tok * sizeof *x.end);
			fc_buf_add(all, x.flags, x.n_tok);
			fc_buf_add(all, x.row_tok, x.n_row * sizeof *x.row_tok);
			fc_buf_add(all, x.true_logprob, x.n_row * sizeof *x.true_logprob);
			fc_buf_add(all, x.entry_id, x.row_off[x.n_row] * sizeof *x.entry_id);
			fc_buf_add(
			    all, x.entry_logprob, x.row_off[x.n_row] * sizeof *x.entry_logprob);
			fc_buf_add(all, x.unknown.p, x.unknown.n);
		}
		fc_reader_close(r);
	}
	fc_example_release(&x);
	snprintf(why, 256, "%.255s", e.msg);
	return ret == FC_READ_END;
}

static void make_stream(struct fc_buf *b)
{
	struct fc_err e;
	struct fc_header h;
	struct fc_writer *w;
	struct fc_example x;
	fc_header_init(&h, FC_KIND_DISTS);
	h.tokenizer = 77;
	h.n_vocab = 300;
	h.top_k = 3;
	fc_header_add_program(&h, "fc-infer", "1", "--top-k 3");
	fc_example_init(&x);
	bool good = fc_writer_open(&w, path, &h, &e) == 0;
	for (int i = 0; good && i < 3; i++) {
		make_example(&x, i);
		good = fc_writer_example(w, &x, &e) == 0;
	}
	good = good && fc_writer_finish(w, &e) == 0 && fc_file_read(path, 1 << 20, b, &e) == 0;
	T_OK(good, "made a stream of %zu bytes", b->n);
	fc_example_release(&x);
	fc_header_release(&h);
}

static size_t find_last(const struct fc_buf *b, const char *magic)
{
	size_t at = 0;
	for (size_t i = 0; i + 4 <= b->n; i++)
		if (!memcmp(b->p + i, magic, 4))
			at = i;
	return at;
}

/* Cut before the seek table, whole frames and the trailer are there: that is a stream. */
static void test_truncation(const struct fc_buf *b, const struct fc_buf *whole)
{
	struct fc_buf got = FC_BUF_INIT;
	char why[256];
	size_t table = find_last(b, "\x5e\x2a\x4d\x18"), n_accepted = 0, n_silent = 0;
	for (size_t n = 0; n < b->n; n++) {
		put(b, n);
		bool good = contents(&got, why);
		if (good && n != table)
			n_accepted++;
		if (good && n == table && (got.n != whole->n || memcmp(got.p, whole->p, got.n)))
			n_accepted++;
		n_silent += !good && !strstr(why, path);
	}
	T_EQ(n_accepted, 0, "truncation: accepted cuts");
	T_EQ(n_silent, 0, "truncation: messages that do not name the file");
	put(b, b->n);
	T_OK(contents(&got, why) && got.n == whole->n,
	    "truncation: the whole stream is accepted (%s)", why);
	fc_buf_release(&got);
}

/* A changed bit is refused, unless what the stream says is the same.  It is the same inside a
 * skippable frame; elsewhere in few bits that decoders ignore or read alike. */
static void test_bits(const struct fc_buf *b, const struct fc_buf *whole)
{
	struct fc_buf got = FC_BUF_INIT;
	char why[256];
	size_t table = find_last(b, "\x5e\x2a\x4d\x18"), n_wrong = 0, n_inside = 0, n_outside = 0;
	for (size_t i = 0; i < 8 * b->n; i++) {
		size_t at = i / 8;
		bool inside = (at >= 8 && at < 20) || at >= table + 8;
		b->p[at] = (char)(b->p[at] ^ 1 << i % 8);
		put(b, b->n);
		bool good = contents(&got, why);
		n_wrong += good && (got.n != whole->n || memcmp(got.p, whole->p, got.n));
		n_inside += inside && !good;
		n_outside += !inside && good;
		b->p[at] = (char)(b->p[at] ^ 1 << i % 8);
	}
	T_EQ(n_wrong, 0, "flipped bits: accepted with another content");
	T_EQ(n_inside, 0, "flipped bits: refused inside skippable frames");
	T_OK(n_outside < table / 8, "flipped bits: %zu of %zu outside of them change nothing",
	    n_outside, 8 * table);
	fc_buf_release(&got);
}

/* Streams after one another, with skippable frames anywhere between. */
static void test_concatenation(const struct fc_buf *b, const struct fc_buf *whole)
{
	struct fc_buf two = FC_BUF_INIT, got = FC_BUF_INIT;
	char why[256];
	fc_buf_add(&two, "\x53\x2a\x4d\x18\x03\0\0\0abc", 11);
	fc_buf_add(&two, b->p, b->n);
	fc_buf_add(&two, "\x5f\x2a\x4d\x18\0\0\0\0", 8);
	fc_buf_add(&two, b->p, b->n);
	put(&two, two.n);
	size_t head = (size_t)(strchr(whole->p, '\n') + 1 - whole->p);
	T_OK(contents(&got, why) && got.n == 2 * whole->n - head, "concatenation: both parts (%s)",
	    why);
	put(&two, two.n - b->n + 30);
	T_OK(!contents(&got, why) && strstr(why, "cut off"), "concatenation: second part cut (%s)",
	    why);
	fc_buf_adds(&two, "junk");
	put(&two, two.n);
	T_OK(!contents(&got, why), "concatenation: junk behind (%s)", why);
	two.n = 0;
	fc_buf_adds(&two, "{\"messages\": []}\n");
	put(&two, two.n);
	T_OK(!contents(&got, why) && strstr(why, "not a stream"), "foreign file (%s)", why);
	fc_buf_release(&two);
	fc_buf_release(&got);
}

int main(void)
{
	struct fc_buf b = FC_BUF_INIT, whole = FC_BUF_INIT;
	char why[256];
	snprintf(path, sizeof path, "/tmp/fc-damage-%ld.fcs", (long)getpid());
	make_stream(&b);
	fd = open(path, O_RDWR);
	T_OK(contents(&whole, why), "control: it is read (%s)", why);
	test_truncation(&b, &whole);
	test_bits(&b, &whole);
	test_concatenation(&b, &whole);
	close(fd);
	unlink(path);
	fc_buf_release(&b);
	fc_buf_release(&whole);
	return t_done();
}
