"""Scores candidate sentences against a question, marks the answering words, and says how likely an answer is supported.

Passages -> sentences -> feature rows and a first score -> the trained reader over the windows that hold the best of them ->
the final score. Knows passages as found by a search and nothing of citations or composing. Deterministic: the same question
and passages give the same reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inglenook.answer.features import NAMES, Passage, Rows, sentence_features
from inglenook.answer.questions import answer_spans, kind_of
from inglenook.answer.scorer import load_networks, probability
from inglenook.answer.spans import MAX_SPAN_TOKENS, SentenceScore, SpanReader, WindowScores, load_reader, score_sentence
from inglenook.answer.terms import is_chinese, terms
from inglenook.core.settings import Settings
from inglenook.core.types import Hit
from inglenook.library.sentences import split_sentences

IDENTITY = "reader-1"
"""What read the sentences, for the trace of an answer; changes when scores do."""
WINDOW_CHARS = {"en": 850, "zh": 230}
"""A window is whole sentences up to this length, about 200 tokens: the usual passage is one window."""
READ_CHARS = {"en": 4000, "zh": 1800}
"""Text that the trained reader reads for a question: a question takes about 50 ms on two cores."""
Span = tuple[int, int]

NEURAL_NAMES = ("read", "span_best", "span_together", "answer", "relevance", "span_lead")
SCORE_NAMES = ("first", *NEURAL_NAMES, "covered", "covered_all", "rarest_missing_passage", "rank")
SUPPORT_NAMES = (
    "best",
    "second",
    "together",
    "lead",
    *SCORE_NAMES,
    "missing_numbers",
    "missing_names",
    "covered_passage",
)
_COLUMN = {name: column for column, name in enumerate(NAMES)}


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


@dataclass(frozen=True, slots=True)
class Scored:
    """The candidate rows with all that the final scores are made from.

    Attributes:
        rows: places and first features. inputs: (N, len(SCORE_NAMES)). spans: per row the reader's span in the passage.
    """

    rows: Rows
    inputs: np.ndarray
    spans: list[Span | None]


def read(question: str, hits: Sequence[Hit], settings: Settings) -> Reading:
    """Return the scored sentences of `hits` and how likely the best of them answers `question`."""
    passages = [passage_of(hit) for hit in hits]
    language = "zh" if is_chinese(question) else "en"
    scored = score(question, passages, load_reader(language, settings))
    if not len(scored.inputs):
        return Reading((), 0.0)
    kind = f"{language}_read" if scored.inputs[:, SCORE_NAMES.index("read")].any() else "plain"
    networks = load_networks()
    scores = networks[f"{kind}_sentence"](scored.inputs)
    support = float(probability(networks[f"{kind}_support"](support_row(scored, scores)[None]))[0])
    candidates = []
    for place in np.argsort(-scores, kind="stable"):
        hit, sentence = (int(x) for x in scored.rows.places[place])
        start, end = passages[hit].sentences[sentence]
        span = scored.spans[place]
        if span is None:
            marked = mark(question, passages[hit].text[start:end])
            span = (marked[0] + start, marked[1] + start) if marked else None
        candidates.append(Candidate(hit, start, end, float(scores[place]), span))
    return Reading(tuple(candidates), support)


def passage_of(hit: Hit) -> Passage:
    """Return a hit as the features see it."""
    heading = " ".join(filter(None, (hit.title, *hit.heading)))
    return Passage(hit.text, heading, split_sentences(hit.text))


def score(question: str, passages: Sequence[Passage], reader: SpanReader | None) -> Scored:
    """Return the candidate sentences with the inputs of the final scores; without a reader those it gives are 0."""
    rows = sentence_features(question, passages)
    first = load_networks()["first"](rows.features)
    neural = np.zeros((len(first), len(NEURAL_NAMES)), np.float32)
    spans: list[Span | None] = [None] * len(first)
    if reader is not None:
        neural, spans = _read_windows(question, passages, rows, first, reader)
    picked = [rows.features[:, _COLUMN[name]] for name in SCORE_NAMES[1 + len(NEURAL_NAMES) :]]
    return Scored(rows, np.column_stack([first, neural, *picked]).astype(np.float32), spans)


def _read_windows(
    question: str, passages: Sequence[Passage], rows: Rows, first: np.ndarray, reader: SpanReader
) -> tuple[np.ndarray, list[Span | None]]:
    """Return what the trained reader says of each row after reading the windows of the best: inputs and spans."""
    neural = np.zeros((len(first), len(NEURAL_NAMES)), np.float32)
    spans: list[Span | None] = [None] * len(first)
    windows = _windows_to_read(passages, rows, first, reader.language)
    texts = [passages[passage].text[start:end] for passage, start, end in windows]
    results = reader.read(question, texts)
    for place, (passage, sentence) in enumerate(rows.places):
        start, end = passages[passage].sentences[sentence]
        for (where, window_start, window_end), scores in zip(windows, results, strict=True):
            if where == passage and window_start <= start and end <= window_end:
                found = score_sentence(
                    scores, start - window_start, end - window_start, MAX_SPAN_TOKENS[reader.language]
                )
                if found is not None:
                    neural[place] = _neural(found, scores)
                    spans[place] = (found.span[0] + window_start, found.span[1] + window_start)
    lead = NEURAL_NAMES.index("span_lead")
    was_read = neural[:, 0] > 0
    if was_read.any():
        neural[was_read, lead] = neural[was_read, 1] - neural[was_read, 1].max()
        neural[~was_read, 1:] = neural[was_read, 1:].min(axis=0)
    return neural, spans


def _neural(found: SentenceScore, scores: WindowScores) -> list[float]:
    return [1.0, found.best, found.together, scores.answer, scores.relevance, 0.0]


def _windows_to_read(
    passages: Sequence[Passage], rows: Rows, first: np.ndarray, language: str
) -> list[tuple[int, int, int]]:
    """Return (passage, start, end) of the windows with the best sentences, until the text to read is used up."""
    windows = [windows_of(passage, WINDOW_CHARS[language]) for passage in passages]
    chosen: list[tuple[int, int, int]] = []
    left = READ_CHARS[language]
    for place in np.argsort(-first, kind="stable"):
        passage, sentence = (int(x) for x in rows.places[place])
        start, end = passages[passage].sentences[sentence]
        window = next((passage, a, b) for a, b in windows[passage] if a <= start and end <= b)
        if window not in chosen and (not chosen or left >= window[2] - window[1]):
            chosen.append(window)
            left -= window[2] - window[1]
    return chosen


def windows_of(passage: Passage, budget: int) -> list[Span]:
    """Return spans of whole sentences, each at most `budget` characters unless one sentence is longer."""
    windows: list[list[int]] = []
    for start, end in passage.sentences:
        if windows and end - windows[-1][0] <= budget:
            windows[-1][1] = end
        else:
            windows.append([start, end])
    return [(start, end) for start, end in windows]


def support_row(scored: Scored, scores: np.ndarray) -> np.ndarray:
    """Return what the decision to answer is made from: the scores at the top and the best sentence's inputs."""
    order = np.argsort(-scores, kind="stable")
    top = order[0]
    best = scores[top]
    second = scores[order[1]] if len(order) > 1 else -10.0
    together = np.log(np.exp(np.minimum(scores, 15)).sum())
    features = scored.rows.features[top]
    extra = [features[_COLUMN[name]] for name in ("missing_numbers", "missing_names", "covered_passage")]
    return np.concatenate([[best, second, together, best - second], scored.inputs[top], extra]).astype(np.float32)


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
    """Return for each passage how well its best sentence matches `question`: a logit, higher is better.

    By features alone: a millisecond a passage, no encoder.
    """
    passages = [passage_of(hit) for hit in hits]
    rows = sentence_features(question, passages, limit=4 * len(passages))
    best = np.full(len(hits), -20.0)
    if len(rows.places):
        np.maximum.at(best, rows.places[:, 0], load_networks()["first"](rows.features))
    return [float(score) for score in best]
