#!/usr/bin/env python3
"""Writes side.jsonl: files beside a tokenizer.json and what Transformers makes of them.
usage: make_side.py (needs PyPI transformers 5.24; under 4.57 it prints the cases that differ there)."""
import json
import os
import sys
import tempfile

import transformers

ADDED = [{"id": i, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
          "special": True} for i, c in ((0, "<s>"), (1, "</s>"))]
BASE = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": ADDED, "normalizer": None,
        "pre_tokenizer": None, "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "vocab": {"<s>": 0, "</s>": 1, "a": 2, "b": 3, "<": 4, ">": 5, "x": 6, "y": 7,
                                           " ": 8, "<x>": 9}, "merges": []}}
CLASS = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
TEXT = "a<x>b <y>a<z> </s><s>"
C, M, A = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
CASES = [
    ("nothing", {}),
    ("added_tokens.json", {C: CLASS, A: {"<y>": 10, "<z>": 11}}),
    ("added_tokens.json, not in order", {C: CLASS, A: {"<z>": 11, "<y>": 10}}),
    ("added_tokens.json, one in the vocabulary", {C: CLASS, A: {"<x>": 9, "<z>": 10}}),
    ("added_tokens.json, one known", {C: CLASS, A: {"</s>": 1, "<z>": 10}}),
    ("added_tokens.json, special by its role", {C: {**CLASS, "pad_token": "<y>"}, A: {"<y>": 10, "<z>": 11}}),
    ("added_tokens.json and added_tokens_decoder", {
        C: {**CLASS, "added_tokens_decoder": {"10": {"content": "<z>", "special": True}}}, A: {"<y>": 10}}),
    ("the map alone", {M: {"eos_token": "</s>", "bos_token": {"content": "<s>"}}}),
    ("the map against the configuration", {C: {**CLASS, "eos_token": "<s>"}, M: {"eos_token": "</s>"}}),
    ("the map with null", {C: CLASS, M: {"eos_token": None}}),
    ("the map against a configuration with a decoder", {
        C: {**CLASS, "added_tokens_decoder": {}}, M: {"eos_token": "<s>", "pad_token": "<x>"}}),
    ("a role in the vocabulary", {C: {**CLASS, "pad_token": "<x>"}}),
    ("a role that is nowhere", {C: {**CLASS, "pad_token": "<y>"}}),
    ("roles that are nowhere, in the library's order", {C: {"mask_token": "<y>", "sep_token": "<z>", **CLASS}}),
    ("additional_special_tokens", {C: {**CLASS, "additional_special_tokens": ["<z>", "<x>", "<y>"]}}),
    ("extra_special_tokens, a list", {C: {**CLASS, "extra_special_tokens": ["<z>", "<x>", "<y>"]}}),
    ("extra_special_tokens, by name", {C: {**CLASS, "extra_special_tokens": {"y_token": "<y>", "z_token": "<z>"}}}),
    ("a role of the model's own", {C: {**CLASS, "z_token": "<z>"}}),
    ("both lists", {C: {**CLASS, "additional_special_tokens": ["<y>"], "extra_special_tokens": ["<z>"]}}),
    ("additional_special_tokens of the map", {C: CLASS, M: {"additional_special_tokens": ["<y>", "<x>"]}}),
    ("additional_special_tokens of both", {
        C: {**CLASS, "additional_special_tokens": ["<z>"]}, M: {"additional_special_tokens": ["<y>", "<z>"]}}),
    ("extra_special_tokens of both", {
        C: {**CLASS, "extra_special_tokens": ["<z>"]}, M: {"extra_special_tokens": ["<y>", "<z>"]}}),
    ("a list, a role and added_tokens.json", {
        C: {**CLASS, "pad_token": "<z>", "additional_special_tokens": ["<x>"]}, A: {"<y>": 10}}),
    ("flags of a list's token", {C: {**CLASS, "additional_special_tokens": [
        {"content": "<y>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False,
         "special": True, "__type": "AddedToken"}]}}),
]


def result(files):
    with tempfile.TemporaryDirectory() as d:
        for name, o in {"tokenizer.json": BASE, "config.json": {"model_type": "llama"}, **files}.items():
            json.dump(o, open(os.path.join(d, name), "w"))
        t = transformers.PreTrainedTokenizerFast.from_pretrained(d)
        return {"ids": t(TEXT, add_special_tokens=False)["input_ids"],
                "left": t.decode(t(TEXT, add_special_tokens=False)["input_ids"], skip_special_tokens=True),
                **{k: getattr(t, k + "_token_id") for k in ("bos", "eos", "pad")}}


path = sys.path[0] + "/side.jsonl"
if transformers.__version__.startswith("5."):
    with open(path, "w") as f:
        for what, files in CASES:
            f.write(json.dumps({"what": what, "files": {"tokenizer.json": BASE, **files}, "text": TEXT,
                                **result(files)}, separators=(",", ":")) + "\n")
else:
    for line, (what, files) in zip(open(path), CASES):
        new = json.loads(line)
        try:
            old = result(files)
        except Exception as e:
            old = {"error": repr(e)[:100]}
        for k in old:
            if old[k] != new.get(k):
                print("%s: %s %s, here %s" % (what, k, new.get(k), old[k]))
