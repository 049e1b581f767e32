"""Answers on held-back documents, retrieval included: one JSON line a language.

    INGLENOOK_SHARED=... python bench/answers.py [en zh] [--limit 400]

Adds every held-back paragraph (see `is_held_back`) as a file of its own to a fresh library and asks: the questions on them with an
answer, those on them without one (SQuAD 2, English only), and as many as half of the answerable ones on other titles, whose
documents are not in the library. Abstention is given for each kind of unanswerable question and for both together.
"""

import argparse
import gzip
import hashlib
import json
import os
import random
import statistics
import tempfile
from pathlib import Path

from inglenook.answer import ask
from inglenook.answer.evaluate import best_of, contains, exact_match, f1
from inglenook.core.settings import Settings
from inglenook.library import Library

FILES = {
    "en": ["squad2_halfdev/squad2_a.jsonl.gz", "xquad/xquad_en_a.jsonl.gz"],
    "zh": ["cmrc2018/trial.jsonl.gz", "cmrc2018/dev_a.jsonl.gz", "drcd/dev.jsonl.gz", "xquad/xquad_zh_a.jsonl.gz"],
}


def is_held_back(title: str) -> bool:
    """Return whether an article was kept from training: a quarter of the titles, by hash."""
    return int.from_bytes(hashlib.blake2b(title.encode(), digest_size=4).digest(), "big") % 4 == 0


def read_rows(data: Path, language: str) -> list[dict]:
    rows = []
    for name in FILES[language]:
        with gzip.open(data / name, "rt", encoding="utf-8") as lines:
            rows += [{**json.loads(line), "set": name.split("/")[0]} for line in lines]
    return rows


def measure(language: str, data: Path, limit: int) -> dict:
    rows = read_rows(data, language)
    held = [row for row in rows if is_held_back(row["title"])]
    rng = random.Random(1)
    inside = rng.sample(held, min(limit, len(held)))
    num_answerable = sum(row["answerable"] for row in inside)
    off = [row for row in rows if not is_held_back(row["title"]) and row["answerable"]]
    asked = [("in" if row["answerable"] else "adversarial", row) for row in inside]
    asked += [("off", row) for row in rng.sample(off, num_answerable // 2)]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "documents")
        source.mkdir()
        for number, context in enumerate(dict.fromkeys(row["context"] for row in held)):
            (source / f"{number}.txt").write_text(context, encoding="utf-8")
        with Library.open("bench", Settings(home=Path(folder, "home")), create=True) as library:
            report = library.add([source])
            return {"language": language, "documents": report.documents, **scores(asked, library)}


def scores(asked: list[tuple[str, dict]], library: Library) -> dict:
    seen: dict[str, list] = {"in": [], "adversarial": [], "off": []}
    seconds, hits, said_hits, exact, overlap, sets = [], [], [], [], [], {}
    verbatim = 0
    num_quotes = 0
    for kind, row in asked:
        answer = ask(row["question"], library, store=False)
        seconds.append(answer.seconds)
        seen[kind].append(answer.supported)
        for citation in answer.citations:
            num_quotes += 1
            stored = library.read_text(citation.document_id, citation.char_start, citation.char_end)
            verbatim += stored == citation.quote
        if kind == "in":
            accepted = tuple(a["text"] for a in row["answers"])
            quote = answer.citations[0].quote if answer.citations else ""
            hit = any(contains(quote, wanted) for wanted in accepted)
            hits.append(hit)
            sets.setdefault(row["set"], []).append(hit)
            said_hits.append(hit and answer.supported)
            exact.append(best_of(exact_match, answer.short, accepted))
            overlap.append(best_of(f1, answer.short, accepted))
    withheld = seen["in"].count(False)
    result = {
        "answerable": len(hits),
        "sentence_hit": mean(hits),
        "sentence_hit_and_supported": mean(said_hits),
        "sentence_hit_by_set": {name: mean(values) for name, values in sets.items()},
        "exact_match": mean(exact),
        "f1": mean(overlap),
        "quotes_verbatim": f"{verbatim}/{num_quotes}",
        "ms_median": round(1000 * statistics.median(seconds), 1),
    }
    for name, kinds in {"off": ["off"], "adversarial": ["adversarial"], "both": ["off", "adversarial"]}.items():
        unanswerable = [supported for kind in kinds for supported in seen[kind]]
        if unanswerable:
            right = unanswerable.count(False)
            result[f"abstention_{name}"] = {
                "n": len(unanswerable),
                "precision": round(right / max(1, right + withheld), 3),
                "recall": round(right / len(unanswerable), 3),
            }
    return result


def mean(values: list) -> float:
    return round(sum(values) / max(1, len(values)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("languages", nargs="*", default=["en", "zh"])
    parser.add_argument("--limit", type=int, default=400, help="questions on held-back documents")
    arguments = parser.parse_args()
    data = Path(os.environ.get("INGLENOOK_SHARED", Path(__file__).parent.parent.parent / "shared")) / "data"
    for language in arguments.languages:
        print(json.dumps(measure(language, data, arguments.limit), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
