#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that people run, on the loopback, for tests/cli/real-server.bats.

  real_server.py xllamacpp MODEL.gguf FOLDER     llama.cpp's own server (pip install xllamacpp)

FOLDER/url tells its address once it answers.  It ends when FOLDER/stop appears, or after ten minutes.
"""
import os
import sys
import time

package, model, folder = sys.argv[1:]


def tell(url):
    with open(os.path.join(folder, "url.new"), "w") as f:
        f.write(url)
    os.rename(os.path.join(folder, "url.new"), os.path.join(folder, "url"))


def wait():
    for _ in range(6000):
        if os.path.exists(os.path.join(folder, "stop")):
            return
        time.sleep(0.1)


def run_xllamacpp():
    import xllamacpp
    p = xllamacpp.CommonParams()
    p.model.path = model
    p.n_ctx = 1024
    p.n_parallel = 4
    p.port = 0
    p.hostnames = ["127.0.0.1"]
    p.use_jinja = True
    p.warmup = False
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(p)
    tell(server.listening_address)
    wait()


{"xllamacpp": run_xllamacpp}[package]()
