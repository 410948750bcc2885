# SPDX-License-Identifier: Apache-2.0
"""Writes lora_config.json: the members that PEFT (PyPI, 0.21.2) saves in adapter_config.json, with
their defaults, for tests/unit/fc-varm/adapter.c.  Usage: python lora_config.py >lora_config.json"""
import json
import tempfile

import peft

with tempfile.TemporaryDirectory() as folder:
    peft.LoraConfig(base_model_name_or_path="m").save_pretrained(folder)
    with open(folder + "/adapter_config.json") as f:
        print(json.dumps({"made": "lora_config.py with peft " + peft.__version__,
                          "defaults": json.load(f)}, indent=1))
