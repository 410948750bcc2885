/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_CONVERSATION_H
#define FC_CHAT_CONVERSATION_H

#include "base/shard.h"
#include "base/buf.h"
#include "base/err.h"
#include "stream/example.h"
#include "text/json.h"

/*
 * chat/: from a line of a data set to the tokens that a model reads, with every token's
 * speaker and whether it is learned.  Read it in this order: conversation.h, lines as messages
 * (conversation.c reads files, shape.c says what a line is, invalid.c what becomes of one that is
 * nothing, conversation_read.c reads one, message_parse.c a message of it, columns.c conversations
 * in columns, question.c the forms of benchmarks, pair.c preferences, message.c holds and writes
 * them); chat.h, a model's chat template (chat.c opens it, template.c finds it, chat_named.c has
 * those by name); render.c, which runs it and tells whose the text is; render_encode.c, which makes
 * tokens of that, under any tokenizer; turnend.h, the token that ends a turn; model_copy.h, which
 * takes a model's templates along into a result. chat_impl.h is for the files of chat.h among
 * themselves.
 */

struct fc_message {
	enum fc_role role; /* NONE: context by another speaker */
	char *content;     /* NUL-terminated, may hold NULs */
	size_t n;
	char *speaker; /* role NONE: its name, as it came ("tool"); else NULL */
	/* The whole message with its members in their order, the role as "role" and the content as
	 * "content", whose values only hold their places; NULL where it has no other member. */
	json_t *members;
	/* The content is no text (null, missing, or any JSON of a context): "content" of members is
	 * what came, content is empty. */
	bool no_text;
	bool untrained;      /* an assistant's, but not to be learned */
	char *finish_reason; /* an assistant's: why it ended, as servers say; NULL: not said */
};

/*
 * A line of JSONL, or an element of an array, in any of the shapes of shape.h: {"messages":
 * [{"role", "content"}]}, ShareGPT's {"conversations": [{"from", "value"}]}, or columns.  Roles:
 * system; user or human; assistant, gpt or model; any other is context, whose name the template
 * gets as it is; but ShareGPT's function_call is an assistant's message with "tool_calls", as
 * LLaMA-Factory has it.  A content is a string, or a list of {"type": "text", "text": ...} parts,
 * which are joined; an assistant's with tool calls may be null or missing, that of a context any
 * JSON.  Other members of a message are kept.
 *
 * An assistant's message is not learned where its "weight" is 0, or its "train", "training" or
 * "train_on_turn" false; and, unless fc_conversations_train_opening() was called, where no user's
 * message precedes it: FastChat and the reference drop it, since nobody asked for it.
 *
 * The "finish_reason" of an assistant's message is read and written, and no template sees it. Where
 * it says that the answer was truncated (fc_message_is_truncated()), its content is learned, and
 * not that it ends there.
 *
 * A string "system" beside the messages is the first of them (axolotl, LLaMA-Factory).
 */
enum fc_conversation_form {
	FC_FORM_MESSAGES, /* as such it is also written, and what came in columns */
	FC_FORM_SHAREGPT,
	FC_FORM_QUESTION, /* see fc_conversations_accept() */
	FC_FORM_ARENA,    /* a question whose turns are objects */
	FC_FORM_TEXT,     /* no conversation: text as it is */
};
struct fc_conversation {
	char *id; /* the first of "id", "conversation_id", "question_id", "uuid" and "prompt_id"
		   * in the line, of a question of Arena-Hard its "uid" (integers become text);
		   * else "line-N" counted over all input */
	json_t *extra; /* object: the line's other members, all but "id" of these too; never NULL */
	struct fc_message *message; /* [n_message], at least one once it was read */
	size_t n_message;
	enum fc_conversation_form form; /* how it came */
	bool ends;        /* form TEXT: the end of a sequence belongs behind it, and is learned */
	size_t n_opening; /* assistant's messages that are untrained as no user's precedes them */
};
void fc_conversation_release(struct fc_conversation *c);

/* Conversations of several files one after the other, JSONL or arrays, packed or not
 * (text/records.h); no files: standard input. */
struct fc_conversations;
int fc_conversations_open(
    struct fc_conversations **r, const char *const *paths, int n_paths, struct fc_err *e);
/*
 * From now on also other lines, of what kind | kind:
 * QUESTIONS, which become user messages: {"turns": [string, ...]} of MT-Bench and Vicuna-bench;
 * {"turns": [{"content"}, ...]} or {"uid", "prompt"} of Arena-Hard; and GSM8K's {"question",
 * "answer"}, which becomes a conversation of form FC_FORM_MESSAGES.
 * TEXTS: {"text"} or {"context", "text"}, which become an assistant's message, behind a user's that
 * is the context; and {"prompt", "completion"} as text.
 * PAIRS: preferences, {"prompt", "chosen", "rejected"}, each of which becomes two conversations or
 * three, one after the other; see pair.h.
 */
enum fc_line_kind { FC_LINE_QUESTIONS = 1, FC_LINE_TEXTS = 2, FC_LINE_PAIRS = 4 };
void fc_conversations_accept(struct fc_conversations *r, unsigned kinds);
/* From now on an assistant's message that no user's precedes is learned like any other. */
void fc_conversations_train_opening(struct fc_conversations *r);
/* From now on only the lines of this shard, counted without blank ones; lines keep their numbers.
 */
void fc_conversations_set_shard(struct fc_conversations *r, const struct fc_shard *shard);
/* 1: c filled in (old contents dropped), 0: end, -1: error naming file and line.  What a line is is
 * told, and one that is nothing left out where chat/invalid.h says so. */
int fc_conversations_next(struct fc_conversations *r, struct fc_conversation *c, struct fc_err *e);
/* The last line can't be used, as why says, with all sides of a pair, of which the first was handed
 * out: 0 and -1 as fc_invalid_add(). */
int fc_conversations_refuse(struct fc_conversations *r, const struct fc_err *why, struct fc_err *e);
/* The sides of a pair that fc_conversations_next() has yet to hand out: [*n], borrowed. */
const struct fc_conversation *fc_conversations_sides(const struct fc_conversations *r, int *n);
/* Leaves them out. */
void fc_conversations_drop_sides(struct fc_conversations *r);
/* Bytes of the input used so far, and of all of it; *all 0: it is no file, or not all are. */
void fc_conversations_bytes(const struct fc_conversations *r, uint64_t *used, uint64_t *all);
const char *fc_conversations_where(struct fc_conversations *r);
/* One line that was parsed already, the number-th: what fc_conversations_next() makes of a line
 * that is no pair.  line becomes the extra members; kinds as for fc_conversations_accept(). */
int fc_conversation_read(struct fc_conversation *c, json_t *line, unsigned kinds,
    bool train_opening, uint64_t number, const char *where, struct fc_err *e);
void fc_conversations_close(struct fc_conversations *r);

/* Appends a message; content (n bytes) is copied. */
void fc_conversation_add(
    struct fc_conversation *c, enum fc_role role, const char *content, size_t n);

/* Appends a copy of m. */
void fc_conversation_add_copy(struct fc_conversation *c, const struct fc_message *m);
void fc_message_release(struct fc_message *m);

/* "system", "user", "assistant"; "none". */
const char *fc_role_name(enum fc_role role);
/* As the template sees it: fc_role_name(), of a context its speaker. */
const char *fc_message_role(const struct fc_message *m);
/* Does this message ask for an answer, if none follows?  A user's, and what a tool returned. */
bool fc_message_asks(const struct fc_message *m);
/* Does this finish_reason say that the answer was truncated: at a limit of tokens, by a filter, by
 * hand, by an error?  NULL, where none is said, does not. */
bool fc_finish_truncates(const char *reason);
/* Is it one that servers are known to say? */
bool fc_finish_is_known(const char *reason);
bool fc_message_is_truncated(const struct fc_message *m); /* by its finish_reason */
/* A context whose name is known to data sets in general, whether or not a template spells it. */
bool fc_message_is_known(const struct fc_message *m);

/* Appends the conversation as one JSONL line with its newline: id, messages with all their members
 * in the form they came in (those of other lines as "messages"), then the extra members. */
void fc_conversation_write(struct fc_buf *b, const struct fc_conversation *c);

#endif
