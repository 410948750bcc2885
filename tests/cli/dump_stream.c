/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The examples of a stream (or with "-" of standard input) by libfcstream, as fc-view --jsonl has
 * them.  With FAIL_AT=N, the Nth allocation inside the library fails.
 */
#include <fc/stream.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where libfcstream.so.1 had the last members of its first version, of 64 bits: programs that were
 * compiled then look for them there. */
static_assert(sizeof(void *) != 8 || offsetof(struct fc_stream_header, n_program) == 80, "header");
static_assert(sizeof(void *) != 8 || offsetof(struct fc_stream_example, source) == 168, "example");
static_assert(sizeof(void *) != 8 || offsetof(struct fc_stream_source, tokenizer) == 16, "source");
static_assert(sizeof(void *) != 8 || offsetof(struct fc_stream_program, args) == 16, "program");
static_assert(
    FC_STREAM_UPDATE == 5 && FC_STREAM_ROLE_ASSISTANT == 3 && FC_STREAM_PART_BOS == 3, "numbers");

static long fail_at; /* allocations until one fails; 0: none does */
static bool inside;  /* the library */

static bool fails(void)
{
	return inside && fail_at > 0 && --fail_at == 0;
}

/* The program's own, which the library gets, too. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}

static void print_string(const char *p, size_t n)
{
	putchar('"');
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c < 0x20 || c == '"' || c == '\\')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static const char *const roles[] = {"none", "system", "user", "assistant"};
static const char *const parts[] = {"content", "template", "turn-end", "bos"};

static void print_segments(const struct fc_stream_example *x)
{
	printf(",\"segments\":[");
	for (size_t i = 0; i < x->n_segment; i++) {
		uint8_t f = x->segment_flags[i];
		printf("%s{\"end\":%u,\"role\":\"%s\",\"part\":\"%s\",\"trained\":%s}",
		    i ? "," : "", x->segment_end[i], roles[fc_stream_role(f)],
		    parts[fc_stream_part(f)], fc_stream_is_trained(f) ? "true" : "false");
	}
	printf("]");
}

#define LIST(name, n, format, value)                                                               \
	do {                                                                                       \
		printf(",\"" name "\":[");                                                         \
		for (size_t i = 0; i < (n); i++)                                                   \
			printf("%s" format, i ? "," : "", value);                                  \
		printf("]");                                                                       \
	} while (0)

static void print_rows(const struct fc_stream_example *x)
{
	printf(",\"rows\":[");
	for (size_t r = 0; r < x->n_row; r++) {
		size_t first = x->row_start[r], n = x->row_start[r + 1] - first;
		printf("%s{\"token\":%u,\"true_logprob\":%.9g", r ? "," : "", x->row_token[r],
		    (double)x->true_logprob[r]);
		LIST("ids", n, "%u", x->entry_id[first + i]);
		LIST("logprobs", n, "%.9g", (double)x->entry_logprob[first + i]);
		printf("}");
	}
	printf("]");
}

static void print_example(const struct fc_stream *s, const struct fc_stream_example *x)
{
	const struct fc_stream_header *h = fc_stream_header(s);
	printf("{\"id\":");
	print_string(x->id, x->n_id);
	printf(",\"meta\":%s,\"text\":", x->n_meta ? x->meta : "null");
	print_string(x->text, x->n_text);
	print_segments(x);
	LIST("tokens", x->n_token, "%u", x->token[i]);
	LIST("ends", x->n_token, "%u", x->end[i]);
	LIST("trained", x->n_token, "%d", fc_stream_is_trained(x->flags[i]));
	LIST("roles", x->n_token, "\"%s\"", roles[fc_stream_role(x->flags[i])]);
	LIST("parts", x->n_token, "\"%s\"", parts[fc_stream_part(x->flags[i])]);
	if (h->kind == FC_STREAM_DISTRIBUTIONS) {
		print_rows(x);
		printf(",\"nll\":%.17g,\"n_label\":%u,\"label_bytes\":%u", x->nll, x->n_label,
		    x->label_bytes);
		if (h->n_sample)
			printf(",\"n_sample\":%u,\"sample_temperature\":%g", h->n_sample,
			    h->sample_temperature);
	}
	if (h->n_source)
		printf(",\"source\":\"%s\"", fc_stream_source(s, x->source)->name);
	printf("}\n");
}

static void print_header(const struct fc_stream *s)
{
	const struct fc_stream_header *h = fc_stream_header(s);
	printf("%d %d %016llx %016llx %016llx %u %u %u %u %g %llu/%llu %zu %zu\n", h->kind, h->cut,
	    (unsigned long long)h->tokenizer, (unsigned long long)h->model,
	    (unsigned long long)h->template_hash, h->n_vocab, h->n_output, h->top_k, h->n_sample,
	    h->sample_temperature, (unsigned long long)h->shard, (unsigned long long)h->n_shard,
	    h->n_source, h->n_program);
	for (size_t i = 0; i < h->n_source; i++)
		printf("source %s %016llx\n", fc_stream_source(s, i)->name,
		    (unsigned long long)fc_stream_source(s, i)->model);
	for (size_t i = 0; i < h->n_program; i++)
		printf("program %s %s\n", fc_stream_program(s, i)->name,
		    fc_stream_program(s, i)->args);
}

static int next(struct fc_stream *s, const struct fc_stream_example **x)
{
	inside = true;
	int rc = fc_stream_next(s, x);
	inside = false;
	return rc;
}

int main(int argc, char **argv)
{
	char error[1024];
	const struct fc_stream_example *x;
	bool header = argc == 3 && !strcmp(argv[2], "header");
	fail_at = getenv("FAIL_AT") ? atol(getenv("FAIL_AT")) : 0;
	inside = true;
	struct fc_stream *s = strcmp(argv[1], "-")
	    ? fc_stream_open(argv[1], error, sizeof error)
	    : fc_stream_open_fd(0, "the pipe", error, sizeof error);
	inside = false;
	if (!s) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	if (header)
		print_header(s);
	int rc = 0;
	while (!header && (rc = next(s, &x)) == 1)
		print_example(s, x);
	if (!header && (x || next(s, &x) != rc || x))
		return 3;
	if (rc < 0)
		fprintf(stderr, "%s\n", fc_stream_error(s));
	fc_stream_close(s);
	return rc < 0;
}
