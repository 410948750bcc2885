#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Collects the comparisons fc-eval wrote for each seed into the demo's tables and one sentence about them.

Figures are means over the seeds.  Of one seed, an interval is the 95 % interval of the paired difference; of several,
it reaches from the lowest end to the highest of all seeds' intervals.
"""
import argparse
import csv
import json
import math
import os
import sys
import textwrap

SOURCES = ["arithmetic", "strings", "facts"]
TITLES = {"pivot": "pivot", "sft": "SFT alone", "labels": "FuseLLM", "sft-answers": "SFT",
          "fused": "FuseLLM", "linear": "merged, linear", "sce": "merged, SCE", "varm": "merged, VaRM"}
RADAR = {"pivot": "pivot", "sft": "SFT alone", "fused": "FuseLLM", "varm": "FuseChat (VaRM)"}


def groups(labels):
    """The tables' parts: a heading and models."""
    return [("", [*SOURCES, "pivot"]), (f"on {labels} labels", ["sft", "labels"]),
            ("with the sources' answers", ["sft-answers", "fused"]),
            ("FuseChat, a target for each part", [*[f"target-{s}" for s in SOURCES], "linear", "sce", "varm"])]


def title(model):
    if model in SOURCES:
        return f"source: {model}"
    return TITLES.get(model, model.replace("target-", "target: "))


class Seed:
    """What fc-eval says of one seed: tables by (model, group), against the fused and against the merged model."""

    def __init__(self, folder, number):
        self.number = number
        self.bits, self.right, self.merged_bits, self.merged_right = (
            self.read(os.path.join(folder, f"{name}.tsv")) for name in ("bits", "right", "merged-bits", "merged-right"))
        self.least = self.entropy(os.path.join(folder, "heldout.jsonl"))

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as f:
            return {(r["model"], r["group"]): r for r in csv.DictReader(f, delimiter="\t")}

    def entropy(self, path):
        """group -> bits a byte of one who knows how often each answer is given, over the bytes that were scored"""
        sums = {}
        with open(path, encoding="utf-8") as f:
            for line in f:
                c = json.loads(line)
                for group in (c["skill"], "all"):
                    sums[group] = sums.get(group, 0) + c["bits"]
        return {g: s / float(self.bits["fused", g]["bytes"]) for g, s in sums.items()}


def gap(row, sign):
    """How much better the baseline is than this row's model: (difference, low, high), positive for better"""
    if not row["difference_low"]:
        sys.exit("table.py: a set of the held-out conversations is too small for intervals; take a larger HELDOUT")
    mid, low, high = (sign * float(row[c]) for c in ("difference", "difference_low", "difference_high"))
    return (mid, low, high) if sign > 0 else (mid, high, low)


def gaps(seeds, table, model, sign):
    found = [gap(getattr(s, table)[model, "all"], sign) for s in seeds]
    return sum(g[0] for g in found) / len(found), min(g[1] for g in found), max(g[2] for g in found)


MEASURES = [("bits a byte", "bits", 1), ("right answers", "right", -1)]


def claim(seeds, what, prefix, others):
    """what is better than others (a name, models), except where an interval of a measure and seed reaches 0"""
    better, not_better = [], []
    for name, models in others:
        good = []
        for m in models:
            found = len(not_better)
            for measure, table, sign in MEASURES:
                bad = [s.number for s in seeds if gap(getattr(s, prefix + table)[m, "all"], sign)[1] <= 0]
                if bad:
                    where = f", seed{'s' if len(bad) > 1 else ''} {', '.join(bad)}" if len(seeds) > 1 else ""
                    not_better.append(f"{title(m)} ({measure}{where})")
            if found == len(not_better):
                good.append(title(m))
        better += [name] if len(good) == len(models) else good
    text = f"{what} is better than {listed(better)}" if better else f"{what} is not better than {listed(not_better)}"
    return text + (f", but not than {listed(not_better)}" if better and not_better else "")


def listed(names):
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def verdict(seeds):
    where = f"In each of {len(seeds)} seeds, in" if len(seeds) > 1 else "In"
    return (f"{where} bits a byte and in right answers, beyond the 95 % interval of the paired difference, "
            + claim(seeds, "the fused model", "", [("fine-tuning on the labels alone", ["sft"]), ("the pivot", ["pivot"]),
                                                   ("every source", SOURCES)])
            + ", and " + claim(seeds, "FuseChat's merged model", "merged_",
                               [("each of its targets", [f"target-{s}" for s in SOURCES])]) + ".")


def outcome(seeds, labels):
    """One sentence: how often the fused model and fine-tuning alone are right, how much they differ, and what that
    says.  Of several seeds an interval is the one that holds them all."""
    def right(model):
        return 100 * sum(float(s.right[model, "all"]["accuracy"]) for s in seeds) / len(seeds)
    mid, low, high = (100 * x for x in gaps(seeds, "right", "sft", -1))
    says = ("fusion is better" if low > 0 else "fusion is worse" if high < 0 else
            "this does not tell which is better")
    interval = "95 % interval" if len(seeds) == 1 else f"95 % intervals of {len(seeds)} seeds, from the lowest end"
    return (f"The fused model is right in {right('fused'):.1f} % of the held-out questions, fine-tuning on the {labels} "
            f"labels alone in {right('sft'):.1f} %: a difference of {mid:+.1f} points ({interval} {low:+.1f} to "
            f"{'the highest ' if len(seeds) > 1 else ''}{high:+.1f}), so {says}.")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--work", required=True)
    p.add_argument("--seeds", required=True, help="their numbers")
    p.add_argument("--skills", required=True)
    p.add_argument("--labels", required=True)
    a = p.parse_args()
    columns = [*a.skills.split(), "all"]
    seeds = [Seed(os.path.join(a.work, f"seed-{n}"), n) for n in a.seeds.split()]

    def mean(table, column, model, group):
        return sum(float(getattr(s, table)[model, group][column]) for s in seeds) / len(seeds)

    def table(f, heading, name, column, sign, scale, digits):
        body = [[heading, *columns, "fused is better by"]]
        if name == "bits":
            body.append(["who knows all shares", *[f"{sum(s.least[c] for s in seeds) / len(seeds):.{digits}f}" for c in columns], ""])
        for part, models in groups(a.labels):
            if part:
                body.append([part])  # not in the widths
            for m in models:
                better = ""
                if m != "fused":
                    mid, low, high = (scale * x for x in gaps(seeds, name, m, sign))
                    better = f"{mid:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
                body.append([("  " if part else "") + title(m),
                             *[f"{scale * mean(name, column, m, c):.{digits}f}" for c in columns], better])
        width = [max(len(r[i]) for r in body if len(r) > 1) for i in range(len(body[0]))]
        for n, r in enumerate(body):
            f.write("  ".join([r[0].ljust(width[0]), *[c.rjust(w) for c, w in zip(r[1:], width[1:])]]).rstrip() + "\n")
            if n == 0:
                f.write("-" * (sum(width) + 2 * len(width) - 2) + "\n")
        f.write("\n")

    with open(os.path.join(a.work, "table.txt"), "w", encoding="utf-8") as f:
        table(f, "Bits a byte", "bits", "bits_per_byte", 1, 1, 3)
        table(f, "Right answers, %", "right", "accuracy", -1, 100, 1)
        f.write(textwrap.fill(
            ("Held-out questions; in brackets the 95 % interval of the paired difference over all of them."
             if len(seeds) == 1 else
             f"Held-out questions, means of {len(seeds)} seeds; in brackets the lowest and the highest end of the "
             "seeds' 95 % intervals of the paired difference.")
            + " An answer is right if its last word is the right one or, where several are, the one most often given.", 80)
            + "\n")
    with open(os.path.join(a.work, "verdict.txt"), "w", encoding="utf-8") as f:
        f.write(textwrap.fill(verdict(seeds), 80) + "\n")
    with open(os.path.join(a.work, "outcome.txt"), "w", encoding="utf-8") as f:
        f.write(textwrap.fill(outcome(seeds, a.labels), 80) + "\n")
    with open(os.path.join(a.work, "chart.tsv"), "w", encoding="utf-8") as f:
        f.write("model\tgroup\taccuracy\taccuracy_low\taccuracy_high\n")
        for m in [*RADAR, *SOURCES]:
            for c in ["all", *columns[:-1]]:
                rows = [s.right[m, c] for s in seeds]
                ends = (min(float(r["accuracy_low"]) for r in rows), max(float(r["accuracy_high"]) for r in rows))
                f.write("\t".join([RADAR.get(m, f"source: {m}"), c, f"{mean('right', 'accuracy', m, c):.6f}",
                                   *[f"{x:.6f}" for x in ends]]) + "\n")
    with open(os.path.join(a.work, "table.tsv"), "w", encoding="utf-8") as f:
        f.write("seed\tmodel\tgroup\tbits\tbits_better\tbits_better_low\tbits_better_high\tright\tright_better\t"
                "right_better_low\tright_better_high\n")
        for s in seeds:
            for _, models in groups(a.labels):
                for m in models:
                    for c in columns:
                        b, r = s.bits[m, c], s.right[m, c]
                        g = ([*gap(b, 1), *gap(r, -1)] if m != "fused" else [0.0] * 6)
                        f.write("\t".join([s.number, m, c, b["bits_per_byte"], *[f"{x:.6f}" for x in g[:3]],
                                           r["accuracy"], *[f"{x:.6f}" for x in g[3:]]]) + "\n")
    with open(os.path.join(a.work, "radar.dat"), "w", encoding="utf-8") as f:
        skills = columns[:-1]
        for m in [*SOURCES, *RADAR]:
            f.write(f'"{RADAR.get(m, "source: " + m)}"\n')
            for i in range(len(skills) + 1):
                angle = math.pi / 2 - 2 * math.pi * i / len(skills)
                r = mean("right", "accuracy", m, skills[i % len(skills)])
                f.write(f"{r * math.cos(angle):.6f} {r * math.sin(angle):.6f}\n")
            f.write("\n\n")


if __name__ == "__main__":
    main()
