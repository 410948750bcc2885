#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the tables of tests/unit/quant.c: what the gguf package makes of blocks of every packed
type, and which blocks it makes of numbers.  Not run by the tests; needs PyPI gguf (written with
0.19.0).

Input is fill(seed), a hash that the test computes too: bytes for blocks, with the halves among them
replaced by moderate ones (the first block's are denormal), and floats for the quantizers.  Of the
result there are the first values and an FNV-1a hash of all."""
import numpy as np
from gguf import GGMLQuantizationType as T, GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize

N = 2048
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
          "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
          "IQ4_NL": [0]}


def fill(seed, n):
    h = (np.arange(1, n + 1, dtype=np.uint64) * 0x9e3779b1 & 0xffffffff) ^ seed
    h ^= h >> 16
    h = h * 0x85ebca6b & 0xffffffff
    h ^= h >> 13
    h = h * 0xc2b2ae35 & 0xffffffff
    return (h ^ h >> 16).astype(np.uint32)


def fnv(data):
    h = 0xcbf29ce484222325
    for b in data:
        h = (h ^ b) * 0x100000001b3 & 0xffffffffffffffff
    return h


def blocks(name):
    per, size = GGML_QUANT_SIZES[T[name]]
    n = N // per
    raw = (fill(int(T[name]), n * size) >> 24).astype(np.uint8).reshape(n, size)
    for at in HALVES[name]:
        h = raw[:, at].astype(np.uint16) | raw[:, at + 1].astype(np.uint16) << 8
        h = h & 0x83ff | (8 + (h >> 10 & 7)) << 10
        h[0] = 3
        raw[:, at], raw[:, at + 1] = h & 255, h >> 8
    return raw


for name in HALVES:
    x = dequantize(blocks(name).reshape(1, -1), T[name]).astype(np.float32).reshape(-1)
    print('{FC_%s, 0x%016x, {%s}},' % (name, fnv(x.tobytes()), ", ".join(
        float(v).hex().replace("0000000p", "p") + "f" for v in (x[1], x[600], x[1200], x[2047]))))
x = (fill(99, N).view(np.int32).astype(np.float32) * np.float32(2 ** -29)).reshape(-1, 32)
x *= np.float32(2) ** (np.arange(len(x), dtype=np.float32)[:, None] % 30 - 20)
x[3] = 0
x[5, 7], x[5, 9] = 100, -100
x[7] = np.rint(x[7] * 8192) / 8192
for name in "Q8_0", "Q4_0":
    q = quantize(x.reshape(1, -1), T[name]).reshape(-1)
    print('{FC_%s, 0x%016x},' % (name, fnv(q.tobytes())))
