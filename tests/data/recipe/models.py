#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small Llama models for the tests of merge recipes: models.py DIR

Values come from a linear congruence, so that every program makes the same ones; they are exact in
float32, and the sizes of a tensor's changes all differ.
base, a, b, c: four layers, float32.  bf16: a, coarser, in bfloat16.  wide: five rows more in the
vocabulary's tensors.  tied: no head of its own.  chat, other: two more tokens,
one of them the same.  lora, rslora, dora: adapters for base, as PEFT saves
them.  Needs nothing but Python."""
import json
import os
import struct
import sys

HIDDEN, INNER, LAYERS, VOCAB = 4, 6, 4, 7


def values(seed, n, most=1.0, step=2.0**-20):
    """n multiples of step, up to most in size"""
    x = seed * 2654435761 % 2**32
    out = []
    for _ in range(n):
        x = (x * 1664525 + 1013904223) % 2**32
        out.append((2 * (x >> 8) / 2**24 - 1) * most // step * step)
    return out


def shapes(vocab, layers, tied):
    yield "model.embed_tokens.weight", [vocab, HIDDEN]
    for i in range(layers):
        p = f"model.layers.{i}."
        for name in "q", "k", "v", "o":
            yield p + f"self_attn.{name}_proj.weight", [HIDDEN, HIDDEN]
        yield p + "mlp.gate_proj.weight", [INNER, HIDDEN]
        yield p + "mlp.up_proj.weight", [INNER, HIDDEN]
        yield p + "mlp.down_proj.weight", [HIDDEN, INNER]
        yield p + "input_layernorm.weight", [HIDDEN]
        yield p + "post_attention_layernorm.weight", [HIDDEN]
    yield "model.norm.weight", [HIDDEN]
    if not tied:
        yield "lm_head.weight", [vocab, HIDDEN]


def count(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def tensors(seed, vocab=VOCAB, layers=LAYERS, tied=False):
    """The pivot is seed 0; another model is the pivot plus a change of its own."""
    out = {}
    for k, (name, shape) in enumerate(shapes(vocab, layers, tied)):
        v = values(1 + k, count(shape))
        if seed:
            d = values(1000 * seed + k, count(shape), 0.375)
            v = [x + y for x, y in zip(v, d)]
        out[name] = (shape, v)
    return out


def write_safetensors(path, model, dtype="F32"):
    head, data = {}, b""
    for name, (shape, v) in model.items():
        raw = struct.pack(f"<{len(v)}f", *v)
        if dtype == "BF16":  # exact: the values have few bits
            raw = b"".join(raw[i + 2:i + 4] for i in range(0, len(raw), 4))
        head[name] = {"dtype": dtype, "shape": shape,
                      "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def write_model(folder, model, dtype="F32", **config):
    os.makedirs(folder, exist_ok=True)
    write_safetensors(folder + "/model.safetensors", model, dtype)
    c = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN,
         "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": 1,
         "num_key_value_heads": 1, "vocab_size": VOCAB, "rms_norm_eps": 1e-06,
         "tie_word_embeddings": False,
         "torch_dtype": {"F32": "float32", "BF16": "bfloat16"}[dtype]}
    c.update(config)
    with open(folder + "/config.json", "w", encoding="utf-8") as f:
        json.dump(c, f, indent=1)


def write_tokenizer(folder, added):
    """Five letters, two special tokens and those added."""
    special = [{"id": 5 + i, "content": t, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True}
               for i, t in enumerate(["<s>", "</s>"] + added)]
    t = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
         "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None,
         "model": {"type": "BPE", "dropout": None, "unk_token": None,
                   "continuing_subword_prefix": None, "end_of_word_suffix": None,
                   "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                   "vocab": {c: i for i, c in enumerate("abcde")}, "merges": []}}
    with open(folder + "/tokenizer.json", "w", encoding="utf-8") as f:
        json.dump(t, f, indent=1)
    decoder = {str(x["id"]): {k: v for k, v in x.items() if k != "id"} for x in special}
    with open(folder + "/tokenizer_config.json", "w", encoding="utf-8") as f:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>",
                   "eos_token": "</s>", "added_tokens_decoder": decoder,
                   "chat_template": "{{ messages }}" + "".join(added)}, f, indent=1)


def factors(seed, names, rank, embedding=(), magnitude=False):
    """The factors of an adapter for the modules; rank: of each."""
    out = {}
    base = tensors(0)
    for k, module in enumerate(names):
        rows, columns = base[module + ".weight"][0]
        r = rank(module)
        a, b, m = (values(9000 * seed + 3 * k + i, n, 0.25)
                   for i, n in enumerate((r * columns, rows * r, rows)))
        p = "base_model.model." + module
        if module in embedding:
            out[p + ".lora_embedding_A"] = ([r, rows], values(9000 * seed + 3 * k, r * rows, 0.25))
            out[p + ".lora_embedding_B"] = ([columns, r], values(9000 * seed + 3 * k + 1, columns * r, 0.25))
            continue
        out[p + ".lora_A.weight"] = ([r, columns], a)
        out[p + ".lora_B.weight"] = ([rows, r], b)
        if magnitude:
            out[p + ".lora_magnitude_vector"] = ([rows], [abs(x) + 0.5 for x in m])
    return out


def write_adapter(folder, model, **config):
    os.makedirs(folder, exist_ok=True)
    write_safetensors(folder + "/adapter_model.safetensors", model)
    c = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "base",
         "bias": "none", "fan_in_fan_out": False, "inference_mode": True}
    c.update(config)
    with open(folder + "/adapter_config.json", "w", encoding="utf-8") as f:
        json.dump(c, f, indent=1)


def write_adapters(where):
    layers = [f"model.layers.{i}." for i in range(LAYERS)]
    some = [p + m for p in layers for m in ("self_attn.q_proj", "mlp.down_proj")]
    lora = factors(1, some, lambda m: 3 if m == "model.layers.2.mlp.down_proj" else 2)
    lora["base_model.model.lm_head.weight"] = ([VOCAB, HIDDEN], values(77, VOCAB * HIDDEN))
    write_adapter(where + "/lora", lora, r=2, lora_alpha=3, target_modules=["q_proj", "down_proj"],
                  modules_to_save=["lm_head"],
                  rank_pattern={"layers.2.mlp.down_proj": 3},
                  alpha_pattern={"q_proj": 5, ".*1.mlp.down_proj": 1.5})
    some = ["model.embed_tokens"] + [p + "mlp.up_proj" for p in layers[1:]]
    write_adapter(where + "/rslora", factors(2, some, lambda m: 3, embedding=some[:1]), r=3,
                  lora_alpha=2, use_rslora=True, target_modules=["embed_tokens", "up_proj"],
                  layers_to_transform=None)
    some = [p + "self_attn.v_proj" for p in layers]
    write_adapter(where + "/dora", factors(3, some, lambda m: 2, magnitude=True), r=2, lora_alpha=4,
                  use_dora=True, target_modules=["v_proj"])


def read_safetensors(path):
    with open(path, "rb") as f:
        b = f.read()
    n = struct.unpack("<Q", b[:8])[0]
    out = {}
    for name, t in json.loads(b[8:8 + n]).items():
        if name == "__metadata__":
            continue
        raw = b[8 + n:][slice(*t["data_offsets"])]
        if t["dtype"] == "BF16":
            raw = b"".join(b"\0\0" + raw[i:i + 2] for i in range(0, len(raw), 2))
        elif t["dtype"] == "F16":
            out[name] = (t["shape"], list(struct.unpack(f"<{len(raw) // 2}e", raw)))
            continue
        out[name] = (t["shape"], list(struct.unpack(f"<{len(raw) // 4}f", raw)))
    return out


def main(where):
    for seed, name in enumerate(("base", "a", "b", "c")):
        write_model(f"{where}/{name}", tensors(seed))
    coarse = {k: (s, [x // 0.125 * 0.125 for x in v]) for k, (s, v) in tensors(1).items()}
    write_model(f"{where}/bf16", coarse, "BF16")
    write_model(f"{where}/wide", tensors(4, VOCAB + 5), vocab_size=VOCAB + 5)
    write_model(f"{where}/tied", tensors(5, tied=True), tie_word_embeddings=True)
    for seed, (name, added) in enumerate({"chat": ["<|im_start|>", "<|im_end|>"],
                                          "other": ["<|im_end|>", "<tool>"]}.items()):
        write_model(f"{where}/{name}", tensors(6 + seed, VOCAB + 2), vocab_size=VOCAB + 2)
        write_tokenizer(f"{where}/{name}", added)
    for name in "base", "a", "b", "c":
        write_tokenizer(f"{where}/{name}", [])
    write_adapters(where)


if __name__ == "__main__":
    main(sys.argv[1])
