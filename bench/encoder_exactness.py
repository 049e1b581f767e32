"""How near our sentence vectors are to sentence-transformers', and what that means for STS-B.

Run it with the Python of an environment that has sentence-transformers and with ours on the path, or name that
environment's Python: `python bench/encoder_exactness.py --peer-python PEER/bin/python --data STSB/en_dev.jsonl.gz`.
Prints one JSON line per precision.
"""

import argparse
import gzip
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from inglenook.embed.sentences import SentenceEncoder
from inglenook.models.store import DEFAULT_ENCODER, find_model

PEER = """
import json, sys, numpy as np
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
np.save(sys.argv[3], model.encode(json.load(open(sys.argv[2])), batch_size=64, normalize_embeddings=True))
"""


def peer_vectors(python: str, folder: Path, texts: list[str]) -> np.ndarray:
    with tempfile.TemporaryDirectory() as scratch:
        script, given, made = (Path(scratch) / name for name in ("peer.py", "texts.json", "vectors.npy"))
        script.write_text(PEER)
        given.write_text(json.dumps(texts))
        subprocess.run([python, str(script), str(folder), str(given), str(made)], check=True)
        return np.load(made)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties averaged."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--data", type=Path, required=True, help="STS-B rows: sentence1, sentence2, score")
    parser.add_argument("--sentences", type=int, default=2000)
    options = parser.parse_args()
    with gzip.open(options.data, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    texts = [row["sentence1"] for row in rows] + [row["sentence2"] for row in rows]
    scores = np.array([row["score"] for row in rows])
    models_path = Path("~/.inglenook/models").expanduser()
    peer = peer_vectors(options.peer_python, find_model(DEFAULT_ENCODER, models_path), texts)
    for precision in ("peer", "fp32", "bf16", "int8"):
        ours = (
            peer if precision == "peer" else SentenceEncoder.load(DEFAULT_ENCODER, models_path, precision).encode(texts)
        )
        cosines = (ours * peer).sum(1)[: options.sentences]
        result = {
            "precision": precision,
            "sentences": len(cosines),
            "cosine_least": round(float(cosines.min()), 6),
            "cosine_mean": round(float(cosines.mean()), 6),
            "stsb_pairs": len(rows),
            "stsb_spearman": round(100 * spearman((ours[: len(rows)] * ours[len(rows) :]).sum(1), scores), 3),
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
