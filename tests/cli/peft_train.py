# SPDX-License-Identifier: Apache-2.0
"""The other side of tests/cli/fc-train-lora.bats: PEFT and PyTorch (PyPI: peft, transformers, torch, safetensors).

  peft_train.py MODEL ADAPTER STREAM.jsonl STEPS LR EPS WEIGHT_DECAY OUT
        loads ADAPTER, trains it STEPS times on all conversations of the stream (fc-view --jsonl) with AdamW, and saves
        it to OUT
  peft_train.py --merge MODEL ADAPTER OUT
        merges it into the model, in float32
  peft_train.py --config OUT [MEMBER=VALUE]...
        an adapter of a LoraConfig with these members, saved with the model in $MODEL
  peft_train.py --compare A B BOUND [BASE]
        exit status 0: the tensors of two files have the same names and shapes and differ by at most BOUND times the
        largest of their changes against BASE's tensors (zeros without); prints the worst
"""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"


def load(model, adapter, trainable=False):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation="eager")
    return PeftModel.from_pretrained(base, adapter, is_trainable=trainable)


def train(model, adapter, stream, steps, lr, eps, weight_decay, out):
    import torch

    torch.manual_seed(0)
    lines = [json.loads(line) for line in open(stream)]
    peft = load(model, adapter, trainable=True)
    matrices = [p for n, p in peft.named_parameters() if p.requires_grad and "magnitude" not in n]
    rest = [p for n, p in peft.named_parameters() if p.requires_grad and "magnitude" in n]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": float(weight_decay)}, {"params": rest, "weight_decay": 0.0}],
        lr=float(lr), eps=float(eps), betas=(0.9, 0.999))
    n_label = sum(sum(x["trained"][1:]) for x in lines)
    for step in range(int(steps)):
        optimizer.zero_grad()
        total = 0.0
        for x in lines:
            ids = torch.tensor([x["tokens"]])
            logp = torch.log_softmax(peft(input_ids=ids).logits[0, :-1], -1)
            nll = -logp.gather(1, ids[0, 1:, None])[:, 0]
            loss = (nll * torch.tensor(x["trained"][1:], dtype=torch.float32)).sum() / n_label
            loss.backward()
            total += loss.item()
        optimizer.step()
        print("step", step + 1, "loss", total)
    peft.save_pretrained(out)


def merge(model, adapter, out):
    load(model, adapter).merge_and_unload().save_pretrained(out)


def config(out, *members):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    values = dict(m.split("=", 1) for m in members)
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(os.environ["MODEL"], dtype=torch.float32)
    peft = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **{k: json.loads(v) for k, v in values.items()}))
    peft.save_pretrained(out)


def compare(a, b, bound, base=None):
    from safetensors.numpy import load_file

    x, y = load_file(a), load_file(b)
    zero = load_file(base) if base else {}
    if x.keys() != y.keys():
        sys.exit(f"names differ: {sorted(x.keys() ^ y.keys())}")
    worst, where = 0.0, ""
    for name in x:
        if x[name].shape != y[name].shape:
            sys.exit(f"{name}: {x[name].shape} and {y[name].shape}")
        was = zero.get(name, 0 * y[name]).astype("f8")
        size = max(abs(y[name].astype("f8") - was).max(), 1e-12)
        wrong = abs(x[name].astype("f8") - y[name].astype("f8")).max() / size
        if not wrong <= worst:
            worst, where = wrong, name
    print("worst", worst, where)
    sys.exit(0 if worst <= float(bound) else 1)


def main():
    what = {"--merge": merge, "--config": config, "--compare": compare}
    f = what.get(sys.argv[1])
    if f:
        f(*sys.argv[2:])
    else:
        train(*sys.argv[1:])


main()
