r"""The words of the domain: what is read, cut, found, cited and answered.

Positions: `char_start` and `char_end` are half-open offsets, in Unicode code points, into the *extracted text* of one
document. For text-like formats (txt, Markdown, source code, CSV, JSON) the extracted text is the decoded file itself
(with newlines as `\n`), so lines are the file's lines. `page` counts from 1: a PDF page, a slide, a sheet. `line_start`
and `line_end` count from 1, inclusive, and are None where a format has no lines of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class BlockKind(StrEnum):
    """What a stretch of text is, as far as cutting it into chunks is concerned."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    CODE = "code"
    TABLE_HEADER = "table_header"
    TABLE_ROW = "table_row"


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a document that has one kind and one place.

    Blocks of one document are in order and do not overlap; the text between them is white space or markup that no
    chunk needs.
    """

    kind: BlockKind
    char_start: int
    char_end: int
    page: int | None = None
    line_start: int | None = None
    line_end: int | None = None
    heading: tuple[str, ...] = ()
    """The headings above, outermost first. A heading block includes itself as the last element."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a document's extracted text as a reader delivers it: bounded, so that any size streams.

    Offsets in `blocks` are into the whole document, not the part. A block never spans two parts.
    """

    char_start: int
    text: str
    blocks: tuple[Block, ...]

    @property
    def char_end(self) -> int:
        """The offset after the last character."""
        return self.char_start + len(self.text)


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What a reader knows of a document besides its text."""

    format: str
    """Short name: txt, md, html, pdf, docx, pptx, xlsx, csv, epub, ipynb, eml, mbox, json, jsonl, rtf, odt, code ..."""
    title: str | None = None
    language: str | None = None
    """ISO 639-1 code of most of the text (`en`, `zh`), or None."""
    created: str | None = None
    """ISO 8601 date that the document itself states."""
    page_kind: str | None = None
    """What `page` counts: page, slide, sheet, chapter, message, cell; None where there are no pages."""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: the unit that is embedded, searched and cited."""

    char_start: int
    char_end: int
    text: str
    """Verbatim: the document's extracted text at [char_start, char_end)."""
    page: int | None
    line_start: int | None
    line_end: int | None
    heading: tuple[str, ...]
    context: str = ""
    """Words that place the passage (title, heading path, table header): embedded and indexed with it, never quoted."""

    @property
    def searchable_text(self) -> str:
        """What is embedded and indexed: the context, then the passage."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that a search found."""

    rank: int
    """From 1."""
    score: float
    chunk_id: int
    document_id: int
    path: str
    title: str | None
    page: int | None
    line_start: int | None
    line_end: int | None
    heading: tuple[str, ...]
    char_start: int
    char_end: int
    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in a stored document that supports a sentence of an answer; checked before it is shown."""

    number: int
    """From 1, as it stands in the answer: [1]."""
    document_id: int
    document_hash: str
    """Hex digest of the document version that was read."""
    path: str
    page: int | None
    line_start: int | None
    line_end: int | None
    char_start: int
    char_end: int
    quote: str
    """Verbatim: the document's extracted text at [char_start, char_end)."""
    span_start: int | None = None
    """Where in `quote` the answering words start, when the reader marked them."""
    span_end: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, with what supports it, or an abstention."""

    question: str
    text: str
    """Composed sentences with [n] marks, or the sentence that says the documents do not support an answer."""
    short: str
    """The answering words alone (a name, a date, a clause); empty on abstention."""
    supported: bool
    confidence: float
    """Probability, calibrated on held-back questions, that the first citation supports an answer."""
    citations: tuple[Citation, ...]
    seconds: float
    answer_id: str | None = None
    """For `inglenook replay`; None while it is not stored."""
