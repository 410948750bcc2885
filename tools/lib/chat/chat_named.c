/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/chat_named.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

/*
 * The templates that FuseChat names (FuseChat/train/conversation.py, which took them from
 * FastChat), where those are right.  As there, no BOS is written, but where one starts a later
 * round: the tokenizer puts it first.  What differs: mistral: the reference overwrites a separator,
 * so that an EOS follows the second user message; gemma: the reference drops a system message, here
 * it stands before the first message, as in Gemma 3; zephyr: the reference puts an empty system
 * block where there is no system message.
 */
#define EACH "{% for m in messages %}"
#define DONE "{% endfor %}"
#define ASK(header) "{% if add_generation_prompt %}{{ '" header "' }}{% endif %}"

#define CHATML                                                                                     \
	EACH "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}" DONE ASK( \
	    "<|im_start|>assistant\\n")

/* The system message goes with the first one. */
#define ROUNDS(before_system, behind_system)                                                       \
	EACH "{% if m['role'] == 'system' %}{{ '[INST] " before_system "' + m['content'] + "       \
	     "'" behind_system "' }}{% elif m['role'] == 'user' %}"                                \
	     "{% if loop.previtem is not defined or loop.previtem['role'] != 'system' %}"          \
	     "{{ '[INST] ' }}{% endif %}{{ m['content'] + ' [/INST]' }}{% else %}"

static const struct fc_chat_named named[] = {
    {"openchat_3.5",
	EACH "{% if m['role'] == 'system' %}{{ m['content'] + eos_token }}{% else %}"
	     "{{ 'GPT4 Correct ' + m['role'].title() + ': ' + m['content'] + eos_token }}"
	     "{% endif %}" DONE ASK("GPT4 Correct Assistant:"),
	NULL},
    {"mistral", ROUNDS("", "\\n") "{{ ' ' + m['content'] + eos_token }}{% endif %}" DONE, NULL},
    {"llama-2",
	ROUNDS("<<SYS>>\\n", "\\n<</SYS>>\\n\\n") "{{ ' ' + m['content'] + ' ' + eos_token }}"
						  "{% if not loop.last %}{{ bos_token }}"
						  "{% endif %}{% endif %}" DONE,
	NULL},
    {"llama-3",
	EACH
	"{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | "
	"trim + '<|eot_id|>' }}" DONE ASK("<|start_header_id|>assistant<|end_header_id|>\\n\\n"),
	"<|eot_id|>"},
    {"gemma",
	EACH "{% if m['role'] == 'system' %}{{ '<start_of_turn>user\\n' + m['content'] + '\\n\\n' "
	     "}}{% else %}"
	     "{% if loop.previtem is not defined or loop.previtem['role'] != 'system' %}"
	     "{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else 'user') + '\\n' }}"
	     "{% endif %}{{ m['content'] + '<end_of_turn>\\n' }}{% endif %}" DONE ASK(
		 "<start_of_turn>model\\n"),
	"<end_of_turn>"},
    {"phi-3",
	EACH "{{ '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}" DONE ASK(
	    "<|assistant|>\\n"),
	"<|end|>"},
    {"qwen", CHATML, "<|im_end|>"},
    {"internlm2", CHATML, "<|im_end|>"},
    {"yi", CHATML, "<|im_end|>"},
    {"chatml", CHATML, "<|im_end|>"},
    {"zephyr",
	EACH "{{ '<|' + m['role'] + '|>\\n' + m['content'] + eos_token + '\\n' }}" DONE ASK(
	    "<|assistant|>\\n"),
	NULL},
    {"vicuna",
	"{% if messages[0]['role'] != 'system' %}{{ 'A chat between a curious user and an "
	"artificial intelligence assistant. The assistant gives helpful, detailed, and polite "
	"answers to the user\\'s questions. ' }}{% endif %}" EACH
	"{% if m['role'] == 'system' %}{{ m['content'] + ' ' }}{% elif m['role'] == 'user' %}"
	"{{ 'USER: ' + m['content'] + ' ' }}{% else %}{{ 'ASSISTANT: ' + m['content'] + eos_token "
	"}}{% endif %}" DONE ASK("ASSISTANT:"),
	NULL},
    {"solar",
	EACH
	"{% if m['role'] == 'system' %}{{ m['content'] + '\\n\\n' }}{% else %}"
	"{{ '### ' + m['role'].title() + '\\n' + m['content'] + '\\n\\n' }}{% endif %}" DONE ASK(
	    "### Assistant\\n"),
	NULL},
};

const struct fc_chat_named *fc_chat_named_find(const char *name)
{
	for (size_t i = 0; i < FC_LEN(named); i++)
		if (!strcmp(named[i].name, name))
			return &named[i];
	return NULL;
}
