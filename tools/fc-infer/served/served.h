/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_SERVED_H
#define FC_INFER_SERVED_H

#include "fc-infer/infer.h"
#include "fc-infer/served/served_rows.h"
#include "http/endpoint.h"

/* What makes examples of conversations and replies. */
struct served {
	const struct infer_options *opt;
	struct fc_tokenizer *tokenizer; /* of the model that the server runs */
	struct fc_chat *chat;           /* NULL: none, see no_chat */
	struct fc_err no_chat;
	uint32_t turn_end;
	size_t n_output; /* ids of entries are below it */
	struct words words;
	struct rows rows;
	struct fc_example x, other; /* the conversation, and as the other cut has it */
	uint64_t n_line, n_error;   /* lines; of these, errors of the server, which are left out */
	char *first_error;
	uint64_t n_choice; /* further answers to a line, which are left out */
	uint64_t n_own;    /* conversations whose tokens are the reply's, not the tokenizer's */
};
/* tokenizer: a folder or file. */
int infer_served_open(
    struct served *s, const struct infer_options *o, const char *tokenizer, struct fc_err *e);
void infer_served_header(const struct served *s, struct fc_header *h);
/* c as tokens, in s->x and s->other. */
int infer_served_encode(struct served *s, const struct fc_conversation *c, struct fc_err *e);
/* s->x with rows. */
int infer_served_example(struct served *s, const struct reply *r, struct fc_err *e);
void infer_served_tell(const struct served *s);
void infer_served_close(struct served *s);

/* --logprobs: a stream of lines with requests and responses. */
int infer_stored(const struct infer_options *o, const struct fc_shard *shard, char **paths,
    int n_paths, struct fc_err *e);

/* --endpoint: a stream of what a server says of conversations. */
int infer_ask_server(const struct infer_options *o, const struct fc_shard *shard, char **paths,
    int n_paths, struct fc_err *e);

/* With --generate: a server answers. */
int infer_ask_answers(const struct infer_options *o, const struct fc_shard *shard, char **paths,
    int n_paths, struct fc_err *e);

#endif
