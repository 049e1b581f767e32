"""Passages and places as a person reads them: file, page or lines, and the words that matter marked in the text."""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

from inglenook.cli.terminal import Piece, Terminal, file_url

Span = tuple[int, int]

_PAGE_WORDS = {
    ".pptx": "slide",
    ".xlsx": "sheet",
    ".ods": "sheet",
    ".epub": "chapter",
    ".mbox": "message",
    ".ipynb": "cell",
}
_INDENT = "    "


def place(path: str, page: int | None, line_start: int | None, line_end: int | None) -> list[str | Piece]:
    """Return `report.pdf, page 3` or `notes.md, lines 4-9`, the file linked to its place."""
    pieces: list[str | Piece] = [Piece(short_path(path), "bold", file_url(path, page))]
    if page is not None:
        pieces.append(f", {_PAGE_WORDS.get(Path(path).suffix.lower(), 'page')} {page}")
    if line_start is not None:
        is_one = line_end is None or line_end == line_start
        pieces.append(f", line {line_start}" if is_one else f", lines {line_start}-{line_end}")
    return pieces


def short_path(path: str) -> str:
    """Return the path from here when it lies beneath, else from `~` when it lies there."""
    for base, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if Path(path).is_relative_to(base) and path != str(base):
            return prefix + str(Path(path).relative_to(base))
    return path


def passage(terminal: Terminal, text: str, spans: Sequence[Span], *, style: str, limit: int | None = None) -> None:
    """Write a passage, indented and wrapped, with the spans in a style.

    Args:
        terminal: where it goes.
        text: the passage; runs of white space become one space.
        spans: half-open offsets into the text.
        style: how the spans look on a terminal.
        limit: how many characters to show, around the spans; None for all.
    """
    text, spans = collapse(text, spans)
    if limit is not None:
        text, spans = excerpt(text, spans, limit)
    columns = terminal.columns
    for start, end in wrap(text, columns - len(_INDENT)) if columns else [(0, len(text))]:
        terminal.line(_INDENT, *_styled(text, start, end, spans, style))


def collapse(text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """Return the text with each run of white space as one space, and the spans moved with it."""
    text = text.rstrip()
    kept = [i for i, c in enumerate(text) if not c.isspace() or (i and not text[i - 1].isspace())]
    moved = [(bisect_left(kept, start), bisect_left(kept, end)) for start, end in spans]
    return "".join(" " if text[i].isspace() else text[i] for i in kept), moved


def excerpt(text: str, spans: Sequence[Span], limit: int) -> tuple[str, list[Span]]:
    """Return about `limit` characters that hold as many spans as possible, with `…` where something is left out."""
    if len(text) <= limit:
        return text, list(spans)
    lead = limit // 5
    starts = [0, *(max(0, min(start - lead, len(text) - limit)) for start, _ in spans)]
    first = max(starts, key=lambda at: (sum(at <= s and e <= at + limit for s, e in spans), -at))
    last = min(len(text), first + limit)
    if first and (space := text.find(" ", first, first + lead)) >= 0:
        first = space + 1
    if last < len(text) and (space := text.rfind(" ", last - lead, last)) >= 0:
        last = space
    head = "… " if first else ""
    tail = " …" if last < len(text) else ""
    shift = len(head) - first
    return head + text[first:last] + tail, [(s + shift, e + shift) for s, e in spans if first <= s and e <= last]


def wrap(text: str, columns: int) -> Iterator[Span]:
    """Yield each line of the text as a span: broken at spaces and after wide characters, which need no spaces."""
    columns = max(columns, 10)
    start = fallback = width = 0
    for i, c in enumerate(text):
        wide = 2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1
        if width + wide > columns and not c.isspace():
            end = fallback if fallback > start else i
            yield start, end
            start = end
            width = sum(2 if unicodedata.east_asian_width(d) in "WF" else 1 for d in text[start:i])
        width += wide
        if c.isspace() or wide == 2:
            fallback = i + 1
    if start < len(text):
        yield start, len(text)


def _styled(text: str, start: int, end: int, spans: Sequence[Span], style: str) -> Iterator[Piece]:
    """Yield text[start:end] in pieces, those inside a span with the style."""
    at = start
    for left, right in sorted(spans):
        left, right = max(left, at), min(right, end)  # noqa: PLW2901 - clipped to the line
        if left < right:
            yield Piece(text[at:left])
            yield Piece(text[left:right], style)
            at = right
    yield Piece(text[at:end])
