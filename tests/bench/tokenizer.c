/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a tokenizer.json against parsing it as JSON alone, and encoding a text against the
 * least that could be done, a copy of it.  Arguments: tokenizer.json, text; none: nothing to do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "text/json.h"
#include "token/tokenizer.h"

enum { N_RUN = 5 };

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

static void opening(const char *path, const char *what)
{
	struct fc_err e;
	double parse = 1e9, open = 1e9;
	for (int run = 0; run < N_RUN; run++) {
		struct fc_tokenizer *t;
		double at = seconds();
		json_decref(fc_json_file(path, &e));
		parse = least(parse, seconds() - at);
		at = seconds();
		if (fc_tokenizer_open(&t, path, &e) < 0) {
			printf("%s\n", e.msg);
			exit(1);
		}
		open = least(open, seconds() - at);
		fc_tokenizer_free(t);
	}
	printf("%-44s %6.2f x  %-34s (%.3f s)\n", what, parse / open, "against parsing its JSON",
	    open);
}

/* A small vocabulary with so many added tokens. */
static void added(int n)
{
	char path[] = "/tmp/fc-bench-XXXXXX", what[64];
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		exit(1);
	fputs("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"added_tokens\":[",
	    f);
	for (int i = 0; i < n; i++)
		fprintf(f,
		    "%s{\"id\":%d,\"content\":\"<|extra_%d|>\",\"single_word\":false,\"lstrip\":"
		    "false,"
		    "\"rstrip\":false,\"normalized\":false,\"special\":true}",
		    i ? "," : "", i + 1, i);
	fputs("]}", f);
	if (fclose(f) != 0)
		exit(1);
	snprintf(what, sizeof what, "opening %d added tokens", n);
	opening(path, what);
	unlink(path);
}

static void encoding(const char *path, const struct fc_buf *text)
{
	struct fc_err e;
	struct fc_tokenizer *t;
	struct fc_tokens tokens = {0};
	char *to = fc_malloc(text->n);
	double copy = 1e9, encode = 1e9;
	if (fc_tokenizer_open(&t, path, &e) < 0)
		exit(1);
	for (int run = 0; run < N_RUN; run++) {
		double at = seconds();
		memcpy(to, text->p, text->n);
		copy = least(copy, seconds() - at);
		tokens.n = 0;
		at = seconds();
		if (fc_tokenizer_encode(t, text->p, text->n, NULL, 0, &tokens, &e) < 0)
			exit(1);
		encode = least(encode, seconds() - at);
	}
	printf("%-44s %6.4f x  %-34s (%.1f MB/s, %.2f bytes a token)\n",
	    "encoding English, one thread", copy / encode, "against copying it",
	    1e-6 * (double)text->n / encode, (double)text->n / (double)tokens.n);
	fc_tokens_release(&tokens);
	fc_tokenizer_free(t);
	free(to);
}

int main(int argc, char **argv)
{
	struct fc_err e;
	struct fc_buf text = FC_BUF_INIT;
	if (argc < 3)
		return 0;
	printf("\ntokenizer\n");
	opening(argv[1], "opening a tokenizer.json");
	added(10000);
	added(100000);
	if (fc_file_read(argv[2], 1 << 28, &text, &e) < 0) {
		printf("%s\n", e.msg);
		return 1;
	}
	encoding(argv[1], &text);
	fc_buf_release(&text);
	return 0;
}
