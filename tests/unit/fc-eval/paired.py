#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the expected values of tests/unit/fc-eval/paired.c: numpy and scipy on the same items, every draw written out
(run with numpy 2.4.6, scipy 1.17.1; McNemar's test and Holm's also by statsmodels)."""
import math

import numpy as np
from scipy.stats import binomtest, norm, t

for q, df in [(.975, 1), (.975, 2.5), (.8, 2.5), (.975, 7), (.975, 39), (.025, 5), (.975, 1e4), (.8, 1)]:
    print("t", q, df, float(t.ppf(q, df)))
for k, n in [(8, 10), (0, 5), (3, 17), (50, 100), (40, 100), (120, 300)]:
    print("sign", k, n, float(binomtest(k, n).pvalue))

rng = np.random.default_rng(11)
N = 12
DEN = rng.integers(20, 200, N)
STRATUM = np.array([0, 0, 0, 0, 0, 7, 7, 7, 7, 3, 9, 9])
rate = 1.0 + .3 * rng.standard_normal(N) + .2 * (STRATUM == 7)
ARM = [0, 0, 1, 1, 1]
OFF = [.0, .02, -.05, -.03, -.08]
NUM = np.round(np.stack([DEN * np.maximum(.05, rate + OFF[s] + .05 * rng.standard_normal(N)) for s in range(5)], 1), 2)
print("den", DEN.tolist())
print("num", NUM.tolist())
STRATA = [[0, 1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11]]  # the stratum of one item joins the last one


def draws(num, arm, strata, n_draw=400000):
    g = np.random.default_rng(5)
    total, den = np.zeros((n_draw, num.shape[1])), np.zeros(n_draw)
    for h in map(np.array, strata):
        i = h[g.integers(0, len(h), (n_draw, len(h) - 1))]
        weight = len(h) / (len(h) - 1)
        den += weight * DEN[i].sum(1)
        for s in range(num.shape[1]):
            total[:, s] += weight * num[i, s].sum(1)
    out = {}
    for a in sorted(set(arm)):
        own = [s for s in range(num.shape[1]) if arm[s] == a]
        pick = g.integers(0, len(own), (n_draw, max(1, len(own) - 1)))
        out[a] = np.take_along_axis(total[:, own], pick, 1).mean(1) / den
    return out


def variance(num, arm, strata, a, b=None):
    def mean(x):
        return num[:, [s for s in range(num.shape[1]) if arm[s] == x]].mean(1)
    d = mean(a) - (0 if b is None else mean(b))
    r = d.sum() / DEN.sum()
    z = (d - r * DEN) / DEN.sum()
    parts = [(len(h) * np.var(z[h], ddof=1), len(h) - 1) for h in strata]
    for x in [a] if b is None else [a, b]:
        own = [s for s in range(num.shape[1]) if arm[s] == x]
        if len(own) > 1:
            parts.append((np.var(num[:, own].sum(0) / DEN.sum(), ddof=1) / len(own), len(own) - 1))
    v = sum(p for p, _ in parts)
    return r, v, v * v / sum(p * p / f for p, f in parts)


def stretched(v, r, df):
    return r + t.ppf(.975, df) / norm.ppf(.975) * (v - r)


def report(title, num, arm, strata):
    drawn = draws(num, arm, strata)
    r, v, df = variance(num, arm, strata, 1, 0)
    gap = stretched(drawn[1] - drawn[0], r, df)
    print(title, "difference", r, np.quantile(gap, [.025, .975]), "p", 2 * min((gap <= 0).mean(), (gap >= 0).mean()),
          "detectable", (t.ppf(.975, df) + t.ppf(.8, df)) * math.sqrt(v))
    for a in (0, 1):
        r, v, df = variance(num, arm, strata, a)
        print(title, "arm", a, r, np.quantile(stretched(drawn[a], r, df), [.025, .975]))


def bonett_price(b, c, n):
    p, q, z = (b + 1) / (n + 2), (c + 1) / (n + 2), norm.ppf(.975)
    error = math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    return p - q - z * error, p - q + z * error, (z + norm.ppf(.8)) * error


report("seeds and strata:", NUM, ARM, STRATA)
report("plain:", NUM[:, [0, 2]], [0, 1], [list(range(N))])
for counts in [(13, 4, 50), (0, 0, 20), (3, 0, 4)]:
    print("Bonett and Price", counts, *bonett_price(*counts))
