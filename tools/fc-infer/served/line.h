/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_LINE_H
#define FC_INFER_LINE_H

#include "chat/conversation.h"
#include "fc-infer/served/reply.h"

/*
 * A line with a request and its response:
 *     {"id", CONVERSATION, "request": {...}, "response": {...}}
 * The conversation is what a line of fc-infer says: messages, conversations, or text with or
 * without a context.  Without one, it is that of the request: its messages, or its prompt (inputs,
 * text) as a text; and where an answer was scored, with the answer behind it.  Of a batch (OpenAI,
 * vLLM), the line of the input and that of the output as one: custom_id, body, and response.body.
 * A line of a data set of distributions is its own response.
 */
struct line {
	const json_t *request, *response; /* borrowed; request may be NULL */
	const char *error; /* the server's, borrowed: there is no response; or NULL */
	bool is_stored;    /* of a data set of distributions: the response is the line itself */
};
int infer_line_find(struct line *l, const json_t *o, const char *where, struct fc_err *e);
/* Gives o a text, the tokens', where it has no conversation and the reply's ids are those of all
 * that was scored; tokens of an unfinished character at the end are taken from the reply. */
int infer_line_text(
    json_t *o, struct reply *r, const struct fc_tokenizer *t, const char *where, struct fc_err *e);
/* o: a shallow copy of the line, which becomes the conversation's other members. */
int infer_line_conversation(struct fc_conversation *c, json_t *o, const struct line *l,
    const struct reply *r, bool train_opening, uint64_t number, const char *where,
    struct fc_err *e);

#endif
