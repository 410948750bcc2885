#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the expected logits of tests/unit/model_golden.c: one JSON file a variant of the LLaMA
family, with the config and the tensor list as transformers has them.  Not run by the tests; needs
torch and transformers (written with 2.15.0+cu132 and 5.23.0, float32 on the CPU, eager attention).

    python3 golden.py DIRECTORY

Weights are not stored: element i of tensor NAME is fill(fnv1a(NAME), i), a hash to the 64 numbers
-32/128 ... 31/128, which float16 and bfloat16 hold exactly; norms of all but Gemma get 1 added."""
import json
import sys

import torch
import transformers

SEQUENCES = [[1, 5, 9, 33, 2, 0, 39, 17, 8, 8, 21], [7], [3, 30, 12, 4, 4, 25]]
BASE = dict(vocab_size=40, hidden_size=48, intermediate_size=56, num_hidden_layers=2,
            num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=64,
            rms_norm_eps=1e-5, tie_word_embeddings=False)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16, rope_theta=500.0)
VARIANTS = {
    "llama": ("Llama", {}),
    "llama-bias": ("Llama", dict(attention_bias=True, mlp_bias=True, tie_word_embeddings=True,
                                 num_key_value_heads=6, rope_parameters=LLAMA3)),
    "llama-linear": ("Llama", dict(num_key_value_heads=1, hidden_act="gelu", rope_parameters=dict(
        rope_type="linear", factor=4.0, rope_theta=10000.0))),
    "mistral": ("Mistral", dict(sliding_window=4, head_dim=16)),
    "qwen2": ("Qwen2", dict(tie_word_embeddings=True,
                            rope_parameters=dict(rope_type="default", rope_theta=1e6))),
    "qwen2-window": ("Qwen2", dict(use_sliding_window=True, sliding_window=3, max_window_layers=1)),
    "qwen3": ("Qwen3", dict(head_dim=20, rms_norm_eps=1e-6)),
    "gemma": ("Gemma", dict(head_dim=12, tie_word_embeddings=True)),
}


def fnv1a(s):
    h = 2166136261
    for b in s.encode():
        h = (h ^ b) * 16777619 & 0xffffffff
    return h


def fill(seed, n):
    h = (torch.arange(1, n + 1, dtype=torch.int64) * 0x9e3779b1 & 0xffffffff) ^ seed
    h ^= h >> 16
    h = h * 0x85ebca6b & 0xffffffff
    h ^= h >> 13
    h = h * 0xc2b2ae35 & 0xffffffff
    h ^= h >> 16
    return ((h >> 26) - 32).float() / 128


def main(out):
    for name, (family, more) in VARIANTS.items():
        config = getattr(transformers, family + "Config")(**{**BASE, **more})
        config._attn_implementation = "eager"
        model = getattr(transformers, family + "ForCausalLM")(config).float().eval()
        tensors = {}
        for key, t in model.state_dict().items():
            if key == "lm_head.weight" and config.tie_word_embeddings:
                continue
            tensors[key] = list(t.shape)
            w = fill(fnv1a(key), t.numel()).reshape(t.shape)
            if "norm" in key and family != "Gemma":
                w += 1
            t.copy_(w)
        with torch.no_grad():
            logits = [model(torch.tensor([s])).logits[0] for s in SEQUENCES]
        saved = json.loads(config.to_json_string())
        saved["architectures"] = [family + "ForCausalLM"]
        saved["dtype"] = "float32"
        rows = [[float(f"{v:.7g}") for v in row] for seq in logits for row in seq.tolist()]
        with open(f"{out}/{name}.json", "w") as f:
            f.write('{"config": %s,\n"tensors": %s,\n"sequences": %s,\n"logits": [\n%s\n]}\n' % (
                json.dumps(saved), json.dumps(tensors), json.dumps(SEQUENCES),
                ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows)))
        print(name, max(abs(v) for r in rows for v in r))


main(sys.argv[1])
