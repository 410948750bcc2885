/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_CONVERSATION_H
#define FC_CHAT_CONVERSATION_H

#include "base/buf.h"
#include "base/err.h"
#include "stream/example.h"
#include "text/json.h"

struct fc_message {
	enum fc_role role;
	char *content; /* NUL-terminated, may hold NULs */
	size_t n;
};

/*
 * A line of JSONL: {"messages": [{"role", "content"}]} or ShareGPT's {"conversations": [{"from",
 * "value"}]}.  Roles: system; user or human; assistant, gpt or model.  A content is a string, or a
 * list of {"type": "text", "text": ...} parts, which are joined.  Other members of a message are
 * not kept.
 */
enum fc_conversation_form {
	FC_FORM_MESSAGES, /* as such it is also written */
	FC_FORM_SHAREGPT,
	FC_FORM_QUESTION, /* see fc_conversations_accept() */
	FC_FORM_ARENA,    /* the same, with turns as objects */
	FC_FORM_TEXT,     /* no conversation: text as it is */
};
struct fc_conversation {
	char *id;      /* "id", "question_id" or a question's "uid" of the line (integers become
			* text), else "line-N" counted over all input */
	json_t *extra; /* object: the line's other members, question_id too; never NULL */
	struct fc_message *message; /* [n_message], at least one once it was read */
	size_t n_message;
	enum fc_conversation_form form; /* how it came */
};
void fc_conversation_release(struct fc_conversation *c);

/* Conversations of several JSONL files one after the other; no files: standard input. */
struct fc_conversations;
int fc_conversations_open(
    struct fc_conversations **r, const char *const *paths, int n_paths, struct fc_err *e);
/*
 * From now on also other lines, of what kind | kind:
 * QUESTIONS, which become user messages: {"turns": [string, ...]} of MT-Bench and Vicuna-bench;
 * {"turns": [{"content"}, ...]} or {"uid", "prompt"} of Arena-Hard; and GSM8K's {"question",
 * "answer"}, which becomes a conversation of form FC_FORM_MESSAGES.
 * TEXTS: {"text"} or {"context", "text"}, which become an assistant's message, behind a user's that
 * is the context.
 */
enum fc_line_kind { FC_LINE_QUESTIONS = 1, FC_LINE_TEXTS = 2 };
void fc_conversations_accept(struct fc_conversations *r, unsigned kinds);
/* 1: c filled in (old contents dropped), 0: end, -1: error naming file and line. */
int fc_conversations_next(struct fc_conversations *r, struct fc_conversation *c, struct fc_err *e);
const char *fc_conversations_where(struct fc_conversations *r);
void fc_conversations_close(struct fc_conversations *r);

/* Appends a message; content (n bytes) is copied. */
void fc_conversation_add(
    struct fc_conversation *c, enum fc_role role, const char *content, size_t n);

/* "system", "user", "assistant"; "none". */
const char *fc_role_name(enum fc_role role);

/* Appends the conversation as one JSONL line with its newline: id, messages in the form they came
 * in (those of other lines as "messages"), then the extra members. */
void fc_conversation_write(struct fc_buf *b, const struct fc_conversation *c);

#endif
