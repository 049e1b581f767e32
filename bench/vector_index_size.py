"""From what size clusters pay, and what they cost in recall: exact scan against clusters and FAISS, on real vectors.

Encodes the first 200 characters of real passages, then, for growing sizes, times one search of each kind and counts how
many of the ten exact neighbours the clustered one finds. Queries are passages that are not in the index.

    python bench/vector_index_size.py [--rows 100000] [--cache vectors.npy]
"""

import argparse
import random
import time
from pathlib import Path

import numpy as np
from passages import passages

from inglenook.core.settings import load_settings
from inglenook.embed.sentences import SentenceEncoder
from inglenook.index import vectors as module
from inglenook.index.vectors import VectorIndex

NUM_QUERIES = 200
CHARACTERS = 200


def encoded(rows: int, cache: Path | None) -> np.ndarray:
    if cache and cache.exists():
        return np.load(cache)
    settings, _ = load_settings()
    encoder = SentenceEncoder.load(settings.encoder, settings.models_path)
    texts = passages(2 * rows)
    texts = [text[:CHARACTERS] for text in random.Random(1).sample(texts, min(rows + NUM_QUERIES, len(texts)))]
    vectors = encoder.encode(texts)
    if cache:
        np.save(cache, vectors)
    return vectors


def measure(index: VectorIndex, queries: np.ndarray) -> tuple[float, list[np.ndarray]]:
    times, found = [], []
    for query in queries:
        started = time.perf_counter()
        found.append(index.search(query, 10)[0])
        times.append(1e3 * (time.perf_counter() - started))
    return float(np.median(times)), found


def built(rows: np.ndarray, cluster_from: int) -> VectorIndex:
    module.CLUSTER_FROM = cluster_from
    index = VectorIndex()
    index.update(1, enumerate(rows))
    return index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    vectors = encoded(arguments.rows, arguments.cache)
    queries, rows = vectors[:NUM_QUERIES], vectors[NUM_QUERIES:]
    sizes = sorted({len(rows) // 8, len(rows) // 4, len(rows) // 2, len(rows)})
    print("rows     exact ms  share probed: clustered ms / recall@10")
    for size in sizes:
        exact_ms, expected = measure(built(rows[:size], size + 1), queries)
        clustered, line = built(rows[:size], 1), f"{size:<8} {exact_ms:8.2f}"
        for share in (0.05, 0.1, 0.2):
            module.PROBED_SHARE = share
            ms, found = measure(clustered, queries)
            recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, expected, strict=True)])
            line += f"  {share:.0%}: {ms:.2f} / {recall:.4f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
