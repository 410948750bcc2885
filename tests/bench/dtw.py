#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The published alignment as plain Python on a pair of sequences (two lines of pieces on standard
input): D[i][j] = cost + min of the three neighbours, the cost FuseLLM's edit distance of the pieces
without their marks.  Prints nanoseconds a cell."""
import sys
import time


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(diagonal + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def align(source, pivot):
    D = [[0] * len(pivot) for _ in source]
    for i, a in enumerate(source):
        for j, b in enumerate(pivot):
            before = [D[x][y] for x, y in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if x >= 0 and y >= 0]
            D[i][j] = distance(a, b) + min(before, default=0)
    return D[-1][-1]


source, pivot = ([t.replace("\u2581", "") for t in line.split()] for line in sys.stdin)
start = time.perf_counter_ns()
align(source, pivot)
print((time.perf_counter_ns() - start) / len(source) / len(pivot))
