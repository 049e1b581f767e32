"""Scores candidate sentences against a question, marks the answering words, and says how likely an answer is supported.

Passages -> sentences -> feature rows -> a first score. Knows passages as found by a search and nothing of citations or
composing. Deterministic: the same question and passages give the same reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inglenook.answer.features import NAMES, Passage, Rows, sentence_features
from inglenook.answer.questions import answer_spans, kind_of
from inglenook.answer.scorer import load_networks, probability
from inglenook.answer.terms import terms
from inglenook.core.types import Hit
from inglenook.library.sentences import split_sentences

IDENTITY = "features-1"
"""What read the sentences, for the trace of an answer; changes when scores do."""
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a passage, scored.

    Attributes:
        hit: index of the passage. start, end: in its text. score: logit, comparable within one reading.
        span: the answering words, offsets in the passage's text; None where none is marked.
    """

    hit: int
    start: int
    end: int
    score: float
    span: Span | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading the passages gave: candidates, best first, and the probability that the best one answers."""

    candidates: tuple[Candidate, ...]
    support: float


def read(question: str, hits: Sequence[Hit]) -> Reading:
    """Return the scored sentences of `hits` and how likely the best of them answers `question`."""
    passages = [passage_of(hit) for hit in hits]
    rows = sentence_features(question, passages)
    if not len(rows.places):
        return Reading((), 0.0)
    networks = load_networks()
    scores = networks["sentence"](rows.features)
    support = float(probability(networks["support"](support_row(rows, scores)[None]))[0])
    candidates = []
    for place in np.argsort(-scores, kind="stable"):
        hit, sentence = (int(x) for x in rows.places[place])
        start, end = passages[hit].sentences[sentence]
        span = mark(question, passages[hit].text[start:end])
        shifted = (span[0] + start, span[1] + start) if span else None
        candidates.append(Candidate(hit, start, end, float(scores[place]), shifted))
    return Reading(tuple(candidates), support)


def passage_of(hit: Hit) -> Passage:
    """Return a hit as the features see it."""
    heading = " ".join(filter(None, (hit.title, *hit.heading)))
    return Passage(hit.text, heading, split_sentences(hit.text))


def support_row(rows: Rows, scores: np.ndarray) -> np.ndarray:
    """Return what the decision to answer is made from: the scores at the top and the best sentence's features."""
    order = np.argsort(-scores, kind="stable")
    best = scores[order[0]]
    second = scores[order[1]] if len(order) > 1 else -10.0
    together = np.log(np.exp(np.minimum(scores, 15)).sum())
    return np.concatenate([[best, second, together, best - second], rows.features[order[0]]]).astype(np.float32)


SUPPORT_NAMES = ("best", "second", "together", "lead", *NAMES)


def mark(question: str, sentence: str) -> Span | None:
    """Return the words of `sentence` of the kind that `question` asks for, none of the question's own: (start, end).

    The one nearest to the words that the question shares with the sentence; None for kinds without a rule.
    """
    asked = {t.key for t in terms(question) if t.is_content}
    found = terms(sentence)
    anchors = [t.start for t in found if t.key in asked]
    fresh = [
        (start, end)
        for start, end in answer_spans(sentence, kind_of(question))
        if not any(t.key in asked for t in found if t.start >= start and t.end <= end)
    ]
    if not fresh:
        return None
    return min(fresh, key=lambda span: min((abs(span[0] - anchor) for anchor in anchors), default=span[0]))


def relevance(question: str, hits: Sequence[Hit]) -> list[float]:
    """Return for each passage how well its best sentence answers `question`: a logit, higher is better."""
    passages = [passage_of(hit) for hit in hits]
    rows = sentence_features(question, passages, limit=4 * len(passages))
    best = np.full(len(hits), -20.0)
    if len(rows.places):
        np.maximum.at(best, rows.places[:, 0], load_networks()["sentence"](rows.features))
    return [float(score) for score in best]
