#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A writer of streams from what fc-stream(5) says alone, for log-probabilities of another program.

    stranger.py invent MODEL N >answers.jsonl
    stranger.py import MODEL FINGERPRINT [FAULT] <answers.jsonl >stream.fcs

invent makes up what an inference server with prompt log-probabilities prints: ids of a whole
conversation, and for each the likeliest five next tokens and the true one.  import makes a
distribution stream of it.  MODEL is a folder whose template is the demo's, FINGERPRINT what
`fc-view --fingerprint MODEL` prints.  FAULT breaks the stream in the way of that name.  Shares no
code with the tools; zstd(1) makes the frames, and the hash is written out below.
"""
import json
import math
import random
import struct
import subprocess
import sys

SECRET = bytes.fromhex(
    'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221'
    'b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8'
    'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb'
    '170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e')
M64 = (1 << 64) - 1
P32 = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
P64 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
       0x27D4EB2F165667C5)


def xxh3(b):
    """XXH3, 64 bits, seed 0, of more than 240 bytes, as xxHash's specification has it."""
    assert len(b) > 240
    acc = [P32[2], P64[0], P64[1], P64[2], P64[3], P32[1], P64[4], P32[0]]

    def stripe(at, secret):
        data, key = struct.unpack_from('<8Q', b, at), struct.unpack_from('<8Q', SECRET, secret)
        for i in range(8):
            x = data[i] ^ key[i]
            acc[i ^ 1] = (acc[i ^ 1] + data[i]) & M64
            acc[i] = (acc[i] + (x & 0xFFFFFFFF) * (x >> 32)) & M64

    per_block = (len(SECRET) - 64) // 8
    n_block = (len(b) - 1) // (64 * per_block)
    for block in range(n_block + 1):
        at = block * 64 * per_block
        n = per_block if block < n_block else (len(b) - 1 - at) // 64
        for s in range(n):
            stripe(at + 64 * s, 8 * s)
        if block < n_block:
            key = struct.unpack_from('<8Q', SECRET, len(SECRET) - 64)
            for i in range(8):
                acc[i] = ((acc[i] ^ acc[i] >> 47 ^ key[i]) * P32[0]) & M64
    stripe(len(b) - 64, len(SECRET) - 64 - 7)
    key = struct.unpack_from('<8Q', SECRET, 11)
    h = len(b) * P64[0]
    for i in range(0, 8, 2):
        product = (acc[i] ^ key[i]) * (acc[i + 1] ^ key[i + 1])
        h += (product & M64) ^ product >> 64
    h &= M64
    h = (h ^ h >> 37) * 0x165667919E3779F9 & M64
    return h ^ h >> 32


# The tokenizer: bytes of ids, from tokenizer.json.

def byte_level():
    """The characters that byte-level vocabularies write bytes as."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, n = {chr(b): b for b in plain}, 0
    for b in range(256):
        if b not in plain:
            table[chr(256 + n)] = b
            n += 1
    return table


def vocabulary(model):
    with open(model + '/tokenizer.json', encoding='utf-8') as f:
        t = json.load(f)
    special = {a['id']: a['content'].encode() for a in t['added_tokens']}
    table, words = byte_level(), {}
    for piece, i in t['model']['vocab'].items():
        if t['pre_tokenizer']:
            words[i] = bytes(table.get(c, 63) for c in piece)
        elif len(piece) == 6 and piece.startswith('<0x'):
            words[i] = bytes([int(piece[3:5], 16)])
        else:
            words[i] = piece.replace('\u2581', ' ').encode()
    return {**words, **special}, special


# The invented server.

def invent(model, n):
    words, special = vocabulary(model)
    with open(model + '/tokenizer_config.json', encoding='utf-8') as f:
        config = json.load(f)
    by_bytes = {w: i for i, w in words.items() if i not in special}
    longest = max(map(len, by_bytes))
    bos, eos = ([i for i, w in special.items() if w.decode() == config[k]][0]
                for k in ('bos_token', 'eos_token'))
    rng = random.Random(5)

    def ids_of(text):
        b, at, ids = text.encode(), 0, []
        while at < len(b):
            size = next(k for k in range(longest, 0, -1) if b[at:at + k] in by_bytes)
            ids.append(by_bytes[b[at:at + size]])
            at += size
        return ids

    for number in range(n):
        a, b = rng.randrange(100), rng.randrange(100)
        talk = [('user', f'What is {a} + {b}?'), ('assistant', f'It is {a + b}, na\u00efve \u20ac.'),
                ('user', 'Sure?'), ('assistant', 'Yes\tI am.\n\U0001F642')]
        ids = [bos]
        for role, content in talk:
            ids += ids_of({'user': 'User:\n', 'assistant': 'Assistant:\n'}[role] + content) + [eos]
        rows = [None]
        for true in ids[1:]:
            z = {i: rng.gauss(0, 1) for i in rng.sample(sorted(words), 200)}
            z[true] = rng.gauss(6, 2)
            total = math.log(sum(map(math.exp, z.values())))
            best = sorted(z, key=lambda i: -z[i])
            rows.append({str(i): {'logprob': z[i] - total, 'rank': best.index(i) + 1}
                         for i in dict.fromkeys(best[:5] + [true])})
        print(json.dumps({'id': f'chat-{number}', 'messages': [
            {'role': r, 'content': c} for r, c in talk],
            'prompt_token_ids': ids, 'prompt_logprobs': rows}))


# The stream.

def varint(v):
    return (bytes([v & 127 | 128]) + varint(v >> 7)) if v > 127 else bytes([v])


def field(number, value):
    """A varint of an int, 8 bytes of a float or (int,), a length and bytes of the rest; zero and
    empty ones are left out."""
    if isinstance(value, tuple):
        return varint(number << 3 | 1) + struct.pack('<Q', *value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack('<d', value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b''
    return varint(number << 3 | 2) + varint(len(value)) + value if value else b''


def planes(values):
    width = max(1, (max(values, default=0).bit_length() + 7) // 8)
    return b''.join(bytes(v >> 8 * j & 255 for v in values) for j in range(width))


def half(logprob):
    """Bits of the negative as binary16."""
    if logprob != logprob:
        raise ValueError('not a number')
    return struct.unpack('<H', struct.pack('<e', min(max(-logprob, 0.0), 65504.0)))[0]


NONE, USER, ASSISTANT = 0, 2 << 1, 3 << 1
TEMPLATE, TURN_END, BOS = 1 << 3, 2 << 3, 3 << 3


def segments(messages, special):
    bos, eos = (w for w in special if w not in (b'<unk>', b'<pad>'))
    out = [(bos, NONE | BOS)]
    for m in messages:
        role = USER if m['role'] == 'user' else ASSISTANT | 1
        out += [({'user': b'User:\n', 'assistant': b'Assistant:\n'}[m['role']], NONE | TEMPLATE),
                (m['content'].encode(), role), (eos, role | TURN_END)]
    return out


def example(chat, words, special, fault):
    parts = segments(chat['messages'], special)
    text, ids = b''.join(p for p, _ in parts), list(chat['prompt_token_ids'])
    spans = [len(words[i]) for i in ids]
    if b''.join(words[i] for i in ids) != text:
        raise ValueError('the server had another text')
    if fault == 'span':
        at = next(i for i, n in enumerate(spans) if n > 2 and i > 3)
        spans[at], spans[at + 1] = spans[at] - 1, spans[at + 1] + 1
    if fault == 'id':
        ids[9] = ids[8]
    borders = [flags for part, flags in parts for _ in part] + [NONE]
    flags, at = [], 0
    for n in spans:
        flags.append(borders[at])
        at += n
    if fault == 'flags':
        flags = [f ^ 1 if f >> 1 & 3 == 2 else f for f in flags]
    rows = chat['prompt_logprobs']
    if fault == 'shift':
        rows = [None] + [{**rows[min(i + 1, len(rows) - 1)]} for i in range(1, len(rows))]
    entry_id, steps, lengths, ranks, rest, nll, label_bytes = [], [], [], [], [], 0.0, 0
    for t, row in enumerate(rows):
        if not flags[t] & 1:
            continue
        flags[t] |= 32
        entries = sorted((half(e['logprob']), int(i)) for i, e in row.items())
        if fault == 'mass':
            entries = [(half(-0.5), i) for _, i in entries]
            entries.sort()
        if fault == 'twice':
            entries[1] = (entries[1][0], entries[0][1])
        bits = [b for b, _ in entries]
        entry_id += [i for _, i in entries]
        steps += [b - a for a, b in zip([0] + bits, bits)]
        lengths.append(len(entries))
        listed = [i for _, i in entries]
        rank = listed.index(ids[t]) + 1 if ids[t] in listed else 0
        if fault == 'rank':
            rank = rank % len(entries) + 1
        ranks.append(rank)
        if not rank:
            rest.append(half(-12.0))
        nll -= row[str(ids[t])]['logprob'] if str(ids[t]) in row else -12.0
        label_bytes += spans[t]
    n_label = len(ranks)
    if fault == 'nll':
        nll = -nll
    if fault == 'labels':
        n_label = 1 << 20
    meta = b'"sums"' if fault == 'meta' else b'{"skill":"sums"}'
    return b''.join((
        field(1, chat['id'].encode()), field(2, meta), field(3, text),
        field(4, planes([len(p) for p, _ in parts])), field(5, bytes(f for _, f in parts)),
        field(6, len(ids)), field(7, planes(ids)), field(8, planes(spans)),
        field(9, bytes(flags)), field(11, planes(lengths)), field(12, planes(entry_id)),
        field(13, planes(steps)), field(14, planes(ranks)), field(15, planes(rest)),
        field(16, nll), field(17, n_label), field(18, label_bytes)))


def record(kind, message):
    return field(1, field(kind, message))


def frame(content):
    return subprocess.run(['zstd', '-q', '--check', f'--stream-size={len(content)}', '-c'],
                          input=content, stdout=subprocess.PIPE, check=True).stdout


def convert(model, fingerprint, fault, lines, out):
    words, special = vocabulary(model)
    prints = dict(line.split('=') for line in fingerprint.split())
    tokenizer = int(prints['tokenizer'], 16)
    name = b'caf\xe9' if fault == 'name' else b'server'
    source = field(1, name) + field(2, (int(prints['model'], 16),)) + field(3, (tokenizer,))
    header = b''.join((
        field(1, b'fc-stream'), field(2, 1), field(3, 1), field(4, 2), field(5, (tokenizer,)),
        field(6, (int(prints['model'], 16),)), field(7, (int(prints['template'], 16),)),
        field(8, int(prints['n_vocab'])), field(9, 20), field(12, source),
        field(12, source if fault == 'sources' else b''),
        field(13, field(1, b'stranger') + field(2, b'1'))))
    chats = [json.loads(line) for line in lines]
    plain = record(1, header)
    for chat in chats:
        plain += record(2, example(chat, words, special.values(), fault))
    trailer = field(1, (len(chats),)) + field(2, (xxh3(plain),))
    out.write(frame(plain) + frame(record(5, trailer)))


if __name__ == '__main__':
    if sys.argv[1] == 'invent':
        invent(sys.argv[2], int(sys.argv[3]))
    else:
        convert(sys.argv[2], sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else '', sys.stdin,
                sys.stdout.buffer)
