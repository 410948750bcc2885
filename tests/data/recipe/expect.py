#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the recipes through mergekit and writes what it makes of them: expect.py RECIPE... >expected.json

Needs mergekit and peft (0.1.5 and 0.21.2 were used, with torch 2.15.0)."""
import json
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import torch  # noqa: E402
import yaml  # noqa: E402
from mergekit.config import MergeConfiguration  # noqa: E402
from mergekit.merge import run_merge  # noqa: E402
from mergekit.options import MergeOptions  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import models  # noqa: E402

torch.set_num_threads(1)
# A set in an order that changes from run to run; new tokens are numbered in it.
unordered = MergeConfiguration.referenced_models
MergeConfiguration.referenced_models = lambda self: sorted(unordered(self), key=str)
recipes = [os.path.abspath(p) for p in sys.argv[1:]]
out = {}
with tempfile.TemporaryDirectory() as where:
    os.chdir(where)
    models.main(".")
    for path in recipes:
        name = os.path.splitext(os.path.basename(path))[0]
        with open(path, encoding="utf-8") as f:
            docs = list(yaml.safe_load_all(f.read()))
        docs.sort(key=lambda d: "name" not in d)  # named ones first, as the others need them
        for d in docs:
            run_merge(MergeConfiguration.model_validate(d), d.get("name", "out-" + name),
                      MergeOptions(copy_tokenizer=False, write_model_card=False,
                                   lora_merge_cache="cache", quiet=True))
        result = models.read_safetensors(f"out-{name}/model.safetensors")
        with open(f"out-{name}/config.json", encoding="utf-8") as f:
            config = json.load(f)
        tokenizer = {}
        if os.path.exists(f"out-{name}/tokenizer.json"):
            with open(f"out-{name}/tokenizer.json", encoding="utf-8") as f:
                t = json.load(f)
            tokenizer = {"tokens": {**t["model"]["vocab"],
                                    **{x["content"]: x["id"] for x in t["added_tokens"]}}}
        out[name] = {
            **tokenizer,
            "num_hidden_layers": config["num_hidden_layers"], "vocab_size": config["vocab_size"],
            "tensors": {k: [s, [float(f"{x:.8g}") for x in v]]
                        for k, (s, v) in sorted(result.items())}}
for i, (name, result) in enumerate(out.items()):
    tensors = result.pop("tensors")
    print("," if i else "{", f'"{name}":{json.dumps(result)[:-1]},"tensors":{{')
    print(",\n".join(f'"{k}":{json.dumps(t, separators=(",", ":"))}' for k, t in tensors.items()))
    print("}}")
print("}")
