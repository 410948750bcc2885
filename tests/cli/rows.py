#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rows.py A B LARGEST SHARE: rows that one model gave on two devices, as fc-view --jsonl has them.
Every log-probability of B must be within LARGEST of A's, relative to its size where that is above 1,
and all but SHARE of them within 1e-5.  An id that only one row lists must be as close to the other's
last entry.  Prints "close", or what is not."""
import json
import sys


def numbers(a, b):
    """Pairs of log-probabilities of two rows."""
    pairs = [(a["true_logprob"], b["true_logprob"])]
    p, q = (dict(zip(r["ids"], r["logprobs"])) for r in (a, b))
    least = min(p.values()), min(q.values())
    return pairs + [(p.get(i, least[0]), q.get(i, least[1])) for i in p.keys() | q.keys()]


def main(one, two, largest, share):
    a, b = ([json.loads(line) for line in open(path, encoding="utf-8")] for path in (one, two))
    pairs = []
    if [x["tokens"] for x in a] != [x["tokens"] for x in b]:
        return "other tokens"
    for x, y in zip(a, b):
        if [r["token"] for r in x["rows"]] != [r["token"] for r in y["rows"]]:
            return f"{x['id']}: other rows"
        for r, s in zip(x["rows"], y["rows"]):
            pairs += numbers(r, s)
    # a NaN is not close to anything
    off = max(abs(p - q) / max(1, abs(p)) if p == p and q == q else 9 for p, q in pairs)
    other = sum(not abs(p - q) <= 1e-5 for p, q in pairs) / len(pairs)
    if not (off <= largest and other <= share):
        return f"of {len(pairs)} numbers {other:.4f} differ, by up to {off:.2e}"
    print(f"{len(pairs)} numbers: {other:.4f} differ, by up to {off:.2e}", file=sys.stderr)
    return "close"


print(main(*sys.argv[1:3], *map(float.fromhex, sys.argv[3:])))
