/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_H
#define FC_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads the streams of the fc tools: conversations as tokens, with next-token distributions.  What
 * the fields mean is in fc-stream(5), a program that reads one in fc-stream(3).
 *
 * Nothing is handed out that a checksum and the rules of the format did not confirm.  A stream may
 * be cut off behind good examples: only fc_stream_next() == 0 says that all of it was there.
 *
 * Structs are the library's: they live as said below, and a later version may add members at their
 * ends, so no program makes, copies or measures one.  What is here now keeps its meaning while the
 * library's name ends in .so.1.  Several threads may read a stream each, not one together.
 */
#ifdef __cplusplus
extern "C" {
#endif

/* Grows when something is added. */
#define FC_STREAM_API 1

struct fc_stream;

enum fc_stream_kind { /* numbers of fc-stream(5); a later one may have more */
	FC_STREAM_TOKENS = 1,
	FC_STREAM_DISTRIBUTIONS = 2,
	FC_STREAM_TENSORS = 3, /* of these three only the header can be read here */
	FC_STREAM_MAP = 4,
	FC_STREAM_UPDATE = 5,
};

enum fc_stream_cut {              /* how texts became tokens */
	FC_STREAM_CUT_WHOLE = 0,  /* as one text: a token may lie across prompt and answer */
	FC_STREAM_CUT_PROMPT = 1, /* prompts as a model is asked with them, answers by themselves */
};

struct fc_stream_source { /* a model whose rows are in the stream */
	const char *name;
	uint64_t model, tokenizer; /* fingerprints */
};

struct fc_stream_program { /* one of those that made the stream */
	const char *name, *version, *args;
};

/* What a stream says of itself.  Fingerprints that are not known are 0. */
struct fc_stream_header {
	int kind;           /* enum fc_stream_kind */
	int cut;            /* enum fc_stream_cut */
	uint64_t tokenizer; /* fingerprint of the tokenizer of all ids */
	uint64_t model;     /* of the model that made the rows, where it was one */
	uint64_t template_hash;
	uint32_t n_vocab;          /* ids of tokens are below it */
	uint32_t n_output;         /* ids of entries are below it */
	uint32_t top_k;            /* most entries of a row, 0 in a stream of tokens */
	uint32_t n_sample;         /* entries are shares of so many draws; 0: the likeliest */
	double sample_temperature; /* of the draws */
	uint64_t shard, n_shard;   /* part shard, from 1, of n_shard; 0 of 0: no part */
	size_t n_source, n_program;
};

enum fc_stream_role {
	FC_STREAM_ROLE_NONE,
	FC_STREAM_ROLE_SYSTEM,
	FC_STREAM_ROLE_USER,
	FC_STREAM_ROLE_ASSISTANT,
};
enum fc_stream_part {
	FC_STREAM_PART_CONTENT,  /* text of a message */
	FC_STREAM_PART_TEMPLATE, /* text that the chat template put around it */
	FC_STREAM_PART_TURN_END, /* the template's end-of-turn token */
	FC_STREAM_PART_BOS,      /* beginning of sequence */
};

/* Of the flags of a token or segment. */
static inline bool fc_stream_is_trained(uint8_t flags)
{
	return flags & 1;
}
static inline enum fc_stream_role fc_stream_role(uint8_t flags)
{
	return (enum fc_stream_role)(flags >> 1 & 3);
}
static inline enum fc_stream_part fc_stream_part(uint8_t flags)
{
	return (enum fc_stream_part)(flags >> 3 & 3);
}

/*
 * One conversation.  Texts are bytes, with a NUL behind them that does not count; a text may hold
 * NULs of its own.  No array is NULL.
 *
 * Token t covers the bytes [end[t-1], end[t]) of the text, the first one from 0.  Row r predicts
 * token row_token[r] from those before it; its entries are [row_start[r], row_start[r+1]) of
 * entry_id[] and entry_logprob[], natural logarithms in descending order.  What their probabilities
 * lack to 1 is the tail.
 */
struct fc_stream_example {
	const char *id, *meta, *text; /* meta: other members as a JSON object, or empty */
	size_t n_id, n_meta, n_text;

	size_t n_segment; /* 0: not known */
	const uint32_t *segment_end;
	const uint8_t *segment_flags;

	size_t n_token;
	const uint32_t *token;
	const uint32_t *end;
	const uint8_t *flags;

	size_t n_row;
	const uint32_t *row_token;
	const uint32_t *row_start;  /* [n_row + 1] */
	const float *true_logprob;  /* [n_row] of the token that follows, listed or not */
	const uint32_t *entry_id;   /* [row_start[n_row]] */
	const float *entry_logprob; /* [row_start[n_row]] */

	double nll; /* cross-entropy of the labels, in nats together */
	uint32_t n_label, label_bytes;
	uint32_t source; /* whose rows: fc_stream_source(); meaningless where there is none */
};

/*
 * Opens a file.  NULL on failure, with why in error [n_error], as one line.  Blocks until the
 * header is there.
 */
struct fc_stream *fc_stream_open(const char *path, char *error, size_t n_error);
/*
 * Opens what comes from a descriptor, a pipe perhaps, from where it stands.  fd stays the caller's,
 * to be closed after fc_stream_close().  It is read ahead, also beyond the stream's end.  name is
 * for messages and is copied.
 */
struct fc_stream *fc_stream_open_fd(int fd, const char *name, char *error, size_t n_error);
/* NULL is fine. */
void fc_stream_close(struct fc_stream *s);

/* Borrowed until fc_stream_close().  Where streams were put together with cat, n_source may grow
 * with fc_stream_next(). */
const struct fc_stream_header *fc_stream_header(const struct fc_stream *s);
/* Source i and program i of the header, NULL where there is none; borrowed until the next
 * fc_stream_next(). */
const struct fc_stream_source *fc_stream_source(const struct fc_stream *s, size_t i);
const struct fc_stream_program *fc_stream_program(const struct fc_stream *s, size_t i);

/*
 * The next example.  1: *x is it, borrowed until the next call or fc_stream_close().  0: the end,
 * and all was there.  -1: damaged, cut off, of another kind, or memory is out: fc_stream_error()
 * says what and where.  After 0 and -1 it returns the same again.  *x is NULL then.
 */
int fc_stream_next(struct fc_stream *s, const struct fc_stream_example **x);
/* One line, borrowed until fc_stream_close(); "" while nothing is wrong. */
const char *fc_stream_error(const struct fc_stream *s);

/* The probability of all that row r does not list, 0 to 1. */
double fc_stream_tail(const struct fc_stream_example *x, size_t r);

/* Of the library, as "0.5.0". */
const char *fc_stream_version(void);

#ifdef __cplusplus
}
#endif
#endif
