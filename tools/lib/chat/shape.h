/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_SHAPE_H
#define FC_CHAT_SHAPE_H

#include "chat/conversation.h"

/*
 * What a line is, by the members that it has; a null counts as none:
 *
 * MESSAGES       "messages": OpenAI, transformers, TRL; or under a name of fc_shape_list()
 * SHAREGPT       "conversations": FastChat, LLaMA-Factory, axolotl; the first message has "from"
 * ALPACA         "instruction" and "output": Stanford Alpaca, LLaMA-Factory, axolotl
 * COMPLETION     "prompt" and "completion": TRL (dataset_formats, "prompt-completion")
 * PROMPT         "prompt" that is messages: TRL, "prompt-only"
 * PAIR           "chosen" and "rejected": TRL, "preference", with the prompt explicit or implicit
 * ALPACA_PAIR    "instruction" beside these, LLaMA-Factory's preferences in its alpaca format
 * SHAREGPT_PAIR  "conversations" beside these, each of which is one message: in its sharegpt format
 * QUESTION, ARENA, MATH, TEXT  see fc_conversations_accept()
 *
 * Which of the first two a list is, its first message tells ("role" or "from"): both are found
 * under the other's name.
 *
 * A line that is two of ALPACA, ALPACA_PAIR, COMPLETION, PAIR and the questions, or has messages
 * and conversations, is ambiguous.  Beside messages or conversations all other members are data,
 * and "text" beside any other shape is what somebody rendered of it (tatsu-lab/alpaca).
 */
enum fc_shape {
	FC_SHAPE_MESSAGES,
	FC_SHAPE_SHAREGPT,
	FC_SHAPE_ALPACA,
	FC_SHAPE_COMPLETION,
	FC_SHAPE_PROMPT,
	FC_SHAPE_PAIR,
	FC_SHAPE_ALPACA_PAIR,
	FC_SHAPE_SHAREGPT_PAIR,
	FC_SHAPE_QUESTION,
	FC_SHAPE_ARENA,
	FC_SHAPE_MATH,
	FC_SHAPE_TEXT,
	FC_SHAPE_N
};
/* Of several lines: "ShareGPT conversations". */
const char *fc_shape_name(enum fc_shape s);
/* kinds: what else is accepted, as for fc_conversations_accept().  -1: it is none that is accepted,
 * or ambiguous; the message names the members. */
int fc_shape_find(
    enum fc_shape *s, const json_t *line, unsigned kinds, const char *where, struct fc_err *e);
bool fc_shape_is_pair(enum fc_shape s);
/* The member with the list of messages: "messages", "conversations", or "conversation" if that is a
 * list (LMSYS-Chat-1M, WildChat); NULL: there is none. */
const char *fc_shape_list(const json_t *line);

#endif
