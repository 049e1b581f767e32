"""How long one search takes over a large library's indexes: words, vectors, both fused, and the encoding of the query.

Real passages and real words; the stored vectors are random around 1,000 centres (time depends on sizes and shares, not on
meaning; recall is measured in vector_index_size.py). Reads of the passages' text from SQLite are not in it.

    python bench/search_speed.py [--chunks 100000]
"""

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from passages import passages

from inglenook.core.settings import load_settings
from inglenook.embed.sentences import SentenceEncoder
from inglenook.index.text import TextIndex
from inglenook.index.vectors import VectorIndex
from inglenook.library.search import VectorSide, find
from inglenook.library.words import analyze

NUM_QUERIES = 200
ABILITY = {"latin": 1.0, "han": 0.1}


def milliseconds(action: Callable[[str], object], queries: list[str]) -> str:
    times = []
    for query in queries:
        started = time.perf_counter()
        action(query)
        times.append(1e3 * (time.perf_counter() - started))
    return f"p50 {np.median(times):6.2f} ms  p95 {np.quantile(times, 0.95):6.2f} ms"


def random_vectors(count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(1000, 384)).astype(np.float32)
    vectors = centres[rng.integers(0, 1000, count)] + rng.standard_normal((count, 384), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=100_000)
    arguments = parser.parse_args()
    base = passages(min(arguments.chunks, 100_000))
    texts = [base[number % len(base)] for number in range(arguments.chunks)]
    rng = random.Random(1)
    queries = []
    while len(queries) < NUM_QUERIES:
        words = rng.choice(base).split()
        if len(words) >= 10:
            queries.append(" ".join(rng.sample(words, 5)))
    settings, _ = load_settings()
    encoder = SentenceEncoder.load(settings.encoder, settings.models_path)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        started = time.perf_counter()
        TextIndex(folder / "text").update(1, ((number, analyze(text)) for number, text in enumerate(texts)))
        VectorIndex(folder / "vectors").update(1, enumerate(random_vectors(arguments.chunks)))
        print(f"{arguments.chunks} chunks, both indexes built in {time.perf_counter() - started:.1f} s")
        started = time.perf_counter()
        text = TextIndex.open(folder / "text")
        opened = time.perf_counter()
        vectors = VectorIndex.open(folder / "vectors")
        print(
            f"open, checked: text {1e3 * (opened - started):.1f} ms, vectors {1e3 * (time.perf_counter() - opened):.1f} ms"
        )

        def hybrid(query: str) -> object:
            side = VectorSide(vectors, encoder.encode([query])[0], ABILITY)
            return find(query, text, side, limit=20)

        vector = encoder.encode(["warm"])[0]
        print("encode", milliseconds(lambda query: encoder.encode([query]), queries))
        print("text  ", milliseconds(lambda query: text.search(analyze(query), 100), queries))
        print("vector", milliseconds(lambda _query: vectors.search(vector, 100), queries))
        print("hybrid", milliseconds(hybrid, queries))
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB, building included")


if __name__ == "__main__":
    main()
