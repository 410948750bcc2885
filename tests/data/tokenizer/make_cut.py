#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes cut.jsonl: prompts and answers with the ids that Hugging Face tokenizers give each by itself,
the answer without the space that a SentencePiece-like normalizer puts before a text.

    make_cut.py SHARED/data/tokenizers >cut.jsonl
"""
import json
import lzma
import os
import sys

import tokenizers

NAMES = {"gpt2": "<|endoftext|>", "llama3": "<|eot_id|>", "qwen3": "<|im_end|>", "gemma3": "<end_of_turn>",
         "mistral-7b-v0.1": "</s>"}
PROMPTS = ["<|im_start|>assistant\n", "GPT4 Correct Assistant:", "[INST] Body of f? [/INST]", "### Assistant:\n\n",
           "assistant: ", "def f(a, b):\n    ", "12345", "END", "d\u00e9j\u00e0"]
ANSWERS = ["    return x\n", " Hello", "Hello", "\n\n\tx = 1\n", "   ", "67890", " 4", "\u65e5\u672c\u8a9e\U0001f600", "'s"]


def without_prepend(tokenizer):
    tokenizer = json.loads(json.dumps(tokenizer))
    normalizer = tokenizer["normalizer"] or {}
    if normalizer.get("type") == "Sequence":
        normalizer["normalizers"] = [n for n in normalizer["normalizers"] if n["type"] != "Prepend"]
    return tokenizers.Tokenizer.from_str(json.dumps(tokenizer))


def main():
    for name, end in NAMES.items():
        with lzma.open(os.path.join(sys.argv[1], f"{name}.tokenizer.json.xz"), "rt", encoding="utf-8") as f:
            source = json.load(f)
        first, more = tokenizers.Tokenizer.from_str(json.dumps(source)), without_prepend(source)
        for prompt in PROMPTS:
            before = first.encode(prompt.replace("END", end), add_special_tokens=False).ids
            for answer in ANSWERS:
                # behind an added token a text begins anew
                behind = (first if prompt == "END" else more).encode(answer, add_special_tokens=False).ids
                print(json.dumps({"tokenizer": name, "prompt": prompt.replace("END", end), "answer": answer,
                                  "ids": before + behind}))


main()
