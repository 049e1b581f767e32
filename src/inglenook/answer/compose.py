"""Evidence to sentences: the extractive composer that ships, the seam where a generative one plugs in, and abstention.

A composer is any callable (question, evidence) -> drafts. It sees evidence as numbered quotes and says for each sentence
which numbers support it; it never sees the store, and what it claims is checked afterwards (`cite.py`). Document text is
data: numbers in brackets inside it are not citations and are left out of the composed sentence.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inglenook.answer.terms import has_han, is_chinese, simplify
from inglenook.core.types import Hit

MAX_SENTENCES = 2
MAX_SENTENCE_CHARS = 360
_BRACKET_NUMBER = re.compile(r"\s*\[\d+\]")
_MARKUP = re.compile(r"^\s*(?:#{1,6}\s+|[-*+•]\s+|>\s+|\|\s*)+|\s*\|\s*$")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quoted sentence that may support an answer.

    Attributes:
        number: from 1, best first.
        hit: the passage it stands in. start, end: in the passage's text. span: the answering words, in the passage's text.
        score: logit of the reader.
    """

    number: int
    hit: Hit
    start: int
    end: int
    span: Span | None
    score: float

    @property
    def quote(self) -> str:
        """The sentence, verbatim."""
        return self.hit.text[self.start : self.end]

    @property
    def span_text(self) -> str:
        """The answering words, verbatim; empty where none are marked."""
        return self.hit.text[slice(*self.span)] if self.span else ""


@dataclass(frozen=True, slots=True)
class Draft:
    """One sentence of an answer and the numbers of the evidence that supports it."""

    text: str
    evidence: tuple[int, ...]


Composer = Callable[[str, Sequence[Evidence]], Sequence[Draft]]


def extract(_question: str, evidence: Sequence[Evidence]) -> list[Draft]:
    """Return the evidence itself as sentences, best first, without repeats: the composer that needs no language model."""
    drafts: list[Draft] = []
    seen: set[str] = set()
    for one in evidence:
        text = readable(one)
        if text and text not in seen and len(drafts) < MAX_SENTENCES:
            seen.add(text)
            drafts.append(Draft(text, (one.number,)))
    return drafts


def readable(one: Evidence) -> str:
    """Return the quote as a sentence of an answer: one line, no list marks, cut with an ellipsis around the span if long."""
    quote, centre = one.quote, (one.span[0] - one.start if one.span else 0)
    if len(quote) > MAX_SENTENCE_CHARS:
        start = max(0, min(centre - MAX_SENTENCE_CHARS // 2, len(quote) - MAX_SENTENCE_CHARS))
        end = start + MAX_SENTENCE_CHARS
        if not has_han(quote):
            start = quote.find(" ", start) + 1 if start else 0
            end = quote.rfind(" ", start, end) if end < len(quote) and " " in quote[start:end] else end
        quote = ("… " if start else "") + quote[start:end] + (" …" if end < len(one.quote) else "")
    return _BRACKET_NUMBER.sub("", " ".join(_MARKUP.sub("", quote).split())).strip()


def doubt(question: str) -> str:
    """Return the sentence that introduces the nearest passage when it may not answer, in the question's language."""
    if not is_chinese(question):
        return "The documents do not clearly support an answer to this question. The nearest passage:"
    if simplify(question) == question:
        return "文档中没有明确支持该问题答案的内容。最接近的原文："
    return "文件中沒有明確支持此問題答案的內容。最接近的原文："


def abstention(question: str) -> str:
    """Return the sentence that says the documents do not support an answer, in the question's language."""
    if not is_chinese(question):
        return "The documents do not support an answer to this question."
    return "文档中没有支持该问题答案的内容。" if simplify(question) == question else "文件中沒有支持此問題答案的內容。"
