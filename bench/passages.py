"""Real passages for the search benchmarks, cut from the developers' shared data (see docs/search.md)."""

import gzip
import json
import lzma
import os
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

PASSAGE_CHARACTERS = 600


def shared_data() -> Path:
    root = Path(__file__).resolve().parent.parent
    return Path(os.environ.get("INGLENOOK_SHARED", root.parent / "shared")) / "data"


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    opener = lzma.open if path.suffix == ".xz" else gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def passages(count: int) -> list[str]:
    """Return `count` passages of about 600 characters: PEPs, the Rust book, the TiDB manual (Chinese), then novels."""
    return list(islice(_passages(), count))


def _passages() -> Iterator[str]:
    data = shared_data()
    for name, suffix in (("docs_peps", ".rst"), ("docs_rust_book", ".md"), ("docs_tidb_zh", ".md")):
        with tarfile.open(data / name / f"{name}.tar.xz") as archive:
            for member in archive:
                if member.name.endswith(suffix) and (file := archive.extractfile(member)):
                    yield from _cut(file.read().decode("utf-8", "replace"))
    for novel in read_jsonl(data / "eltec_eng_novels" / "novels_a.jsonl.xz"):
        yield from _cut(novel["text"])


def _cut(text: str) -> Iterator[str]:
    """Cut at the last blank or full stop before the size; Chinese says as much in a third of the characters."""
    size = PASSAGE_CHARACTERS if text[:2000].isascii() or sum(c > "\u2fff" for c in text[:2000]) < 200 else 200
    start = 0
    while start < len(text):
        end = start + size
        if end < len(text):
            end = max(text.rfind(" ", start + size // 2, end), text.rfind("。", start + size // 2, end)) + 1 or end
        if passage := text[start:end].strip():
            yield passage
        start = end
