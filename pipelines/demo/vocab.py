#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a small BPE tokenizer on conversations (JSONL on standard input) and writes tokenizer.json,
tokenizer_config.json and chat_template.jinja into a folder.  Two kinds: byte-level (GPT-2, Qwen) and
SentencePiece-style with byte fallback (Mistral, Gemma).
"""
import argparse
import collections
import json
import os
import re
import sys

TEMPLATE = """{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}User:
{% else %}Assistant:
{% endif %}{{ m['content'] }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}Assistant:
{% endif %}"""

SPLIT = {  # pre-tokenization as it stands in tokenizer.json, and an equal one for this script (ASCII)
    "gpt2": (r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+""",
             r"""'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+"""),
    "qwen2": (r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"""
              r"""\s*[\r\n]+|\s+(?!\S)|\s+""",
              r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\nA-Za-z0-9]?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+[\r\n]*|"""
              r"""\s*[\r\n]+|\s+(?!\S)|\s+"""),
}


def byte_alphabet():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = [b for b in range(256) if b not in plain]
    return {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(other)}


def train(words, merges_wanted):
    """words: piece tuple -> count.  Most frequent pair first, ties by the pair itself."""
    merges = []
    while len(merges) < merges_wanted:
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        joined, merged = best[0] + best[1], collections.Counter()
        for word, count in words.items():
            out, i = [], 0
            while i < len(word):
                if word[i:i + 2] == best:
                    out.append(joined)
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            merged[tuple(out)] += count
        words = merged
    return merges


def texts():
    for line in sys.stdin:
        for message in json.loads(line)["messages"]:
            yield message["content"]
            yield "User:\n"
            yield "Assistant:\n"


def byte_level(split, size, specials):
    alphabet = byte_alphabet()
    words = collections.Counter()
    for text in texts():
        for word in re.findall(SPLIT[split][1], text):
            words[tuple(alphabet[b] for b in word.encode())] += 1
    base = [alphabet[b] for b in range(256)]
    merges = train(words, size - len(base) - len(specials))
    pieces = base + [a + b for a, b in merges]
    steps = [{"type": "Split", "pattern": {"Regex": SPLIT[split][0]}, "behavior": "Isolated",
              "invert": False},
             {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]
    return {
        "normalizer": {"type": "NFC"} if split == "qwen2" else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                    "use_regex": True},
        "model": model([*pieces, *specials], merges),
    }


def sentencepiece(prefix, size, specials):
    words, characters = collections.Counter(), set()
    for text in texts():
        text = text.replace(" ", "\u2581")
        for word in re.findall(r"\u2581*[^\u2581\n0-9]+|[0-9]|\u2581", text):
            characters.update(word)
            words[tuple(word)] += 1
    base = [f"<0x{b:02X}>" for b in range(256)] + sorted(characters)
    merges = train(words, size - len(base) - len(specials))
    steps = [{"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if prefix else []
    if prefix:
        steps.insert(0, {"type": "Prepend", "prepend": "\u2581"})
    return {
        "normalizer": {"type": "Sequence", "normalizers": steps} if prefix else steps[0],
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]},
        "model": model([*specials, *base, *[a + b for a, b in merges]], merges,
                       byte_fallback=True, fuse_unk=True, unk_token=specials[0]),
    }


def model(pieces, merges, **more):
    return {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "ignore_merges": False, **more, "vocab": {p: i for i, p in enumerate(pieces)},
            "merges": [list(m) for m in merges]}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--kind", choices=["gpt2", "qwen2", "spm", "spm-prefix"], required=True)
    p.add_argument("--size", type=int, required=True)
    p.add_argument("--unk", default="")
    p.add_argument("--bos", default="")
    p.add_argument("--eos", required=True)
    p.add_argument("-o", required=True, help="folder")
    a = p.parse_args()
    specials = [s for s in (a.unk, a.bos, a.eos) if s]
    if a.kind.startswith("spm"):
        parts = sentencepiece(a.kind == "spm-prefix", a.size, specials)
    else:
        parts = byte_level(a.kind, a.size, specials)
    vocab = parts["model"]["vocab"]
    added = [{"id": vocab[s], "content": s, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for s in specials]
    os.makedirs(a.o, exist_ok=True)
    tokenizer = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
                 "post_processor": None, **parts}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": a.eos,
              "add_bos_token": bool(a.bos), "clean_up_tokenization_spaces": False,
              "model_max_length": 256}
    for key, value in (("bos_token", a.bos), ("unk_token", a.unk)):
        if value:
            config[key] = value
    for name, value in (("tokenizer.json", tokenizer), ("tokenizer_config.json", config)):
        with open(os.path.join(a.o, name), "w", encoding="utf-8") as f:
            json.dump(value, f, ensure_ascii=False, separators=(",", ":"))
            f.write("\n")
    with open(os.path.join(a.o, "chat_template.jinja"), "w", encoding="utf-8") as f:
        f.write(TEMPLATE)


if __name__ == "__main__":
    main()
