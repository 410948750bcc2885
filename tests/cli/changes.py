#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""changes.py PIVOT A B: model.safetensors of a pivot and of two trainings of it, all in float32 but
the pivot, which may be bfloat16.  Prints |A - B| / |A - PIVOT|, norms over all weights."""
import array
import json
import math
import struct
import sys


def read(path):
    data = open(path, "rb").read()
    n = struct.unpack_from("<Q", data)[0]
    for name, t in json.loads(data[8:8 + n]).items():
        if name == "__metadata__":
            continue
        part = data[8 + n + t["data_offsets"][0]:8 + n + t["data_offsets"][1]]
        if t["dtype"] == "BF16":
            wide = bytearray(2 * len(part))
            wide[2::4], wide[3::4] = part[::2], part[1::2]
            part = bytes(wide)
        yield name, array.array("f", part)


pivot, a, b = (dict(read(path)) for path in sys.argv[1:4])
if not pivot.keys() == a.keys() == b.keys():
    sys.exit("other tensors")
apart = change = 0.0
for name, p in pivot.items():
    apart += sum((x - y) * (x - y) for x, y in zip(a[name], b[name]))
    change += sum((x - y) * (x - y) for x, y in zip(a[name], p))
print(f"{math.sqrt(apart / change) if change > 0 else math.inf:.3e}")
