#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seek_table FILE: does the stream end with a seek table of Zstandard's seekable format, and are
all frames where it says?"""
import struct
import sys

b = open(sys.argv[1], 'rb').read()
n, flags, magic = struct.unpack('<IBI', b[-9:])
assert magic == 0x8F92EAB1 and flags == 0
at = 0
for size, plain in struct.iter_unpack('<II', b[-9 - 8 * n:-9]):
    assert (b[at:at + 4] == b'\x28\xb5\x2f\xfd') == (plain > 0), at
    at += size
assert struct.unpack('<II', b[at:at + 8]) == (0x184D2A5E, 8 * n + 9)
assert at + 8 + 8 * n + 9 == len(b)
