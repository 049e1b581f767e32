"""A question to an answer, and a stored answer to the same answer again.

Search -> read -> decide -> compose -> check -> answer or abstain -> keep the trace. Each step is a function of another
module; here is only their order. Text of documents goes through as data and steers nothing.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from inglenook.answer import cite, compose
from inglenook.answer.compose import Composer, Draft, Evidence
from inglenook.answer.reader import IDENTITY, Reading, read
from inglenook.answer.terms import is_chinese
from inglenook.core.errors import NotFoundError, StoreError, UsageError
from inglenook.core.types import Answer, Citation, Hit
from inglenook.library.filters import Filters

if TYPE_CHECKING:
    from inglenook.library import Library

NUM_PASSAGES = 8
"""Passages read for a question."""
MIN_SUPPORT = {"en": 0.31, "zh": 0.25}
"""Probability of support below which the answer is an abstention, by language of the question; see docs/eval.md."""
MIN_MENTION = 0.1
"""Below this the nearest passage is not even mentioned; between the two it is cited as what it is, and not as an answer."""
SECOND_SENTENCE_LEAD = 1.0
"""A further sentence is cited when its logit is positive and at most this far below the best one's."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A stored answer beside today's.

    Attributes:
        recorded: as it was given. now: as the library answers today. differences: what changed, in words; empty when nothing.
    """

    recorded: Answer
    now: Answer
    differences: tuple[str, ...]


def ask(
    question: str,
    library: "Library",
    *,
    limit: int = NUM_PASSAGES,
    filters: Filters | None = None,
    store: bool = True,
    composer: Composer = compose.extract,
) -> Answer:
    """Return an answer from the documents of `library`, each sentence with checked citations, or an abstention.

    Args:
        question: in the person's words, English or Chinese.
        library: an open library.
        limit: passages to read, at least 1.
        filters: which documents may answer.
        store: keep the answer with its trace, for `replay`; not done in a library opened read-only.
        composer: evidence -> sentences; sentences that their evidence does not bear out are dropped.

    Raises:
        UsageError: an empty question or a limit below 1.
    """
    began = time.perf_counter()
    if not question.strip():
        raise UsageError("the question is empty; ask something")
    if limit < 1:
        raise UsageError(f"limit is {limit}; at least 1 passage must be read")
    hits = library.search(question, limit=limit, filters=filters).hits
    reading = read(question, hits, library.settings)
    evidence = gather(hits, reading)
    answer = _decide(question, evidence, reading, library, composer)
    answer = replace(answer, seconds=time.perf_counter() - began)
    if not store:
        return answer
    record = trace(answer, hits, reading, limit, filters)
    try:
        return replace(answer, answer_id=library.record_answer(record))
    except StoreError:  # read-only, locked or full: the answer is still an answer
        return answer


def gather(hits: list[Hit], reading: Reading) -> list[Evidence]:
    """Return the best sentence and those that come near it, best first, numbered from 1."""
    kept: list[Evidence] = []
    for candidate in reading.candidates:
        lead = reading.candidates[0].score - candidate.score
        if kept and (candidate.score <= 0 or lead > SECOND_SENTENCE_LEAD):
            break
        hit = hits[candidate.hit]
        kept.append(Evidence(len(kept) + 1, hit, candidate.start, candidate.end, candidate.span, candidate.score))
    return kept


def _decide(
    question: str, evidence: list[Evidence], reading: Reading, library: "Library", composer: Composer
) -> Answer:
    is_sure = reading.support >= MIN_SUPPORT["zh" if is_chinese(question) else "en"]
    drafts: list[Draft] = []
    confirmed: dict[int, Citation] = {}
    if evidence and reading.support >= MIN_MENTION:
        confirmed = cite.checked(evidence if is_sure else evidence[:1], library)
        drafts = cite.supported(
            composer(question, evidence) if is_sure else compose.extract(question, evidence[:1]), confirmed
        )
    if not drafts:
        text = compose.abstention(question)
        return Answer(question, text, "", supported=False, confidence=reading.support, citations=(), seconds=0.0)
    text, citations = cite.number_citations(drafts, confirmed)
    if not is_sure:
        text = f"{compose.doubt(question)} {text}"
    short = _short(citations[0]) if is_sure else ""
    return Answer(
        question, text, short, supported=is_sure, confidence=reading.support, citations=citations, seconds=0.0
    )


def _short(citation: Citation) -> str:
    """Return the answering words of a citation, or its whole quote where none are marked."""
    return citation.quote[citation.span_start : citation.span_end]


def trace(answer: Answer, hits: list[Hit], reading: Reading, limit: int, filters: Filters | None) -> dict[str, Any]:
    """Return what is kept of an answer: what was asked and searched, scored and chosen, as JSON values."""
    return {
        "question": answer.question,
        "limit": limit,
        "filters": None if filters is None else asdict(filters),
        "reader": IDENTITY,
        "passages": [
            {
                "rank": h.rank,
                "score": h.score,
                "document_id": h.document_id,
                "chunk_id": h.chunk_id,
                "path": h.path,
                "char_start": h.char_start,
                "char_end": h.char_end,
            }
            for h in hits
        ],
        "sentences": [
            {"passage": c.hit, "start": c.start, "end": c.end, "score": round(c.score, 4)} for c in reading.candidates
        ],
        "support": reading.support,
        "answer": {**asdict(answer), "citations": [asdict(c) for c in answer.citations]},
    }


def replay(answer_id: str, library: "Library") -> Replay:
    """Return a stored answer and what the same question gives today, with the differences in words.

    Raises:
        NotFoundError: no such answer is stored.
    """
    record = library.answer_record(answer_id)
    recorded = answer_from(record["answer"], answer_id)
    stored_filters = record.get("filters")
    now = ask(
        recorded.question,
        library,
        limit=int(record["limit"]),
        filters=None if stored_filters is None else filters_from(stored_filters),
        store=False,
    )
    return Replay(recorded, now, differences(recorded, now, library, str(record.get("reader"))))


def filters_from(stored: Mapping[str, Any]) -> Filters:
    """Return filters as they were stored; JSON has no tuples."""
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    return Filters(**values)


def answer_from(stored: Mapping[str, Any], answer_id: str) -> Answer:
    """Return an answer as it was stored."""
    citations = tuple(Citation(**citation) for citation in stored["citations"])
    return Answer(**{**stored, "citations": citations, "answer_id": answer_id})


def differences(recorded: Answer, now: Answer, library: "Library", reader: str) -> tuple[str, ...]:
    """Return what changed between the two, one sentence each."""
    found = []
    if reader != IDENTITY:
        found.append(f"the answer was read by {reader}, now by {IDENTITY}")
    for citation in recorded.citations:
        change = _change_of(citation, library)
        if change:
            found.append(f"[{citation.number}] {change}")
    if recorded.supported != now.supported:
        found.append(
            "the documents support an answer now" if now.supported else "the documents no longer support an answer"
        )
    elif recorded.text != now.text:
        found.append("the answer is worded differently now")
    places = [(c.document_id, c.char_start, c.char_end, c.quote) for c in recorded.citations]
    if places != [(c.document_id, c.char_start, c.char_end, c.quote) for c in now.citations]:
        found.append(f"citations: {len(recorded.citations)} then, {len(now.citations)} now, not all the same")
    return tuple(found)


def _change_of(citation: Citation, library: "Library") -> str | None:
    try:
        record = library.document(citation.document_id)
    except NotFoundError:
        return f"{citation.path} is no longer in the library"
    if record.content_hash == citation.document_hash:
        return None
    try:
        text = library.read_text(citation.document_id, citation.char_start, citation.char_end)
    except NotFoundError:
        text = ""
    kept = "the quoted text still stands there" if text == citation.quote else "the quoted text is not there any more"
    return f"{citation.path} has changed; {kept}"
