#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares a merged model with what mergekit made of a recipe: check.py FOLDER RECIPE"""
import glob
import json
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import models  # noqa: E402

folder, recipe = sys.argv[1:]
with open(here + "/expected.json", encoding="utf-8") as f:
    want = json.load(f)[recipe]
with open(folder + "/config.json", encoding="utf-8") as f:
    config = json.load(f)
for key in "num_hidden_layers", "vocab_size":
    assert config[key] == want[key], (key, config[key], want[key])
if "tokens" in want:
    with open(folder + "/tokenizer.json", encoding="utf-8") as f:
        t = json.load(f)
    tokens = {**t["model"]["vocab"], **{x["content"]: x["id"] for x in t["added_tokens"]}}
    assert tokens == want["tokens"], (tokens, want["tokens"])
have = {}
for path in glob.glob(folder + "/*.safetensors"):
    have.update(models.read_safetensors(path))
assert set(have) == set(want["tensors"]), set(have) ^ set(want["tensors"])
worst = 0
for name, (shape, values) in want["tensors"].items():
    assert have[name][0] == shape, (name, have[name][0], shape)
    for i, (x, y) in enumerate(zip(have[name][1], values)):
        error = abs(x - y) / max(1, abs(y))
        assert error <= 1e-6, (name, i, x, y)
        worst = max(worst, error)
assert any(any(v) for _, v in have.values())
print(f"{recipe}: {worst:.2g}")
