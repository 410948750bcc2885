#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the expected weights of tests/unit/fc-eval/logistic.c: scikit-learn's LIBLINEAR on the same rows, soft
targets as two rows each (run with scikit-learn 1.9.1, tol 1e-12)."""
import numpy as np
from sklearn.linear_model import LogisticRegression

state = 12345


def unit():
    global state
    state = (state * 1103515245 + 12345) % 2**31
    return state / 2**31


rows = []
for i in range(60):
    x = [np.tanh(4 * unit() - 2), 3 * unit() - 1, 1.0 if i % 4 else 0.0]
    y = unit() * 0.6 + (0.4 if x[0] + 0.5 * x[1] > 0 else 0.0)
    rows.append((x, y, 1.0 if i % 4 else 0.1))
X = np.array([r[0] for r in rows] * 2)
Y = np.array([1] * 60 + [0] * 60)
W = np.array([r[1] * r[2] for r in rows] + [(1 - r[1]) * r[2] for r in rows])
for c in (0.05, 0.2, 1.0, 100.0):
    m = LogisticRegression(penalty="l1", solver="liblinear", C=c, fit_intercept=False, tol=1e-12, max_iter=100000)
    m.fit(X, Y, sample_weight=W)
    print("{%g, {%.9f, %.9f, %.9f}}," % (c, *m.coef_[0]))
