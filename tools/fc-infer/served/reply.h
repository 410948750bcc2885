/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_REPLY_H
#define FC_INFER_REPLY_H

#include <stdbool.h>

#include "text/json.h"
#include "token/tokenizer.h"

/*
 * served/: log-probabilities that a server gave, as distributions.  reply is what a response says,
 * whatever its form (reply_text: tokens by their text, reply_ids: by their ids, reply_rows: as
 * lists; reply_parts: what all put together); line, the conversation that was scored; words, which
 * tokens have which bytes; place, where in the text each token of a reply stands; served_rows and
 * served, the example that comes of it.  stored reads a file of requests with their responses, and
 * makes a tokenizer of their bytes where there is none (made_tokenizer); ask_server asks a server
 * now and keeps what it says in asklog, ask_answers lets it answer.
 */

/* A token as a server calls it. */
struct reply_word {
	uint32_t id;   /* FC_NO_TOKEN: not said */
	size_t at, n;  /* its text in struct reply's text */
	bool has_text; /* there is one */
	bool is_bytes; /* the text is the token's very bytes, no string made of them */
};
struct reply_entry {
	struct reply_word word;
	double logprob;
};
struct reply_token {
	struct reply_word word;
	bool has_row;   /* a distribution, or its own log-probability at least; entries without it
			 * are of no use, as they do not tell the token's own */
	double logprob; /* its own; NaN: not said */
	size_t first, n_entry;
};

/* What of the text was scored: all from its beginning on, or the last answer alone. */
enum reply_scope { REPLY_WHOLE, REPLY_ANSWER };

struct reply { /* {0} is empty */
	enum reply_scope scope;
	size_t n_before; /* tokens of the text before the first one here */
	struct reply_token *token;
	size_t n_token, cap_token;
	struct reply_entry *entry;
	size_t n_entry, cap_entry;
	struct fc_buf text;
	const json_t *message;       /* of a chat: the answer, borrowed; or NULL */
	const json_t *answer;        /* the answer as a string, borrowed; or NULL */
	const json_t *finish_reason; /* why it ended, borrowed; or NULL */
	size_t n_choice;             /* of which the first counts */
	bool tells_text;  /* the tokens are all that were read: their ids say what the text is */
	size_t n_context; /* of them, those before what was scored */
	bool by_bytes;    /* stays: ids beside bytes are those of a tokenizer that is not there */
};
/* o: the response; request: NULL where it is not known; where: for messages.  Old contents are
 * dropped. */
int infer_reply_read(
    struct reply *r, const json_t *request, const json_t *o, const char *where, struct fc_err *e);
/* Is a line without a response one itself, of a data set of distributions? */
bool infer_reply_is_stored(const json_t *o);
void infer_reply_release(struct reply *r);

/* Between the files that read replies. */
struct reply_token *infer_reply_add_token(struct reply *r);
struct reply_entry *infer_reply_add_entry(struct reply *r); /* of the last token */
/* text: NULL where there is none. */
void infer_reply_set_text(struct reply *r, struct reply_word *w, const json_t *text);
/* 1: o is such a form and was read; 0: it is none; -1: it is one, and wrong. */
int infer_reply_read_text(struct reply *r, const json_t *o, const char *where, struct fc_err *e);
int infer_reply_read_ids(
    struct reply *r, const json_t *request, const json_t *o, const char *where, struct fc_err *e);
int infer_reply_read_rows(
    struct reply *r, const json_t *request, const json_t *o, const char *where, struct fc_err *e);
/* A number that is the logarithm of a probability; null gives NaN.  place: for the message. */
int infer_reply_logprob(
    const json_t *v, const char *where, const char *place, double *logprob, struct fc_err *e);
int infer_reply_id(
    const json_t *v, const char *where, const char *place, uint32_t *id, struct fc_err *e);
/* Settings that change what a server calls log-probabilities; a list of them is ended by a key of
 * NULL.  One that asks, beside the request's others in o, for another value than these two is
 * refused; true counts as 1, an object or a string as its length. */
struct reply_setting {
	const char *key;
	double neutral, other;
};
int infer_reply_check_settings(
    const json_t *o, const struct reply_setting *s, const char *where, struct fc_err *e);
/* Item 0 of a list that is the member key, or NULL. */
const json_t *infer_reply_first(const json_t *o, const char *key);

#endif
