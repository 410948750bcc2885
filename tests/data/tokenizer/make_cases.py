#!/usr/bin/env python3
"""Writes cases.jsonl: odd tokenizers, texts and the ids that Hugging Face tokenizers (0.23.3) gives.
usage: make_cases.py (needs PyPI tokenizers)."""
import json
import random
import sys

from tokenizers import Tokenizer

R = random.Random(7)
PLAIN = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
         "pre_tokenizer": None, "post_processor": None, "decoder": None}


def case(out, what, tokenizer, texts):
    t = Tokenizer.from_str(json.dumps(tokenizer))
    out.write(json.dumps({
        "what": what, "tokenizer": tokenizer, "texts": texts,
        "ids": [t.encode(x, add_special_tokens=False).ids for x in texts]},
        ensure_ascii=False, separators=(",", ":")) + "\n")


def text_of(parts, n):
    return "".join(R.choice(parts) for _ in range(R.randrange(1, n)))


def bpe(pieces, merges, **options):
    return {"type": "BPE", "vocab": {p: i for i, p in enumerate(pieces)}, "merges": merges, **options}


def unknown(out):
    """Characters outside the vocabulary: with and without unk_token, bytes, fused or not."""
    merges = [["▁", "▁"], ["▁", "a"], ["a", "b"], ["▁▁", "▁a"], ["b", "▁"], ["é", "▁"], ["▁a", "b"]]
    pieces = ["<unk>", "▁", "a", "b", "é"] + ["".join(m) for m in merges]
    some = ["<0x%02X>" % i for i in range(256) if i not in (0xbd, 0x96)]
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    texts = [text_of("ab é½Ж▁", 24) for _ in range(30)] + ["½", "½ ½ a", "é ½ ½ é", "a ▁½b"]
    for unk in (None, "<unk>"):
        for fuse in (False, True):
            for fallback in (False, True):
                m = bpe(pieces + (some if fallback else []), merges, unk_token=unk, fuse_unk=fuse,
                        byte_fallback=fallback)
                case(out, "BPE, unk_token %s, fuse_unk %s, byte_fallback %s" % (unk, fuse, fallback),
                     {**PLAIN, "pre_tokenizer": space, "model": m}, texts)
    joins = [["<unk>", "▁"], ["<0x58>", "▁"], ["b", "<0x58>"]]
    m = bpe(pieces + some + ["".join(j) for j in joins], joins + merges, unk_token="<unk>", byte_fallback=True)
    case(out, "BPE, merges with <unk> and bytes", {**PLAIN, "pre_tokenizer": space, "model": m},
         texts + ["X X X a", "½ ½ b", "bX ab"])


def added(out):
    """Added tokens with every flag, one in another, with white space of their own."""
    contents = ["a", "ab", "aba", "b a", " ", "  ", "<a>", "<A>", "a>", "A", "bab", "ab ab", "é", "\n", "> "]
    parts = ["a", "b", "A", " ", "  ", "<a>", "<A>", ">", "<", "é", "_", "1", "\n", "½", "ab"]
    m = bpe(["a", "b", "A", "<", ">", "é", "_", "1", " ", "Ġ"], [])
    n = 0
    while n < 40:
        some = R.sample(contents, R.randrange(2, 8))
        if len({c.lower() for c in some}) < len(some):
            continue  # of two tokens with one normalized form the library takes one by chance
        tokens = []
        for i, c in enumerate(some):
            at = m["vocab"].get(c, 20 + i)
            tokens.append({"id": at, "content": c, **{
                k: R.random() < 0.35 for k in ("single_word", "lstrip", "rstrip", "normalized", "special")}})
        normalizer = R.choice([None, {"type": "Lowercase"}, {"type": "Replace", "pattern": {"String": "b"},
                               "content": " b"}])
        tokenizer = {**PLAIN, "added_tokens": sorted(tokens, key=lambda t: t["id"]), "normalizer": normalizer,
                     "model": m}
        # ids of tokens that the model lacks must follow each other
        free = 10
        for t in tokenizer["added_tokens"]:
            if t["content"] not in m["vocab"]:
                t["id"], free = free, free + 1
        tokenizer["added_tokens"].sort(key=lambda t: t["id"])
        texts = [text_of(parts, 14) for _ in range(12)]
        try:
            case(out, "added tokens %d" % n, tokenizer, texts)
        except BaseException as e:  # a panic of the library: white space taken twice
            print("left out:", str(e)[:100], file=sys.stderr)
            continue
        n += 1
    t = [{"id": 10, "content": "<a>", "single_word": False, "lstrip": False, "rstrip": True, "normalized": False,
          "special": True},
         {"id": 11, "content": "  ", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
          "special": False}]
    case(out, "white space taken by one token and begun by the next", {**PLAIN, "added_tokens": t, "model": m},
         ["<a>   b", "<a>  b", "<a>    b", "<a> <a>  ", "<a>     <a>"])


def ties(out):
    """Unigram: ways to cut a text that have the same pieces in another order; scores with 17 digits."""
    for n in range(6):
        pieces = ["a", "aa", "aaa", "aaaaa", "b", "ab", "ba", "bb", "bab"]
        vocab = [["<unk>", 0.0]] + [[p, -R.uniform(2, 3) * len(p)] for p in pieces]
        texts = ["a" * k for k in range(1, 30)] + [text_of(["a", "b", "aa"], 40) for _ in range(30)]
        case(out, "Unigram, ties %d" % n,
             {**PLAIN, "model": {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": False}}, texts)


with open(sys.path[0] + "/cases.jsonl", "w") as f:
    unknown(f)
    added(f)
    ties(f)
