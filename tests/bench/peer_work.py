#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tests/bench/peers asks of a peer: orders as JSON lines, seconds as the answer.
usage: peer_work.py llama.cpp FILE.gguf | transformers [FOLDER [DTYPE]] | mergekit"""
import json
import os
import shutil
import sys
import time

THREADS = int(os.environ["THREADS"])
PROMPT = "Write a long story about a ship and the sea."


class Llama:
    """llama.cpp by its own interface, greedy."""

    def __init__(self, path):
        import llama_cpp
        self.c = c = llama_cpp
        c.llama_backend_init()
        self.model = c.llama_model_load_from_file(path.encode(), c.llama_model_default_params())
        if not self.model:
            raise ValueError("llama.cpp does not read the file")
        p = c.llama_context_default_params()
        p.n_ctx, p.n_batch, p.n_seq_max = 8 * 512, 2048, 8
        p.n_threads = p.n_threads_batch = THREADS
        self.context = c.llama_init_from_model(self.model, p)
        self.sampler = c.llama_sampler_init_greedy()
        vocabulary = c.llama_model_get_vocab(self.model)
        buffer = (c.llama_token * 512)()
        n = c.llama_tokenize(vocabulary, PROMPT.encode(), len(PROMPT), buffer, 512, True, True)
        self.prompt = list(buffer[:n])

    def step(self, batch, rows):
        """rows: (token, position, stream, whether its logits count)"""
        batch.n_tokens = len(rows)
        for i, (token, position, stream, last) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.logits[i] = token, position, last
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, stream
        if self.c.llama_decode(self.context, batch):
            raise ValueError("llama_decode() failed")

    def decode(self, streams, new):
        c, n = self.c, len(self.prompt)
        c.llama_memory_clear(c.llama_get_memory(self.context), True)
        batch = c.llama_batch_init(2048, 0, 1)
        tokens = []
        for s in range(streams):
            self.step(batch, [(t, i, s, i == n - 1) for i, t in enumerate(self.prompt)])
            tokens.append(c.llama_sampler_sample(self.sampler, self.context, n - 1))
        begin = time.monotonic()
        for at in range(new):
            self.step(batch, [(t, n + at, s, True) for s, t in enumerate(tokens)])
            tokens = [c.llama_sampler_sample(self.sampler, self.context, s) for s in range(streams)]
        seconds = time.monotonic() - begin
        c.llama_batch_free(batch)
        return seconds


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

    def decode(self, streams, new):
        """Less the time to the first token, as ours."""
        prompt = self.tokenizer([PROMPT] * streams, return_tensors="pt")

        def generate(n):
            begin = time.monotonic()
            with self.torch.inference_mode():
                self.model.generate(**prompt, do_sample=False, max_new_tokens=n, min_new_tokens=n,
                                    pad_token_id=0)
            return time.monotonic() - begin
        generate(2)
        few = generate(16)
        return generate(16 + new) - few

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
        say(ready=True)
        for line in sys.stdin:
            say(seconds=do(peer, json.loads(line)))
    except ImportError as e:
        say(missing=f"not installed ({e})")
    except Exception as e:  # whatever it is, it is the reason
        say(missing=f"{type(e).__name__}: {e}".splitlines()[0])


main()
