"""Makes variants.json: what the reference implementation computes for tiny models of which the larger goldens have none.

    pip install transformers==5.24.0 torch numpy safetensors
    python make.py [--only NAME ...]

Weights come from a formula of their name, so that the file holds configurations, names and logits only; the test makes the
same ones. Everything runs on the CPU in float32 with eager attention.
"""
import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from cases import CASES

torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
HERE = Path(__file__).parent
TOKENS = 40
POSITIONS = (0, 3, 17, 39)


def spread(name, shape):
    """The mean and the deviation of a tensor: norms around 1 (around 0 where 1 is added), matrices by what they read."""
    leaf = name.rsplit(".", 1)[-1]
    if leaf.endswith("bias"):
        return 0.0, 0.15
    if len(shape) == 1:
        return 1.0, 0.2
    if "embed" in name or "wte" in name or "wpe" in name or name.startswith("shared"):
        return 0.0, 0.5
    if "lm_head" in name:
        return 0.0, 2.5 / shape[-1] ** 0.5
    return 0.0, 1.1 / shape[-1] ** 0.5


def fnv(name):
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def values(name, shape, mean, deviation):
    """Uniform numbers: a 32-bit hash of the name's own and the index."""
    x = np.arange(int(np.prod(shape)), dtype=np.uint64)
    x = (x * 0x9E3779B9 + fnv(name)) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = ((x ^ (x >> np.uint64(shift))) * factor) & 0xFFFFFFFF
    x ^= x >> np.uint64(16)
    unit = x.astype(np.float64) / 2.0**31 - 1.0
    return (mean + deviation * np.sqrt(3.0) * unit).astype(np.float32).reshape(shape)


def tokens(vocabulary):
    return [int(each) for each in (np.arange(TOKENS, dtype=np.int64) * 7919 + 13) ** 2 % 104729 % (vocabulary - 3) + 3]


def make(case):
    auto = AutoModel if case.get("encoder") else AutoModelForCausalLM
    if case.get("class"):
        auto = getattr(transformers, case["class"])
    config = AutoConfig.for_model(**case["config"])
    config._attn_implementation = "eager"
    with tempfile.TemporaryDirectory() as folder:
        model = auto.from_config(config) if hasattr(auto, "from_config") else auto(config)
        model.save_pretrained(folder)
        path = Path(folder) / "model.safetensors"
        filled, listed = {}, []
        for name, old in sorted(load_file(path).items()):
            mean, deviation = spread(name, old.shape)
            if case.get("offset") and len(old.shape) == 1 and not name.endswith("bias"):
                mean = 0.0
            for part, (m, d) in case.get("spread", {}).items():
                if part in name:
                    mean, deviation = m, d
            filled[name] = values(name, old.shape, mean, deviation)
            listed.append([name, list(old.shape), mean, float(np.float64(deviation))])
        save_file(filled, path, metadata={"format": "pt"})
        model = auto.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
        written = json.loads((Path(folder) / "config.json").read_text())
        vocabulary = written.get("vocab_size") or written["text_config"]["vocab_size"]
        ids = tokens(vocabulary)
        with torch.no_grad():
            said = model(input_ids=torch.tensor([ids]))
    out = (said.last_hidden_state if case.get("encoder") else said.logits)[0].numpy()
    result = {"name": case["name"], "why": case["why"], "architecture": case["architecture"]}
    result["config"] = case.get("file", written)
    for key in ("encoder", "otherwise"):
        if key in case:
            result[key] = case[key]
    result["tensors"] = listed
    result["tokens"] = ids
    result["expected"] = {str(at): [float(f"{x:.6g}") for x in out[at]] for at in POSITIONS}
    print(f"{case['name']:28s} {out.std():.3f} {model.config.model_type}", flush=True)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*")
    only = parser.parse_args().only
    path = HERE / "variants.json"
    known = {each["name"]: each for each in json.loads(path.read_text())} if path.exists() else {}
    for case in CASES:
        if only is None or case["name"] in only:
            known[case["name"]] = make(case)
    ordered = [known[case["name"]] for case in CASES if case["name"] in known]
    path.write_text("[\n" + ",\n".join(json.dumps(each, separators=(",", ":")) for each in ordered) + "\n]\n")


if __name__ == "__main__":
    main()
