"""Retrieval quality by mode, on collections with judgements and on question -> paragraph sets (docs/eval.md).

Cranfield has relevance judgements. In the other sets each question is relevant to the paragraph it was asked about, among
all paragraphs of its set. Everything goes through `eval retrieval`'s own path: files, chunks, a library, `search`.

    python bench/retrieval_quality.py [--sets cranfield,xquad_en] [--questions 500] [--weight 0.6]

Choices (weights, BM25's constants) were made on cranfield, xquad_en and cmrc_trial; the other sets were held back.
`--chroma` adds Chroma's defaults with this program's own vectors of whole documents (needs `pip install chromadb`).
"""

import argparse
import json
import random
import time

from passages import read_jsonl, shared_data

from inglenook.answer.evaluate_retrieval import Collection, evaluate_retrieval, measure
from inglenook.core.settings import load_settings
from inglenook.library import search

TUNING = ("cranfield", "xquad_en", "cmrc_trial")
HELD_BACK = ("squad", "xquad_zh", "cmrc_dev", "drcd")
QUESTION_SETS = {
    "xquad_en": "xquad/xquad_en_a.jsonl.gz",
    "xquad_zh": "xquad/xquad_zh_a.jsonl.gz",
    "squad": "squad2_halfdev/squad2_a.jsonl.gz",
    "cmrc_trial": "cmrc2018/trial.jsonl.gz",
    "cmrc_dev": "cmrc2018/dev_a.jsonl.gz",
    "drcd": "drcd/dev.jsonl.gz",
}


def load(name: str, num_questions: int) -> Collection:
    data = shared_data()
    if name == "cranfield":
        folder = data / "cranfield"
        qrels: dict[str, dict[str, float]] = {}
        for row in read_jsonl(folder / "qrels.jsonl.gz"):
            qrels.setdefault(str(row["query_id"]), {})[str(row["doc_id"])] = float(row["relevance"])
        documents = {str(r["id"]): (r["title"], r["text"]) for r in read_jsonl(folder / "docs.jsonl.gz")}
        return Collection(documents, {str(r["id"]): r["text"] for r in read_jsonl(folder / "queries.jsonl.gz")}, qrels)
    rows = [row for row in read_jsonl(data / QUESTION_SETS[name]) if row.get("answerable", True)]
    ids: dict[str, str] = {}
    for row in rows:
        ids.setdefault(row["context"], f"p{len(ids)}")
    chosen = random.Random(5).sample(rows, min(num_questions, len(rows)))
    queries = {f"q{number}": row["question"] for number, row in enumerate(chosen)}
    judged = {f"q{number}": {ids[row["context"]]: 1.0} for number, row in enumerate(chosen)}
    return Collection({doc_id: ("", text) for text, doc_id in ids.items()}, queries, judged)


def chroma(collection: Collection, space: str) -> dict[str, float]:
    """Search whole documents in Chroma, embedded with this program's encoder as Chroma's default function embeds them."""
    import chromadb

    from inglenook.embed.sentences import SentenceEncoder

    settings, _ = load_settings()
    encoder = SentenceEncoder.load(settings.encoder, settings.models_path)
    client = chromadb.EphemeralClient(chromadb.Settings(anonymized_telemetry=False))
    options = {"hnsw": {"space": space}} if space != "l2" else None
    peer = client.create_collection(f"c{space}", configuration=options)
    ids = list(collection.documents)
    texts = [f"{title}\n{text}".strip() for title, text in collection.documents.values()]
    vectors = encoder.encode(texts)
    for start in range(0, len(ids), 1000):
        peer.add(ids=ids[start : start + 1000], embeddings=vectors[start : start + 1000])
    found = peer.query(query_embeddings=encoder.encode(list(collection.queries.values())), n_results=100)["ids"]
    return measure(dict(zip(collection.queries, found, strict=True)), collection.qrels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join((*TUNING, *HELD_BACK)))
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--weight", type=float, default=search.MAX_VECTOR_WEIGHT)
    parser.add_argument("--chroma", action="store_true")
    arguments = parser.parse_args()
    search.MAX_VECTOR_WEIGHT = arguments.weight
    settings, _ = load_settings()
    for name in arguments.sets.split(","):
        collection = load(name, arguments.questions)
        started = time.perf_counter()
        results = evaluate_retrieval(collection, settings)
        if arguments.chroma:
            results |= {f"chroma {space}": chroma(collection, space) for space in ("l2", "cosine")}
        kind = "tuning" if name in TUNING else "held back"
        print(f"{name} ({kind}): {len(collection.documents)} documents, {len(collection.queries)} questions")
        for mode, figures in results.items():
            print(f"  {mode:14} {json.dumps({key: round(value, 4) for key, value in figures.items()})}")
        print(f"  {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
