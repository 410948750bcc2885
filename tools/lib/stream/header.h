/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_HEADER_H
#define FC_STREAM_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/shard.h"

/* Ceilings; a stream beyond them is refused, see fc-stream(5). */
#define FC_HEADER_MAX_BYTES ((size_t)1 << 20)
#define FC_HEADER_MAX_SOURCES 256
#define FC_HEADER_MAX_PROGRAMS 1024
#define FC_MAX_VOCAB (1u << 24)
/* Draws of a row: up to here binary16 log-probabilities give every count back by rounding. */
#define FC_MAX_DRAWS 2048

enum fc_kind {              /* values are those on the wire */
	FC_KIND_TOKENS = 1, /* examples without rows */
	FC_KIND_DISTS = 2,  /* examples with rows */
	FC_KIND_TENSORS = 3,
	FC_KIND_MAP = 4,    /* a vocabulary map */
	FC_KIND_UPDATE = 5, /* changes of tensors; the model is the one they change */
};
const char *fc_kind_name(enum fc_kind k); /* "distribution stream" */
bool fc_kind_has_tensors(enum fc_kind k);
bool fc_kind_has_examples(enum fc_kind k);

/*
 * How a conversation becomes tokens; values are those on the wire.  WHOLE: as one text, so that a
 * token may lie across the border of prompt and answer ("\n   "), which no generation can make.
 * PROMPT: what a model reads before an answer is cut as when it is asked for that answer, and the
 * answer goes on from there.
 */
enum fc_text_cut { FC_CUT_WHOLE = 0, FC_CUT_PROMPT = 1, FC_CUT_N };
extern const char *const fc_text_cut_words[]; /* of an option (base/opt.h) */

struct fc_program { /* one link of the provenance chain, as SAM's @PG */
	char *name, *version, *args;
};

struct fc_source {  /* a model whose rows are in the stream */
	char *name; /* the name given with --name, or the model folder's last path component */
	uint64_t model, tokenizer; /* fingerprints */
};

/* What a stream says of itself before its records. */
struct fc_header {
	enum fc_kind kind;
	uint64_t tokenizer;     /* fingerprint of the tokenizer of tok[] and entry_id[] */
	uint64_t model;         /* fingerprint of the model, 0 where none ran */
	uint64_t template_hash; /* of the chat template the text was rendered with */
	enum fc_text_cut cut;   /* how the text was divided into tokens */
	uint32_t n_vocab;       /* ids of tokens are below it: the tokenizer's highest + 1 */
	uint32_t n_output; /* ids of entries are below it, see fc_header_n_output(); 0: n_vocab */
	uint32_t top_k;    /* most entries of a row; 0 where there are none */
	uint32_t n_sample; /* a row's entries are shares of so many drawn ids; 0: the likeliest */
	double sample_temperature; /* of the draws; 0 where there are none */
	struct fc_shard part;      /* of a whole that the stream is; n = 0: it is no part */
	uint64_t source_tokenizer; /* a map's other side, else 0 */
	uint32_t source_n_vocab;
	struct fc_source *source; /* [n_source] */
	size_t n_source;
	struct fc_program *history; /* [n_history], oldest first */
	size_t n_history;
};

void fc_header_init(struct fc_header *h, enum fc_kind kind);
void fc_header_release(struct fc_header *h);
void fc_header_copy(struct fc_header *to, const struct fc_header *from);
void fc_header_clear_sources(struct fc_header *h);
void fc_header_add_source(
    struct fc_header *h, const char *name, uint64_t model, uint64_t tokenizer);
/* What a model's softmax runs over: the rows of its output matrix, of which those at and above
 * n_vocab have no token (fc-models(7), "Vocabulary"). */
uint32_t fc_header_n_output(const struct fc_header *h);
/* "rows of 64 draws at temperature 1", for messages; empty where rows are the likeliest entries. */
void fc_header_draws_text(const struct fc_header *h, char *text, size_t size);
/* Are both of the likeliest entries, or of as many draws at one temperature?  Names both if not. */
int fc_header_same_draws(const struct fc_header *a, const char *a_name, const struct fc_header *b,
    const char *b_name, struct fc_err *e);
/* "part 2 of 3" or "no part of a whole", for messages. */
void fc_header_part_text(const struct fc_header *h, char *text, size_t size);
/* Part s of the stream h describes: of a part it is a part of the whole again, as long as its
 * number has room. */
int fc_header_set_part(struct fc_header *h, const struct fc_shard *s, struct fc_err *e);
/* Are both no parts, or the same part?  If not, says that name is another. */
int fc_header_same_part(
    const struct fc_header *a, const struct fc_header *b, const char *name, struct fc_err *e);
/* Index of the source equal to s, appended if there is none. */
size_t fc_header_find_source(struct fc_header *h, const struct fc_source *s);
void fc_header_add_program(
    struct fc_header *h, const char *name, const char *version, const char *args);
/* Appends this program with its version and fc_opt_given(); nothing with --no-history. */
void fc_header_add_self(struct fc_header *h);
/* May records of both stand in one stream (cat)?  Says what differs if not. */
int fc_header_compatible(
    const struct fc_header *a, const struct fc_header *b, const char *name, struct fc_err *e);

#endif
