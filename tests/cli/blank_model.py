#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model folder of the shape of a published one, with weights that take no room on the disk: all zeros.

blank_model.py NAME FOLDER writes config.json and model.safetensors and prints the number of parameters.  The
shapes are those of the model cards on Hugging Face.
"""
import json
import struct
import sys

MODELS = {
    "mistral-7b": dict(model_type="mistral", architectures=["MistralForCausalLM"], vocab_size=32000, hidden_size=4096,
                       intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8,
                       max_position_embeddings=32768, sliding_window=4096),
    "llama-3-8b": dict(model_type="llama", architectures=["LlamaForCausalLM"], vocab_size=128256, hidden_size=4096,
                       intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8,
                       max_position_embeddings=8192, rope_theta=500000.0),
    "qwen2.5-7b": dict(model_type="qwen2", architectures=["Qwen2ForCausalLM"], vocab_size=152064, hidden_size=3584,
                       intermediate_size=18944, num_hidden_layers=28, num_attention_heads=28, num_key_value_heads=4,
                       max_position_embeddings=32768, rope_theta=1000000.0),
}


def tensors(c):
    C, F, V = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    G = C // c["num_attention_heads"] * c["num_key_value_heads"]
    yield "model.embed_tokens.weight", [V, C]
    for i in range(c["num_hidden_layers"]):
        at = f"model.layers.{i}."
        for name, shape in (("q", [C, C]), ("k", [G, C]), ("v", [G, C]), ("o", [C, C])):
            yield f"{at}self_attn.{name}_proj.weight", shape
            if c["model_type"] == "qwen2" and name != "o":
                yield f"{at}self_attn.{name}_proj.bias", shape[:1]
        for name, shape in (("gate", [F, C]), ("up", [F, C]), ("down", [C, F])):
            yield f"{at}mlp.{name}_proj.weight", shape
        yield at + "input_layernorm.weight", [C]
        yield at + "post_attention_layernorm.weight", [C]
    yield "model.norm.weight", [C]
    yield "lm_head.weight", [V, C]


def main(name, folder):
    c = dict(MODELS[name], hidden_act="silu", rms_norm_eps=1e-5, tie_word_embeddings=False, torch_dtype="bfloat16")
    header, at = {}, 0
    for tensor, shape in tensors(c):
        n = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[tensor] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + n]}
        at += n
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{folder}/config.json", "w", encoding="utf-8") as f:
        json.dump(c, f)
    with open(f"{folder}/model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.truncate(8 + len(text) + at)
    print(at // 2)


main(*sys.argv[1:])
