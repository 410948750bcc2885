/* SPDX-License-Identifier: Apache-2.0 */
/* InternLM2 and 2.5: Llama with one matrix for q, k, v and names of its own.  Its makers' Llama
 * conversion is a llama model. */
#include "model/family.h"

static const struct fc_family_tensor tensors[] = {
    {FC_TENSOR_EMBED, "model.tok_embeddings.weight"},
    {FC_TENSOR_ATTN_NORM, "model.layers.*.attention_norm.weight"},
    {FC_TENSOR_QKV, "model.layers.*.attention.wqkv.weight"},
    {FC_TENSOR_QKV_BIAS, "model.layers.*.attention.wqkv.bias"},
    {FC_TENSOR_O, "model.layers.*.attention.wo.weight"},
    {FC_TENSOR_O_BIAS, "model.layers.*.attention.wo.bias"},
    {FC_TENSOR_FFN_NORM, "model.layers.*.ffn_norm.weight"},
    {FC_TENSOR_GATE, "model.layers.*.feed_forward.w1.weight"},
    {FC_TENSOR_UP, "model.layers.*.feed_forward.w3.weight"},
    {FC_TENSOR_DOWN, "model.layers.*.feed_forward.w2.weight"},
    {FC_TENSOR_FINAL_NORM, "model.norm.weight"},
    {FC_TENSOR_HEAD, "output.weight"},
    {0, NULL},
};

/* The class's default of "bias" is true; its files say false. */
const struct fc_family fc_family_internlm2 = {
    .type = "internlm2",
    .architecture = "InternLM2ForCausalLM",
    .preset = {.n_ctx = 2048,
	.norm_eps = 1e-6f,
	.rope.theta = 1e4,
	.gated = true,
	.qkv = FC_QKV_GROUPED,
	.qkv_bias = true,
	.o_bias = true},
    .keys = {.attention_bias = "bias"},
    .tensor = tensors,
    .trains = true,
};
