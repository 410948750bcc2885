/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_CHAT_H
#define FC_CHAT_CHAT_H

#include "chat/conversation.h"
#include "stream/header.h"
#include "token/tokenizer.h"

/*
 * A chat template: a Jinja template with its model's special tokens.  Rendering tells which bytes
 * came from which message, so roles and the label mask are known and never inferred.  Immutable
 * after opening; several threads may use one.
 */
struct fc_chat;
/* model: the folder whose templates (template.h) and special tokens to use, or a GGUF file, whose
 * metadata have both.  file: a name of chat_named.h or a Jinja file, instead of the model's own
 * template; or NULL. */
int fc_chat_open(struct fc_chat **c, const char *model, const char *file, struct fc_err *e);
/* The model's own template; *c is NULL where it has none. */
int fc_chat_open_own(struct fc_chat **c, const char *model, struct fc_err *e);
void fc_chat_free(struct fc_chat *c);
/* Does the template spell name?  What it does not, it can't read. */
bool fc_chat_mentions(const struct fc_chat *c, const char *name);
uint64_t fc_chat_hash(const struct fc_chat *c);
/* The string that ends an assistant's turn ("<|im_end|>"), "" if the template uses none. */
const char *fc_chat_turn_end(const struct fc_chat *c);
/* The white space that the template puts between the prompt that asks for an answer and the answer
 * (" " behind "ASSISTANT:"), "" if none or more than that. */
const char *fc_chat_lead(const struct fc_chat *c);

/*
 * A text and its segments, as in struct fc_example; {0} is empty.  A segment's role is that of its
 * message, NONE for text between messages.
 * Trained are an assistant's content and other members (but its name), what the template puts
 * between two parts of them, and the turn end after it with the white space between; where members
 * beside the content appear, calls of tools or thoughts, everything from the header of the turn to
 * its end.  In a template with {% generation %}, exactly what that encloses.  Nothing of a message
 * that is untrained, and of a truncated answer nothing behind its content.  A context by
 * another speaker has the role NONE.  A single space before a content counts as content: in most
 * vocabularies it is part of the first word.  A turn end that no content precedes (after a
 * template's own system text) has the role NONE.
 *
 * With FC_CUT_PROMPT an answer's content begins where the prompt that asks for it ends: it has
 * the white space that the template puts there (fc_chat_lead()), and a space that the prompt ends
 * in is the template's.
 */
struct fc_rendered {
	struct fc_buf text;
	struct fc_segment *segment;
	size_t n, cap;
	enum fc_text_cut cut; /* set by the caller, before rendering and encoding */
};
void fc_rendered_release(struct fc_rendered *r);

/*
 * Variables of the template: messages, with all their members; the other members of the line, and
 * those of its chat_template_kwargs, as keyword arguments of apply_chat_template() (tools as JSON
 * text is read, as TRL does); before them, the model's special tokens and add_generation_prompt.
 *
 * An assistant's message that is to be learned and that the template drops is an error; so is what
 * the template refuses, and a speaker that neither it nor fc_message_is_known() knows.
 * The template sees a fixed date, never the clock: 2024-07-26.
 * generate: end with the header of an assistant's turn (add_generation_prompt).
 */
int fc_chat_render(const struct fc_chat *chat, const struct fc_conversation *c, bool generate,
    struct fc_rendered *out, struct fc_err *e);

/*
 * The tokens of the rendered text under t, which may be another model's tokenizer than the
 * template's: BOS and turn-end segments become t's own tokens of that role (bos; turn_end, which
 * is t's id for it), everything else is encoded as one text in which special tokens of messages
 * stay text.  A token is trained when its span starts inside a trained segment; its role and part
 * are those of the segment where it starts.  Fills text, segments and tokens of x; id and meta
 * stay.
 * With FC_CUT_PROMPT no token lies across the beginning of an assistant's turn or of its labels:
 * up to there the tokens are those of the prompt that asks for the answer, as rendered with
 * generate, and the answer's are what a model can go on with (fc_tokenizer_encode_cut()).
 * turn_end FC_NO_TOKEN: the segment is encoded as text.  Template text that happens to spell a
 * special token of t becomes that token.  BOS is put first exactly once if t adds
 * one or the template wrote it.
 */
int fc_rendered_encode(const struct fc_rendered *r, const struct fc_tokenizer *t, uint32_t turn_end,
    struct fc_example *x, struct fc_err *e);

#endif
