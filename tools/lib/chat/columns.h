/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_COLUMNS_H
#define FC_CHAT_COLUMNS_H

#include "chat/conversation.h"

/*
 * Conversations that a line has in columns of its own instead of a list of messages.  Each function
 * adds the messages to c, with its form, and takes what they were made from out of the line.
 *
 * ALPACA: "instruction" with "input" is what the user says, joined by a line feed where there is an
 * input that is not empty; "output" is the answer; "history", pairs of earlier questions and
 * answers, stands before, and all answers are learned; "system" is the system prompt
 * (LLaMA-Factory, data/README.md and converter.py; axolotl joins alike, prompters.py).  The frame
 * that Stanford Alpaca put around it is left out: the model's own template does its work.
 *
 * COMPLETION: of messages, a conversation of which nothing in the prompt is learned; of text, one
 * that no template reads, behind which the end of the sequence is learned (TRL, SFTTrainer).
 * PROMPT: messages that ask.
 */
int fc_columns_alpaca(struct fc_conversation *c, json_t *line, const char *where, struct fc_err *e);
int fc_columns_completion(
    struct fc_conversation *c, json_t *line, const char *where, struct fc_err *e);
int fc_columns_prompt(struct fc_conversation *c, json_t *line, const char *where, struct fc_err *e);
/* What an Alpaca line asks: its history and instruction as messages, in a new list; NULL: error. */
json_t *fc_columns_alpaca_prompt(const json_t *line, const char *where, struct fc_err *e);
/*
 * A string "system" of the line becomes the first message (axolotl's field_system, LLaMA-Factory's
 * "system"), and leaves the line.  One that a system's message contradicts is an error, and so is
 * one beside text, which has no messages.
 */
int fc_columns_system(struct fc_conversation *c, json_t *line, const char *where, struct fc_err *e);
/*
 * LLaMA-Factory's "tools" beside ShareGPT and Alpaca: a list, or its JSON as text, of functions,
 * each
 * {"name", "description", "parameters"}, which templates expect inside {"type": "function",
 * "function": ...} (tool_utils.py does the same).  An empty text is none.
 */
void fc_columns_wrap_tools(json_t *line);

#endif
