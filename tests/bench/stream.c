/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Size of a stream, and speed of writing and reading it relative to copying its plain bytes and to
 * zstd alone on the same frames in the same run.  Build and run:
 *   make build/libfc.a
 *   cc -O2 -std=c11 -D_POSIX_C_SOURCE=200809L -fopenmp -Itools/lib tests/bench/stream.c \
 *       build/libfc.a -lzstd -lprotobuf-c -lxxhash -lm -o build/bench-stream
 *   build/bench-stream [capture.fcs]
 * Without a capture distributions are made up: Zipf's law over 32,000 ids, a context that moves
 * slowly, one id lifted above the others.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "stream/frame.h"
#include "stream/reader.h"
#include "stream/writer.h"

enum { V = 32000, N_EXAMPLE = 160, N_TOK = 180, N_RUN = 5, N_CANDIDATE = 800 };

static char path[64];
static struct fc_err e;

struct set {
	struct fc_header header;
	struct fc_example *x;
	size_t n, cap, n_row;
};

/* Takes over what is in x. */
static void add(struct set *s, struct fc_example *x)
{
	FC_GROW(s->x, s->cap, s->n + 1);
	s->n_row += x->n_row;
	s->x[s->n++] = *x;
	fc_example_init(x);
}

struct scored {
	float z;
	uint32_t id;
};

static int falling(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;
	return x->z != y->z ? (x->z < y->z) - (x->z > y->z) : (x->id > y->id) - (x->id < y->id);
}

/* A row over candidates: frequent ids, and some that the context chose. */
static void made_row(
    struct fc_example *x, struct fc_rng *rng, uint32_t t, uint32_t context, size_t k)
{
	static struct scored c[N_CANDIDATE];
	uint32_t tok = x->tok[t];
	double sum = 0, true_z = 0;
	for (uint32_t i = 0; i < N_CANDIDATE; i++) {
		uint32_t id = i < N_CANDIDATE / 2 ? i : (i * 7 + context * 131) % V;
		bool twice = id == tok || (i >= N_CANDIDATE / 2 && id < N_CANDIDATE / 2);
		double z = twice ? -1e3 : -log(id + 10.0) + 1.3 * fc_rng_normal(rng);
		if (i == 0) {
			id = tok;
			z = -log(id + 10.0) + 2 - 5 * log(fc_rng_unit(rng) + 1e-9);
			true_z = z;
		}
		c[i] = (struct scored){(float)z, id};
		sum += exp(z);
	}
	qsort(c, N_CANDIDATE, sizeof *c, falling);
	uint32_t id[64];
	float logprob[64];
	for (size_t i = 0; i < k; i++) {
		id[i] = c[i].id;
		logprob[i] = c[i].z - (float)log(sum);
	}
	fc_example_add_row(x, t, k, id, logprob, (float)true_z - (float)log(sum));
}

static void make_up(struct set *s, size_t k)
{
	struct fc_rng rng;
	struct fc_example x;
	fc_rng_seed(&rng, 1);
	fc_example_init(&x);
	fc_header_init(&s->header, FC_KIND_DISTS);
	s->header.n_vocab = V;
	s->header.top_k = (uint32_t)k;
	for (int i = 0; i < N_EXAMPLE / (k > 10 ? 4 : 1); i++) {
		fc_buf_addf(&x.id, "conv-%d", i);
		uint32_t end = 0, context = (uint32_t)fc_rng_below(&rng, V);
		for (uint32_t t = 0; t < N_TOK; t++) {
			uint32_t tok = (uint32_t)(pow(V + 10.0, fc_rng_unit(&rng)) * 0.999);
			for (uint32_t j = 0; j < 1 + tok % 6; j++, end++)
				fc_buf_addc(&x.text, (char)('a' + (tok >> j) % 26));
			fc_example_add_token(
			    &x, tok < V ? tok : 0, end, FC_TOK_FLAGS(t > 60, 3, 0));
			context += fc_rng_below(&rng, 8) == 0;
			if (t > 60)
				made_row(&x, &rng, t, context, k);
		}
		add(s, &x);
	}
}

static void take(struct set *s, const char *file)
{
	struct fc_reader *r;
	struct fc_example x;
	enum fc_read ret;
	fc_example_init(&x);
	if (fc_reader_open(&r, file, FC_KIND_DISTS, &e) < 0)
		fc_die("%s", e.msg);
	while ((ret = fc_reader_example(r, &x, &e)) == FC_READ_RECORD)
		add(s, &x);
	if (ret == FC_READ_ERROR)
		fc_die("%s", e.msg);
	fc_header_copy(&s->header, fc_reader_header(r));
	fc_reader_close(r);
}

static void write_all(const struct set *s)
{
	struct fc_writer *w;
	int ret = fc_writer_open(&w, path, &s->header, &e);
	for (size_t i = 0; ret == 0 && i < s->n; i++)
		ret = fc_writer_example(w, &s->x[i], &e);
	if (ret < 0 || fc_writer_finish(w, &e) < 0)
		fc_die("%s", e.msg);
}

static void read_all(void)
{
	struct fc_reader *r;
	struct fc_example x;
	fc_example_init(&x);
	if (fc_reader_open(&r, path, 0, &e) < 0)
		fc_die("%s", e.msg);
	while (fc_reader_example(r, &x, &e) == FC_READ_RECORD)
		;
	fc_reader_close(r);
	fc_example_release(&x);
}

/* Decompresses every frame and, with copy, copies its content. */
static size_t read_frames(char *copy, double *copy_s)
{
	struct fc_frame_in *f;
	const uint8_t *p;
	size_t n, total = 0;
	if (fc_frame_in_open(&f, path, &e) < 0)
		fc_die("%s", e.msg);
	while (fc_frame_in_next(f, &p, &n, &e) == 1) {
		double t = fc_now();
		if (copy)
			memcpy(copy, p, n);
		*copy_s += fc_now() - t;
		total += n;
	}
	fc_frame_in_close(f);
	return total;
}

static void measure(const char *what, const struct set *s)
{
	double write_s = 1e9, read_s = 1e9, zstd_s = 1e9, copy_s = 1e9;
	size_t n_plain = 0;
	char *copy = fc_malloc(FC_FRAME_MAX);
	for (int i = 0; i < N_RUN; i++) {
		double unused = 0, t = fc_now();
		write_all(s);
		write_s = fmin(write_s, fc_now() - t);
		t = fc_now();
		read_all();
		read_s = fmin(read_s, fc_now() - t);
		t = fc_now();
		n_plain = read_frames(NULL, &unused);
		zstd_s = fmin(zstd_s, fc_now() - t);
		t = 0;
		read_frames(copy, &t);
		copy_s = fmin(copy_s, t);
	}
	FILE *f = fopen(path, "rb");
	fseek(f, 0, SEEK_END);
	double n_file = (double)ftell(f), rows = (double)s->n_row, mb = 1e-6 * (double)n_plain;
	fclose(f);
	printf("%-10s %7.2f %7.2f %9.0f %9.0f %9.0f %9.2f %9.3f\n", what, (double)n_plain / rows,
	    n_file / rows, mb / write_s, mb / read_s, rows / read_s / 1e3, zstd_s / read_s,
	    copy_s / read_s);
	free(copy);
}

int main(int argc, char **argv)
{
	fc_prog = "bench-stream";
	snprintf(path, sizeof path, "/tmp/fc-bench-%ld.fcs", (long)getpid());
	printf("%-10s %7s %7s %9s %9s %9s %9s %9s\n", "", "plain", "stored", "write", "read",
	    "read", "read", "read");
	printf("%-10s %7s %7s %9s %9s %9s %9s %9s\n", "", "B/row", "B/row", "MB/s", "MB/s",
	    "krows/s", "/ zstd", "/ memcpy");
	if (argc > 1) {
		struct set s = {0};
		take(&s, argv[1]);
		measure("capture", &s);
	}
	for (size_t k = 10; argc == 1 && k <= 64; k += 54) {
		struct set s = {0};
		make_up(&s, k);
		measure(k == 10 ? "k = 10" : "k = 64", &s);
	}
	unlink(path);
	return 0;
}
