"""The trained reader: a BERT encoder over (question, window) with heads for the answering span, answerability and relevance.

Two models ship, one per language: English takes its word embeddings from the default sentence encoder and is absent where
that is; Chinese has its own. `train/reader.py` makes the weights, `train/export.py` their files. Knows windows of text;
which to read and what to do with the scores is decided in `reader.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from inglenook.answer.pairs import HanPairs, Pair, PairEncoder, Span, WordPairs
from inglenook.core.errors import EncoderMissingError, ModelError
from inglenook.core.settings import Settings
from inglenook.models.encoder import TransformerEncoder, weight_paths
from inglenook.models.spec import TransformerSpec
from inglenook.models.store import DEFAULT_ENCODER, find_model
from inglenook.models.tokenizer import load_tokenizer, read_json

MAX_SPAN_TOKENS = {"en": 24, "zh": 40}
"""Longer spans are not considered; 99 % of the training answers are shorter."""


@dataclass(frozen=True, slots=True)
class WindowScores:
    """What the reader says of one window.

    Attributes:
        spans: (T,) character span of each token in the window, (-1, -1) outside it.
        start, end: (T,) logits less those of "no answer here".
        answer, relevance: logits that the window answers the question, and that it is about it.
    """

    spans: Sequence[Span]
    start: np.ndarray
    end: np.ndarray
    answer: float
    relevance: float


class SpanReader:
    """A loaded reader for one language. Threads may share it."""

    def __init__(
        self, language: str, encoder: TransformerEncoder, pairs: PairEncoder, heads: dict[str, np.ndarray]
    ) -> None:
        self.language = language
        self._encoder = encoder
        self._pairs = pairs
        self._heads = heads

    def read(self, question: str, windows: Sequence[str]) -> list[WindowScores]:
        """Return the scores of each window, cut at the model's longest sequence."""
        pairs = [self._pairs(question, window, self._encoder.spec.max_tokens) for window in windows]
        if not pairs:
            return []
        states, offsets = self._encoder.token_states([(pair.ids, pair.types) for pair in pairs])
        return [self._scores(pair, states[offsets[i] : offsets[i + 1]]) for i, pair in enumerate(pairs)]

    def _scores(self, pair: Pair, states: np.ndarray) -> WindowScores:
        logits = states @ self._heads["span_weight"].T + self._heads["span_bias"]
        whole = self._heads["pair_weight"] @ states[0] + self._heads["pair_bias"]
        start, end = (logits - logits[0]).T
        return WindowScores(pair.spans, start, end, float(whole[0]), float(whole[1]))


@dataclass(frozen=True, slots=True)
class SentenceScore:
    """The best span in a stretch of a window and its logit, and the logarithm of the sum over all spans in it."""

    span: Span
    best: float
    together: float


def score_sentence(scores: WindowScores, start: int, end: int, max_tokens: int) -> SentenceScore | None:
    """Return the best span within characters [start, end) of the window; None when the window was cut before it."""
    inside = [i for i, (a, b) in enumerate(scores.spans) if a >= start and b <= end and b > a]
    if not inside:
        return None
    first, last = inside[0], inside[-1] + 1
    pairs = scores.start[first:last, None] + scores.end[None, first:last]
    places = np.arange(last - first)
    allowed = (places[None] >= places[:, None]) & (places[None] < places[:, None] + max_tokens)
    pairs = np.where(allowed, pairs, -np.inf)
    i, j = (int(place) for place in np.unravel_index(int(pairs.argmax()), pairs.shape))
    best = float(pairs[i, j])
    together = best + float(np.log(np.exp(pairs - best).sum()))
    return SentenceScore((scores.spans[first + i][0], scores.spans[first + j][1]), best, together)


@cache
def load_reader(language: str, settings: Settings) -> SpanReader | None:
    """Return the reader of `en` or `zh`; None where none ships or its embeddings' encoder is not installed.

    Raises:
        ModelError: its shipped files are damaged.
    """
    folder = files("inglenook.answer").joinpath("weights")
    path = Path(str(folder.joinpath(f"reader-{language}.json")))
    if not path.exists():
        return None
    described = read_json(path)
    try:
        spec = TransformerSpec(**described["spec"])
        heads = {name: np.array(values, np.float32) for name, values in described["heads"].items()}
        sources = [path.with_suffix(".safetensors")]
        pairs, lender = _pairs(described, settings.models_path)
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path}: is no description of a reader: {error}; reinstall the package") from error
    if pairs is None:
        return None
    encoder = TransformerEncoder.load([*sources, *lender], settings.precision, settings.threads, spec=spec)
    return SpanReader(language, encoder, pairs, heads)


def _pairs(described: dict[str, Any], models_path: Path) -> tuple[PairEncoder | None, list[Path]]:
    """Return what makes the input, and the files that lend embeddings; (None, []) where they are not installed."""
    if "vocabulary" in described:
        return HanPairs({token: index for index, token in enumerate(described["vocabulary"])}), []
    try:
        folder = find_model(DEFAULT_ENCODER, models_path)
    except EncoderMissingError:
        return None, []
    return WordPairs(load_tokenizer(folder)), weight_paths(folder)
