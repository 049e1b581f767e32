"""The reader's input: a question and a window of text as token ids, token types and character offsets.

The token types tell the reader what string comparison already knows, so that a small model trained on few questions need
not learn to compare strings: which words of the window stand in the question, and which content words of the question the
window lacks. English uses the WordPiece vocabulary of the default encoder; Chinese one token a character.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from tokenizers import Tokenizer

from inglenook.answer.terms import simplify, terms

Span = tuple[int, int]

# Token types of an English pair.
OTHER, WINDOW, WINDOW_MATCH, QUESTION_MATCH, QUESTION_LACK = range(5)
NUM_WORD_TYPES = 5
# Token types of a Chinese pair: special, then 1-3 in the question and 4-7 in the window, by the longest run of characters
# (none, 1, 2, 3 or more) around this one that both sides have.
NUM_HAN_TYPES = 8


@dataclass(frozen=True, slots=True)
class Pair:
    """One input sequence.

    Attributes:
        ids, types: (T,) int32.
        spans: (T,) character spans in the window, (-1, -1) for tokens outside it.
    """

    ids: np.ndarray
    types: np.ndarray
    spans: list[Span]


class PairEncoder(Protocol):
    """Makes a Pair of a question and a window; the window is cut where the sequence would pass `max_tokens`."""

    def __call__(self, question: str, window: str, max_tokens: int) -> Pair:
        """Return the pair, at most `max_tokens` long."""
        ...


class WordPairs:
    """Pairs in WordPiece tokens: [CLS] question [SEP] window [SEP]."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._cls = tokenizer.token_to_id("[CLS]")
        self._sep = tokenizer.token_to_id("[SEP]")

    def __call__(self, question: str, window: str, max_tokens: int) -> Pair:
        """Return the pair, at most `max_tokens` long; a question past a third of that is cut too."""
        asked = self._tokenizer.encode(question, add_special_tokens=False)
        read = self._tokenizer.encode(window, add_special_tokens=False)
        num_asked = min(len(asked.ids), max_tokens // 3)
        num_read = min(len(read.ids), max_tokens - num_asked - 3)
        question_terms, window_terms = terms(question), terms(window)
        question_keys = {t.key for t in question_terms if t.is_content}
        window_keys = {t.key for t in window_terms}
        asked_types = _paint(
            asked.offsets[:num_asked],
            OTHER,
            {
                (t.start, t.end): QUESTION_MATCH if t.key in window_keys else QUESTION_LACK
                for t in question_terms
                if t.is_content
            },
        )
        read_types = _paint(
            read.offsets[:num_read],
            WINDOW,
            {(t.start, t.end): WINDOW_MATCH for t in window_terms if t.key in question_keys},
        )
        return Pair(
            np.array([self._cls, *asked.ids[:num_asked], self._sep, *read.ids[:num_read], self._sep], np.int32),
            np.array([OTHER, *asked_types, OTHER, *read_types, WINDOW], np.int32),
            [(-1, -1)] * (num_asked + 2) + list(read.offsets[:num_read]) + [(-1, -1)],
        )


def _paint(offsets: Sequence[Span], plain: int, marked: Mapping[Span, int]) -> list[int]:
    """Return one type a token: that of the marked word it lies in, else `plain`."""
    kind_at = {place: kind for (start, end), kind in marked.items() for place in range(start, end)}
    return [kind_at.get(start, plain) for start, _ in offsets]


class HanPairs:
    """Pairs of one token a character: [CLS] question [SEP] window [SEP]; a Latin word is one token, a digit its own.

    `vocabulary` maps a character, and the names `[CLS]`, `[SEP]`, `[UNK]` and `[LATIN]`, to token ids.
    """

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._vocabulary = vocabulary

    def __call__(self, question: str, window: str, max_tokens: int) -> Pair:
        """Return the pair, at most `max_tokens` long; a question past a third of that is cut too."""
        asked = han_tokens(question)[: max_tokens // 3]
        read = han_tokens(window)[: max_tokens - len(asked) - 3]
        asked_keys, read_keys = [key for key, _ in asked], [key for key, _ in read]
        asked_runs = _runs(asked_keys, read_keys)
        read_runs = _runs(read_keys, asked_keys)
        ids = ["[CLS]", *asked_keys, "[SEP]", *read_keys, "[SEP]"]
        types = [0, *(1 + min(run, 2) for run in asked_runs), 0, *(4 + min(run, 3) for run in read_runs), 0]
        return Pair(
            np.array([self._id(key) for key in ids], np.int32),
            np.array(types, np.int32),
            [(-1, -1)] * (len(asked) + 2) + [span for _, span in read] + [(-1, -1)],
        )

    def _id(self, key: str) -> int:
        found = self._vocabulary.get(key)
        if found is not None:
            return found
        return self._vocabulary["[LATIN]" if key.isascii() and key.isalpha() else "[UNK]"]


def han_tokens(text: str) -> list[tuple[str, Span]]:
    """Return (key, span) of each token: characters, with a run of Latin letters as one, white space left out."""
    folded = simplify(text).lower()
    if len(folded) != len(text):  # lower() lengthens a few characters (İ); offsets matter more
        folded = simplify(text)
    tokens = []
    place = 0
    while place < len(folded):
        end = place + 1
        if folded[place].isascii() and folded[place].isalpha():
            while end < len(folded) and folded[end].isascii() and folded[end].isalpha():
                end += 1
        if not folded[place].isspace():
            tokens.append((folded[place:end], (place, end)))
        place = end
    return tokens


def _runs(own: Sequence[str], other: Sequence[str]) -> list[int]:
    """Return, for each token of `own`, the length (0-3) of the longest n-gram over it that `other` has too."""
    runs = [0] * len(own)
    for length in (1, 2, 3):
        grams = {tuple(other[i : i + length]) for i in range(len(other) - length + 1)}
        for start in range(len(own) - length + 1):
            if tuple(own[start : start + length]) in grams:
                for place in range(start, start + length):
                    runs[place] = length
    return runs
