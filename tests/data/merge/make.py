# SPDX-License-Identifier: Apache-2.0
"""Writes mergekit.json: small random tensors and what mergekit (PyPI, 0.1.5) makes of them in
float32, for tests/unit/fc-varm/mergekit.c.  Random methods are left out: those have an oracle in
tests/unit/fc-varm/.  Usage: python make.py >mergekit.json"""
import json
import random

import mergekit
import torch
from mergekit.merge_methods.api import merge_tensors

rng = random.Random(5)
SHAPES = {"matrix": [4, 7], "vector": [6]}


def values(shape, scale, around=None):
    t = torch.tensor([rng.gauss(0, 1) for _ in range(torch.Size(shape).numel())]).reshape(shape)
    return t * scale if around is None else around + t * scale


base = {name: values(shape, 1) for name, shape in SHAPES.items()}
models = [{name: values(SHAPES[name], 0.1 * (k + 1), base[name]) for name in SHAPES} for k in range(3)]
for m in models:  # entries that stay as they are
    for name in SHAPES:
        stay = torch.tensor([rng.random() < 0.15 for _ in range(base[name].numel())])
        m[name] = torch.where(stay.reshape(base[name].shape), base[name], m[name])

W, D = [0.5, 0.3, 0.4], [0.6, 0.35, 0.8]
CASES = [
    ("linear", 3, False, {"weight": W}),
    ("linear", 3, False, {"weight": W, "normalize": False}),
    ("task_arithmetic", 3, True, {"weight": W}),
    ("task_arithmetic", 3, True, {"weight": W, "normalize": True, "lambda": 0.7}),
    ("task_arithmetic", 3, True, {"weight": [1, -0.5, 0.2]}),
    ("ties", 3, True, {"weight": W, "density": D}),
    ("ties", 3, True, {"weight": [0.5, -0.3, 0.4], "density": D, "normalize": False, "lambda": 1.5}),
    ("ties", 3, True, {"weight": W, "density": D, "rescale": True}),
    ("ties", 2, True, {"weight": W[:2], "density": [0, 0.01]}),
    ("dare_linear", 3, True, {"weight": W, "density": [1, 1, 1]}),
    ("dare_ties", 3, True, {"weight": W, "density": [1, 1, 1]}),
    ("della", 3, True, {"weight": W, "density": [1, 1, 1]}),
    ("della_linear", 3, True, {"weight": W, "density": [1, 0, 1]}),
    ("breadcrumbs", 3, True, {"weight": W, "density": D, "gamma": [0.1, 0.3, 0.2]}),
    ("breadcrumbs_ties", 3, True, {"weight": W, "density": D, "gamma": [0.1, 0.01, 0.9]}),
    ("slerp", 1, True, {"t": 0.3}),
    ("slerp", 1, True, {"t": 0}),
    ("nuslerp", 2, True, {"weight": [0.6, 0.2]}),
    ("nuslerp", 2, False, {"weight": [0.6, 0.2]}),
    ("nuslerp", 2, True, {"weight": [0.6, 0.2], "nuslerp_flatten": False}),
    ("nuslerp", 2, False, {"weight": [1, -1], "nuslerp_flatten": False, "nuslerp_row_wise": True}),
    ("multislerp", 3, True, {"weight": W}),
    ("multislerp", 3, False, {"weight": W, "normalize_weights": False}),
    ("karcher", 3, False, {}),
    ("karcher", 2, False, {"max_iter": 1}),
    ("model_stock", 3, True, {}),
    ("model_stock", 2, True, {"filter_wise": True}),
    ("nearswap", 1, True, {"t": 0.02}),
    ("arcee_fusion", 1, True, {}),
    ("sce", 3, True, {}),
    ("sce", 3, True, {"select_topk": 0.4}),
    ("sce", 2, True, {"select_topk": 0.01}),
    ("ram", 3, True, {}),
    ("ram", 3, True, {"epsilon": 0.12}),
    ("ram", 1, True, {"epsilon": 0}),
    ("ramplus_tl", 3, True, {}),
    ("ramplus_tl", 3, True, {"epsilon": 0.12, "r": 0.7, "alpha": 5}),
    ("ramplus_tl", 2, True, {"epsilon": 0.15, "r": -0.5, "alpha": 0.6}),
]


def merge(method, n, with_base, parameters, name):
    targets = [m[name] for m in models[:n]]
    parameters = dict(parameters)
    for key in ("weight", "density", "gamma"):
        if with_base and key in parameters:
            parameters[key] = dict(enumerate(parameters[key], 1))
    tensors = [base[name]] + targets if with_base else targets
    return merge_tensors(tensors, method, parameters=parameters, base_index=0 if with_base else None)


print(json.dumps({
    "made": "make.py with mergekit " + getattr(mergekit, "__version__", "0.1.5"),
    "base": {n: t.tolist() for n, t in base.items()},
    "models": [{n: t.tolist() for n, t in m.items()} for m in models],
    "cases": [{"method": m, "targets": n, "base": b, "parameters": p,
               "merged": {name: merge(m, n, b, p, name).tolist() for name in SHAPES}}
              for m, n, b, p in CASES],
}, indent=None, separators=(",", ":")).replace('{"method"', '\n{"method"'))
