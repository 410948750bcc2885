#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""same_json A B: do two files of JSON objects, one a line, say the same?  Log-probabilities
are compared as the binary16 values that they stand for."""
import json
import struct
import sys


def comparable(key, v):
    if isinstance(v, list):
        return [comparable(key, x) for x in v]
    if isinstance(v, dict):
        return {k: comparable(k, x) for k, x in v.items()}
    return struct.pack('<e', v) if key in ('logprobs', 'true_logprob') else v


a, b = ([json.loads(s) for s in open(p)] for p in sys.argv[1:3])
if len(a) != len(b):
    sys.exit(f'{len(a)} and {len(b)} lines')
for i, (x, y) in enumerate(zip(a, b)):
    for k in x.keys() | y.keys():
        if comparable(k, x.get(k)) != comparable(k, y.get(k)):
            sys.exit(f'line {i + 1}: {k}: {x.get(k)} and {y.get(k)}')
