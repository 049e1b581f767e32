"""The objects of `docs/json.md` are what the program prints: the same keys, and the same kinds of values."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROMISED = {
    name: json.loads(body)
    for name, body in re.findall(
        r"^```json (\S+)\n(.*?)^```", (ROOT / "docs/json.md").read_text(), re.MULTILINE | re.DOTALL
    )
}
FREE_KEYS = {"metadata", "value"}  # labels of the person's own; settings, which are words or numbers


def differences(promised: Any, printed: Any, where: str = "") -> list[str]:
    """Return where the printed object differs from the promise in keys or kinds; `null` fits any kind."""
    if isinstance(promised, dict) and isinstance(printed, dict):
        if promised == {"...": "as ask"}:
            promised = PROMISED["ask"]
        found = [f"{where}: keys {sorted(set(promised) ^ set(printed))}"] if set(promised) != set(printed) else []
        common = (set(promised) & set(printed)) - FREE_KEYS
        return found + [d for key in sorted(common) for d in differences(promised[key], printed[key], f"{where}.{key}")]
    if isinstance(promised, list) and isinstance(printed, list):
        return [d for row in printed for d in differences(promised[0], row, f"{where}[]")] if promised else []
    if promised is None or printed is None or kind(promised) == kind(printed):
        return []
    return [f"{where}: promised {promised!r}, printed {printed!r}"]


def kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def check(name: str, printed: Any) -> None:
    assert differences(PROMISED[name], printed, name) == []


def test_the_comparison_notices_a_missing_key_and_a_changed_kind():
    """The tests below can fail."""
    assert differences({"a": 1, "b": "x"}, {"a": "1"}) == [": keys ['b']", ".a: promised 1, printed '1'"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("search", ["search", "warranty"]),
        ("ask", ["ask", "When does the warranty of the washing machine end?"]),
        ("documents", ["documents"]),
        ("show", ["show", "1"]),
        ("libraries", ["libraries"]),
        ("doctor", ["doctor"]),
        ("config", ["config"]),
        ("add", ["sync"]),
        ("backup", ["backup", "copy.db"]),
        ("backup", ["export", "out.jsonl"]),
        ("completion", ["completion", "show", "--shell", "bash"]),
        ("error", ["show", "nowhere.txt"]),
    ],
)
def test_each_command_prints_the_promised_object(inglenook, shelf, name: str, words: list[str]):
    """One line, one object, with exactly the keys of the page."""
    done = inglenook(*words, "--json")

    assert done.out.count("\n") == 1
    check(name, done.json)


def test_add_prints_the_promised_object(shelf):
    """Failed files included."""
    assert shelf.report["failed"]
    check("add", shelf.report)


def test_remove_prints_records_as_documents_does(inglenook, shelf):
    """The removed documents, under `removed`."""
    check("documents", {"documents": inglenook("remove", "1", "--json").json["removed"]})


def test_replay_prints_the_promised_object(inglenook, shelf):
    """Both answers have the keys of `ask`."""
    asked = inglenook("ask", "When does the warranty of the washing machine end?", "--json").json

    check("replay", inglenook("replay", asked["answer_id"], "--json").json)


@pytest.mark.slow
def test_eval_prints_the_promised_objects(inglenook, shelf, tmp_path: Path):
    """Each measurement's numbers."""
    (tmp_path / "d.jsonl").write_text('{"id": "a", "text": "The kettle boils water."}\n')
    (tmp_path / "q.jsonl").write_text('{"id": "1", "text": "kettle", "question": "What boils?", "answer": "water"}\n')
    (tmp_path / "r.jsonl").write_text('{"query_id": "1", "doc_id": "a", "relevance": 1}\n')

    files = ["--documents", "d.jsonl", "--queries", "q.jsonl", "--qrels", "r.jsonl"]
    check("eval-retrieval", inglenook("eval", "retrieval", *files, "--json").json)
    check("eval-answers", inglenook("eval", "answers", "--questions", "q.jsonl", "--json").json)


@pytest.mark.slow
def test_reembed_prints_the_promised_object(inglenook, shelf):
    """With the encoder that is installed."""
    done = inglenook("reembed", "--model", "sentence-transformers/all-MiniLM-L6-v2", "--json")

    assert done.code == 0
    check("reembed", done.json)
