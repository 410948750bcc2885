#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An OpenAI-compatible server on the loopback that misbehaves as told, for the tests of fc-eval judge, of
which it is a judge, and of fc-infer --endpoint.

  judge_server.py FOLDER [BEHAVIOUR]...

The n-th try of a request meets the n-th behaviour, later ones get a right answer.  FOLDER/port tells the
port once it listens, FOLDER/log one line a request: behaviour, authorization, hash of the user's message.
With reason:A,B,... each request gets the next of these as its finish_reason, null where it is empty.
FOLDER/replies.jsonl, if it is there, has recorded requests with their responses: what is asked with such a
prompt or such messages gets that response, and what is asked otherwise status 400.  FOLDER/asked has the bodies.
It ends by itself: when FOLDER/stop appears, or after a minute.
"""
import hashlib
import http.server
import json
import os
import sys
import threading
import time

folder, behaviours = sys.argv[1], sys.argv[2:]
lock = threading.Lock()
tries = {}
reasons = {}
active = [0, 0]  # now, most


def asked(body):
    """What a request is about."""
    return json.dumps(body.get("prompt", body.get("messages")))


recorded = None
if os.path.exists(os.path.join(folder, "replies.jsonl")):
    with open(os.path.join(folder, "replies.jsonl")) as lines:
        recorded = {asked(o["request"]): o["response"] for o in map(json.loads, lines)}


def verdict(messages):
    text = messages[-1]["content"]
    n = int(hashlib.sha256(text.encode()).hexdigest(), 16)
    if "ARENA" in text:
        return "My final verdict is: [[%s]]" % ["A>>B", "A>B", "A=B", "B>A", "B>>A"][n % 5]
    if "Assistant B" in text:
        return "Both are fine. [[%s]]" % "ABC"[n % 3]
    return "It is an answer. Rating: [[%d]]" % (n % 10 + 1)


class Judge(http.server.BaseHTTPRequestHandler):
    counted = 0  # whether its request is one of those at once
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send(self, status, body, headers=(), kind="application/json", length=None):
        self.leave()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, message, headers=()):
        self.send(status, json.dumps({"error": {"message": message}}).encode(), headers)

    def do_POST(self):
        try:
            self.answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        ask = json.loads(raw)
        key = hashlib.sha256(asked(ask).encode()).hexdigest()
        with lock:
            n = tries[key] = tries.get(key, 0) + 1
            how = behaviours[n - 1] if n <= len(behaviours) else "ok"
            active[0] += 1
            self.counted = 1
            active[1] = max(active)
            auth = self.headers.get("Authorization", "-")
            with open(os.path.join(folder, "log"), "a") as f:
                f.write("%s\t%s\t%s\t%s\t%d\n" % (how, auth, self.path, key[:12], active[1]))
        with lock, open(os.path.join(folder, "asked"), "a") as f:
            f.write(json.dumps(ask) + "\n")
        if recorded is not None:
            reply = recorded.get(asked(ask))
            if reply is None and how == "ok":
                how = "400"
            elif reply is not None:
                reply.setdefault("usage", {"total_tokens": 100})
            try:
                self.behave(how, auth, reply, json.dumps(reply).encode())
            finally:
                self.leave()
            return
        text = verdict(ask["messages"])
        reply = {"model": ask["model"], "choices": [{"message": {"role": "assistant", "content": text},
                                                     "finish_reason": "stop"}],
                 "usage": {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}}
        body = json.dumps(reply).encode()
        try:
            self.behave(how, auth, reply, body)
        finally:
            self.leave()

    def leave(self):
        """Before the client has an answer, and so may ask again by another connection."""
        with lock:
            active[0] -= self.counted
            self.counted = 0

    def behave(self, how, auth, reply, body):
        if how == "429":
            self.error(429, "slow down", [("Retry-After", "1")])
        elif how == "later":
            self.error(429, "come back tomorrow", [("Retry-After", "86400")])
        elif how == "never":
            self.error(429, "come back some day", [("Retry-After", "1" + "0" * 20)])
        elif how == "date":
            when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 1))
            self.error(503, "slow down", [("Retry-After", when)])
        elif how.isdigit():
            self.error(int(how), "no, not with %s" % auth)
        elif how == "drip":
            self.send(200, body[:1], length=len(body))
            for i in range(1, len(body)):
                time.sleep(0.2)
                self.wfile.write(body[i:i + 1])
                self.wfile.flush()
        elif how == "truncated":
            self.send(200, body[:len(body) // 2])
        elif how == "short":
            self.send(200, body[:20], length=len(body))
            self.close_connection = True
        elif how == "html":
            self.send(200, b"<html><body>Welcome</body></html>", kind="text/html")
        elif how == "disconnect":
            self.connection.close()
            self.close_connection = True
        elif how in ("huge", "endless"):
            self.send_response(200)
            if how == "huge":
                self.send_header("Content-Length", str(100 << 20))
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            for _ in range(100):
                self.wfile.write(b" " * (1 << 20))
        elif how == "redirect":
            self.send(307, b"", [("Location", "http://127.0.0.1:1/v1/chat/completions")])
        elif how == "silent":
            time.sleep(1)
            self.send(200, body)
        elif how == "slow":
            time.sleep(0.3)
            self.send(200, body)
        elif how == "null":
            reply["choices"][0]["message"]["content"] = None
            reply["choices"][0]["finish_reason"] = "content_filter"
            self.send(200, json.dumps(reply).encode())
        elif how.startswith("reason:"):
            with lock:
                reasons.setdefault(how, iter(how[7:].split(",")))
                reply["choices"][0]["finish_reason"] = next(reasons[how]) or None
            self.send(200, json.dumps(reply).encode())
        elif how == "none":
            reply["choices"] = []
            self.send(200, json.dumps(reply).encode())
        elif how == "failed":
            reply["choices"] = [{"error": {"code": 502, "message": "no provider"}, "finish_reason": "error"}]
            self.send(200, json.dumps(reply).encode())
        elif how == "calls":
            reply["choices"][0] = {"finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": None, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}}
            self.send(200, json.dumps(reply).encode())
        elif how == "echo":
            reply["choices"][0]["message"]["content"] += " " + auth + " or a part of it: " + auth[10:22]
            reply["system_fingerprint"] = auth
            self.send(200, json.dumps(reply).encode().replace(b"secret-", b"secret\\u002d"))
        elif how == "mute":
            reply["choices"][0]["message"]["content"] = "I cannot decide."
            self.send(200, json.dumps(reply).encode())
        elif how == "think":
            reply["choices"][0]["message"]["content"] = "<think>[[1]]? [[A]]?</think>Rating: [[9]]"
            self.send(200, json.dumps(reply).encode())
        else:
            self.send(200, body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Judge)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(os.path.join(folder, "port.new"), "w") as f:
    f.write(str(server.server_port))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
for _ in range(1200):
    if os.path.exists(os.path.join(folder, "stop")):
        break
    time.sleep(0.05)
