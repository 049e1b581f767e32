"""Make what the reader is trained on from question files and plain paragraphs: arrays for `train/reader.py`.

    python -m inglenook.answer.examples en examples.npz --questions squad.jsonl.gz ... --text paragraphs.txt ...

Question files have JSON lines {title, context, question, answers [{text, start}]}; text files one paragraph a line. Made are:
a pair of the question and each window of its context; near misses, the most similar window of another context; and, from
plain text, questions made by leaving words out of a sentence and a question word in the place of the answer. A quarter of the
titles, by hash, is held back (stage 2) and never learnt from.
"""

import argparse
import gzip
import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inglenook.answer.features import Passage
from inglenook.answer.pairs import HanPairs, PairEncoder, Span, WordPairs, han_tokens
from inglenook.answer.questions import Kind, answer_spans
from inglenook.answer.reader import windows_of
from inglenook.answer.terms import is_chinese, terms
from inglenook.core.settings import Settings
from inglenook.library.sentences import split_sentences
from inglenook.library.words import analyze
from inglenook.models.store import DEFAULT_ENCODER, find_model
from inglenook.models.tokenizer import load_tokenizer

WINDOW_CHARS = {"en": 680, "zh": 200}
MAX_TOKENS = {"en": 192, "zh": 256}
MADE_UP, REAL, HELD_BACK = range(3)
QUESTION_WORDS = {
    "en": {
        Kind.TIME: ["When", "In what year"],
        Kind.NUMBER: ["How many"],
        Kind.PERSON: ["Who", "What", "Which", "Where"],
    },
    "zh": {
        Kind.TIME: ["什么时候", "何时", "哪一年"],
        Kind.NUMBER: ["多少", "几"],
        Kind.PERSON: ["谁", "哪位"],
        Kind.PLACE: ["哪里", "什么地方", "哪个地方"],
    },
}


@dataclass(frozen=True, slots=True)
class Example:
    """A question, a window, the answer's place in it (None for no answer), whether it is about the same thing."""

    question: str
    window: str
    answer: Span | None
    is_relevant: bool
    stage: int


def is_held_back(title: str) -> bool:
    """Return whether an article is kept from training: a quarter of the titles."""
    return int.from_bytes(hashlib.blake2b(title.encode(), digest_size=4).digest(), "big") % 4 == 0


class NearMisses:
    """BM25 over windows, to find one that is like a question's but does not answer it."""

    def __init__(self, windows: Sequence[str]) -> None:
        self._windows = windows
        self._counts = [Counter(analyze(window)) for window in windows]
        self._having: dict[str, list[int]] = {}
        for number, counts in enumerate(self._counts):
            for term in counts:
                self._having.setdefault(term, []).append(number)

    def find(self, question: str, answers: Sequence[str], context: str, rng: random.Random) -> str | None:
        """Return one of the four most similar windows outside `context` without any of the answers."""
        scores: dict[int, float] = {}
        for term in set(analyze(question)):
            having = self._having.get(term, ())
            for number in having:
                count = self._counts[number][term]
                gain = math.log(1 + len(self._windows) / len(having)) * count / (count + 1)
                scores[number] = scores.get(number, 0.0) + gain
        near = [self._windows[number] for number in sorted(scores, key=scores.__getitem__, reverse=True)[:12]]
        near = [window for window in near if window not in context and not any(answer in window for answer in answers)]
        return rng.choice(near[:4]) if near else None


def from_questions(rows: Sequence[dict[str, Any]], language: str, rng: random.Random) -> Iterator[Example]:
    """Yield the pairs of real questions: their own windows, and one near miss each."""
    pieces = {row["context"]: _windows(row["context"], language) for row in rows}
    for held in (False, True):
        side = [row for row in rows if is_held_back(row["title"]) is held]
        contexts = dict.fromkeys(row["context"] for row in side)
        misses = NearMisses([context[a:b] for context in contexts for a, b in pieces[context]])
        stage = HELD_BACK if held else REAL
        for row in side:
            context, answers = row["context"], [a["text"] for a in row["answers"]]
            for start, end in pieces[context]:
                place = _place(row["answers"], start, end)
                if place is None and any(answer in context[start:end] for answer in answers):
                    continue
                yield Example(row["question"], context[start:end], place, is_relevant=True, stage=stage)
            miss = misses.find(row["question"], answers, context, rng)
            if miss is not None:
                yield Example(row["question"], miss, None, is_relevant=False, stage=stage)


def _place(answers: Sequence[dict[str, Any]], start: int, end: int) -> Span | None:
    inside = [(a["start"] - start, a["start"] - start + len(a["text"])) for a in answers]
    inside = [(a, b) for a, b in inside if a >= 0 and b <= end - start]
    return min(inside, key=lambda span: span[1] - span[0]) if inside else None


def _windows(text: str, language: str) -> list[Span]:
    return windows_of(Passage(text, "", split_sentences(text)), WINDOW_CHARS[language])


def from_text(paragraphs: Sequence[str], language: str, rng: random.Random) -> Iterator[Example]:
    """Yield a question made from one sentence of each window, where one has something to ask for."""
    for paragraph in paragraphs:
        for start, end in _windows(paragraph, language):
            window = paragraph[start:end]
            made = leave_out(window, *rng.choice(split_sentences(window)), language, rng)
            if made is not None:
                yield Example(made[0], window, made[1], is_relevant=True, stage=MADE_UP)


def leave_out(window: str, start: int, end: int, language: str, rng: random.Random) -> tuple[str, Span] | None:
    """Return a question made from the sentence [start, end) of `window` and its answer's place; None where none is found.

    A word of a known kind is the answer; a question word takes its place, and a fifth of the other words goes.
    """
    sentence = window[start:end]
    kinds = QUESTION_WORDS[language]
    found = [(kind, span) for kind in kinds for span in answer_spans(sentence, kind) if span[0] > 0]
    if not found:
        return None
    kind, (first, last) = rng.choice(found)
    dropped = 0.08 if language == "zh" else 0.2
    kept = [
        [part[t.start : t.end] for t in terms(part) if rng.random() > dropped]
        for part in (sentence[:first], sentence[last:])
    ]
    if len(kept[0]) + len(kept[1]) < 4:
        return None
    asking = rng.choice(kinds[kind])
    if language == "zh":
        question = "".join(kept[0][-20:]) + asking + "".join(kept[1][:20]) + "？"
    else:
        question = " ".join([asking, *kept[0][-10:], *kept[1][:10]]) + "?"
    return question, (start + first, start + last)


def write(examples: Sequence[Example], pairs: PairEncoder, max_tokens: int, path: Path) -> None:
    """Write the arrays that `inglenook.train.reader.Examples` loads; an answer that was cut off is left out."""
    arrays: dict[str, list[Any]] = {
        name: [] for name in ("ids", "types", "start", "end", "answer", "relevant", "stage")
    }
    for example in examples:
        pair = pairs(example.question, example.window, max_tokens)
        first, last = 0, 0
        if example.answer is not None:
            a, b = example.answer
            tokens = [i for i, (start, end) in enumerate(pair.spans) if start >= 0 and end > a and start < b]
            if not tokens:
                continue
            first, last = tokens[0], tokens[-1]
        row = (pair.ids, pair.types, first, last, int(first > 0), int(example.is_relevant), example.stage)
        for name, value in zip(arrays, row, strict=True):
            arrays[name].append(value)
    offsets = np.concatenate([[0], np.cumsum([len(ids) for ids in arrays["ids"]])])
    flat = {name: np.concatenate(arrays[name]) for name in ("ids", "types")}
    rest = {name: np.array(values) for name, values in arrays.items() if name not in flat}
    everything: dict[str, Any] = {
        "ids": flat["ids"],
        "types": flat["types"].astype(np.int8),
        "offsets": offsets,
        **rest,
    }
    np.savez(path, **everything)


def han_vocabulary(texts: Sequence[str]) -> list[str]:
    """Return the tokens of a Chinese reader: the special ones, then characters seen thrice or more, frequent first."""
    counts = Counter(key for text in texts for key, _ in han_tokens(text) if not (key.isascii() and key.isalpha()))
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[LATIN]", *(key for key, count in counts.most_common() if count >= 3)]


def main() -> None:
    """Make the examples as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("language", choices=["en", "zh"])
    parser.add_argument("target", type=Path)
    parser.add_argument("--questions", type=Path, nargs="+", required=True)
    parser.add_argument("--text", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    rng = random.Random(1)
    rows = [json.loads(line) for path in given.questions for line in gzip.decompress(path.read_bytes()).splitlines()]
    paragraphs = [line for path in given.text for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    paragraphs = [p for p in paragraphs if is_chinese(p) == (given.language == "zh")]
    learnt = list(dict.fromkeys(row["context"] for row in rows if not is_held_back(row["title"])))
    examples = list(from_questions(rows, given.language, rng))
    examples += from_text([*paragraphs, *learnt], given.language, rng)
    pairs: PairEncoder
    if given.language == "zh":
        tokens = han_vocabulary([*paragraphs, *learnt])
        given.target.with_suffix(".vocabulary").write_text("\n".join(tokens), encoding="utf-8")
        pairs = HanPairs({token: number for number, token in enumerate(tokens)})
    else:
        pairs = WordPairs(load_tokenizer(find_model(DEFAULT_ENCODER, Settings().models_path)))
    write(examples, pairs, MAX_TOKENS[given.language], given.target)


if __name__ == "__main__":
    main()
