#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wrote perplexity.json with transformers 5.24, torch 2.9 and tokenizers: log-likelihoods of long texts
under the demo's pivot in windows of 64 tokens, by lm-evaluation-harness's rolling windows, transformers'
strided ones and llama.cpp's chunks; and of choices in a context, as the harness asks for them.

  python perplexity.py ../../../pipelines/demo/kit/pivot >perplexity.json
"""
import json
import math
import re
import sys

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

L = 64
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
tok = Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
bos = tok.token_to_id(json.load(open(sys.argv[1] + "/tokenizer_config.json"))["bos_token"])


def encode(text):
    return tok.encode(text, add_special_tokens=False).ids


def logprobs(ids):
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)


def score(inputs, targets):
    """sum over the targets, which follow the last len(targets) inputs"""
    p = logprobs(inputs)[-len(targets):]
    return sum(p[i, t].item() for i, t in enumerate(targets))


def rolling(ids, context):
    total, at = score(([bos] + ids)[:min(L, len(ids))], ids[:L]), min(L, len(ids))
    while at < len(ids):
        n = min(len(ids) - at, L - context + 1)
        end = at + n
        total += score(ids[end - L - 1:end - 1], ids[at:end])
        at = end
    return {"nll": -total, "tokens": len(ids)}


def strided(ids, stride):
    ids, total, before, count = [bos] + ids, 0, 0, 0
    for begin in range(0, len(ids), stride):
        end = min(begin + L, len(ids))
        p = logprobs(ids[begin:end])
        for t in range(max(before, begin + 1), end):
            total += p[t - begin - 1, ids[t]].item()
            count += 1
        before = end
        if end == len(ids):
            break
    return {"nll": -total, "tokens": count}


def chunks(ids):
    if len(ids) < L:  # ours: a text that fits is scored whole
        return rolling(ids, 1)
    ids, total, count = [bos] + ids, 0, 0
    for begin in range(0, len(ids) // L * L, L):
        p = logprobs([bos] + ids[begin + 1:begin + L])
        for j in range(L // 2, L - 1):
            total += p[j, ids[begin + j + 1]].item()
            count += 1
    return {"nll": -total, "tokens": count}


def choice(context, text):
    space = len(context) - len(context.rstrip())
    if space:
        context, text = context[:-space], context[-space:] + text
    whole = encode(context + text)
    before = encode(context)
    p = logprobs([bos] + whole)
    return sum(p[t, whole[t]].item() for t in range(len(before), len(whole)))


talk = ["What is 5 plus 6?", "It is 11.", "Tell me the capital of France.", "The capital of France is Paris.",
        "Reverse a-b-c.", "Here you are: c-b-a.", "Hello, I am Mia.", "Hello, Mia! How can I help you?"]
texts = ["\n".join(talk[i % len(talk)] for i in range(k, k + n)) for k, n in ((0, 3), (1, 40), (2, 17))]
tasks = [{"id": "a", "context": "User:\nWhat is the capital of France?<|eot|>Assistant:\n",
          "choices": ["It is Paris.", "It is Rome.", "Paris", "xyz"], "gold": 0},
         {"id": "b", "context": "Assistant:\nThe answer is ", "choices": ["41.", "4-2", "a number"], "gold": 1}]
out = {"texts": []}
for text in texts:
    ids = encode(text)
    out["texts"].append({"text": text, "words": len(re.split(r"\s+", text)), "bytes": len(text.encode()),
                         "rolling": rolling(ids, 1), "rolling20": rolling(ids, L - 20 + 1),
                         "strided": strided(ids, 32), "chunks": chunks(ids)})
for t in tasks:
    t["ll"] = [choice(t["context"], c) for c in t["choices"]]
out["tasks"] = tasks
print(json.dumps(out, indent=1, ensure_ascii=False))
