#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wrote sampling.jsonl with transformers 5.24 and torch 2.15: what its logits processors, in the order
in which generate() applies them, leave of a few logits.

  python sampling.py >sampling.jsonl
"""
import json
import random

import torch
from transformers import (MinPLogitsWarper, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
                          TopKLogitsWarper, TopPLogitsWarper)

rng = random.Random(20)
for i in range(16):
    logits = [round(rng.gauss(0, 2), 2) for _ in range(11)]
    seen = rng.sample(range(11), rng.choice([0, 3, 6]))
    case = {"logits": logits, "seen": seen, "penalty": rng.choice([1, 1.3, 0.8, 2]),
            "temperature": rng.choice([0.5, 1, 1.7]), "top_k": rng.choice([0, 3, 7]),
            "top_p": rng.choice([1, 0.9, 0.6]), "min_p": rng.choice([0, 0.05, 0.3])}
    z = torch.tensor([logits])
    if seen:
        z = RepetitionPenaltyLogitsProcessor(float(case["penalty"]))(torch.tensor([seen]), z)
    z = TemperatureLogitsWarper(float(case["temperature"]))(None, z)
    if case["top_k"]:
        z = TopKLogitsWarper(case["top_k"])(None, z)
    if case["top_p"] < 1:
        z = TopPLogitsWarper(case["top_p"])(None, z)
    if case["min_p"]:
        z = MinPLogitsWarper(case["min_p"])(None, z)
    case["probs"] = [round(p, 6) for p in torch.softmax(z, -1)[0].tolist()]
    print(json.dumps(case))
