#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a command shows on a terminal.

  term.py [--rows N] [--columns N] COMMAND...

Runs the command on a terminal of its own and prints, whenever no output has come for a moment, the screen as a JSON
array of its lines, and last an object {"status", "all"}: the exit status, and every line from the first on.  A control
sequence that is not one of \\r, \\n, \\b, ESC [K, ESC [J, ESC [nA, ESC D, ESC 7 and ESC 8 ends it with status 3: it knows no more, and was
checked against pyte 0.8.2 on the screens of the tests.
"""
import argparse
import codecs
import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios


class Screen:
    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.line = [""]
        self.top = self.y = self.x = 0  # first line on the screen; the cursor: line from the first on, column

    def put(self, c):
        if self.x == self.columns:
            self.x = 0
            self.down()
        text = self.line[self.y].ljust(self.x)
        self.line[self.y] = text[:self.x] + c + text[self.x + 1:]
        self.x += 1

    def down(self):
        self.y += 1
        if self.y == len(self.line):
            self.line.append("")
        self.top = max(self.top, self.y - self.rows + 1)

    def control(self, number, letter):
        x = min(self.x, self.columns - 1)
        if letter == "K" and not number:
            self.line[self.y] = self.line[self.y][:x]
        elif letter == "J" and not number:
            self.line[self.y] = self.line[self.y][:x]
            self.line[self.y + 1:] = [""] * len(self.line[self.y + 1:])
        elif letter == "A":
            self.y = max(self.top, self.y - int(number or 1))
        else:
            sys.exit(f"term.py: ESC [{number}{letter} is not known")

    def escape(self, letter):
        if letter == "D":
            self.down()
        elif letter == "7":
            self.saved = (self.y - self.top, self.x)
        else:
            self.y, self.x = self.top + self.saved[0], self.saved[1]

    def feed(self, text):
        """what cannot be told yet, for it ends within a sequence"""
        while text:
            if text[:2] in ("\033D", "\0337", "\0338"):
                self.escape(text[1])
                text = text[2:]
                continue
            if text[0] == "\033":
                m = re.match(r"\033\[([0-9;]*)([A-Za-z])", text)
                if not m:
                    return text if re.fullmatch(r"\033(\[[0-9;]*)?", text) else sys.exit(f"term.py: {text[:8]!r}")
                self.control(*m.groups())
                text = text[m.end():]
                continue
            c, text = text[0], text[1:]
            if c == "\r":
                self.x = 0
            elif c == "\n":
                self.down()
            elif c == "\b":
                self.x = max(0, self.x - 1)
            else:
                self.put(c)
        return ""

    def shown(self):
        lines = [line.rstrip() for line in self.line[self.top:]]
        while lines and not lines[-1]:
            lines.pop()
        return lines


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rows", type=int, default=24)
    p.add_argument("--columns", type=int, default=100)
    p.add_argument("command", nargs=argparse.REMAINDER)
    a = p.parse_args()
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", a.rows, a.columns, 0, 0))
        os.execvp(a.command[0], a.command)
    screen, rest, last = Screen(a.rows, a.columns), "", None
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    log = open(os.environ["TERM_LOG"], "wb") if "TERM_LOG" in os.environ else None
    while True:
        if not select.select([fd], [], [], 0.02)[0] and not rest and screen.shown() != last:
            last = screen.shown()
            print(json.dumps(last, ensure_ascii=False), flush=True)
        if not select.select([fd], [], [], 0.05)[0]:
            continue
        try:
            got = os.read(fd, 65536)
        except OSError:
            got = b""
        if not got:
            break
        if log:
            log.write(got)
        rest = screen.feed(rest + decoder.decode(got))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps({"status": status, "all": [line.rstrip() for line in screen.line]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
