"""The retrieval measures agree with trec_eval, and the files are read with errors that name the line."""

import gzip
import json
import random
from pathlib import Path

import pytest
import pytrec_eval

from inglenook.answer.evaluate_retrieval import measure, ndcg, read_collection, recall, reciprocal_rank
from inglenook.core.errors import UsageError


def test_measures_equal_trec_eval() -> None:
    """On random runs and graded judgements nDCG@10, recall@100 and (within 10) reciprocal rank are trec_eval's."""
    rng = random.Random(1)
    documents = [f"d{number:03}" for number in range(300)]
    qrels = {f"q{n}": {d: rng.choice([0, 0, 1, 1, 2, 3]) for d in rng.sample(documents, 40)} for n in range(50)}
    runs = {query: rng.sample(documents, 150) for query in qrels}
    scored = {query: {d: float(-rank) for rank, d in enumerate(ranking)} for query, ranking in runs.items()}
    oracle = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.100", "recip_rank"}).evaluate(scored)

    for query, ranking in runs.items():
        judged = {d: float(r) for d, r in qrels[query].items()}
        assert ndcg(ranking, judged, 10) == pytest.approx(oracle[query]["ndcg_cut_10"], abs=1e-9)
        assert recall(ranking, judged, 100) == pytest.approx(oracle[query]["recall_100"], abs=1e-9)
        expected = oracle[query]["recip_rank"]
        assert reciprocal_rank(ranking, judged, 10) == pytest.approx(expected if expected >= 0.1 else 0.0, abs=1e-9)


def test_queries_without_a_relevant_document_do_not_count() -> None:
    """The mean is over the queries that can be answered."""
    runs = {"a": ["1"], "b": ["1"], "c": ["1"]}

    assert measure(runs, {"a": {"1": 1}, "b": {"1": 0}})["ndcg_at_10"] == 1.0


def _write(path: Path, rows: list[dict[str, object]]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def test_files_are_read_plain_or_compressed_with_ids_of_any_type(tmp_path: Path) -> None:
    """A title may be absent, ids may be numbers, a file may be gzip."""
    documents = _write(tmp_path / "d.jsonl.gz", [{"id": 1, "text": "x"}, {"id": "2", "title": "T", "text": "y"}])
    queries = _write(tmp_path / "q.jsonl", [{"id": 7, "text": "what"}])
    qrels = _write(tmp_path / "r.jsonl", [{"query_id": "7", "doc_id": 2, "relevance": 1}])
    collection = read_collection(documents, queries, qrels)

    assert collection.documents == {"1": ("", "x"), "2": ("T", "y")}
    assert collection.qrels == {"7": {"2": 1.0}}


@pytest.mark.parametrize("line", ['{"id": 1}', "[1]", "{", ""])
def test_a_bad_row_or_ids_that_do_not_agree_are_named(tmp_path: Path, line: str) -> None:
    """The error tells the file and the line, or that nothing can be measured."""
    documents = _write(tmp_path / "d.jsonl", [{"id": 1, "text": "x"}])
    queries = tmp_path / "q.jsonl"
    queries.write_text(line)
    qrels = _write(tmp_path / "r.jsonl", [{"query_id": "7", "doc_id": 2, "relevance": 1}])

    with pytest.raises(UsageError, match=r"q\.jsonl, line 1|no query"):
        read_collection(documents, queries, qrels)
    with pytest.raises(UsageError, match="cannot be read"):
        read_collection(tmp_path / "absent.jsonl", queries, qrels)
