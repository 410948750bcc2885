#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens a page in headless Chromium, runs a script in it, prints what the script returns as JSON.

  browser.py PAGE [--script FILE] [--width N] [--height N] [--dark] [--no-js] [--shot FILE.png]

Ends with status 1 where the page or the script throws, the console has an error or a warning, or the page
asks for anything but itself; with 77 where there is no Chromium.  Talks to the browser through its debugging
pipe: JSON with a NUL behind it on descriptors 3 and 4.
"""
import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

p = argparse.ArgumentParser()
p.add_argument("page")
p.add_argument("--script")
p.add_argument("--width", type=int, default=1400)
p.add_argument("--height", type=int, default=1000)
p.add_argument("--dark", action="store_true")
p.add_argument("--no-js", action="store_true")
p.add_argument("--shot")
a = p.parse_args()
browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not browser:
    sys.exit(77)

profile = tempfile.mkdtemp()
to_read, to_write = os.pipe()
from_read, from_write = os.pipe()


def descriptors():
    r, w = os.dup(to_read), os.dup(from_write)  # away from 3 and 4
    os.dup2(r, 3)
    os.dup2(w, 4)


child = subprocess.Popen([browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                          "--no-first-run", "--disable-background-networking", "--user-data-dir=" + profile,
                          "--remote-debugging-pipe", "about:blank"],
                         preexec_fn=descriptors, close_fds=False, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
os.close(to_read)
os.close(from_write)
deadline = time.time() + 40
pending, events, number = b"", [], 0


def receive():
    global pending
    while b"\0" not in pending:
        if time.time() > deadline:
            raise TimeoutError("the browser does not answer")
        block = os.read(from_read, 1 << 20)
        if not block:
            raise EOFError("the browser ended")
        pending += block
    message, pending = pending.split(b"\0", 1)
    return json.loads(message)


def call(method, session=None, **params):
    global number
    number += 1
    message = {"id": number, "method": method, "params": params}
    if session:
        message["sessionId"] = session
    os.write(to_write, json.dumps(message).encode() + b"\0")
    while True:
        m = receive()
        if m.get("id") == number:
            if "error" in m:
                raise RuntimeError("%s: %s" % (method, m["error"]))
            return m["result"]
        events.append(m)


def wait_for(method):
    while not any(e.get("method") == method for e in events):
        events.append(receive())


def complaints(url):
    for e in events:
        q = e.get("params", {})
        if e.get("method") == "Runtime.exceptionThrown":
            yield "exception: " + json.dumps(q["exceptionDetails"].get("exception", q["exceptionDetails"]))[:500]
        elif e.get("method") == "Runtime.consoleAPICalled" and q["type"] in ("error", "warning", "assert"):
            yield "console: " + json.dumps(q["args"])[:500]
        elif e.get("method") == "Log.entryAdded" and q["entry"]["level"] in ("error", "warning"):
            yield "log: " + q["entry"]["text"]
        elif e.get("method") == "Network.requestWillBeSent" and not q["request"]["url"].startswith((url, "data:")):
            yield "request: " + q["request"]["url"]


status = 0
try:
    url = "file://" + os.path.abspath(a.page)
    target = call("Target.createTarget", url="about:blank")["targetId"]
    s = call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
        call(domain + ".enable", s)
    call("Emulation.setDeviceMetricsOverride", s, width=a.width, height=a.height, deviceScaleFactor=1,
         mobile=a.width < 600)
    call("Emulation.setEmulatedMedia", s,
         features=[{"name": "prefers-color-scheme", "value": "dark" if a.dark else "light"}])
    call("Emulation.setScriptExecutionDisabled", s, value=a.no_js)
    call("Page.navigate", s, url=url)
    wait_for("Page.loadEventFired")
    if a.script:
        r = call("Runtime.evaluate", s, expression="(async () => {%s})()" % open(a.script).read(), awaitPromise=True,
                 returnByValue=True, userGesture=True)
        if "exceptionDetails" in r:
            status = 1
            print("script: " + json.dumps(r["exceptionDetails"].get("exception", {}).get("description", r))[:800])
        else:
            print(json.dumps(r["result"].get("value")))
    if a.shot:
        png = call("Page.captureScreenshot", s, format="png")["data"]
        open(a.shot, "wb").write(base64.b64decode(png))
    for line in complaints(url):
        status = 1
        print(line)
finally:
    child.kill()
    child.wait()
    shutil.rmtree(profile, ignore_errors=True)
sys.exit(status)
