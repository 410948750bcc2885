/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_EXAMPLE_H
#define FC_STREAM_EXAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * stream/: the programs' common format. header, example, tensor_part and map are a stream's
 * contents in memory; reader and writer are the way in and out, join reads several streams in step,
 * each from a queue.
 * Below them: frame (frame_in, frame_out) is zstd around bytes, seektable where the frames of a
 * file are, kept what an interrupted writer left of them; record is protobuf around messages,
 * which example_pack and example_unpack, header_record, map_record and tensor_record translate;
 * check (check_example, check_rows) says what a stream may contain, plane shuffles numbers into
 * byte planes, arena is the memory of a message, nameset finds a name that comes twice.  policy
 * tells which model gave a conversation's answers.
 */

/*
 * One conversation as tokens, with the next-token distributions at the positions that matter.
 *
 * Token t covers the bytes [end[t-1], end[t]) of text (end[-1] = 0); ends never decrease and the
 * last one is at most n_text.  A token that stands for no bytes (BOS) has an empty span; bytes no
 * token stands for belong to the span of the token after them.
 *
 * Row r is the distribution of token row_tok[r] given the tokens before it, so it is the model's
 * output at position row_tok[r] - 1 and *predicts* row_tok[r].  row_tok increases strictly and is
 * never 0.  The entries of row r are [row_off[r], row_off[r+1]) of id[] and logprob[]: natural
 * logarithms of the full softmax, in descending order, equal values by ascending id.  Their sum of
 * probabilities is at most 1 (plus rounding); the rest is the tail.
 *
 * A stream holds log-probabilities as float16: exact to 1 part in 2048, and probability 0 is read
 * back as -65504.  Values that rounding makes equal are put in order of their ids.
 */
enum fc_role { FC_ROLE_NONE, FC_ROLE_SYSTEM, FC_ROLE_USER, FC_ROLE_ASSISTANT };
enum fc_part {
	FC_PART_CONTENT,  /* text of a message */
	FC_PART_TEMPLATE, /* text the template put around it */
	FC_PART_TURN_END, /* the template's end-of-turn token */
	FC_PART_BOS,      /* beginning of sequence */
};

/* Token flags: bit 0 trained (the label mask), bits 1-2 role, bits 3-4 part. */
#define FC_TOK_TRAINED 1u
#define FC_TOK_FLAGS(trained, role, part)                                                          \
	((uint8_t)((trained) ? 1u : 0u) | (uint8_t)((role) << 1) | (uint8_t)((part) << 3))
#define FC_TOK_ROLE(flags) ((enum fc_role)((flags) >> 1 & 3))
#define FC_TOK_PART(flags) ((enum fc_part)((flags) >> 3 & 3))

/*
 * The text as the template made it: segment i is the bytes [seg[i-1].end, seg[i].end), of one role
 * and part, with the flags of a token.  Segments are never empty and cover the text; none at all
 * means unknown.  From text and segments any tokenizer gets the same tokens that the model itself
 * was given (fc_rendered_encode), which tokens of another tokenizer could not tell: one may lie
 * across a border.
 */
struct fc_segment {
	uint32_t end;
	uint8_t flags;
};

struct fc_example {
	struct fc_buf id;   /* conversation id; joins streams together with the text */
	struct fc_buf meta; /* other members of the input line as one JSON object; may be empty */
	struct fc_buf text; /* the rendered conversation */

	size_t n_seg, cap_seg;
	struct fc_segment *seg; /* [n_seg] */

	size_t n_tok, cap_tok;
	uint32_t *tok;  /* [n_tok] */
	uint32_t *end;  /* [n_tok] */
	uint8_t *flags; /* [n_tok] */

	size_t n_row, cap_row;
	uint32_t *row_tok;   /* [n_row] */
	uint32_t *row_off;   /* [n_row + 1]; row_off[0] = 0 once there is a row */
	float *true_logprob; /* [n_row] log-probability of token row_tok[r] */

	size_t cap_entry;
	uint32_t *entry_id;   /* [row_off[n_row]] */
	float *entry_logprob; /* [row_off[n_row]] */

	/* Over the labels, in the tokens of the model that made the rows (which fc-align keeps):
	 * cross-entropy per token is nll / n_label, per byte nll / label_bytes. */
	double nll; /* nats */
	uint32_t n_label, label_bytes;
	uint32_t source; /* which of the header's sources the rows are from */

	struct fc_buf unknown; /* fields of a newer minor version, carried through */
};

void fc_example_init(struct fc_example *x);
void fc_example_clear(struct fc_example *x); /* empty, memory kept */
void fc_example_release(struct fc_example *x);
void fc_example_copy(struct fc_example *to, const struct fc_example *from);
void fc_example_clear_rows(struct fc_example *x); /* keeps id, text, segments, tokens */

void fc_example_add_segment(struct fc_example *x, uint32_t end, uint8_t flags);
/* Makes room for that many in all; contents and counts stay. */
void fc_example_reserve(struct fc_example *x, size_t n_tok, size_t n_row, size_t n_entry);
void fc_example_add_token(struct fc_example *x, uint32_t tok, uint32_t end, uint8_t flags);
/* Entries must be sorted as above.  row_tok must exceed the last row's. */
void fc_example_add_row(struct fc_example *x, uint32_t row_tok, size_t n, const uint32_t *id,
    const float *logprob, float true_logprob);

/* start of token t's span */
static inline uint32_t fc_example_start(const struct fc_example *x, size_t t)
{
	return t ? x->end[t - 1] : 0;
}
static inline bool fc_example_trained(const struct fc_example *x, size_t t)
{
	return x->flags[t] & FC_TOK_TRAINED;
}

#endif
