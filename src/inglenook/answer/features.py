"""What can be said of a candidate sentence without a neural network: a fixed row of numbers for each.

Matches are weighed by how rare a term is in its language: the logarithm of its rank in a shipped list of frequent terms
(Zipf 1949). Language-independent but for the term rules. Knows sentences and passages as text; where they come from and
what is done with the numbers is elsewhere.
"""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np

from inglenook.answer.questions import Kind, answer_spans, kind_of
from inglenook.answer.terms import Term, has_han, is_chinese, terms

Span = tuple[int, int]
MAX_SENTENCES = 24
"""Sentences that get a row: those that share most with the question."""

NAMES = (
    "covered",
    "covered_pairs",
    "covered_triples",
    "covered_near",
    "covered_before",
    "covered_passage",
    "covered_heading",
    "covered_all",
    "longest_common",
    "precision",
    "proximity",
    "rarest_missing",
    "rarest_missing_passage",
    "missing_numbers",
    "missing_names",
    "kind_found",
    "kind_new",
    "kind_other",
    "is_person",
    "is_place",
    "is_time",
    "is_number",
    "is_reason",
    "is_manner",
    "is_yes_no",
    "is_chinese",
    "is_first",
    "position",
    "length",
    "is_short",
    "is_question",
    "question_length",
    "rank",
    "covered_best_gap",
    "passage_best_gap",
    "covered_rank",
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A found passage and its sentences.

    Attributes:
        heading: title and headings, one text.
        sentences: half-open spans into text, in order.
    """

    text: str
    heading: str
    sentences: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Rows:
    """The candidate sentences and what is said of them.

    Attributes:
        places: (N, 2) int: passage and sentence of each row, in order of reading.
        features: (N, F) float32.
    """

    places: np.ndarray
    features: np.ndarray


@cache
def _ranks() -> tuple[dict[str, int], dict[str, int]]:
    text = files("inglenook.answer").joinpath("weights", "frequent_terms.txt").read_text(encoding="utf-8")
    words, characters = text.splitlines()
    return {key: rank for rank, key in enumerate(words.split())}, {key: rank for rank, key in enumerate(characters)}


def rarity(key: str) -> float:
    """Return how rare a term is: 0 for the most frequent of its language, 1 beyond the list."""
    words, characters = _ranks()
    ranks = characters if has_han(key) else words
    rank = ranks.get(key)
    return 1.0 if rank is None else math.log1p(rank) / math.log1p(len(ranks))


def sentence_features(question: str, passages: Sequence[Passage], limit: int = MAX_SENTENCES) -> Rows:
    """Return the rows of the at most `limit` sentences that share most with the question."""
    asked = _Asked.of(question)
    read = [[_Read.of(passage.text[start:end]) for start, end in passage.sentences] for passage in passages]
    allowed = [
        [_is_statement(one, passage.heading) for one in sentences]
        for passage, sentences in zip(passages, read, strict=True)
    ]
    places = _nearest(asked, read, limit)
    places = [(passage, place) for passage, place in places if allowed[passage][place]] or places
    rows = []
    wholes: dict[int, AbstractSet[str]] = {}
    for passage, sentence in places:
        found = read[passage]
        if passage not in wholes:
            wholes[passage] = set().union(*(one.keys for one in found))
        before = found[sentence - 1].keys if sentence else set()
        after = found[sentence + 1].keys if sentence + 1 < len(found) else set()
        one = found[sentence]
        heading = _keys(terms(passages[passage].heading))
        rows.append(
            [
                *_coverage(asked, one, (before, after), wholes[passage], heading),
                *_kinds(asked, one),
                float(sentence == 0),
                sentence / max(1, len(found) - 1),
                math.log1p(len(one.terms)),
                float(len(one.terms) < 5),
                float(one.text.rstrip().endswith(("?", "？"))),
                math.log1p(len(asked.terms)),
                1 / (1 + passage),
            ]
        )
    table = np.array(rows, np.float32).reshape(len(rows), len(NAMES) - 3)
    return Rows(np.array(places, int).reshape(-1, 2), np.concatenate([table, _relative(table)], axis=1))


def _is_statement(read: "_Read", heading: str) -> bool:
    """Return whether a sentence says something: no question, and not just the words of the title or a heading."""
    text = " ".join(read.text.strip(" \t\n#*-_|=.:：0123456789").lower().split())
    return bool(text) and not read.text.rstrip().endswith(("?", "？")) and text not in " ".join(heading.lower().split())


def _nearest(asked: "_Asked", read: Sequence[Sequence["_Read"]], limit: int) -> list[tuple[int, int]]:
    """Return the places of the `limit` sentences that cover most of the question, alone or with their neighbours."""
    found = []
    for passage, sentences in enumerate(read):
        shares = [_share(asked.weights, one.keys) + _share(asked.pairs, one.pairs) for one in sentences]
        for place, share in enumerate(shares):
            around = max(shares[max(0, place - 1) : place + 2])
            found.append((-(share + 0.3 * around) - 0.1 / (1 + passage), passage, place))
    return sorted((passage, place) for _, passage, place in sorted(found)[:limit])


def _relative(table: np.ndarray) -> np.ndarray:
    """Return how each sentence stands among all: gaps to the best coverage and rank of its coverage, (N, 3)."""
    if not len(table):
        return np.zeros((0, 3), np.float32)
    together = table[:, 0] + table[:, 1]
    order = np.argsort(np.argsort(-together, kind="stable"), kind="stable")
    passage = table[:, NAMES.index("covered_passage")]
    return np.stack([together - together.max(), passage - passage.max(), 1 / (1 + order)], axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question, prepared once."""

    text: str
    terms: list[Term]
    weights: dict[str, float]
    pairs: dict[tuple[str, ...], float]
    triples: dict[tuple[str, ...], float]
    names: set[str]
    kind: Kind
    chinese: bool

    @classmethod
    def of(cls, question: str) -> "_Asked":
        found = terms(question)
        weights = {t.key: max(0.05, rarity(t.key)) if t.is_content else 0.02 for t in found}
        names = {t.key for t in found[1:] if question[t.start].isupper() and t.is_content}
        return cls(
            question,
            found,
            weights,
            _grams(found, weights, 2),
            _grams(found, weights, 3),
            names,
            kind_of(question),
            is_chinese(question),
        )


def _grams(found: Sequence[Term], weights: dict[str, float], size: int) -> dict[tuple[str, ...], float]:
    """Return the n-grams that hold a content term, each with the mean weight of its terms."""
    grams = {}
    for place in range(len(found) - size + 1):
        piece = found[place : place + size]
        if any(t.is_content for t in piece):
            key = tuple(t.key for t in piece)
            grams[key] = sum(weights[k] for k in key) / size
    return grams


@dataclass(frozen=True, slots=True)
class _Read:
    """One sentence, prepared once."""

    text: str
    terms: list[Term]
    keys: set[str]
    pairs: set[tuple[str, ...]]

    @classmethod
    def of(cls, text: str) -> "_Read":
        found = terms(text)
        keys = [t.key for t in found]
        return cls(text, found, set(keys), set(pairwise(keys)))


def _keys(found: Sequence[Term]) -> set[str]:
    return {t.key for t in found}


def _share(weights: Mapping[Any, float], present: AbstractSet[Any]) -> float:
    """Return the weight of the keys that are present over the weight of all; 0 when there are none."""
    total = sum(weights.values())
    return sum(weight for key, weight in weights.items() if key in present) / total if total else 0.0


def _coverage(
    asked: _Asked,
    read: _Read,
    near: tuple[AbstractSet[str], AbstractSet[str]],
    whole: AbstractSet[str],
    heading: AbstractSet[str],
) -> list[float]:
    weights = asked.weights
    before, after = near
    keys = [t.key for t in read.terms]
    triples = set(zip(keys, keys[1:], keys[2:], strict=False))
    context = read.keys | before | heading
    missing = {key: weight for key, weight in weights.items() if key not in context and weight > 0.02}
    missing_passage = {key: weight for key, weight in missing.items() if key not in whole}
    matched = sum(max(0.05, weights[key]) for key in read.keys if key in weights)
    own = sum(max(0.05, rarity(t.key)) for t in read.terms if t.is_content)
    return [
        _share(weights, read.keys),
        _share(asked.pairs, read.pairs),
        _share(asked.triples, triples),
        _share(weights, read.keys | before | after),
        _share(weights, context),
        _share(weights, whole),
        _share(weights, heading),
        _share(weights, whole | heading),
        _longest_common(keys, [t.key for t in asked.terms]) / max(1, len(asked.terms)),
        matched / (own + 0.5),
        _proximity(keys, weights),
        max(missing.values(), default=0.0),
        max(missing_passage.values(), default=0.0),
        float(sum(key[0].isdigit() for key in missing_passage)),
        float(sum(key in asked.names for key in missing_passage)),
    ]


def _longest_common(own: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest run of terms that both have."""
    best, previous = 0, [0] * (len(other) + 1)
    for key in own:
        current = [0] * (len(other) + 1)
        for place, wanted in enumerate(other, 1):
            if key == wanted:
                current[place] = previous[place - 1] + 1
                best = max(best, current[place])
        previous = current
    return best


def _proximity(keys: Sequence[str], weights: Mapping[str, float], size: int = 20) -> float:
    """Return the greatest share of the question's weight that `size` neighbouring terms cover."""
    total = sum(weights.values())
    places = [place for place, key in enumerate(keys) if key in weights]
    best = 0.0
    for i, first in enumerate(places):
        inside = {keys[place] for place in places[i:] if place < first + size}
        best = max(best, sum(weights[key] for key in inside))
    return best / total if total else 0.0


def _kinds(asked: _Asked, read: _Read) -> list[float]:
    spans = answer_spans(read.text, asked.kind)
    fresh = [
        (start, end)
        for start, end in spans
        if any(t.key not in asked.weights for t in read.terms if t.start >= start and t.end <= end)
    ]
    ruled = asked.kind not in {Kind.OTHER, Kind.YES_NO}
    return [
        float(bool(spans)),
        float(bool(fresh)),
        float(not ruled),
        *(float(asked.kind is kind) for kind in list(Kind)[1:]),
        float(asked.chinese),
    ]
