#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the expected losses and gradients of adapters of tests/unit/model_lora.c, as PEFT and PyTorch
compute them in float64.  Not run by the tests; needs torch, transformers and peft (written with 2.15.0+cu132,
5.23.0 and 0.21.2).

    python3 lora.py >lora.json

Weights are those of golden.py: element i of tensor NAME is fill(fnv1a(NAME), i), norms get 1 added.  So are
A and B, by their names in adapter_model.safetensors and B by its own order [out, rank]; a magnitude is the
length of its row times 1 + fill / 2.  The loss is the sum over rows (sequence, place, target, weight) of
-weight * log p(target)."""
import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import peft
import torch
import transformers

SEQUENCES = [[1, 4, 9, 9, 0], [3, 10, 2], [5]]
ROWS = [(0, 0, 4, 0.3), (0, 2, 9, 0.1), (0, 3, 1, 0.2), (0, 4, 7, -0.2), (1, 1, 2, 0.1), (2, 0, 1, 0.15)]
BASE = dict(vocab_size=11, hidden_size=8, intermediate_size=7, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False)
LLAMA = dict(BASE, head_dim=4, rope_parameters=dict(rope_type="default", rope_theta=10000.0))
PHI3 = dict(BASE, hidden_size=16, num_attention_heads=4, pad_token_id=0, bos_token_id=1, eos_token_id=2,
            rope_parameters=dict(rope_type="default", rope_theta=10000.0))
VARIANTS = {
    "lora": ("Llama", LLAMA, dict(r=3, lora_alpha=6)),
    "dora, rslora": ("Llama", LLAMA, dict(r=2, lora_alpha=3, use_dora=True, use_rslora=True)),
    "phi3, dora": ("Phi3", PHI3, dict(r=3, lora_alpha=6, use_dora=True)),
}


def fill(name, shape):
    n = 1
    for d in shape:
        n *= d
    seed = 2166136261
    for c in name.encode():
        seed = (seed ^ c) * 16777619 & 0xFFFFFFFF
    out = []
    for i in range(n):
        h = (i + 1) * 0x9E3779B1 & 0xFFFFFFFF ^ seed
        h ^= h >> 16
        h = h * 0x85EBCA6B & 0xFFFFFFFF
        h ^= h >> 13
        h = h * 0xC2B2AE35 & 0xFFFFFFFF
        h ^= h >> 16
        out.append(((h >> 26) - 32) / 128)
    return torch.tensor(out, dtype=torch.float64).reshape(shape)


def run(cls, config, lora):
    c = getattr(transformers, cls + "Config")(**config, attn_implementation="eager")
    model = getattr(transformers, cls + "ForCausalLM")(c).double().eval()
    tensors = {n: list(p.shape) for n, p in model.named_parameters()}
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(fill(name, p.shape) + ("norm" in name))
    adapted = peft.get_peft_model(model, peft.LoraConfig(
        task_type="CAUSAL_LM", target_modules="all-linear", **lora)).double()
    trained = {}
    for name, p in adapted.named_parameters():
        if not p.requires_grad:
            continue
        name = name.replace(".default", "").replace("magnitude_vector.weight", "magnitude_vector")
        trained[name] = p
        with torch.no_grad():
            p.copy_(p * (1 + fill(name, p.shape) / 2) if "magnitude" in name else fill(name, p.shape))
    loss = 0
    for sequence, place, target, weight in ROWS:
        logits = adapted(input_ids=torch.tensor([SEQUENCES[sequence]])).logits[0, place]
        loss = loss - weight * torch.log_softmax(logits, -1)[target]
    loss.backward()
    return {"config": json.loads(c.to_json_string(False)), "tensors": tensors, "r": lora["r"], "alpha": lora["lora_alpha"],
            "dora": lora.get("use_dora", False), "rslora": lora.get("use_rslora", False), "loss": loss.item(),
            "gradients": {n: {"shape": list(p.shape), "values": [float(f"{x:.9g}") for x in p.grad.flatten().tolist()]}
                          for n, p in trained.items()}}


print(json.dumps({"made": f"lora.py with torch {torch.__version__}, transformers {transformers.__version__}, "
                          f"peft {peft.__version__}", "variants": {k: run(*v) for k, v in VARIANTS.items()}}))
