#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes trl.json: losses, rewards and gradients of preference training, expected by
tests/unit/fc-train/preference.c.  Not run by the tests; needs torch, transformers and trl (written
with 2.15.0+cu132, 5.24.0 and 1.16.0; in float64 on the CPU).

    python3 trl.py >trl.json

The model is "llama" of ../model/golden.py.  dpo, ln-dpo and their mixtures with SFT are the trainer's
own: trl's DPOTrainer computes them (loss types sigmoid, sigmoid_norm and sft).  What TRL has not is
written here from the papers, on the log-probabilities of transformers with autograd: label smoothing
(cDPO), WRPO (arXiv 2412.03187), InfiFPO (arXiv 2505.13878, eq. 10 to 13).  Of each tensor's gradient
g the JSON holds |g| and the sum of g * w."""
import copy
import json
import os
import sys
import types
from collections import defaultdict

import torch
import torch.nn.functional as F
from trl import DPOTrainer
from trl.trainer.utils import add_fused_lm_head

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "model"))
import golden

# prompt, chosen, rejected, a source's answer: ids
PAIRS = [
    ([1, 5, 9], [33, 2, 0, 39], [17, 8, 8, 21, 30, 2], [11, 2]),
    ([1, 7], [12], [4, 25, 3], [4, 25, 2, 6]),
    ([1, 30, 12, 4, 4], [25, 19, 2], [19, 2], [25, 18, 2]),
]
# of each pair's answers, in that order: a reference's log-probabilities
REFERENCE = [(-16.5, -22.25, -7.5), (-3.125, -13.0, -15.0), (-12.0, -7.75, -11.0)]
# sources: a reference's log-probability and the number of its own tokens, of chosen and rejected
SOURCES = [
    [((-9.0, 5), (-30.0, 7)), ((-6.0, 2), (-9.0, 3)), ((-14.0, 2), (-3.0, 2))],
    [((-18.0, 6), (-18.5, 5)), ((-0.5, 1), (-22.0, 4)), ((-11.0, 4), (-9.5, 3))],
]
ALPHA, SMOOTHING = 0.06, 0.15


def batch(side):
    """Right-padded ids, attention and completion masks of one answer of each pair."""
    rows = [(p[0], p[side]) for p in PAIRS]
    n = max(len(a) + len(b) for a, b in rows)
    pad = lambda v: v + [0] * (n - len(v))
    return (torch.tensor([pad(a + b) for a, b in rows]),
            torch.tensor([pad([1] * len(a + b)) for a, b in rows]),
            torch.tensor([pad([0] * len(a) + [1] * len(b)) for a, b in rows]))


def together(sides):
    parts = [batch(s) for s in sides]
    n = max(p[0].shape[1] for p in parts)
    return [torch.cat([F.pad(p[i], (0, n - p[i].shape[1])) for p in parts]) for i in range(3)]


def trl_loss(model, types_, weights, beta):
    ids, attention, completion = together([1, 2])
    ref = torch.tensor(REFERENCE, dtype=torch.float64)
    same = lambda x: x
    me = types.SimpleNamespace(
        model=model, accelerator=types.SimpleNamespace(
            device="cpu", gather=same, gather_for_metrics=same),
        aux_loss_enabled=False, ld_alpha=None, precompute_ref_logps=True,
        f_divergence_type="reverse_kl", loss_types=types_, loss_weights=weights, beta=beta,
        label_smoothing=0.0, use_weighting=False, _total_train_tokens=0, _tp_size=1,
        _metrics={"train": defaultdict(list), "eval": defaultdict(list)})
    loss = DPOTrainer._compute_loss(me, model, {
        "input_ids": ids, "attention_mask": attention, "completion_mask": completion,
        "ref_chosen_logps": ref[:, 0], "ref_rejected_logps": ref[:, 1]}, False)
    return loss, {k: v[0] for k, v in me._metrics["train"].items() if k.startswith("logps/")}


def logps(model, side):
    ids, attention, completion = batch(side)
    lp = model(input_ids=ids, attention_mask=attention).logits[:, :-1].log_softmax(-1)
    lp = lp.gather(2, ids[:, 1:, None])[..., 0] * completion[:, 1:]
    return lp.sum(1), completion[:, 1:].sum(1).double()


def smoothed(margin, c):
    return (-F.logsigmoid(margin) * (1 - c) - F.logsigmoid(-margin) * c).mean()


def own_loss(model, kind, beta, c=0.0, fusion=None):
    ref = torch.tensor(REFERENCE, dtype=torch.float64)
    (w, nw), (l, nl), (s, _) = (logps(model, i) for i in (1, 2, 3))
    if kind == "dpo":
        return smoothed(beta * ((w - ref[:, 0]) - (l - ref[:, 1])), c)
    if kind == "wrpo":
        chosen = ALPHA * (s - ref[:, 2]) + (1 - ALPHA) * (w - ref[:, 0])
        return smoothed(beta * (chosen - (l - ref[:, 1])), c)
    reward = []
    for i, (p, n) in enumerate(((w / nw, nw), (l / nl, nl))):
        start = ref[:, i] / n
        means = torch.tensor([[x[i][0] / x[i][1] for x in source] for source in SOURCES],
                             dtype=torch.float64)
        clip = (torch.maximum if i == 0 else torch.minimum)(means, start[None])
        far = (means.exp() - p.detach().exp()[None]).abs().argmax(0)
        reward.append(p - (clip.mean(0) if fusion == "mean" else clip.gather(0, far[None])[0]))
    return smoothed(beta * (reward[0] - reward[1]), c)


def case(model, name, **options):
    model.zero_grad()
    loss, more = options.pop("make")()
    loss.backward()
    # of the storage, so that norms and dots do not depend on the layout
    gradient = {n: [p.grad.norm().item(), (p.grad * p).sum().item()]
                for n, p in model.named_parameters()}
    return dict(name=name, **options, loss=loss.item(), **more, gradient=gradient)


def main():
    model, config, tensors = golden.plain("LlamaForCausalLM", golden.BASE)
    model = model.double().train()
    own = lambda *a, **k: lambda: (own_loss(model, *a, **k), {})
    fused = copy.deepcopy(model)
    add_fused_lm_head(fused, outputs=("log_probs", "entropy", "mean_logits", "is_top1"))
    trl = lambda *a: lambda: trl_loss(fused, *a)
    cases = [
        case(fused, "dpo", kind="dpo", beta=0.1, make=trl(["sigmoid"], [1.0], 0.1)),
        case(fused, "ln-dpo", kind="ln-dpo", beta=10, make=trl(["sigmoid_norm"], [1.0], 10)),
        case(fused, "dpo with SFT", kind="dpo", beta=0.1, lambda_=0.3,
             make=trl(["sigmoid", "sft"], [0.7, 0.3], 0.1)),
        case(fused, "ln-dpo with SFT", kind="ln-dpo", beta=10, lambda_=0.3,
             make=trl(["sigmoid_norm", "sft"], [0.7, 0.3], 10)),
        case(model, "dpo, smoothed", kind="dpo", beta=0.1, smoothing=SMOOTHING,
             make=own("dpo", 0.1, SMOOTHING)),
        case(model, "wrpo", kind="wrpo", beta=0.01, make=own("wrpo", 0.01)),
        case(model, "wrpo, a large beta", kind="wrpo", beta=1, make=own("wrpo", 1)),
        case(model, "infifpo", kind="infifpo", beta=2.5, make=own("infifpo", 2.5)),
        case(model, "infifpo, mean", kind="infifpo", beta=2.5, fusion="mean",
             make=own("infifpo", 2.5, fusion="mean")),
    ]
    json.dump(dict(config=config, tensors={k: list(t.shape) for k, t in tensors.items()},
                   pairs=PAIRS, reference=REFERENCE, sources=SOURCES, alpha=ALPHA, cases=cases),
              sys.stdout, indent=1)
    print()


main()
