#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tests/bench/peers asks of a peer: orders as JSON lines, seconds as the answer.
usage: peer_work.py llama.cpp FILE.gguf | transformers [FOLDER [DTYPE]] | mergekit"""
import concurrent.futures
import json
import os
import shutil
import sys
import time

THREADS = int(os.environ["THREADS"])
PROMPT = "Write a long story about a ship and the sea."


class Llama:
    """llama.cpp's server in this process, greedy, a conversation a slot."""
    SLOTS, CONTEXT = 8, 512

    def __init__(self, path):
        import xllamacpp
        p = xllamacpp.CommonParams()
        p.model.path = path
        p.n_parallel, p.n_ctx, p.kv_unified = self.SLOTS, self.SLOTS * self.CONTEXT, False
        p.cpuparams.n_threads = p.cpuparams_batch.n_threads = THREADS
        p.ui = False
        self.server = xllamacpp.Server(p)
        words = [w.split("=")[0].strip() for w in xllamacpp.get_system_info().split("|")]
        self.about = f"xllamacpp {xllamacpp.__version__}, {' '.join(w for w in words if w)}"

    def answer(self, new):
        got = self.server.handle_completions({
            "prompt": PROMPT, "n_predict": new, "temperature": 0, "ignore_eos": True,
            "cache_prompt": False})
        got = json.loads(got) if isinstance(got, str) else got
        if got.get("timings", {}).get("predicted_n") != new:
            raise ValueError(f"no answer of {new} tokens: {str(got)[:200]}")

    def answers(self, streams, new):
        """Seconds of all at a time."""
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(streams) as pool:
            list(pool.map(self.answer, [new] * streams))
        return time.monotonic() - begin

    def decode(self, streams, few, new):
        """Less the time to the first tokens, as ours."""
        few = self.answers(streams, few)
        return self.answers(streams, new) - few


class Transformers:
    def __init__(self, path=None, dtype="bfloat16"):
        import torch
        import transformers
        self.torch = torch
        torch.set_num_threads(THREADS)
        if path:
            self.model = transformers.AutoModelForCausalLM.from_pretrained(
                path, dtype=getattr(torch, dtype), attn_implementation="sdpa")
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(path)

    def decode(self, streams, few, new):
        """Less the time to the first tokens, as ours."""
        prompt = self.tokenizer([PROMPT] * streams, return_tensors="pt")

        def generate(n):
            begin = time.monotonic()
            with self.torch.inference_mode():
                self.model.generate(**prompt, do_sample=False, max_new_tokens=n, min_new_tokens=n,
                                    pad_token_id=0)
            return time.monotonic() - begin
        generate(2)
        few = generate(few)
        return generate(new) - few

    def batches(self, path, skip, tokens):
        """Padded batches of at least so many tokens."""
        with open(path, encoding="utf-8") as f:
            ids = sorted(json.load(f)[skip:], key=len)
        while ids:
            take, n = [], 0
            while ids and n < tokens:
                n += len(ids[-1])
                take.append(ids.pop())
            long = max(map(len, take))
            pad = self.torch.tensor([t + [0] * (long - len(t)) for t in take])
            mask = self.torch.tensor([[1] * len(t) + [0] * (long - len(t)) for t in take])
            yield pad, mask

    def capture(self, ids, skip):
        torch = self.torch
        work = list(self.batches(ids, skip, 4096))
        begin = time.monotonic()
        with torch.inference_mode():
            for pad, mask in work:
                logits = self.model(input_ids=pad, attention_mask=mask, use_cache=False).logits
                p = torch.log_softmax(logits[:, :-1].float(), -1)
                p.gather(-1, pad[:, 1:, None])
                p.topk(10, -1)
        return time.monotonic() - begin

    def train(self, ids, steps, tokens):
        torch = self.torch
        self.model.train()
        work = list(self.batches(ids, 0, tokens))
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-5)

        def step(pad, mask):
            labels = pad.masked_fill(mask == 0, -100)
            with torch.autocast("cpu", torch.bfloat16):
                self.model(input_ids=pad, attention_mask=mask, labels=labels).loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1)
            optimizer.step()
            optimizer.zero_grad()
        step(*work[0])  # makes the optimizer's state
        begin, seen = time.monotonic(), 0
        for i in range(steps):
            pad, mask = work[(1 + i) % len(work)]
            seen += int(mask.sum())
            step(pad, mask)
        return (time.monotonic() - begin) * steps * tokens / seen

    def tokenizer_open(self, path):
        import tokenizers
        begin = time.monotonic()
        tokenizers.Tokenizer.from_file(path)
        return time.monotonic() - begin


class Mergekit:
    def __init__(self):
        import torch
        from mergekit.config import MergeConfiguration
        from mergekit.merge import run_merge
        from mergekit.options import MergeOptions
        torch.set_num_threads(THREADS)
        self.config, self.run, self.options = MergeConfiguration, run_merge, MergeOptions

    def merge(self, method, base, targets, options, out):
        shutil.rmtree(out, ignore_errors=True)
        own = {} if method == "sce" else {"weight": 1 / len(targets)}
        own |= {k: v for k, v in options.items() if k == "density"}
        plan = {"merge_method": method, "dtype": "bfloat16",
                "models": [{"model": t, "parameters": own} for t in targets],
                "parameters": {k: v for k, v in options.items() if k != "density"}}
        if method != "linear":
            plan["base_model"] = base
        begin = time.monotonic()
        self.run(self.config.model_validate(plan), out,
                 options=self.options(copy_tokenizer=False, quiet=True, lazy_unpickle=True))
        return time.monotonic() - begin


def make_peer(name, args):
    return {"llama.cpp": Llama, "transformers": Transformers, "mergekit": Mergekit}[name](*args)


def do(peer, order):
    work = order.pop("work")
    return getattr(peer, "tokenizer_open" if work == "tokenizer" else work)(**order)


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def say(**answer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    try:
        peer = make_peer(sys.argv[1], sys.argv[2:])
        say(ready=True, about=getattr(peer, "about", ""))
        for line in sys.stdin:
            say(seconds=do(peer, json.loads(line)))
    except ImportError as e:
        say(missing=f"not installed ({e})")
    except Exception as e:  # whatever it is, it is the reason
        say(missing=f"{type(e).__name__}: {e}".splitlines()[0])


main()
