#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model.py SHAPE CONVERSATIONS DIR: a model of random weights, in bfloat16, of the shape 1b (TinyLlama's),
7b (Mistral's) or tiny, with a tokenizer; and conversations of some 400 tokens (tiny: 60), CHATS.jsonl, and
questions, ASK.jsonl, in its folder.  Prints the parameters that products read, and all.

Weights are slices of one block of normal numbers, whose products cost what those of a trained model
do (zeros would run faster)."""
import array
import json
import os
import random
import struct
import sys

# width, layers, heads, key/value heads, feed-forward width, vocabulary
SHAPES = {"tiny": (64, 2, 4, 2, 128, 700), "1b": (2048, 22, 32, 4, 5632, 32000),
          "7b": (4096, 32, 32, 8, 14336, 32000)}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CONTEXT = 1024
TEMPLATE = """{% for m in messages %}{% if m['role'] == 'user' %}User:
{% else %}Assistant:
{% endif %}{{ m['content'] }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}Assistant:
{% endif %}"""


def config(shape):
    C, L, H, G, F, V = SHAPES[shape]
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": V, "hidden_size": C,
            "intermediate_size": F, "num_hidden_layers": L, "num_attention_heads": H,
            "num_key_value_heads": G, "hidden_act": "silu", "max_position_embeddings": CONTEXT,
            "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": False,
            "torch_dtype": "bfloat16"}


def shapes(shape):
    C, L, H, G, F, V = SHAPES[shape]
    kv = C // H * G
    out = {"model.embed_tokens.weight": (V, C), "lm_head.weight": (V, C), "model.norm.weight": (C,)}
    for i in range(L):
        p = f"model.layers.{i}."
        out |= {p + "self_attn.q_proj.weight": (C, C), p + "self_attn.k_proj.weight": (kv, C),
                p + "self_attn.v_proj.weight": (kv, C), p + "self_attn.o_proj.weight": (C, C),
                p + "mlp.gate_proj.weight": (F, C), p + "mlp.up_proj.weight": (F, C),
                p + "mlp.down_proj.weight": (C, F), p + "input_layernorm.weight": (C,),
                p + "post_attention_layernorm.weight": (C,)}
    return out


def bfloat16(values):
    """Truncated: these are random numbers."""
    wide = array.array("f", values).tobytes()
    narrow = bytearray(len(wide) // 2)
    narrow[::2], narrow[1::2] = wide[2::4], wide[3::4]
    return bytes(narrow)


def write_weights(path, tensors, rng):
    block = memoryview(2 * bfloat16(rng.gauss(0, 0.02) for _ in range(1 << 20)))
    header, at = {}, 0
    for name, size in tensors.items():
        n = 2 * size[0] * (size[1] if len(size) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": list(size), "data_offsets": [at, at + n]}
        at += n
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb", buffering=0) as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name, size in tensors.items():
            if len(size) == 1:
                f.write(bfloat16([1.0] * size[0]))
                continue
            left = 2 * size[0] * size[1]
            while left:  # from another place each time
                begin = 2 * rng.randrange(len(block) // 4)
                left -= f.write(block[begin:begin + min(left, len(block) // 2)])


def tokenizer(n_vocab):
    """Byte-level: bytes, pairs of letters, and pairs with a letter or a pair, until there are n_vocab."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = [b for b in range(256) if b not in plain]
    pieces = [chr(b) for b in plain] + [chr(256 + i) for i in range(len(other))]
    pairs = [a + b for a in LETTERS for b in LETTERS]
    merges = [(p[0], p[1]) for p in pairs] + [(p, a) for p in pairs for a in LETTERS]
    merges += [(p, q) for p in pairs for q in pairs]
    merges = merges[:n_vocab - 1 - len(pieces)]
    pieces += [a + b for a, b in merges] + ["<|end|>"]
    return {"version": "1.0", "truncation": None, "padding": None, "post_processor": None, "normalizer": None,
            "added_tokens": [{"id": len(pieces) - 1, "content": "<|end|>", "single_word": False,
                              "lstrip": False, "rstrip": False, "normalized": False, "special": True}],
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                              "use_regex": True},
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                        "use_regex": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                      "ignore_merges": False, "vocab": {p: i for i, p in enumerate(pieces)},
                      "merges": [list(m) for m in merges]}}


def write_text(folder, n, n_words, rng):
    def words(count):
        return " ".join("".join(rng.choices(LETTERS, k=rng.randrange(3, 10))) for _ in range(count))

    with open(f"{folder}/CHATS.jsonl", "w", encoding="utf-8") as chats, \
            open(f"{folder}/ASK.jsonl", "w", encoding="utf-8") as ask:
        for i in range(n):
            talk = [{"role": "user", "content": words(n_words // 5)},
                    {"role": "assistant", "content": words(n_words)}]
            print(json.dumps({"id": f"c{i}", "messages": talk}), file=chats)
            if i < 32:
                print(json.dumps({"id": f"q{i}", "messages": talk[:1]}), file=ask)


def main(shape, n, folder):
    rng = random.Random(1)
    os.makedirs(folder, exist_ok=True)
    tensors = shapes(shape)
    write_weights(f"{folder}/model.safetensors", tensors, rng)
    write_text(folder, int(n), 10 if shape == "tiny" else 95, rng)
    more = {"config.json": config(shape), "tokenizer.json": tokenizer(SHAPES[shape][5]),
            "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>",
                                      "model_max_length": CONTEXT}}
    for name, value in more.items():
        with open(f"{folder}/{name}", "w", encoding="utf-8") as f:
            json.dump(value, f)
    with open(f"{folder}/chat_template.jinja", "w", encoding="utf-8") as f:
        f.write(TEMPLATE)
    count = {name: size[0] * size[-1] for name, size in tensors.items() if len(size) == 2}
    every = sum(count.values())
    print(every - count["model.embed_tokens.weight"], every)


main(*sys.argv[1:4])
