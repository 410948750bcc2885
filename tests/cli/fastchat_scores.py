#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judgment files and what FastChat's show_result makes of them, computed anew in plain Python.

  make SEED           random judgments of four models as FastChat writes them: unparsed ratings,
                      duplicates, uneven drops, ties, inconsistent and failed games
  single FILE         model, first turn, second turn, average, rows that count, rows that do not
  category FILE QUESTIONS   model, category, score, turn1, turn2
  pair FILE [BASELINE]      model, win, loss, tie, win rate, loss rate, adjusted win rate
  arena FILE          model, Bradley-Terry score by gradient ascent on the logistic likelihood
"""
import json
import math
import random
import sys


def rows(path):
    return [json.loads(line) for line in open(path)]


def mean(v):
    return sum(v) / len(v) if v else None


def show(v):
    return "" if v is None else "%.9g" % v if isinstance(v, float) else str(v)


def make(seed):
    r = random.Random(seed)
    models = ["vicuna", "zephyr", "open chat", "mixtral"]
    out = []
    for m in models:
        for q in range(81, 161):
            for t in (1, 2):
                score = r.choice([-1, 1, 3, 5, 7, 7.5, 8, 8.5, 9, 10, 10])
                row = {"question_id": q, "model": m, "judge": ["gpt-4", "single-v1"], "user_prompt": "?",
                       "judgment": "...", "score": score, "turn": t, "tstamp": 1.5}
                out += [row] * (2 if r.random() < 0.05 else 1)
    outcome = ["model_1", "model_2", "tie", "error"]
    for i, a in enumerate(models):
        for b in models[i + 1:]:
            for q in range(81, 161):
                for t in (1, 2):
                    w = r.choices(outcome, (5, 3, 2, 0.3), k=2)
                    if r.random() < 0.5:
                        w[1] = w[0]
                    out.append({"question_id": q, "model_1": a, "model_2": b, "g1_winner": w[0], "g2_winner": w[1],
                                "judge": ["gpt-4", "pair-v2"], "turn": t, "tstamp": 2})
    for m in models[:2]:
        for q in range(50):
            games = [{"user_prompt": "?", "judgment": "", "score": r.choice(["A>>B", "A>B", "A=B", "B>A", "B>>A", None])}
                     for _ in range(2)]
            out.append({"question_id": "q%d" % q, "model": m, "judge": "gpt-4-1106-preview", "games": games})
    r.shuffle(out)
    for row in out:
        print(json.dumps(row))


def single(path):
    v = [x for x in rows(path) if "score" in x]
    for m in sorted({x["model"] for x in v}):
        own = [x for x in v if x["model"] == m]
        good = [x for x in own if x["score"] != -1]
        turn = [[x["score"] for x in good if x["turn"] == t] for t in (1, 2)]
        print("\t".join([m] + [show(x) for x in (mean(turn[0]), mean(turn[1]), mean([x["score"] for x in good]),
                                                 len(good), len(own) - len(good))]))


def category(path, questions):
    where = {x["question_id"]: x["category"] for x in rows(questions)}
    v = [x for x in rows(path) if x.get("score", -1) != -1]
    for m in sorted({x["model"] for x in v}):
        for c in dict.fromkeys(where.values()):
            good = [x for x in v if x["model"] == m and where[x["question_id"]] == c]
            print("\t".join([m, c] + [show(mean([x["score"] for x in good if x["turn"] in t]))
                                      for t in ((1, 2), (1,), (2,))]))


def pair(path, baseline=None):
    v = [x for x in rows(path) if "g1_winner" in x and "error" not in (x["g1_winner"], x["g2_winner"])]
    count = {}
    for x in v:
        two = [x["model_1"], x["model_2"]]
        if baseline and baseline not in two:
            continue
        same = x["g1_winner"] == x["g2_winner"] != "tie"
        for side, m in enumerate(two):
            if m == baseline:
                continue
            won = x["g1_winner"] == "model_%d" % (side + 1)
            count.setdefault(m, [0, 0, 0])[2 if not same else 0 if won else 1] += 1
    for m, (w, l, t) in sorted(count.items()):
        n = w + l + t
        print("\t".join([m, str(w), str(l), str(t), show(w / n), show(l / n), show((w + t / 2) / n)]))


def arena(path, weight=3):
    for m in sorted({x["model"] for x in rows(path) if "games" in x}):
        y = []  # the model's result of each battle
        for x in rows(path):
            if x.get("model") != m or "games" not in x:
                continue
            for g, game in enumerate(x["games"]):
                s = game["score"]
                if s is None:
                    continue
                first = 1 if s[0] == "A" else 0
                if "=" in s:
                    y.append(0.5)
                else:
                    y += [float(first == g)] * (weight if ">>" in s else 1)
        z = 0.0  # log odds of beating the baseline
        for _ in range(2000):
            z += 0.5 * mean([t - 1 / (1 + math.exp(-z)) for t in y])
        print("%s\t%.6f" % (m, 100 / (1 + math.exp(-z))))


if __name__ == "__main__":
    {"make": make, "single": single, "category": category, "pair": pair, "arena": arena}[sys.argv[1]](*sys.argv[2:])
