/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CHAT_CHAT_NAMED_H
#define FC_CHAT_CHAT_NAMED_H

#define FC_CHAT_NAMES                                                                              \
	"openchat_3.5, mistral, llama-2, llama-3, gemma, phi-3, qwen, internlm2, yi, zephyr, "     \
	"vicuna, solar, chatml"

/* A template that --template knows by name. */
struct fc_chat_named {
	const char *name;
	const char *source;   /* Jinja */
	const char *turn_end; /* a token the template spells, whether the model has it or not; NULL:
			       * it uses eos_token or none */
};
const struct fc_chat_named *fc_chat_named_find(const char *name); /* or NULL */

#endif
