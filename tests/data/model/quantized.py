#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes quantized.json for tests/unit/model_quantized.c: small matrices as quantizers store them, and
the numbers that the quantizers' own code makes of them.  Not run by the tests; needs torch,
compressed-tensors, bitsandbytes, transformers, and packing_utils.py of AutoAWQ in the path (written
with 2.15.0+cu132, 0.20.1, 0.50.2, 5.23.0, 0.2.9).

    python3 quantized.py OUTPUT.json

Bits are hexadecimal, in the order of memory."""
import json
import sys

import bitsandbytes.functional as bnb
import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from transformers.integrations.finegrained_fp8 import Fp8Dequantize
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

import packing_utils as awq

O, I, PART = 16, 32, 16
NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int8: "I8",
         torch.uint8: "U8", torch.int32: "I32", torch.int64: "I64", torch.float8_e4m3fn: "F8_E4M3"}
G = torch.Generator().manual_seed(17)


def bits(t):
    t = t.detach().contiguous()
    raw = t.view(torch.uint8) if t.dim() else t.reshape(1).view(torch.uint8)
    return {"dtype": NAMES[t.dtype], "shape": list(t.shape), "bits": bytes(raw.flatten().tolist()).hex()}


def case(name, config, tensors, want, dtype="bfloat16"):
    return {"name": name, "dtype": dtype, "config": config,
            "tensors": {"m." + k: bits(v) for k, v in tensors.items()}, "want": bits(want)}


def rand(*shape):
    return torch.randn(*shape, generator=G)


def awq_and_gptq():
    """AutoAWQ turns its layout into GPTQ's for the kernels of exllama, which add 1 to zero points."""
    q = torch.randint(0, 16, (I, O), generator=G, dtype=torch.int32)
    z = torch.randint(1, 16, (I // PART, O), generator=G, dtype=torch.int32)
    scales = (rand(I // PART, O).abs() * 0.02 + 0.001).half()

    def pack(x):
        out = torch.zeros(x.shape[0], x.shape[1] // 8, dtype=torch.int32)
        for i, column in enumerate(awq.AWQ_ORDER):
            out |= x[:, column::8] << (4 * i)
        return out
    qweight, qzeros = pack(q), pack(z)
    want = awq.dequantize_gemm(qweight, qzeros, scales, 4, PART).T
    yield case("awq", dict(quant_method="awq", bits=4, group_size=PART, version="gemm",
                           zero_point=True),
               dict(qweight=qweight, qzeros=qzeros, scales=scales), want)
    qweight, qzeros = awq.unpack_reorder_pack(qweight, qzeros, 4)
    gptq = dict(quant_method="gptq", bits=4, group_size=PART, desc_act=False, sym=False)
    yield case("gptq", gptq, dict(qweight=qweight, qzeros=qzeros, scales=scales,
                                  bias=torch.zeros(O).half()), want)
    order = torch.randperm(I, generator=G)
    g = (torch.arange(I) // PART)[order]
    want = ((q - z[g]) * scales[g]).T
    yield case("gptq, by activations", dict(gptq, desc_act=True),
               dict(qweight=qweight, qzeros=qzeros, scales=scales, g_idx=g.int()), want)


def compressed(name, fmt, tensors, weights, **more):
    args = QuantizationArgs(**weights)
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    compressor = BaseCompressor.get_value_from_registry(fmt)
    state = compressor.compress(dict(tensors), scheme)
    want = compressor.decompress(dict(state), scheme)["weight"]
    config = dict(quant_method="compressed-tensors", format=fmt, quantization_status="compressed",
                  ignore=["lm_head"], kv_cache_scheme=None, config_groups=dict(group_0=dict(
                      targets=["Linear"], input_activations=None, output_activations=None,
                      weights=json.loads(args.model_dump_json()))))
    return case(name, config, {k: v for k, v in state.items() if v is not None}, want)


def compressed_all():
    w = (rand(O, I) * 0.05).bfloat16()
    by_group = dict(num_bits=4, type="int", strategy="group", group_size=PART)
    groups = w.float().reshape(O, I // PART, PART)
    scale = (groups.abs().amax(-1) / 7.5).bfloat16()
    yield compressed("int4 by groups", "pack-quantized", dict(weight=w, weight_scale=scale),
                     dict(by_group, symmetric=True))
    low, high = groups.amin(-1), groups.amax(-1)
    scale = ((high - low) / 15).bfloat16()
    zero = (-8 - low / scale.float()).round().clamp(-8, 7).to(torch.int8)
    yield compressed("int4 by groups, zero points", "pack-quantized",
                     dict(weight=w, weight_scale=scale, weight_zero_point=zero),
                     dict(by_group, symmetric=False))
    scale = (w.float().abs().amax(-1, keepdim=True) / 127).bfloat16()
    by_row = dict(num_bits=8, type="int", strategy="channel", symmetric=True)
    yield compressed("int8 by rows, packed", "pack-quantized", dict(weight=w, weight_scale=scale),
                     by_row)
    yield compressed("int8 by rows", "int-quantized", dict(weight=w, weight_scale=scale), by_row)
    scale = (w.float().abs().amax(-1, keepdim=True) / 448).bfloat16()
    yield compressed("fp8 by rows", "float-quantized", dict(weight=w, weight_scale=scale),
                     dict(num_bits=8, type="float", strategy="channel", symmetric=True))
    yield compressed("fp8, one scale", "float-quantized",
                     dict(weight=w, weight_scale=scale.amax().reshape(1)),
                     dict(num_bits=8, type="float", strategy="tensor", symmetric=True))


def fp8():
    w = rand(O, I)
    w[0, :6] = torch.tensor([448.0, -448.0, 0.0, 2.0 ** -9, 0.0146484375, -3 * 2.0 ** -9])
    q = w.to(torch.float8_e4m3fn)
    scale = rand(O // 4, I // PART).abs() * 0.01
    dequantize = Fp8Dequantize(None)._dequantize_one
    config = dict(quant_method="fp8", activation_scheme="dynamic", fmt="e4m3",
                  weight_block_size=[4, PART])
    yield case("fp8 by blocks", config, {"weight": q, "weight_scale_inv": scale},
               dequantize(q, scale, torch.bfloat16))
    one = torch.tensor(0.0123)
    yield case("fp8 of a tensor", dict(quant_method="fp8", activation_scheme="static",
                                       weight_block_size=None),
               {"weight": q, "weight_scale_inv": one, "activation_scale": one},
               dequantize(q, one.reshape(1, 1), torch.bfloat16))


def bitsandbytes():
    """Its code for processors takes rows of less than a block for whole ones."""
    w = (rand(O // 2, 2 * I) * 0.05).bfloat16()
    for kind, nested in (("nf4", False), ("nf4", True), ("fp4", False)):
        q, state = bnb.quantize_4bit(w, blocksize=64, compress_statistics=nested, quant_type=kind)
        tensors = {"weight": q, **{"weight." + k: v for k, v in state.as_dict(packed=True).items()}}
        yield case(kind + (", nested" if nested else ""), dict(
            quant_method="bitsandbytes", load_in_4bit=True, load_in_8bit=False,
            bnb_4bit_quant_type=kind, bnb_4bit_use_double_quant=nested), tensors,
            bnb.dequantize_4bit(q, state))
    scale = w.float().abs().amax(-1)
    q = (w.float() * (127 / scale[:, None])).round().to(torch.int8)
    yield case("int8 of bitsandbytes", dict(quant_method="bitsandbytes", load_in_8bit=True),
               {"weight": q, "SCB": scale, "weight_format": torch.tensor(0, dtype=torch.uint8)},
               bnb.int8_vectorwise_dequant(q, scale), "float32")


def mxfp4():
    """Experts of gpt-oss: [E, rows, columns / 32, 16] bytes of two numbers, an exponent a block."""
    blocks = torch.randint(0, 256, (2, 6, 2, 16), generator=G, dtype=torch.uint8)
    scales = torch.randint(110, 130, (2, 6, 2), generator=G, dtype=torch.uint8)
    want = convert_moe_packed_tensors(blocks, scales).transpose(1, 2)
    yield case("mxfp4", dict(quant_method="mxfp4", modules_to_not_convert=[]),
               dict(experts_blocks=blocks, experts_scales=scales), want)


def main(out):
    cases = []
    for make in (awq_and_gptq, compressed_all, fp8, bitsandbytes, mxfp4):
        cases += make()
    with open(out, "w") as f:
        f.write("[\n%s\n]\n" % ",\n".join(json.dumps(c) for c in cases))
    print(len(cases))


if __name__ == "__main__":
    main(*sys.argv[1:])
