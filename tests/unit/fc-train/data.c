/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "fc-train/feed.h"
#include "fc-train/spool.h"
#include "fc-train/stepbatch.h"
#include "stream/writer.h"
#include "t.h"

enum { N_EXAMPLE = 57, N_VOCAB = 100 };
static char path[] = "/tmp/fc-train-data.XXXXXX";
static const struct train_example_rule rule = {.n_output = N_VOCAB, .max_tok = 64, .rows = true};

/* Example i has 4 + i % 13 tokens, is named by its number, trains every token from 1 + i % 3 on,
 * and has a row of i % 4 entries for every second of those. */
static void make_example(struct fc_example *x, int i)
{
	static const float logprob[] = {-0.5f, -1.5f, -2.5f};
	uint32_t n = 4 + (uint32_t)i % 13, first = 1 + (uint32_t)i % 3;
	fc_example_clear(x);
	fc_buf_addf(&x->id, "%d", i);
	for (uint32_t t = 0; t < n; t++) {
		fc_buf_adds(&x->text, "ab");
		fc_example_add_token(x, ((uint32_t)i * 7 + t) % N_VOCAB, 2 * (t + 1),
		    FC_TOK_FLAGS(t >= first, FC_ROLE_ASSISTANT, FC_PART_CONTENT));
	}
	for (uint32_t t = first; t < n; t += 2) {
		uint32_t id[] = {t, t + 1, t + 2};
		fc_example_add_row(x, t, (size_t)i % 4, id, logprob, -1);
	}
}

static void write_stream(void)
{
	struct fc_writer *w;
	struct fc_header h;
	struct fc_example x;
	struct fc_err e;
	fc_header_init(&h, FC_KIND_DISTS);
	h.tokenizer = 0x1234;
	h.n_vocab = N_VOCAB;
	h.top_k = 3;
	fc_header_add_source(
	    &h, "a", 1, 0x9); /* rows carried over: a listed token may have another value */
	close(mkstemp(path));
	T_OK(fc_writer_open(&w, path, &h, &e) == 0, "a stream to read");
	fc_example_init(&x);
	for (int i = 0; i < N_EXAMPLE; i++) {
		make_example(&x, i);
		if (fc_writer_example(w, &x, &e) < 0)
			T_OK(false, "write: %s", e.msg);
	}
	T_OK(fc_writer_finish(w, &e) == 0, "a stream to read, complete");
	fc_example_release(&x);
	fc_header_release(&h);
}

static struct train_feed *open_feed(
    const char *from, size_t n_shuffle, uint64_t n_pass, uint64_t seed)
{
	struct train_feed_opts o = {from, n_shuffle, seed, n_pass};
	struct train_feed *f;
	struct fc_err e;
	if (train_feed_open(&f, &o, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	train_feed_set_rule(f, &rule);
	return f;
}

/* The numbers of the next examples; -1 after the end, -2 for an error. */
static void take(struct train_feed *f, int *id, int n)
{
	const struct train_example *s;
	struct fc_err e;
	for (int i = 0; i < n; i++) {
		int got = train_feed_peek(f, &s, &e);
		id[i] = got == 1 ? atoi(s->id) : got == 0 ? -1 : -2;
		if (got == 1)
			free(train_feed_take(f));
	}
}

static bool is_permutation(const int *id)
{
	bool seen[N_EXAMPLE] = {false};
	for (int i = 0; i < N_EXAMPLE; i++) {
		if (id[i] < 0 || id[i] >= N_EXAMPLE || seen[id[i]])
			return false;
		seen[id[i]] = true;
	}
	return true;
}

/* Runs the rest of this process with a pipe of the stream as standard input. */
static pid_t pipe_stdin(void)
{
	int fd[2];
	fflush(stdout);
	if (pipe(fd) < 0)
		abort();
	pid_t child = fork();
	if (child == 0) {
		char buf[4096];
		ssize_t n;
		int in = open(path, O_RDONLY);
		close(fd[0]);
		while ((n = read(in, buf, sizeof buf)) > 0)
			if (write(fd[1], buf, (size_t)n) != n)
				_exit(1);
		_exit(0);
	}
	close(fd[1]);
	dup2(fd[0], 0);
	close(fd[0]);
	return child;
}

#define BYTES ((2 * N_EXAMPLE + 1) * sizeof(int))

static void test_order(void)
{
	static const size_t shuffle[] = {1, 2, 10, N_EXAMPLE, 10 * N_EXAMPLE};
	int a[2 * N_EXAMPLE + 1], b[2 * N_EXAMPLE + 1];
	for (size_t i = 0; i < FC_LEN(shuffle); i++) {
		struct train_feed *f = open_feed(path, shuffle[i], 2, 3);
		take(f, a, 2 * N_EXAMPLE + 1);
		train_feed_close(f);
		T_OK(is_permutation(a) && is_permutation(a + N_EXAMPLE) && a[2 * N_EXAMPLE] == -1,
		    "buffer of %zu: two passes hand out everything once each, then end",
		    shuffle[i]);
		bool same = !memcmp(a, a + N_EXAMPLE, N_EXAMPLE * sizeof *a);
		T_OK(same == (shuffle[i] == 1), "buffer of %zu: the passes' orders %s", shuffle[i],
		    same ? "are equal" : "differ");
		f = open_feed(path, shuffle[i], 2, 4);
		take(f, b, 2 * N_EXAMPLE + 1);
		train_feed_close(f);
		T_OK((memcmp(a, b, BYTES) == 0) == (shuffle[i] == 1),
		    "buffer of %zu: the seed decides", shuffle[i]);
		for (int wait = 0; wait < 2; wait++) {
			struct fc_err e;
			pid_t child = pipe_stdin();
			f = open_feed("-", shuffle[i], 2, 3);
			T_OK(!train_feed_is_file(f), "a pipe is no file");
			if (wait)
				T_OK(train_feed_count(f, &e) == 0, "a pipe can be counted first");
			take(f, b, 2 * N_EXAMPLE + 1);
			train_feed_close(f);
			waitpid(child, NULL, 0);
			T_OK(!memcmp(a, b, BYTES), "buffer of %zu: a pipe%s gives a file's order",
			    shuffle[i], wait ? " counted first" : "");
		}
	}
	struct train_feed *f = open_feed(path, 1, 1, 3);
	take(f, a, N_EXAMPLE);
	for (int i = 0; i < N_EXAMPLE; i++)
		b[i] = i;
	T_OK(!memcmp(a, b, N_EXAMPLE * sizeof *a), "a buffer of 1 keeps the stream's order");
	train_feed_close(f);
}

static void test_seek(void)
{
	static const int stop[] = {0, 1, 20, N_EXAMPLE, N_EXAMPLE + 1, 2 * N_EXAMPLE + 5};
	int a[3 * N_EXAMPLE + 1], b[3 * N_EXAMPLE + 1], n_all = 3 * N_EXAMPLE + 1;
	struct fc_err e;
	for (size_t i = 0; i < FC_LEN(stop); i++) {
		struct train_feed *f = open_feed(path, 10, 3, 5);
		take(f, a, stop[i]);
		const struct train_example *s;
		train_feed_peek(f, &s, &e); /* as a step does to know that it is full */
		struct train_feed_pos pos = train_feed_tell(f);
		take(f, a + stop[i], n_all - stop[i]);
		train_feed_close(f);
		for (int piped = 0; piped < 2; piped++) {
			pid_t child = piped ? pipe_stdin() : 0;
			f = open_feed(piped ? "-" : path, 10, 3, 5);
			bool good = train_feed_seek(f, &pos, &e) == 0;
			take(f, b + stop[i], n_all - stop[i]);
			train_feed_close(f);
			if (piped)
				waitpid(child, NULL, 0);
			T_OK(good &&
				!memcmp(a + stop[i], b + stop[i],
				    (size_t)(n_all - stop[i]) * sizeof *a),
			    "seek to %d examples in a %s goes on with the same ones", stop[i],
			    piped ? "pipe" : "file");
		}
		if (pos.pass) {
			struct train_feed_pos other = pos;
			other.stream ^= 1;
			f = open_feed(path, 10, 3, 5);
			T_OK(train_feed_seek(f, &other, &e) < 0,
			    "seek to %d samples: another stream is refused behind its first pass",
			    stop[i]);
			train_feed_close(f);
		}
		T_OK(!pos.stream == !pos.pass, "what the stream is is known after a pass");
		if (pos.taken) {
			pos.hash ^= 1;
			f = open_feed(path, 10, 3, 5);
			T_OK(train_feed_seek(f, &pos, &e) < 0,
			    "seek to %d examples: another stream is refused", stop[i]);
			train_feed_close(f);
		}
	}
}

/* Every token, label and row of a pass is in the micro-batches once, at its place. */
static void check_micro(const struct train_stepbatch *b, size_t max_tok,
    const struct train_weights *w, double *weight, size_t *n_tok)
{
	struct train_micro m = {0};
	struct train_micros micros = {0};
	struct fc_example x;
	size_t next = 0;
	bool good = true;
	fc_example_init(&x);
	train_micros_cut(&micros, b, max_tok);
	for (size_t i = 0; i < micros.n; i++) {
		train_micro_pack(&m, &micros, i, b, w);
		size_t n = 0;
		good = good && m.first == next &&
		    (m.n_example == 1 || m.off[m.batch.n_seq] <= max_tok);
		for (size_t s = 0; s < m.n_example; s++) {
			size_t base = m.off[s], row = 0;
			make_example(&x, atoi(b->example[m.first + s]->id));
			good = good && m.off[s + 1] - base == x.n_tok &&
			    !memcmp(m.tok + base, x.tok, x.n_tok * 4);
			for (size_t t = 1; t < x.n_tok; t++) {
				while (row < x.n_row && x.row_tok[row] < t)
					row++;
				size_t k = row < x.n_row && x.row_tok[row] == t
				    ? x.row_off[row + 1] - x.row_off[row]
				    : 0;
				bool trained = fc_example_trained(&x, t);
				if (!k && !trained)
					continue;
				good = good && m.row_pos[n] == base + t - 1 &&
				    m.target[n] == x.tok[t] && (m.label_weight[n] > 0) == trained &&
				    (m.row_weight[n] > 0) == (k > 0) &&
				    m.row_off[n + 1] - m.row_off[n] == k &&
				    (!k ||
					!memcmp(m.entry_id + m.row_off[n],
					    x.entry_id + x.row_off[row], k * 4));
				*weight += (double)m.label_weight[n] + (double)m.row_weight[n];
				n++;
			}
		}
		good =
		    good && n == m.targets.n && (m.targets.teacher != NULL) == (m.row_off[n] > 0);
		next += m.n_example;
		*n_tok += m.off[m.batch.n_seq];
	}
	T_OK(good && next == b->n, "micro-batches of %zu tokens hold the step's %zu examples",
	    max_tok, b->n);
	train_micro_release(&m);
	train_micros_release(&micros);
	fc_example_release(&x);
}

/* A row that does not list the token that follows gets it, with what the stream gives it. */
static void test_labels(void)
{
	struct train_example_rule r = {
	    .n_output = 50, .max_tok = 100, .rows = true, .list_labels = true};
	static const uint32_t id[] = {3, 9, 4}, listed[] = {7, 2};
	static const float lp[] = {-0.5f, -2, -3};
	struct train_example_count count = {0};
	struct train_example *s;
	struct fc_example x;
	struct fc_err e;
	fc_example_init(&x);
	for (uint32_t t = 0; t < 4; t++)
		fc_example_add_token(&x, 5 + t, t + 1, FC_TOK_FLAGS(true, FC_ROLE_ASSISTANT, 0));
	fc_example_add_row(&x, 1, 3, id, lp, -4);
	fc_example_add_row(&x, 2, 2, listed, lp, -0.5f);
	fc_example_add_row(&x, 3, 0, id, lp, -1);
	bool got = train_example_new(&s, &x, &r, "x", &count, &e) == 1;
	T_OK(got && s->size.n_row == 2 && s->size.n_entry == 6 && s->entry_id[3] == 6 &&
		s->entry_logprob[3] == -4 && s->entry_id[4] == 7 && s->entry_id[5] == 2,
	    "a row gets the token it does not list");
	T_OK(got && count.n_row == 2 && count.n_outside == 1, "and is counted");
	T_NEAR(count.listed, 2 * exp(-0.5) + 2 * exp(-2) + exp(-3), 1e-9, "what rows list");
	free(s);
	r.list_labels = false;
	got = train_example_new(&s, &x, &r, "x", &count, &e) == 1;
	T_OK(got && s->size.n_entry == 5, "not where the rule does not say so");
	free(s);
	x.true_logprob[0] = NAN;
	T_OK(train_example_new(&s, &x, &r, "x", &count, &e) < 0, "NaN for the token is refused");
	fc_example_release(&x);
}

static void test_steps(void)
{
	static const size_t batch[] = {1, 40, 100000}, micro[] = {1, 17, 100000};
	struct train_stepbatch b = {0};
	struct fc_err e;
	for (size_t i = 0; i < FC_LEN(batch); i++) {
		struct train_feed *f = open_feed(path, 10, 1, 1);
		size_t n_tok = 0, n_micro_tok = 0;
		double worst = 0;
		while (train_stepbatch_fill(&b, f, batch[i], &e) == 1) {
			struct train_weights w =
			    train_stepbatch_weights(&b, 0.7, (enum train_untaught)(i % 2));
			double weight = 0;
			n_tok += b.n_tok;
			check_micro(&b, micro[i], &w, &weight, &n_micro_tok);
			worst = fmax(worst, fabs(weight - 1));
		}
		const struct train_example_count *n = train_feed_counted(f);
		T_OK(n && n_tok == n->n_tok && n_micro_tok == n_tok && n->n_example == N_EXAMPLE,
		    "steps of %zu tokens cover a pass", batch[i]);
		T_OK(worst < 1e-6, "steps of %zu tokens: weights sum to 1 (off by %.2g)", batch[i],
		    worst);
		train_feed_close(f);
	}
	train_stepbatch_release(&b);
}

static void test_weights(void)
{
	struct train_stepbatch both = {.n_label = 4, .n_row = 5}, labels = {.n_label = 4},
			       rows = {.n_row = 5};
	struct train_weights w = train_stepbatch_weights(&both, 0.9, TRAIN_UNTAUGHT_SHARE);
	T_NEAR(w.label, 0.9 / 4, 1e-12, "weights: lambda over the labels");
	T_NEAR(w.row, 0.1 / 5, 1e-12, "weights: the rest over the rows");
	w = train_stepbatch_weights(&labels, 0.9, TRAIN_UNTAUGHT_SHARE);
	T_OK(w.label == 0.25 && w.row == 0, "weights: without rows the labels have it all");
	w = train_stepbatch_weights(&rows, 0.9, TRAIN_UNTAUGHT_SHARE);
	T_OK(w.label == 0 && w.row == 0.2, "weights: without labels the rows have it all");

	/* 4 labels, 3 of them with one of the 5 rows: 6 positions */
	both.n_taught = 3;
	w = train_stepbatch_weights(&both, 0.9, TRAIN_UNTAUGHT_WHOLE);
	T_NEAR(w.label, 0.9 / 6, 1e-12, "weights: whole: a label with a row has lambda");
	T_NEAR(w.row, 0.1 / 6, 1e-12, "weights: whole: and the row the rest");
	T_NEAR(w.untaught, 1.0 / 6, 1e-12, "weights: whole: a label alone has it all");
	w = train_stepbatch_weights(&labels, 0.9, TRAIN_UNTAUGHT_WHOLE);
	T_OK(w.untaught == 0.25, "weights: whole: without rows the labels have it all");
}

static void test_example(void)
{
	struct train_example_count n = {0};
	struct train_example_rule r = rule;
	struct train_example *s;
	struct fc_example x;
	struct fc_err e;
	fc_example_init(&x);
	make_example(&x, 12); /* 16 tokens, labels from 1 on, rows of 0 entries */
	T_OK(train_example_new(&s, &x, &r, "s", &n, &e) == 1 && s->size.n_label == 15 &&
		!s->size.n_row && s->size.label_bytes == 30 && !strcmp(s->id, "12"),
	    "example: rows without entries are left out");
	free(s);
	make_example(&x, 11); /* 15 tokens, labels from 3 on, rows 3 5 .. 13 of 3 entries */
	r.max_tok = 8;
	T_OK(train_example_new(&s, &x, &r, "s", &n, &e) == 1 && s->size.n_tok == 8 &&
		s->size.n_label == 5 && s->size.n_row == 3 && s->size.n_entry == 9 && s->label[3] &&
		!s->label[2],
	    "example: cut at 8 tokens, with its labels and rows");
	free(s);
	r.rows = false;
	T_OK(train_example_new(&s, &x, &r, "s", &n, &e) == 1 && !s->size.n_row &&
		s->size.n_label == 5,
	    "example: without rows");
	free(s);
	T_OK(n.n_truncated == 2 && n.n_useless == 0 && n.n_example == 3, "example: counts");
	r.max_tok = 3;
	T_OK(train_example_new(&s, &x, &r, "s", &n, &e) == 0 && !s && n.n_useless == 1,
	    "example: cut before its first label, it is left out");
	r.max_tok = 64;
	x.tok[5] = N_VOCAB - 1;
	T_OK(train_example_new(&s, &x, &r, "s", &n, &e) == 1,
	    "example: the last id of the vocabulary");
	free(s);
	x.tok[5] = N_VOCAB;
	T_OK(train_example_new(&s, &x, &r, "s", &n, &e) == -1 && strstr(e.msg, "'11'"),
	    "example: an id beyond it is refused, with the conversation's name");
	x.tok[5] = 0;
	x.entry_id[4] = N_VOCAB;
	T_OK(train_example_new(&s, &x, &r, "s", &n, &e) == -1, "example: so is an id in a row");
	x.entry_id[4] = 0;
	x.entry_logprob[4] = (float)NAN;
	T_OK(train_example_new(&s, &x, &r, "s", &n, &e) == -1, "example: and a NaN");
	fc_example_clear(&x);
	T_OK(train_example_new(&s, &x, &r, "s", &n, &e) == 0,
	    "example: an empty example is left out");
	fc_example_release(&x);
}

static void test_spool(void)
{
	struct train_example_count n = {0};
	struct train_spool *spool;
	struct train_example *s[N_EXAMPLE] = {NULL}, *got;
	struct fc_example x;
	struct fc_err e;
	bool good = train_spool_open(&spool, &e) == 0;
	fc_example_init(&x);
	for (int i = 0; i < N_EXAMPLE; i++) {
		make_example(&x, i);
		if (train_example_new(&s[i], &x, &rule, "s", &n, &e) == 1)
			good = good && train_spool_add(spool, s[i], &e) == 0;
	}
	for (int pass = 0; pass < 2; pass++) {
		good = good && train_spool_rewind(spool, &e) == 0;
		for (int i = 0; i < N_EXAMPLE; i++) {
			if (!s[i])
				continue;
			good = good && train_spool_next(spool, &got, &e) == 1 &&
			    !memcmp(&got->size, &s[i]->size, sizeof got->size) &&
			    train_example_hash(got, 0) == train_example_hash(s[i], 0) &&
			    !strcmp(got->id, s[i]->id);
			free(got);
		}
		good = good && train_spool_next(spool, &got, &e) == 0;
	}
	T_OK(good, "spool: gives back what was added, twice");
	for (int i = 0; i < N_EXAMPLE; i++)
		free(s[i]);
	train_spool_close(spool);
	fc_example_release(&x);
}

int main(void)
{
	test_example();
	test_spool();
	test_weights();
	write_stream();
	test_order();
	test_seek();
	test_labels();
	test_steps();
	unlink(path);
	return t_done();
}
