#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the demo's tables and sentence in the folder given against its table.tsv and, for the merged model, against
what fc-eval wrote of each seed.  Says first what the sentence claims: names that are better, a semicolon, names that
are not."""
import csv
import os
import re
import sys

NAMES = {"fine-tuning on the labels alone": ["sft"], "SFT alone": ["sft"], "pivot": ["pivot"], "the pivot": ["pivot"],
         "every source": ["arithmetic", "strings", "facts"],
         "each of its targets": ["target-arithmetic", "target-strings", "target-facts"],
         **{f"source: {s}": [s] for s in ("arithmetic", "strings", "facts")},
         **{f"target: {s}": [f"target-{s}"] for s in ("arithmetic", "strings", "facts")}}
MEASURES = {"bits a byte": "bits", "right answers": "right"}
work = sys.argv[1]


def rows(*path):
    with open(os.path.join(work, *path), encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def text(name):
    with open(os.path.join(work, name), encoding="utf-8") as f:
        return f.read()


table = [r for r in rows("table.tsv") if r["group"] == "all"]
seeds = sorted({r["seed"] for r in table})


def close(a, b, why):
    assert abs(a - b) < 2e-6, (why, a, b)


# The columns of differences are those of the figures, and the tables on the screen are their means.
of = {(r["seed"], r["model"]): r for r in table}
for (seed, model), r in of.items():
    close(float(r["bits"]) - float(of[seed, "fused"]["bits"]), float(r["bits_better"]), (model, "bits"))
    close(float(of[seed, "fused"]["right"]) - float(r["right"]), float(r["right_better"]), (model, "right"))
shown = [re.split(r"  +", line.strip()) for line in text("table.txt").splitlines()]
shown = [r[4] for r in shown if len(r) > 4 and re.fullmatch(r"-?[0-9.]+", r[4]) and r[0] != "who knows all shares"]
models = list(dict.fromkeys(r["model"] for r in table))
mean = lambda m, c, scale: sum(float(of[s, m][c]) for s in seeds) / len(seeds) * scale
want = [f"{mean(m, 'bits', 1):.3f}" for m in models] + [f"{mean(m, 'right', 100):.1f}" for m in models]
assert shown == want, (shown, want)

# Which (model, measure, seed) are not better, by the lower ends of the intervals.
bad = {"fused": set(), "varm": set()}
for r in table:
    for m in MEASURES.values():
        if float(r[f"{m}_better_low"]) <= 0:
            bad["fused"].add((r["model"], m, r["seed"]))
for s in seeds:
    for m, sign in (("bits", 1), ("right", -1)):
        for r in rows(f"seed-{s}", f"merged-{m}.tsv"):
            if r["group"] == "all" and r["model"] != "varm":
                ends = [sign * float(r[c]) for c in ("difference_low", "difference_high")]
                if min(ends) <= 0:
                    bad["varm"].add((r["model"], m, s))

sentence = " ".join(text("verdict.txt").split())
found = re.fullmatch(r"In(?: each of (\d+) seeds, in)? bits a byte and in right answers, beyond the 95 % interval of the "
                     r"paired difference, the fused model is (.*), and FuseChat's merged model is (.*)\.", sentence)
assert found and (found[1] or "1") == str(len(seeds)), sentence
compared = {"fused": ["sft", "pivot", "arithmetic", "strings", "facts"], "varm": NAMES["each of its targets"]}
for what, claim in (("fused", found[2]), ("varm", found[3])):
    better, _, other = claim.partition(", but not than ") if claim.startswith("better") else ("", "", claim)
    better, other = better.removeprefix("better than "), other.removeprefix("not better than ")
    # seeds are listed with commas, too
    other = re.sub(r", seeds? ([0-9, ]+)\)", lambda m: "|" + m[1].replace(", ", "+") + ")", other)
    split = lambda x: [p for p in re.split(r", | and ", x) if p]
    good = [m for name in split(better) for m in NAMES[name]]
    failed = set()
    for part in split(other):
        name, measure, which = re.fullmatch(r"(.*) \(([a-z ]+)(?:\|([0-9+]+))?\)", part).groups()
        assert len(seeds) == 1 or which, part
        failed |= {(NAMES[name][0], MEASURES[measure], s) for s in (which or seeds[0]).split("+")}
    expected = {b for b in bad[what] if b[0] in compared[what]}
    assert failed == expected, (what, failed ^ expected)
    assert sorted(good) == sorted(set(compared[what]) - {b[0] for b in expected}), (what, good)
    print(f"{what}: {' '.join(sorted(good))}; {' '.join(sorted({b[0] for b in expected}))}")
