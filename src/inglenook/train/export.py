"""Turn a trained reader into the files that ship: int8 weights with a scale per row, and a description with the heads.

    python -m inglenook.train.export run-folder weights/reader-en [--lent word_embeddings,position_embeddings] [--vocabulary FILE]

Layer norms, biases and the small embedding tables stay float32. `--lent` leaves out tensors that another model's file lends.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

MIN_QUANTISED = 64 * 64
"""Matrices smaller than this stay float32."""


def quantised(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (int8 matrix, float32 scale per row): weight is about matrix x scale, off by at most half a scale."""
    scale = np.maximum(np.abs(weight).max(axis=1), 1e-8) / 127
    return np.rint(weight / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def export(run: Path, target: Path, lent: list[str], vocabulary: list[str] | None) -> None:
    """Write `target`.safetensors and `target`.json from the weights and the recipe of `run`."""
    weights = load_file(run / "reader.safetensors")
    shape = json.loads((run / "recipe.json").read_text())["shape"]
    kept: dict[str, np.ndarray] = {}
    for name, value in weights.items():
        if "head" in name or any(part in name for part in lent):
            continue
        plain = name.removeprefix("bert.")
        if value.ndim == 2 and value.size >= MIN_QUANTISED and "position" not in name:
            kept[plain], kept[f"{plain}.scale"] = quantised(value)
        else:
            kept[plain] = value.astype(np.float32)
    save_file(kept, target.with_suffix(".safetensors"))
    described = {"spec": spec_of(shape), "heads": heads_of(weights)}
    if vocabulary:
        described["vocabulary"] = vocabulary
    target.with_suffix(".json").write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")


def spec_of(shape: dict[str, int]) -> dict[str, int]:
    """Return the fields of a TransformerSpec from those of a BertShape."""
    return {
        "hidden_size": shape["hidden_size"],
        "num_layers": shape["num_hidden_layers"],
        "num_heads": shape["num_attention_heads"],
        "intermediate_size": shape["intermediate_size"],
        "vocab_size": shape["vocab_size"],
        "max_positions": shape["max_position_embeddings"],
        "num_token_types": shape["type_vocab_size"],
    }


def heads_of(weights: dict[str, np.ndarray]) -> dict[str, list[object]]:
    """Return the heads' arrays as nested lists, rounded to five digits."""
    names = [f"{head}_{kind}" for head in ("span", "pair") for kind in ("weight", "bias")]
    return {name: np.round(weights[name.replace("_", "_head.")].astype(float), 5).tolist() for name in names}


def main() -> None:
    """Export as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--lent", default="", help="parts of tensor names that another file lends, comma between")
    parser.add_argument("--vocabulary", type=Path, help="tokens, one a line, in the order of their ids")
    given = parser.parse_args()
    vocabulary = given.vocabulary.read_text(encoding="utf-8").split("\n") if given.vocabulary else None
    export(given.run, given.target, [part for part in given.lent.split(",") if part], vocabulary)


if __name__ == "__main__":
    main()
