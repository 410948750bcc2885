#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Distributions of a stand-in for a model: `fc-view --jsonl tokens.fcs | ngram.py HEADER | mkstream`.

The "model" is a bigram over the tokens of the input itself, mixed with their frequencies, without
the occurrence that is being predicted.  It shows what an alignment does to rows of a realistic
shape; it says nothing of any real model.
"""
import collections
import json
import math
import sys

K, UNSEEN = 10, 5.0  # entries of a row; weight of the frequencies against a bigram's counts
ROLES = ["none", "system", "user", "assistant"]
PARTS = ["content", "template", "turn-end", "bos"]


def flags(role, part, trained):
    return int(trained) | ROLES.index(role) << 1 | PARTS.index(part) << 3


def main():
    header = {}
    for line in open(sys.argv[1], encoding="utf-8"):  # what fc-view prints of the stream
        word = line.split()
        if word and word[0] == "tokenizer":
            header["tokenizer"] = (int(word[1], 16) + 2**63) % 2**64 - 2**63
        if word and word[0] == "vocabulary":
            header["n_vocab"] = int(word[1].replace(",", ""))
    chats = [json.loads(line) for line in sys.stdin]
    single, pair = collections.Counter(), collections.defaultdict(collections.Counter)
    for x in chats:
        for a, b in zip(x["tokens"], x["tokens"][1:]):
            single[b] += 1
            pair[a][b] += 1
    total = sum(single.values())
    often = [t for t, _ in single.most_common(K + 2)]
    after = {a: [t for t, _ in c.most_common(K + 2)] for a, c in pair.items()}
    print(json.dumps({"kind": "dists", "top_k": K, "sources": ["bigram"], **header}))
    for x in chats:
        tokens, rows, nll, n, n_bytes = x["tokens"], [], 0, 0, 0
        for t in range(1, len(tokens)):
            if not x["trained"][t]:
                continue
            a, true = tokens[t - 1], tokens[t]

            def p(b):
                here = b == true
                one = (single[b] - here + 0.1) / (total - 1 + 0.1 * header["n_vocab"])
                return (pair[a][b] - here + UNSEEN * one) / (pair[a].total() - 1 + UNSEEN)

            best = sorted(set(after[a] + often), key=lambda b: (-p(b), b))[:K]
            rows.append([t, math.log(p(true)), [[b, math.log(p(b))] for b in best]])
            nll -= math.log(p(true))
            n += 1
            n_bytes += x["ends"][t] - x["ends"][t - 1]
        segments = [[s["end"], flags(s["role"], s["part"], s["trained"])] for s in x["segments"]]
        marks = [[i, e, flags(r, q, f)] for i, e, r, q, f in
                 zip(tokens, x["ends"], x["roles"], x["parts"], x["trained"])]
        print(json.dumps({"id": x["id"], "text": x["text"], "segments": segments, "tokens": marks,
                          "rows": rows, "nll": nll, "n_label": n, "label_bytes": n_bytes}))


if __name__ == "__main__":
    main()
