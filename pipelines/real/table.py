#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bits a byte of several models on the same conversations, with paired differences.

Reads what fc-view --jsonl makes of each model's distribution stream, files NAME.heldout.jsonl.  A
conversation counts if every model has scored it, on as many bytes; the others are told.  Intervals are
95 % of a bootstrap over conversations, of a difference by the same draws for both models.
"""
import argparse
import json
import math
import os
import random
import sys


def read(path):
    with open(path, encoding="utf-8") as f:
        return {r["id"]: (r["nll"] / math.log(2), r["label_bytes"], r["meta"].get("category", ""))
                for r in map(json.loads, f)}


def bits(scores, ids):
    return sum(scores[i][0] for i in ids) / sum(scores[i][1] for i in ids)


def interval(values):
    values = sorted(values)
    return values[int(0.025 * len(values))], values[math.ceil(0.975 * len(values)) - 1]


def rows(models, base, ids, draws):
    for name, scores in models.items():
        value = bits(scores, ids)
        row = [name, f"{value:.4f}"]
        for other in base:
            if other == name:
                row += ["", ""]
                continue
            low, high = interval([bits(scores, d) - bits(models[other], d) for d in draws])
            better = sum(scores[i][0] < models[other][i][0] for i in ids)
            row += [f"{value - bits(models[other], ids):+.4f} [{low:+.4f}, {high:+.4f}]", f"{better}/{len(ids)}"]
        yield row


def show(heading, body):
    widths = [max(len(r[i]) for r in [heading, *body]) for i in range(len(heading))]
    for r in [heading, *body]:
        print("  ".join([r[0].ljust(widths[0]), *[c.rjust(w) for c, w in zip(r[1:], widths[1:])]]).rstrip())


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("files", nargs="+")
    p.add_argument("--against", default="", help="models to take differences against")
    p.add_argument("--draws", type=int, default=2000)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    models = {os.path.basename(f).removesuffix(".heldout.jsonl"): read(f) for f in a.files}
    known = list(dict.fromkeys(i for m in models.values() for i in m))
    ids = [i for i in known if all(i in m for m in models.values()) and len({m[i][1] for m in models.values()}) == 1]
    base = [b for b in a.against.split() if b in models]
    if not ids:
        sys.exit("table.py: no conversation was scored by every model on the same bytes")
    groups = sorted({models[next(iter(models))][i][2] for i in ids})
    heading = ["", "bits/byte", *[h for b in base for h in (f"against {b}", "better")]]
    for group in ["", *(groups if len(groups) > 1 else [])]:
        part = [i for i in ids if group in ("", models[next(iter(models))][i][2])]
        rng = random.Random(a.seed)
        draws = [rng.choices(part, k=len(part)) for _ in range(a.draws)]
        print(group or "all conversations")
        show(heading, list(rows(models, base, part, draws)))
        print()
    n_bytes = sum(models[next(iter(models))][i][1] for i in ids)
    print(f"{len(ids)} conversations, {n_bytes} bytes, the same for all models; brackets: 95 % of {a.draws} paired draws "
          "of conversations.")
    if len(ids) < len(known):
        print(f"Left out: {len(known) - len(ids)} that not every model has scored on the same bytes (too long, "
              "or cut into other tokens at an edge).")


if __name__ == "__main__":
    main()
