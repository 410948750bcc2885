#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Collects the tables fc-eval wrote for each seed and model into the demo's one table.

Figures are means over the seeds.  An interval is the 95 % bootstrap interval of the held-out
conversations for one seed, and the smallest to the largest mean for several.
"""
import argparse
import csv
import math
import os
import textwrap

KINDS = {"ensemble": "sources averaged", "pivot": "pivot", "sft": "pivot, SFT alone",
         "fusellm": "FuseLLM", "linear": "FuseChat, linear", "sce": "FuseChat, SCE",
         "varm": "FuseChat, VaRM"}
RADAR = {"pivot": "pivot", "sft": "SFT alone", "fusellm": "FuseLLM", "varm": "FuseChat (VaRM)"}
SOURCES = ["strings", "facts", "arithmetic"]
ORDER = [*SOURCES, "ensemble", "pivot", "sft", "fusellm", *[f"target-{s}" for s in SOURCES], "linear",
         "sce", "varm"]


def title(model):
    if model in SOURCES:
        return f"source: {model}"
    return KINDS.get(model, model.replace("target-", "FuseChat target: "))


def read(path, column):
    """group -> (value, low, high); the group of all conversations is named all.  Where there is one
    value only it is all three."""
    with open(path, encoding="utf-8") as f:
        return {r["group"]: tuple(float(r.get(c, r[column]))
                                  for c in (column, column + "_low", column + "_high"))
                for r in csv.DictReader(f, delimiter="\t")}


def collect(work, seeds, skills, model, kind, column):
    """(per skill and average) -> (value, low, high); None where there is no result"""
    runs = []
    for seed in range(1, seeds + 1):
        path = os.path.join(work, f"seed-{seed}", f"{model}.{kind}.tsv")
        if not os.path.exists(path):
            return None
        run = read(path, column)
        mean = sum(run[s][0] for s in skills) / len(skills)
        # the skills' errors are independent: the widths of their mean's interval add up in squares
        below, above = (math.sqrt(sum((run[s][i] - run[s][0]) ** 2 for s in skills)) / len(skills)
                        for i in (1, 2))
        run["average"] = (mean, mean - below, mean + above)
        runs.append(run)
    out = {}
    for group in [*skills, "average"]:
        values = [r[group][0] for r in runs]
        if len(runs) == 1:
            out[group] = runs[0][group]
        else:
            out[group] = (sum(values) / len(values), min(values), max(values))
    return out


def against(work, seeds, base):
    """model -> a row of all questions for every seed: what fc-eval says of it against base"""
    out = {}
    for seed in range(1, seeds + 1):
        with open(os.path.join(work, f"seed-{seed}", f"against-{base}.tsv"), encoding="utf-8") as f:
            for r in csv.DictReader(f, delimiter="\t"):
                if r["group"] == "all":
                    out.setdefault(r["model"], []).append(r)
    return out


def compared(runs):
    """How much more often a model is right than the baseline, in points, and whether that is more than chance.  Of one
    seed it is the paired interval over the questions; of several the range over the seeds."""
    gaps = [[100 * float(r[c]) for c in ("difference", "difference_low", "difference_high")] for r in runs]
    n = len(gaps)
    if n == 1:
        mid, low, high = gaps[0]
        word = "better" if low > 0 else "worse" if high < 0 else "the same within chance"
    else:
        mids = [g[0] for g in gaps]
        mid, low, high = sum(mids) / n, min(mids), max(mids)
        above, beyond = sum(g[0] > 0 for g in gaps), sum(g[1] > 0 for g in gaps)
        word = f"better in {above} of {n} seeds, beyond chance in {beyond}" if above else f"better in none of {n} seeds"
    return f"{word} ({mid:+.1f} points [{low:+.1f}, {high:+.1f}])"


def verdict(work, seeds):
    runs = {base: against(work, seeds, base) for base in ("pivot", "sft")}
    mean = {m: f"{100 * sum(float(r['accuracy']) for r in rows) / len(rows):.1f} %" for m, rows in runs["pivot"].items()}
    said = "; ".join(f"against {base} {name} is {compared(runs[b][m])}"
                     for m, name in (("fusellm", "FuseLLM"), ("varm", "FuseChat"))
                     for b, base in (("pivot", "the pivot"), ("sft", "fine-tuning")))
    return (f"Of all questions right are {mean['fusellm']} of FuseLLM's answers, {mean['varm']} of FuseChat's (VaRM), "
            f"{mean['pivot']} of the pivot's, and {mean['sft']} after fine-tuning alone: {said}.")


def number(value, scale, digits, most):
    """most: what it would be if all that is not known were right, or None"""
    text = f"{value * scale:.{digits}f}"
    return text if most is None or most == value else f"{text} to {most * scale:.{digits}f}"


def cell(value, scale, digits, most):
    mid, low, high = value
    text = number(mid, scale, digits, most)
    if " to " in text:  # the bounds say more than an interval around one of them
        return text
    return f"{text} [{low * scale:.{digits}f}, {high * scale:.{digits}f}]"


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--work", required=True)
    p.add_argument("--seeds", type=int, required=True)
    p.add_argument("--skills", required=True)
    a = p.parse_args()
    skills = a.skills.split()
    columns = [*skills, "average"]
    bits, right, forced, most = {}, {}, {}, {}
    for m in ORDER:
        bits[m] = collect(a.work, a.seeds, skills, m, "ppl", "bits_per_byte")
        right[m] = collect(a.work, a.seeds, skills, m, "acc", "accuracy")
        forced[m] = collect(a.work, a.seeds, skills, m, "exact", "accuracy")
        most[m] = collect(a.work, a.seeds, skills, m, "exact", "at_most")

    def rows(values, scale, digits, bound=None):
        for m in ORDER:
            v = values[m]
            if v is None:
                continue
            top = {c: bound[m][c][0] if bound else None for c in columns}
            yield [title(m), *[number(v[s][0], scale, digits, top[s]) for s in skills],
                   cell(v["average"], scale, digits, top["average"])]

    def table(f, heading, body):
        body = [[heading, *columns], *body]
        widths = [max(len(r[i]) for r in body) for i in range(len(body[0]))]
        for n, r in enumerate(body):
            f.write("  ".join([r[0].ljust(widths[0]), *[c.rjust(w) for c, w in zip(r[1:], widths[1:])]])
                    .rstrip() + "\n")
            if n == 0:
                f.write("-" * (sum(widths) + 2 * len(widths) - 2) + "\n")
        f.write("\n")

    with open(os.path.join(a.work, "table.txt"), "w", encoding="utf-8") as f:
        table(f, "Right answers, %", rows(right, 100, 1))
        table(f, "Right in given words, %", rows(forced, 100, 1, most))
        table(f, "Bits per byte", rows(bits, 1, 4))
        f.write(f"Held-out conversations; brackets: {'95 % interval' if a.seeds == 1 else 'range over seeds'}"
                f" of the average; {a.seeds} seed{'s' if a.seeds > 1 else ''}; those by skill are in table.tsv.\n"
                "Right in given words: the likeliest tokens are the answer, after the reference's own words\n"
                "up to it.  \"a to b\": positions without a distribution count as wrong in a, as right in b.\n")
    with open(os.path.join(a.work, "verdict.txt"), "w", encoding="utf-8") as f:
        f.write(textwrap.fill(verdict(a.work, a.seeds), 80) + "\n")
    parts = ("", "_low", "_high")
    with open(os.path.join(a.work, "table.tsv"), "w", encoding="utf-8") as f:
        kinds = ("accuracy", "bits", "forced", "forced_at_most")
        f.write("\t".join(["model", *[f"{k}_{c}{p}" for k in kinds for c in columns for p in parts]])
                + "\n")
        for m in ORDER:
            f.write("\t".join([m, *[f"{v[c][i]:.6f}" if v else ""
                                    for v in (right[m], bits[m], forced[m], most[m])
                                    for c in columns for i in range(len(parts))]]) + "\n")
    with open(os.path.join(a.work, "radar.dat"), "w", encoding="utf-8") as f:
        for m in [*SOURCES, *RADAR]:
            f.write(f'"{RADAR.get(m, "source: " + m)}"\n')
            for i in range(len(skills) + 1):
                angle = math.pi / 2 - 2 * math.pi * i / len(skills)
                r = right[m][skills[i % len(skills)]][0]
                f.write(f"{r * math.cos(angle):.6f} {r * math.sin(angle):.6f}\n")
            f.write("\n\n")


if __name__ == "__main__":
    main()
