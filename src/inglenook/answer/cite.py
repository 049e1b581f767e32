"""Checks what an answer cites before it is shown.

A citation is attached by the retriever, never parsed from text. Here each one is looked up in the store again: the document
is still there, its text at the cited place is the quote to the letter. A sentence whose quotes do not bear it out is
dropped. Support is judged by words: numbers and names of the sentence must stand in the quotes, and most of its other
content words too. That catches invention, not every twist of meaning.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from inglenook.answer.compose import Draft, Evidence
from inglenook.answer.features import rarity
from inglenook.answer.terms import terms
from inglenook.core.errors import NotFoundError
from inglenook.core.types import Citation

if TYPE_CHECKING:
    from inglenook.library import Library

MIN_SUPPORT = 0.7
"""Share of a sentence's weighted content words that its quotes must have."""
_NUMBER = re.compile(r"\d")


def checked(evidence: Sequence[Evidence], library: "Library") -> dict[int, Citation]:
    """Return a citation for each piece of evidence that the store confirms now, by evidence number.

    Evidence whose document is gone or whose text has changed since the search is left out.
    """
    confirmed = {}
    for one in evidence:
        hit = one.hit
        start, end = hit.char_start + one.start, hit.char_start + one.end
        try:
            record = library.document(hit.document_id)
            stored = library.read_text(hit.document_id, start, end)
        except NotFoundError:
            continue
        if stored != one.quote:
            continue
        line_start, line_end = _lines(one)
        confirmed[one.number] = Citation(
            number=one.number,
            document_id=hit.document_id,
            document_hash=record.content_hash,
            path=hit.path,
            page=hit.page,
            line_start=line_start,
            line_end=line_end,
            char_start=start,
            char_end=end,
            quote=stored,
            span_start=one.span[0] - one.start if one.span else None,
            span_end=one.span[1] - one.start if one.span else None,
        )
    return confirmed


def _lines(one: Evidence) -> tuple[int | None, int | None]:
    """Return the lines of the quote itself, counted from the passage's first line, where the passage has lines."""
    hit = one.hit
    if hit.line_start is None or hit.line_end is None:
        return None, None
    if hit.text.count("\n") != hit.line_end - hit.line_start:  # lines of the format are not lines of the text
        return hit.line_start, hit.line_end
    first = hit.line_start + hit.text.count("\n", 0, one.start)
    return first, first + one.quote.count("\n")


def supported(drafts: Sequence[Draft], confirmed: Mapping[int, Citation]) -> list[Draft]:
    """Return the drafts that confirmed citations bear out, each with those citations only; the others are dropped."""
    kept = []
    for draft in drafts:
        numbers = tuple(number for number in draft.evidence if number in confirmed)
        if numbers and bears_out(draft.text, [confirmed[number].quote for number in numbers]):
            kept.append(Draft(draft.text, numbers))
    return kept


def bears_out(sentence: str, quotes: Sequence[str]) -> bool:
    """Return whether `quotes` contain every number and name of `sentence` and most of its other content words."""
    present = {t.key for quote in quotes for t in terms(quote)}
    content = [t for t in terms(sentence) if t.is_content]
    for place, term in enumerate(content):
        is_name = place > 0 and sentence[term.start].isupper()
        if (is_name or _NUMBER.search(term.key)) and term.key not in present:
            return False
    weights = {t.key: max(0.05, rarity(t.key)) for t in content}
    total = sum(weights.values())
    return not total or sum(w for key, w in weights.items() if key in present) / total >= MIN_SUPPORT


def number_citations(drafts: Sequence[Draft], confirmed: Mapping[int, Citation]) -> tuple[str, tuple[Citation, ...]]:
    """Return the answer's text with [n] after each sentence, and its citations numbered from 1 in order of mention."""
    numbers: dict[int, int] = {}
    pieces = []
    for draft in drafts:
        marks = "".join(f"[{numbers.setdefault(old, len(numbers) + 1)}]" for old in draft.evidence)
        pieces.append(f"{draft.text} {marks}")
    citations = tuple(replace(confirmed[old], number=new) for old, new in numbers.items())
    return " ".join(pieces), citations
