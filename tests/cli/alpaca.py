#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AlpacaEval's files for the tests of fc-eval alpaca.

  make        annotations.json (two models, 200 instructions), difficulty.csv, gamed.csv, outputs.json
  lc          the length-controlled win rates by scikit-learn's LogisticRegressionCV with LIBLINEAR and group
              folds (needs numpy and scikit-learn; run once, the numbers are in fc-eval-alpaca.bats)
"""
import csv
import json
import math
import random
import sys

N = 200


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def make():
    r = random.Random(7)
    difficulty = [r.gauss(0, 1) for _ in range(N)]
    rows = []
    for model, skill in (("good", 0.4), ("wordy", -0.6)):
        for i in range(N):
            a, b = r.randint(100, 900), int(r.randint(100, 900) * (1.6 if model == "wordy" else 1))
            p = sigmoid(skill + 0.5 * difficulty[i] - 1.2 * math.tanh((a - b) / 300) + r.gauss(0, 0.3))
            rows.append({"instruction": "do %d" % i, "output_1": "é" * a, "generator_1": "base", "output_2": "x" * b,
                         "generator_2": model, "preference": None if i == 17 else 0 if i == 18 else 1 + p})
    json.dump(rows, open("annotations.json", "w"))
    json.dump([{"instruction": "do %d" % i, "output": ""} for i in range(N)], open("outputs.json", "w"))
    with open("difficulty.csv", "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["index", "instruction", "instruction_difficulty"])
        for i in r.sample(range(N), N):
            w.writerow([i, "do, \"%d\"\nnow" % i, difficulty[i]])
    with open("gamed.csv", "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["preference", "index", "std_delta_len", "instruction_difficulty", "not_gamed_baseline", "model"])
        for m, shift in (("verbose", -1.0), ("concise", 1.0)):
            for i in range(N):
                d = shift + r.gauss(0, 0.3)
                w.writerow([1 + sigmoid(0.5 * difficulty[i] - 1.2 * math.tanh(d)), i, d, difficulty[i], False, m])


def lc():
    import numpy as np
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import GroupKFold
    rows = json.load(open("annotations.json"))
    difficulty = {int(x["index"]): float(x["instruction_difficulty"]) for x in csv.DictReader(open("difficulty.csv", newline=""))}
    gamed = list(csv.DictReader(open("gamed.csv", newline="")))
    for model in ("good", "wordy"):
        own = [(i, x) for i, x in enumerate([x for x in rows if x["generator_2"] == model]) if x["preference"] is not None]
        delta = np.array([len(x["output_1"]) - len(x["output_2"]) for _, x in own], float)
        delta = np.tanh(delta / delta.std(ddof=1))
        p = np.array([0.5 if x["preference"] == 0 else x["preference"] - 1 for _, x in own])
        d = np.array([difficulty[i] for i, _ in own])
        X = np.stack([delta, d, np.ones(len(own))], 1)
        w = np.ones(len(own))
        X = np.concatenate([X, [[math.tanh(float(g["std_delta_len"])), float(g["instruction_difficulty"]), 0] for g in gamed]])
        p = np.concatenate([p, [float(g["preference"]) - 1 for g in gamed]])
        w = np.concatenate([w, np.full(len(gamed), 0.1)])
        XX, y, ww = np.concatenate([X, X]), np.r_[np.ones(len(p)), np.zeros(len(p))], np.r_[p * w, (1 - p) * w]
        groups = np.r_[np.arange(len(p)), np.arange(len(p))]
        m = LogisticRegressionCV(cv=list(GroupKFold(5, shuffle=True, random_state=123).split(XX, y, groups)), penalty="l1",
                                 solver="liblinear", fit_intercept=False, scoring="neg_log_loss", random_state=123,
                                 tol=1e-9, max_iter=100000).fit(XX, y, sample_weight=ww)
        k = m.coef_[0]
        rate = 100 * np.mean(1 / (1 + np.exp(-(k[1] * d + k[2]))))
        print(model, "C", m.C_[0], "weights", *np.round(k, 4), "lc", round(rate, 4), "raw",
              round(100 * p[:len(own)].mean(), 6), "se", round(100 * p[:len(own)].std(ddof=1) / len(own) ** .5, 6))


{"make": make, "lc": lc}[sys.argv[1]]()
