"""Sentences per second of our encoder and of onnxruntime on the same model, texts and threads, taken in turns.

Run it with the Python of an environment that holds onnxruntime, torch and transformers, with our package on its path:

    PYTHONPATH=src PEER/bin/python bench/encoder_speed.py --data STSB/en_train.jsonl.gz

onnxruntime gets its best: texts sorted by length, padded only to the longest of a batch, the batch size that is fastest
here, its own `quantize_dynamic` for int8. Tokenisation counts for both. Prints one JSON line per length.
"""

import argparse
import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inglenook.embed.sentences import SentenceEncoder
from inglenook.models.store import DEFAULT_ENCODER, find_model
from inglenook.models.tokenizer import load_tokenizer

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


def export(folder: Path, scratch: Path) -> dict[str, Path]:
    """Write the model as ONNX in fp32 and dynamically quantised int8."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import AutoModel

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(folder, attn_implementation="eager")

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            states = self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
            weight = mask.unsqueeze(-1).to(states.dtype)
            return torch.nn.functional.normalize((states * weight).sum(1) / weight.sum(1), dim=1)

    fp32, int8 = scratch / "fp32.onnx", scratch / "int8.onnx"
    example = torch.ones(2, 8, dtype=torch.int64)
    axes = {name: {0: "batch", 1: "tokens"} for name in INPUTS}
    torch.onnx.export(
        Pooled().eval(), (example, example, example), str(fp32), input_names=INPUTS, output_names=["vectors"],
        dynamic_axes=axes, opset_version=17, dynamo=False,
    )  # fmt: skip
    quantize_dynamic(str(fp32), str(int8), weight_type=QuantType.QInt8)
    return {"fp32": fp32, "int8": int8}


class Onnx:
    """onnxruntime in the way its users run it, with sorted lengths."""

    def __init__(self, path: Path, folder: Path, threads: int, max_tokens: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.tokenizer = load_tokenizer(folder)
        self.tokenizer.enable_truncation(max_tokens)
        self.batch = 32

    def encode(self, texts: list[str]) -> np.ndarray:
        """Return the texts' vectors (N, 384)."""
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        vectors = np.empty((len(texts), 384), np.float32)
        for start in range(0, len(order), self.batch):
            places = order[start : start + self.batch]
            width = max(len(ids[i]) for i in places)
            block = np.zeros((len(places), width), np.int64)
            mask = np.zeros_like(block)
            for row, i in enumerate(places):
                block[row, : len(ids[i])] = ids[i]
                mask[row, : len(ids[i])] = 1
            feed = dict(zip(INPUTS, (block, mask, np.zeros_like(block)), strict=True))
            vectors[places] = self.session.run(None, feed)[0]
        return vectors

    def tune(self, texts: list[str]) -> None:
        """Choose the fastest batch size for these texts."""

        def seconds(batch: int) -> float:
            self.batch = batch
            return min(timed(self.encode, texts) for _ in range(2))

        self.batch = min((1, 4, 8, 16, 32), key=seconds)


def timed(function: Callable[[list[str]], object], texts: list[str]) -> float:
    start = time.perf_counter()
    function(texts)
    return time.perf_counter() - start


def texts_of(words: list[str], tokenizer: Any, tokens: int, count: int) -> list[str]:
    """Cut running text into pieces of exactly `tokens` tokens, special ones included."""
    pieces, at = [], 0
    while len(pieces) < count:
        piece = " ".join(words[at % (len(words) - tokens) :][:tokens])
        encoding = tokenizer.encode(piece, add_special_tokens=False)
        pieces.append(piece[: encoding.offsets[: tokens - 2][-1][1]])
        at += tokens
    return pieces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="JSON lines with sentence1")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.7, help="work per turn")
    options = parser.parse_args()
    models_path = Path("~/.inglenook/models").expanduser()
    folder = find_model(DEFAULT_ENCODER, models_path)
    with gzip.open(options.data, "rt", encoding="utf-8") as file:
        words = " ".join(json.loads(line)["sentence1"] for line in file).split()
    runners: dict[str, Any] = {
        f"ours_{p}": SentenceEncoder.load(DEFAULT_ENCODER, models_path, p, options.threads)
        for p in ("int8", "bf16", "fp32")
    }
    with tempfile.TemporaryDirectory() as scratch:
        for kind, path in export(folder, Path(scratch)).items():
            runners[f"onnx_{kind}"] = Onnx(path, folder, options.threads, 256)
    for tokens, rate in ((32, 400), (256, 40), (8, 0)):
        count = max(1, int(rate * options.seconds))
        texts = texts_of(words, load_tokenizer(folder), tokens, count)
        repeats = 1 if rate else 200
        for runner in runners.values():
            runner.encode(texts)
            if isinstance(runner, Onnx):
                runner.tune(texts)
        times: dict[str, list[float]] = {name: [] for name in runners}
        for _ in range(options.rounds):
            for name, runner in runners.items():
                times[name] += [timed(runner.encode, texts) for _ in range(repeats)]
        best = {name: min(found) / count for name, found in times.items()}
        middle = {name: statistics.median(found) / count for name, found in times.items()}
        print(json.dumps(report(tokens, count, best, middle)), flush=True)


def report(tokens: int, count: int, best: dict[str, float], middle: dict[str, float]) -> dict[str, Any]:
    def ratios(seconds: dict[str, float]) -> dict[str, float]:
        pairs = {
            "int8": ("onnx_int8", "ours_int8"),
            "bf16_over_onnx_fp32": ("onnx_fp32", "ours_bf16"),
            "fp32": ("onnx_fp32", "ours_fp32"),
        }
        return {name: round(seconds[theirs] / seconds[ours], 2) for name, (theirs, ours) in pairs.items()}

    return {
        "tokens": tokens,
        "texts": count,
        "sentences_per_second": {name: round(1 / value, 1) for name, value in best.items()},
        "ratio_best": ratios(best),
        "ratio_median": ratios(middle),
    }


if __name__ == "__main__":
    main()
