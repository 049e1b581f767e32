# ruff: noqa: D102 - the three classes share four methods that the main function explains
"""Which text index: SQLite FTS5, tantivy, or mapped postings of our own (`index/text.py`).

One run over the same passages with the same analyser and the same queries (an OR of five words of a random passage):
build, size, open in a fresh process, search alone and under filters of 0.1 % to 100 %, add ten passages, and what each
needs in memory. Prints one table.

    python bench/text_index_choice.py [--passages 100000]
"""

import argparse
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from passages import passages

from inglenook.index.text import TextIndex
from inglenook.library.words import analyze

SHARES = (0.001, 0.01, 0.1, 1.0)
Search = Callable[[list[str], np.ndarray | None], object]


class Ours:
    """Our mapped postings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ours"

    def build(self, rows: list[tuple[int, list[str]]]) -> None:
        self.index = TextIndex(self.folder)
        self.index.update(1, rows)

    def add(self, rows: list[tuple[int, list[str]]]) -> None:
        self.index.update(self.index.generation + 1, rows)

    def search(self, terms: list[str], allowed: np.ndarray | None) -> object:
        return self.index.search(terms, 10, allowed)

    def open(self) -> None:
        self.index = TextIndex.open(self.folder)


class Fts5:
    """SQLite's FTS5, contentless, WAL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "fts5"
        self.folder.mkdir(exist_ok=True)
        self.open()

    def open(self) -> None:
        self.db = sqlite3.connect(self.folder / "fts.db")
        self.db.execute("PRAGMA journal_mode = WAL")

    def build(self, rows: list[tuple[int, list[str]]]) -> None:
        self.db.execute("CREATE VIRTUAL TABLE t USING fts5(body, content='', tokenize='unicode61')")
        self.add(rows)
        self.db.execute("INSERT INTO t(t) VALUES ('optimize')")
        self.db.commit()

    def add(self, rows: list[tuple[int, list[str]]]) -> None:
        self.db.executemany("INSERT INTO t(rowid, body) VALUES (?, ?)", ((i, " ".join(t)) for i, t in rows))
        self.db.commit()

    def search(self, terms: list[str], allowed: np.ndarray | None) -> object:
        match = " OR ".join(f'"{term}"' for term in terms)
        if allowed is None:
            return self.db.execute("SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT 10", (match,)).fetchall()
        permitted = set(allowed.tolist())
        found = self.db.execute("SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank", (match,))
        return [row for (row,) in found if row in permitted][:10]


class Tantivy:
    """tantivy through tantivy-py, terms joined by blanks."""

    def __init__(self, folder: Path) -> None:
        import tantivy

        self.tantivy = tantivy
        self.folder = folder / "tantivy"
        self.folder.mkdir(exist_ok=True)
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("id", indexed=True, fast=True, stored=True)
        builder.add_text_field("body", tokenizer_name="whitespace", index_option="freq")
        self.schema = builder.build()
        self.open()

    def open(self) -> None:
        self.index = self.tantivy.Index(self.schema, path=str(self.folder))
        self.searcher = self.index.searcher()

    def build(self, rows: list[tuple[int, list[str]]]) -> None:
        self.add(rows)

    def add(self, rows: list[tuple[int, list[str]]]) -> None:
        writer = self.index.writer(heap_size=128_000_000, num_threads=1)
        for i, terms in rows:
            writer.add_document(self.tantivy.Document(id=i, body=" ".join(terms)))
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()
        self.searcher = self.index.searcher()

    def search(self, terms: list[str], allowed: np.ndarray | None) -> object:
        query, occur = self.tantivy.Query, self.tantivy.Occur
        words = [(occur.Should, query.term_query(self.schema, "body", term)) for term in terms]
        whole = query.boolean_query(words)
        if allowed is not None:
            permitted = query.term_set_query(self.schema, "id", allowed.tolist())
            whole = query.boolean_query([(occur.Must, whole), (occur.Must, query.const_score_query(permitted, 0.0))])
        return [self.searcher.doc(address) for _, address in self.searcher.search(whole, 10, count=False).hits]


CANDIDATES = {"ours": Ours, "fts5": Fts5, "tantivy": Tantivy}


def timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return 1e3 * (time.perf_counter() - started)


def median_ms(search: Search, queries: list[list[str]], allowed: np.ndarray | None) -> float:
    return float(np.median([timed(lambda q=query: search(q, allowed)) for query in queries]))


def fresh_open(name: str, folder: Path) -> str:
    """Open and search once in a new process; returns its milliseconds and what memory that took."""
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        f"import text_index_choice as c; from pathlib import Path\n"
        f"index = c.CANDIDATES[{name!r}](Path({str(folder)!r}))\n"
        "before = c.resource.getrusage(c.resource.RUSAGE_SELF).ru_maxrss\n"
        "ms = c.timed(lambda: (index.open(), index.search(['warranti', 'end', 'the', 'year', 'of'], None)))\n"
        "print(f'{ms:.1f} ms, {(c.resource.getrusage(c.resource.RUSAGE_SELF).ru_maxrss - before) / 1e3:.0f} MB')"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    arguments = parser.parse_args()
    texts = passages(arguments.passages)
    spent = timed(lambda: [analyze(text) for text in texts])
    print(f"{len(texts)} passages, analysed at {sum(map(len, texts)) / spent / 1e3:.1f} M characters/s")
    rows = [(number, analyze(text)) for number, text in enumerate(texts, 1)]
    rng = random.Random(1)
    queries = [rng.sample(terms, 5) for _, terms in rng.sample(rows, arguments.queries) if len(terms) >= 5]
    filters = {share: np.array(sorted(rng.sample(range(1, len(rows) + 1), int(share * len(rows))))) for share in SHARES}
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for name, kind in CANDIDATES.items():
            index = kind(folder)
            build = timed(lambda index=index: index.build(rows)) / 1e3
            size = sum(p.stat().st_size for p in index.folder.rglob("*") if p.is_file()) / 1e6
            print(f"{name:8} build {build:6.1f} s  size {size:6.1f} MB  fresh open + search {fresh_open(name, folder)}")
            times = [f"alone {median_ms(index.search, queries, None):.2f}"]
            times += [f"{share:.1%} {median_ms(index.search, queries, filters[share]):.2f}" for share in SHARES]
            extra = [(len(rows) + 1 + number, terms) for number, (_, terms) in enumerate(rows[:10])]
            times.append(f"add ten {timed(lambda index=index, extra=extra: index.add(extra)):.1f}")
            print(f"{'':8} search, median ms: {'  '.join(times)}", flush=True)
    print(f"peak memory of the whole run {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
