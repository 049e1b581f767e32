"""`eval retrieval`: how well search ranks the documents that people judged relevant.

Reads a collection in the common JSONL form, adds it to a temporary library through the same door as any folder, asks
every query in every mode and reports nDCG@10, MRR@10 and recall@100, each averaged over the queries that have a relevant
document. A document ranks where its best passage ranks. Gains are linear and discounts log2(rank + 1), as in trec_eval.
"""

import gzip
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inglenook.core.errors import UsageError
from inglenook.core.settings import Settings

if TYPE_CHECKING:
    from inglenook.library.library import Library

MODES = ("text", "vector", "hybrid")
_PASSAGES = 400
"""Passages asked for, so that a hundred documents come out even when several passages of one rank."""
_FILES_PER_FOLDER = 1000
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents, queries and judgements: id -> (title, text); id -> text; query id -> document id -> relevance."""

    documents: Mapping[str, tuple[str, str]]
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, float]]


def read_collection(documents: Path, queries: Path, qrels: Path) -> Collection:
    """Return the collection in three JSONL files, each plain or `.gz`.

    Rows: documents {id, title?, text}, queries {id, text}, qrels {query_id, doc_id, relevance}; ids may be numbers.

    Raises:
        UsageError: a file that is absent or a row without its keys; the message names the line.
    """
    judged: dict[str, dict[str, float]] = {}
    for query_id, doc_id, relevance in _rows(qrels, "query_id", "doc_id", "relevance"):
        judged.setdefault(str(query_id), {})[str(doc_id)] = float(relevance)
    collection = Collection(
        {str(i): (str(title or ""), str(text)) for i, text, title in _rows(documents, "id", "text", optional="title")},
        {str(i): str(text) for i, text in _rows(queries, "id", "text")},
        judged,
    )
    if not any(_relevant(judged.get(query_id, {})) for query_id in collection.queries):
        raise UsageError(f"no query of {queries} has a relevant document in {qrels}; do the ids agree?")
    return collection


def evaluate_retrieval(
    collection: Collection, settings: Settings, modes: Sequence[str] = MODES, on_progress: Progress | None = None
) -> dict[str, dict[str, float]]:
    """Return, per mode, {ndcg_at_10, mrr_at_10, recall_at_100} of this program's search over the collection.

    The library lives in a temporary folder and is gone afterwards. `on_progress` gets (what, done, total).
    """
    from inglenook.library.library import Library

    results = {}
    with tempfile.TemporaryDirectory(prefix="inglenook-eval-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        if settings.models_path.exists():
            (home / "models").symlink_to(settings.models_path)
        ids = _write_documents(collection.documents, Path(folder) / "documents")
        with Library.open("eval", replace(settings, home=home), create=True) as library:
            library.add([Path(folder) / "documents"])
            for mode in modes:
                runs = _run(library, collection, mode, ids, on_progress)
                results[mode] = measure(runs, collection.qrels)
    return results


def measure(runs: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return {ndcg_at_10, mrr_at_10, recall_at_100}, averaged over the queries of `runs` that have a relevant document.

    Args:
        runs: query id -> document ids, best first, none twice.
        qrels: query id -> document id -> relevance; more than 0 is relevant.

    >>> measure({"q": ["a", "b"]}, {"q": {"b": 1}})["mrr_at_10"]
    0.5
    """
    rows = [
        (ndcg(ranking, judged, 10), reciprocal_rank(ranking, judged, 10), recall(ranking, judged, 100))
        for query_id, ranking in runs.items()
        if _relevant(judged := qrels.get(query_id, {}))
    ]
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)] or [0.0, 0.0, 0.0]
    return dict(zip(("ndcg_at_10", "mrr_at_10", "recall_at_100"), means, strict=True))


def ndcg(ranking: Sequence[str], judged: Mapping[str, float], depth: int) -> float:
    """Return the normalised discounted cumulative gain at `depth` (Järvelin and Kekäläinen 2002, linear gains)."""
    ideal = sorted(_relevant(judged).values(), reverse=True)[:depth]
    gains = [max(judged.get(document, 0.0), 0.0) for document in ranking[:depth]]
    return _discounted(gains) / _discounted(ideal) if ideal else 0.0


def reciprocal_rank(ranking: Sequence[str], judged: Mapping[str, float], depth: int) -> float:
    """Return 1 / rank of the first relevant document, 0 when none is in the first `depth`."""
    relevant = _relevant(judged)
    return next((1 / rank for rank, document in enumerate(ranking[:depth], 1) if document in relevant), 0.0)


def recall(ranking: Sequence[str], judged: Mapping[str, float], depth: int) -> float:
    """Return the share of the relevant documents that are in the first `depth`."""
    relevant = _relevant(judged)
    return len(relevant.keys() & set(ranking[:depth])) / len(relevant) if relevant else 0.0


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def _relevant(judged: Mapping[str, float]) -> dict[str, float]:
    return {document: relevance for document, relevance in judged.items() if relevance > 0}


def _run(
    library: "Library", collection: Collection, mode: str, ids: Mapping[str, str], on_progress: Progress | None
) -> dict[str, list[str]]:
    runs = {}
    for done, (query_id, text) in enumerate(collection.queries.items(), 1):
        hits = library.search(text, limit=_PASSAGES, mode=mode).hits
        runs[query_id] = list(dict.fromkeys(ids[Path(hit.path).name] for hit in hits))
        if on_progress:
            on_progress(mode, done, len(collection.queries))
    return runs


def _write_documents(documents: Mapping[str, tuple[str, str]], folder: Path) -> dict[str, str]:
    """Write each document as a Markdown file with its title as heading; return file name -> document id."""
    ids = {}
    for number, (doc_id, (title, text)) in enumerate(documents.items()):
        path = folder / f"{number // _FILES_PER_FOLDER:04}" / f"{number:08}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        heading = f"# {' '.join(title.split())}\n\n" if title.strip() else ""
        path.write_text(heading + text, encoding="utf-8")
        ids[path.name] = doc_id
    return ids


def _rows(path: Path, *keys: str, optional: str | None = None) -> Iterator[list[Any]]:
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _values(f"{path}, line {number}", line, keys, optional)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _values(where: str, line: str, keys: Sequence[str], optional: str | None) -> list[Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise UsageError(f"{where} is not JSON: {error}") from error
    if not isinstance(row, dict) or any(key not in row for key in keys):
        raise UsageError(f"{where} needs the keys {', '.join(keys)}; it is {line.strip()[:80]!r}")
    return [row[key] for key in keys] + ([row.get(optional)] if optional else [])
