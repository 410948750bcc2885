#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams of the fc tools for Python: fc-stream(5) with zstandard and xxhash, and numpy where it is there.

    import fcstream
    with open("a.fcs", "rb") as f:
        for line in fcstream.read(f):        # {"header": {...}}, then a dict for each record
            ...
    with open("b.fcs", "wb") as f:
        fcstream.write(f, lines)

Lines are those of fc-view --jsonl --whole, fc-view(1): an example has id, meta, text, segments, tokens, ends,
trained, roles, parts, rows; a tensor's part name, dtype, shape, bytes, offset, data (base64); a map's entry
source, pivot, count, rule, chosen.  write() believes what it is given; fc-view --verify finds what is wrong.

    fcstream.py cat STREAM        prints the lines
    fcstream.py make LINES        writes a stream to standard output
"""
import base64
import json
import struct
import sys

import xxhash
import zstandard

try:
    import numpy
except ImportError:
    numpy = None

ROLES = ["none", "system", "user", "assistant"]
PARTS = ["content", "template", "turn-end", "bos"]
KINDS = [None, "tokens", "dists", "tensors", "map", "update"]
RULES = ["none", "role", "bytes", "count", "first", "near", "published"]
CUTS = ["whole", "prompt"]
HEADER, EXAMPLE, TENSOR, MAP, TRAILER = 1, 2, 3, 4, 5


def get_varint(b, at):
    value = shift = 0
    while True:
        value |= (b[at] & 127) << shift
        shift += 7
        at += 1
        if b[at - 1] < 128:
            return value, at


def varint(v):
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    out.append(v)
    return bytes(out)


def fields(b):
    """Yields number and value of each field: an int, or the bytes of what is longer."""
    at = 0
    while at < len(b):
        key, at = get_varint(b, at)
        kind = key & 7
        if kind == 0:
            value, at = get_varint(b, at)
        else:
            n = {1: 8, 5: 4}.get(kind)
            if n is None:
                n, at = get_varint(b, at)
            value, at = bytes(b[at:at + n]), at + n
        yield key >> 3, kind, value


def whole(number, v):
    return varint(number << 3) + varint(v) if v else b""


def data(number, b):
    return varint(number << 3 | 2) + varint(len(b)) + b if b else b""


def fixed(number, v):
    return varint(number << 3 | 1) + struct.pack("<Q", v) if v else b""


def real(number, v):
    return varint(number << 3 | 1) + struct.pack("<d", v) if v else b""


def planes(b, n):
    """n values of len(b) / n bytes, the lowest byte of each first."""
    if not n:
        return []
    width = len(b) // n
    if numpy:
        a = numpy.frombuffer(b, numpy.uint8).reshape(width, n).astype(numpy.uint64)
        return sum(a[j] << numpy.uint64(8 * j) for j in range(width)).tolist()
    return [sum(b[i + n * j] << 8 * j for j in range(width)) for i in range(n)]


def split(values, width=0):
    if not values:
        return b""
    width = width or max(1, (max(values).bit_length() + 7) // 8)
    return b"".join(bytes(v >> 8 * j & 255 for v in values) for j in range(width))


def half(bits):
    return 0.0 - struct.unpack("<e", struct.pack("<H", bits))[0]


def bits(logprob):
    if not logprob <= 0.001:
        raise ValueError("%r is no logarithm of a probability" % logprob)
    return struct.unpack("<H", struct.pack("<e", min(65504.0, max(0.0, -logprob))))[0]


def hexadecimal(b):
    return "%016x" % struct.unpack("<Q", b)


def flags_text(f):
    return {"role": ROLES[f >> 1 & 3], "part": PARTS[f >> 3 & 3], "trained": bool(f & 1)}


def flags_of(role, part, trained):
    return int(bool(trained)) | ROLES.index(role) << 1 | PARTS.index(part) << 3


# ---- reading ----

def read_frames(f):
    """The contents of all frames, one after the other; checksums are looked at by zstandard."""
    rest = b""
    while True:
        while len(rest) < 8 and (piece := f.read(1 << 20)):
            rest += piece
        if not rest:
            return
        if len(rest) >= 8 and rest[0] & 240 == 0x50 and rest[1:4] == b"*M\x18":  # one that says nothing
            end = 8 + struct.unpack("<I", rest[4:8])[0]
            while len(rest) < end and (piece := f.read(1 << 20)):
                rest, end = piece, end - len(rest)
            if len(rest) < end:
                raise ValueError("the stream was cut off")
            rest = rest[end:]
            continue
        frame = zstandard.ZstdDecompressor().decompressobj()
        while not frame.eof:
            rest = rest or f.read(1 << 20)
            if not rest:
                raise ValueError("the stream was cut off")
            yield frame.decompress(rest)
            rest = frame.unused_data


def read_records(f):
    """Yields kind and message of each record; a stream that was cut off is a ValueError."""
    buffer, digest, n, ended, empty = bytearray(), xxhash.xxh3_64(), 0, True, True
    for piece in read_frames(f):
        buffer += piece
        while buffer:
            try:
                if buffer[0] != 10:
                    raise ValueError("a record is expected")
                size, at = get_varint(buffer, 1)
            except IndexError:
                break
            if len(buffer) < at + size:
                break
            record = bytes(buffer[:at + size])
            del buffer[:at + size]
            kind, _, message = next(fields(record[at:]))
            if ended and kind != HEADER:
                raise ValueError("a header is expected")
            empty = False
            if kind == HEADER:
                digest, n, ended = xxhash.xxh3_64(), 0, False
            if kind == TRAILER:
                said = {no: v for no, _, v in fields(message)}
                if struct.unpack("<Q", said.get(1, bytes(8)))[0] != n:
                    raise ValueError("the trailer tells another number of records")
                if struct.unpack("<Q", said.get(2, bytes(8)))[0] != digest.intdigest():
                    raise ValueError("the trailer's checksum is another")
                ended = True
                continue
            digest.update(record)
            n += kind != HEADER
            yield kind, message
    if buffer or not ended:
        raise ValueError("the stream was cut off")
    if empty:
        raise ValueError("empty, where a stream should be")


def read_header(m):
    h = {"sources": [], "history": []}
    numbers = {8: "n_vocab", 9: "top_k", 11: "source_n_vocab", 14: "n_output", 16: "n_sample",
               18: "part", 19: "parts"}
    prints = {5: "tokenizer", 6: "model", 7: "template_hash", 10: "source_tokenizer"}
    h["cut"] = "whole"
    for no, _, v in fields(m):
        if no == 2 and v != 1:
            raise ValueError("version %d of the format" % v)
        if no == 4:
            h["kind"] = KINDS[v]
        elif no in numbers:
            h[numbers[no]] = v
        elif no in prints:
            h[prints[no]] = hexadecimal(v)
        elif no == 15:
            h["cut"] = CUTS[v]
        elif no == 17:
            h["sample_temperature"] = struct.unpack("<d", v)[0]
        elif no == 12:
            s = {k: w for k, _, w in fields(v)}
            h["sources"].append({"name": s.get(1, b"").decode()} | {
                name: hexadecimal(s[k]) for k, name in ((2, "model"), (3, "tokenizer")) if k in s})
        elif no == 13:
            s = {k: w.decode() for k, _, w in fields(v)}
            h["history"].append({"name": s.get(1, ""), "version": s.get(2, ""), "args": s.get(3, "")})
    return h


def read_rows(one, tokens, flags):
    which = [t for t, f in enumerate(flags) if f & 32]
    lengths = planes(one(11), len(which)) if one(11) else [one(10, 0)] * len(which)
    ids, steps = planes(one(12), sum(lengths)), planes(one(13), sum(lengths))
    ranks, rows, at = planes(one(14), len(which)) or [0] * len(which), [], 0
    values = iter(planes(one(15), ranks.count(0)))
    for t, n, rank in zip(which, lengths, ranks):
        level, logprobs = 0, []
        for step in steps[at:at + n]:
            level += step
            logprobs.append(half(level))
        rows.append({"token": t, "true_logprob": logprobs[rank - 1] if rank else half(next(values)),
                     "ids": ids[at:at + n], "logprobs": logprobs})
        at += n
    return rows


def meta_text(meta):
    """Of a string, the JSON text that it is."""
    if meta is None:
        return ""
    return meta if isinstance(meta, str) else json.dumps(meta, ensure_ascii=False, separators=(",", ":"))


def meta_of(text):
    """The object; the text itself where the object would be written in another way."""
    meta = json.loads(text) if text else None
    return meta if meta_text(meta) == text else text


def read_example(m, header):
    last, unknown = {}, b""
    for no, kind, v in fields(m):
        if no > 19:
            unknown += (whole(no, v) or varint(no << 3) + b"\0" if kind == 0 else
                        varint(no << 3 | kind) + (varint(len(v)) if kind == 2 else b"") + v)
        last[no] = v

    def one(no, default=b""):
        return last.get(no, default)
    n, flags = one(6, 0), one(9)
    ends, end = [], 0
    for span in planes(one(8), n):
        ends.append(end := end + span)
    segments, end = [], 0
    for length, f in zip(planes(one(4), len(one(5))), one(5)):
        segments.append({"end": (end := end + length)} | flags_text(f))
    x = {"id": one(1).decode(), "meta": meta_of(one(2).decode()), "text": one(3).decode(),
         "segments": segments, "tokens": planes(one(7), n), "ends": ends,
         "trained": [f & 1 for f in flags], "roles": [ROLES[f >> 1 & 3] for f in flags],
         "parts": [PARTS[f >> 3 & 3] for f in flags]}
    if header["kind"] == "dists":
        x["rows"] = read_rows(one, x["tokens"], flags)
        if "n_sample" in header:
            x |= {"n_sample": header["n_sample"], "sample_temperature": header["sample_temperature"]}
        x |= {"nll": struct.unpack("<d", one(16, bytes(8)))[0], "n_label": one(17, 0), "label_bytes": one(18, 0)}
    if header["sources"]:
        x["source"] = header["sources"][one(19, 0)]["name"]
    if unknown:
        x["unknown"] = base64.b64encode(unknown).decode()
    return x


def read_tensor(m):
    t = {"name": "", "dtype": "", "shape": [], "offset": 0, "data": ""}
    for no, kind, v in fields(m):
        if no in (1, 2):
            t["name" if no == 1 else "dtype"] = v.decode()
        elif no == 3:
            at = 0
            while kind == 2 and at < len(v):
                d, at = get_varint(v, at)
                t["shape"].append(d)
            if kind == 0:
                t["shape"].append(v)
        elif no == 4:
            t["offset"] = v
        elif no == 5:
            t["data"] = base64.b64encode(v).decode()
    return t


def read_map(m):
    last = {no: v for no, _, v in fields(m)}
    n = last.get(1, 0)
    columns = [planes(last.get(no, b""), n) for no in (2, 3, 4)]
    rules = last.get(5) or bytes([128]) * n
    for source, pivot, count, rule in zip(*columns, rules):
        yield {"source": source, "pivot": pivot, "count": count, "rule": RULES[rule & 127],
               "chosen": bool(rule & 128)}


def read(f):
    """The lines of a stream in a file that is open for reading bytes."""
    header = None
    for kind, m in read_records(f):
        if kind == HEADER:
            header = read_header(m)
            yield {"header": header}
        elif kind == EXAMPLE:
            yield read_example(m, header)
        elif kind == TENSOR:
            yield read_tensor(m)
        elif kind == MAP:
            yield from read_map(m)


# ---- writing ----

def make_header(h):
    def print_of(key):
        return int(h.get(key, "0"), 16)
    return b"".join([
        data(1, b"fc-stream"), whole(2, 1), whole(3, 3), whole(4, KINDS.index(h["kind"])),
        fixed(5, print_of("tokenizer")), fixed(6, print_of("model")), fixed(7, print_of("template_hash")),
        whole(8, h.get("n_vocab", 0)), whole(9, h.get("top_k", 0)), fixed(10, print_of("source_tokenizer")),
        whole(11, h.get("source_n_vocab", 0)),
        *(data(12, data(1, s["name"].encode()) + fixed(2, int(s.get("model", "0"), 16)) +
               fixed(3, int(s.get("tokenizer", "0"), 16))) for s in h.get("sources", [])),
        *(data(13, b"".join(data(i, p.get(k, "").encode()) for i, k in enumerate(("name", "version", "args"), 1)))
          for p in h.get("history", [])),
        whole(14, h.get("n_output", 0)), whole(15, CUTS.index(h.get("cut", "whole"))),
        whole(16, h.get("n_sample", 0)), real(17, h.get("sample_temperature", 0.0) if h.get("n_sample") else 0.0),
        whole(18, h.get("part", 0)), whole(19, h.get("parts", 0))])


def make_rows(rows, tokens):
    ids, steps, ranks, truths = [], [], [], []
    for r in rows:
        row = sorted((bits(p), i) for i, p in zip(r["ids"], r["logprobs"]))
        level = 0
        for b, i in row:
            ids.append(i)
            steps.append(b - level)
            level = b
        truth = bits(r["true_logprob"])
        at = next((k for k, e in enumerate(row, 1) if e == (truth, tokens[r["token"]])), 0)
        ranks.append(at)
        if not at:
            truths.append(truth)
    return data(11, split([len(r["ids"]) for r in rows])) + data(12, split(ids)) + data(13, split(steps, 2)) + \
        data(14, split(ranks)) + data(15, split(truths, 2))


def make_example(x, header):
    rows = x.get("rows", [])
    flags = [flags_of(*f) for f in zip(x["roles"], x["parts"], x["trained"])]
    for r in rows:
        flags[r["token"]] |= 32
    names = [s["name"] for s in header.get("sources", [])]
    segments = x.get("segments", [])
    borders, ends = [0] + [s["end"] for s in segments], [0] + x["ends"]
    return b"".join([
        data(1, str(x["id"]).encode()),
        data(2, meta_text(x.get("meta")).encode()),
        data(3, x["text"].encode()), data(4, split([b - a for a, b in zip(borders, borders[1:])])),
        data(5, bytes(flags_of(s["role"], s["part"], s["trained"]) for s in segments)),
        whole(6, len(flags)), data(7, split(x["tokens"])),
        data(8, split([b - a for a, b in zip(ends, ends[1:])])), data(9, bytes(flags)), make_rows(rows, x["tokens"]),
        real(16, x.get("nll", 0.0)), whole(17, x.get("n_label", 0)), whole(18, x.get("label_bytes", 0)),
        whole(19, names.index(x["source"]) if "source" in x else 0), base64.b64decode(x.get("unknown", ""))])


def make_tensor(t):
    shape = b"".join(varint(d) for d in t["shape"])
    return data(1, t["name"].encode()) + data(2, t["dtype"].encode()) + data(3, shape) + \
        whole(4, t.get("offset", 0)) + data(5, base64.b64decode(t["data"]))


def make_map(entries):
    return whole(1, len(entries)) + b"".join(
        data(no, split([e.get(key, 0) for e in entries])) for no, key in ((2, "source"), (3, "pivot"), (4, "count"))) + \
        data(5, bytes(RULES.index(e.get("rule", "none")) | (128 if e.get("chosen") else 0) for e in entries))


class Section:
    """One header with its records and trailer."""

    def __init__(self, f, header):
        self.f, self.header, self.n, self.digest, self.entries = f, header, 0, xxhash.xxh3_64(), []
        self.compressor = zstandard.ZstdCompressor(level=1, write_checksum=True, write_content_size=True)
        self.frame = b""
        self.put(HEADER, make_header(header))
        self.flush()

    def put(self, kind, message):
        body = varint(kind << 3 | 2) + varint(len(message)) + message
        record = b"\x0a" + varint(len(body)) + body
        if kind == TRAILER:
            self.frame += record
            return
        self.digest.update(record)
        self.n += kind != HEADER
        self.frame += record
        if len(self.frame) >= 128 << 10:
            self.flush()

    def flush(self):
        if self.frame:
            self.f.write(self.compressor.compress(self.frame))
        self.frame = b""

    def add(self, line):
        kind = self.header["kind"]
        if kind == "map":
            self.entries.append(line)
            if len(self.entries) < 16384:
                return
            self.end_map()
        elif kind in ("tensors", "update"):
            self.put(TENSOR, make_tensor(line))
        else:
            self.put(EXAMPLE, make_example(line, self.header))

    def end_map(self):
        if self.entries:
            self.put(MAP, make_map(self.entries))
        self.entries = []

    def finish(self):
        self.end_map()
        self.flush()
        self.put(TRAILER, fixed(1, self.n) + fixed(2, self.digest.intdigest()))
        self.flush()


def write(f, lines):
    """Makes a stream of lines in a file that is open for writing bytes.  Without the last call it has no trailer,
    and every reader says that it was cut off."""
    section = None
    sign = b"fc-stream 1\n"
    f.write(struct.pack("<II", 0x184D2A50, len(sign)) + sign)
    for line in lines:
        if "header" in line:
            if section:
                section.finish()
            section = Section(f, line["header"])
        else:
            section.add(line)
    section.finish()


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("cat", "make"):
        raise SystemExit(__doc__)
    if sys.argv[1] == "cat":
        with open(sys.argv[2], "rb") as f:
            for line in read(f):
                print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
    else:
        with open(sys.argv[2], encoding="utf-8") as f:
            write(sys.stdout.buffer, (json.loads(line) for line in f if line.strip()))


if __name__ == "__main__":
    main()
