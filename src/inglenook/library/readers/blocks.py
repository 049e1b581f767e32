"""What readers have in common: heading paths, and Parts built from pieces of extracted text.

A reader of a format that has no text file of its own (PDF, docx, ...) yields `Piece`s; `assemble` lays them one after
the other, gives them offsets and heading paths and cuts the result into bounded Parts. Knows nothing of any format.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inglenook.core.types import Block, BlockKind, Part

PART_CHARS = 1 << 16
"""A Part is closed when it passes this many characters."""
PART_BLOCKS = 4096
"""... or holds this many blocks."""
MAX_BLOCK_CHARS = 1 << 14
"""A longer stretch becomes several blocks of one kind, so that no block outgrows a Part."""
MAX_HEADING_CHARS = 200
"""A longer heading is cut in the heading path (never in the text)."""
MAX_HEADING_DEPTH = 9

TIGHT = frozenset({BlockKind.LIST_ITEM, BlockKind.TABLE_HEADER, BlockKind.TABLE_ROW})
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\ud800-\udfff]")


@dataclass(slots=True)
class Piece:
    """A stretch of extracted text before it has a place."""

    kind: BlockKind
    text: str
    page: int | None = None
    level: int = 1
    """Of a heading: 1 is the outermost."""
    line: int | None = None
    """The row of a sheet."""


class HeadingPath:
    """The headings above the present place, outermost first."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []
        self.path: tuple[str, ...] = ()

    def enter(self, level: int, title: str) -> tuple[str, ...]:
        """Open a heading, closing those of its level and below, and return the new path."""
        level = min(level, MAX_HEADING_DEPTH)
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self._open.append((level, " ".join(title.split())[:MAX_HEADING_CHARS]))
        self.path = tuple(name for _, name in self._open if name)
        return self.path


def clean(text: str) -> str:
    """Return the text with control characters and lone surrogates as U+FFFD, its length unchanged."""
    return _UNPRINTABLE.sub("\ufffd", text)


def assemble(pieces: Iterable[Piece]) -> Iterator[Part]:
    """Lay pieces one after the other and cut them into Parts: list items and rows on the next line, the rest apart."""
    headings = HeadingPath()
    start = offset = 0
    texts: list[str] = []
    blocks: list[Block] = []
    previous: BlockKind | None = None
    for piece in pieces:
        text = clean(piece.text).strip("\n")
        if not text.strip():
            continue
        if piece.kind is BlockKind.HEADING:
            headings.enter(piece.level, text)
        if previous is not None:
            gap = "\n" if piece.kind in TIGHT and previous in TIGHT else "\n\n"
            texts.append(gap)
            offset += len(gap)
        for cut in range(0, len(text), MAX_BLOCK_CHARS):
            if offset - start >= PART_CHARS or len(blocks) >= PART_BLOCKS:
                yield Part(start, "".join(texts), tuple(blocks))
                start, texts, blocks = offset, [], []
            stretch = text[cut : cut + MAX_BLOCK_CHARS]
            end = offset + len(stretch)
            blocks.append(Block(piece.kind, offset, end, piece.page, piece.line, piece.line, headings.path))
            texts.append(stretch)
            offset = end
        previous = piece.kind
    if texts:
        yield Part(start, "".join(texts), tuple(blocks))


def table_pieces(rows: Iterable[list[str]], page: int | None = None, *, has_header: bool = True) -> Iterator[Piece]:
    """Yield one piece a row, cells joined by ` | `; the first row that has words is the header."""
    kind = BlockKind.TABLE_HEADER if has_header else BlockKind.TABLE_ROW
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        if any(cells):
            yield Piece(kind, " | ".join(cells), page)
            kind = BlockKind.TABLE_ROW
