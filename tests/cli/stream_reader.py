#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A reader of streams from what fc-stream(5) says alone, with zstd(1) for the frames.

Prints the examples of the stream on standard input as fc-view --jsonl does, but only what is on
the wire, with its names.  Shares no code with the tools.
"""
import json
import struct
import subprocess
import sys


def varint(b, at):
    value = shift = 0
    while True:
        value |= (b[at] & 127) << shift
        shift += 7
        at += 1
        if b[at - 1] < 128:
            return value, at


def fields(b):
    at, out = 0, {}
    while at < len(b):
        key, at = varint(b, at)
        if key & 7 == 0:
            value, at = varint(b, at)
        else:
            n = 8
            if key & 7 == 2:
                n, at = varint(b, at)
            value, at = b[at:at + n], at + n
        out.setdefault(key >> 3, []).append(value)
    return out


def planes(b, n):
    return [sum(b[i + n * j] << 8 * j for j in range(len(b) // n)) for i in range(n)] if n else []


def half(bits):
    return -struct.unpack('<e', struct.pack('<H', bits))[0]


def example(m, sources):
    def one(no, default=b''):
        return m.get(no, [default])[0]
    n = one(6, 0)
    flags = one(9)
    ends = [0]
    for span in planes(one(8), n):
        ends.append(ends[-1] + span)
    row_tokens = [t for t in range(n) if flags[t] & 32]
    n_row = len(row_tokens)
    lengths = planes(one(11), n_row) if one(11) else [one(10, 0)] * n_row
    ids, steps = planes(one(12), sum(lengths)), planes(one(13), sum(lengths))
    ranks = planes(one(14), n_row)
    values = iter(planes(one(15), ranks.count(0)))
    rows, at = [], 0
    for token, k, rank in zip(row_tokens, lengths, ranks):
        bits = [sum(steps[at:at + i + 1]) for i in range(k)]
        true = bits[rank - 1] if rank else next(values)
        rows.append({'token': token, 'true_logprob': half(true), 'ids': ids[at:at + k],
                     'logprobs': [half(x) for x in bits]})
        at += k
    role, part = ['none', 'system', 'user', 'assistant'], ['content', 'template', 'turn-end', 'bos']
    segments, end = [], 0
    for size, f in zip(planes(one(4), len(one(5))), one(5)):
        end += size
        segments.append({'end': end, 'role': role[f >> 1 & 3], 'part': part[f >> 3 & 3],
                         'trained': bool(f & 1)})
    return {'id': one(1).decode(), 'meta': json.loads(one(2) or b'null'), 'text': one(3).decode(),
            'segments': segments, 'tokens': planes(one(7), n), 'ends': ends[1:],
            'trained': [f & 1 for f in flags], 'roles': [role[f >> 1 & 3] for f in flags],
            'parts': [part[f >> 3 & 3] for f in flags], 'rows': rows,
            'nll': struct.unpack('<d', one(16, bytes(8)))[0], 'n_label': one(17, 0),
            'label_bytes': one(18, 0),
            **({'source': sources[one(19, 0)]} if sources else {})}


plain = subprocess.run(['zstd', '-dc'], stdin=sys.stdin, stdout=subprocess.PIPE, check=True).stdout
sources, n_record = [], 0
for record in fields(plain)[1]:
    (kind, (message,)), = fields(record).items()
    m = fields(message)
    if kind == 1:
        assert m[1][0] == b'fc-stream' and m[2][0] == 1
        sources = [fields(s).get(1, [b''])[0].decode() for s in m.get(12, [])]
        n_record = 0
    elif kind == 2:
        n_record += 1
        print(json.dumps(example(m, sources)))
    elif kind == 5:
        assert struct.unpack('<Q', m.get(1, [bytes(8)])[0])[0] == n_record
