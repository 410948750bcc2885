#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""near.py A B TOLERANCE: two files of JSON lines are alike but for real numbers within a tolerance;
prints "near", or the first difference."""
import json
import sys


def differ(a, b, tol, path):
    if isinstance(a, float) and isinstance(b, (int, float)):
        return None if abs(a - b) <= tol * max(1, abs(a)) else f"{path}: {a} {b}"
    if type(a) is not type(b) or (isinstance(a, list) and len(a) != len(b)):
        return f"{path}: {a} {b}"
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return f"{path}: {sorted(a)} {sorted(b)}"
        pairs = [(a[k], b[k], f"{path}.{k}") for k in a]
    elif isinstance(a, list):
        pairs = [(x, y, f"{path}[{i}]") for i, (x, y) in enumerate(zip(a, b))]
    else:
        return None if a == b else f"{path}: {a} {b}"
    return next((d for x, y, p in pairs if (d := differ(x, y, tol, p))), None)


one, two = ([json.loads(line) for line in open(p, encoding="utf-8")] for p in sys.argv[1:3])
print((one == [] and "empty") or differ(one, two, float(sys.argv[3]), "") or "near")
