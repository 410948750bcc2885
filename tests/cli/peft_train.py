# SPDX-License-Identifier: Apache-2.0
"""peft_train.py MODEL STREAM.jsonl STEPS LR EPS WEIGHT_DECAY DIR...

The other side of tests/cli/fc-train-lora.bats (PyPI: peft, transformers, torch, safetensors).  In each DIR there are
fc-train's adapters at the start and after these steps over all conversations of the stream (fc-view --jsonl), with its
log, and what fc-varm made of the latter: start, ours, log, merged.  PEFT trains its own from start, saved as theirs;
its losses and tensors must be ours, and its merge of ours must be fc-varm's.

peft_train.py --same DIR...

theirs and again of each DIR have the same tensors."""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

if sys.argv[1] == "--same":
    from safetensors.numpy import load_file

    for folder in sys.argv[2:]:
        a, b = (load_file(f"{folder}/{d}/adapter_model.safetensors") for d in ("theirs", "again"))
        if a.keys() != b.keys() or not all((a[k] == b[k]).all() for k in a):
            sys.exit(f"{folder}: theirs and again differ")
    sys.exit()

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

MODEL, STREAM = sys.argv[1:3]
STEPS = int(sys.argv[3])
LR, EPS, WEIGHT_DECAY = map(float, sys.argv[4:7])
lines = [json.loads(line) for line in open(STREAM)]


def load(adapter, trainable):
    base = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32, attn_implementation="eager")
    return PeftModel.from_pretrained(base, adapter, is_trainable=trainable)


def train(folder):
    peft = load(folder + "/start", True)
    trained = [(n, p) for n, p in peft.named_parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": [p for n, p in trained if "magnitude" not in n], "weight_decay": WEIGHT_DECAY},
         {"params": [p for n, p in trained if "magnitude" in n], "weight_decay": 0.0}],
        lr=LR, eps=EPS, betas=(0.9, 0.999))
    n_label = sum(sum(x["trained"][1:]) for x in lines)
    longest = max(len(x["tokens"]) for x in lines)
    ids = torch.tensor([x["tokens"] + [0] * (longest - len(x["tokens"])) for x in lines])
    mask = torch.tensor([[1] * len(x["tokens"]) + [0] * (longest - len(x["tokens"])) for x in lines])
    label = torch.tensor([x["trained"][1:] + [0] * (longest - len(x["tokens"])) for x in lines])
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        logp = torch.log_softmax(peft(input_ids=ids, attention_mask=mask).logits[:, :-1], -1)
        nll = -logp.gather(2, ids[:, 1:, None])[:, :, 0]
        loss = (nll * label).sum() / n_label
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    peft.save_pretrained(folder + "/theirs")
    return losses


def worst(ours, theirs, before):
    """The largest difference over the largest change of a tensor."""
    if ours.keys() != theirs.keys():
        sys.exit(f"names differ: {sorted(ours.keys() ^ theirs.keys())}")
    found = []
    for name, x in theirs.items():
        if x.shape != ours[name].shape:
            sys.exit(f"{name}: {ours[name].shape} and {x.shape}")
        change = (x - before[name]).abs().max() if before else x.abs().max()
        found.append(((ours[name] - x).abs().max() / max(change, 1e-12), name))
    return max(found)


def check(what, value, bound):
    print(what, value)
    if not value <= bound:
        sys.exit(f"{what}: {value} is above {bound}")


for folder in sys.argv[7:]:
    losses = train(folder)
    log = [json.loads(line)["loss"] for line in open(folder + "/log")]
    check("losses", max(abs(a - b) for a, b in zip(losses, log, strict=True)), 2e-6)
    start, ours, theirs = (load_file(f"{folder}/{d}/adapter_model.safetensors") for d in ("start", "ours", "theirs"))
    wrong, name = worst(ours, theirs, start)
    check("adapter, " + name, float(wrong), 1e-3)
    merged = load(folder + "/ours", False).merge_and_unload().state_dict()
    ours = load_file(folder + "/merged/model.safetensors")
    wrong, name = worst(ours, {k: merged[k] for k in merged if k != "lm_head.weight" or k in ours}, None)
    check("merged, " + name, float(wrong), 1e-6)
