# SPDX-License-Identifier: Apache-2.0
"""Writes olora.json: OLoRA adapters for one matrix as PEFT (PyPI, 0.21.2, with torch 2.15.0) saves
them, and what PEFT's merge_and_unload() makes of the matrix, for tests/unit/fc-varm/adapter.c.
Usage: python olora.py >olora.json"""
import json
import os
import tempfile

import peft
import torch
from safetensors.torch import load_file

torch.manual_seed(1)
torch.set_num_threads(1)


def exact(*shape):
    """multiples of 1/64, exact in any type"""
    return torch.randint(-100, 101, shape).float() / 64


def rows(t):
    """the values, to float32's precision"""
    return [rows(x) for x in t] if t.dim() else float(f"{float(t):.9g}")


class Model(torch.nn.Module):
    def __init__(self, w, dtype, name):
        super().__init__()
        layer = torch.nn.Linear(w.shape[1], w.shape[0], bias=False)
        layer.weight.data = w.clone().to(dtype)
        setattr(self, name, layer)
        self.embedding = torch.nn.Embedding(1, 1)

    # For a head PEFT saves, beside the factors, the matrix that they fit.
    def get_input_embeddings(self):
        return self.embedding

    def get_output_embeddings(self):
        return getattr(self, "lm_head", None)


def case(title, w, trained=True, dtype=torch.float32, name="x", **config):
    config = peft.LoraConfig(target_modules=[name], init_lora_weights="olora", **config)
    with tempfile.TemporaryDirectory() as folder:
        m = peft.get_peft_model(Model(w, dtype, name), config)
        for key, p in m.named_parameters():
            if trained and "lora_" in key:
                p.data += exact(*p.shape)
        m.save_pretrained(folder)
        m = peft.PeftModel.from_pretrained(Model(w, dtype, name), folder).merge_and_unload()
        with open(os.path.join(folder, "adapter_config.json")) as f:
            saved = {k: v for k, v in json.load(f).items() if v}
        return {"title": title, "tensor": name + ".weight", "config": saved,
                "base": {name + ".weight": rows(w)},
                "adapter": {k: rows(t) for k, t in
                            load_file(folder + "/adapter_model.safetensors").items()},
                "merged": rows(getattr(m, name).weight.detach())}


wide, tall = exact(4, 6), exact(6, 4)
cases = [
    case("wide", wide, r=2, lora_alpha=3),
    case("tall", tall, r=2, lora_alpha=3),
    case("the full rank", wide, r=4, lora_alpha=2),
    case("not trained", tall, trained=False, r=3, lora_alpha=6),
    case("rslora", wide, r=2, lora_alpha=2, use_rslora=True),
    case("dora", wide, r=2, lora_alpha=3, use_dora=True),
    case("alpha by pattern", tall, r=2, lora_alpha=3, alpha_pattern={"x": 7}),
    case("a head, saved as it was left", tall, name="lm_head", r=2, lora_alpha=3),
]
print(f'{{"made": "olora.py with peft {peft.__version__}", "cases": [')
print(",\n".join(json.dumps(c) for c in cases) + "]}")
