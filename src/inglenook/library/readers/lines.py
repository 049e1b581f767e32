"""Parts over a file's own text: the extracted text is the decoded file, so offsets and lines are the file's.

A `LineScanner` is told one line after the other and says which belong together; `pack` keeps the text and cuts Parts,
never through a block. Memory is bounded whatever the length of a file, a paragraph or a line. Knows nothing of files.
"""

from collections.abc import Iterable, Iterator

from inglenook.core.types import Block, BlockKind, Part
from inglenook.library.readers.blocks import MAX_BLOCK_CHARS, PART_BLOCKS, PART_CHARS, HeadingPath, clean

MAX_LINE_CHARS = 1 << 13
"""A longer line is handed over in fragments."""


class LineScanner:
    """The base of the scanners: one block is open at a time; a subclass decides in `line` what opens and closes it."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.headings = HeadingPath()
        self.kind: BlockKind | None = None
        self.start = self.end = 0
        self.first_line = self.last_line = 0
        self.page: int | None = None

    def line(self, text: str, start: int, number: int) -> None:
        """Take the next line (without its newline): its text, its offset, its number from 1."""
        raise NotImplementedError

    def fragment(self, text: str, start: int, number: int) -> None:
        """Take the rest, or more of the rest, of a line too long to be handed over at once."""
        if text.strip():
            self.extend(self.kind or BlockKind.PARAGRAPH, text, start, number)

    def extend(self, kind: BlockKind, text: str, start: int, number: int) -> None:
        """Add a line to the open block of this kind, or open one."""
        if self.kind is not kind or start + len(text) - self.start > MAX_BLOCK_CHARS:
            self.close()
            self.kind, self.start, self.first_line = kind, start, number
        self.end, self.last_line = start + len(text), number

    def open(self, kind: BlockKind, text: str, start: int, number: int) -> None:
        """Close the open block and open one with this line."""
        self.close()
        self.extend(kind, text, start, number)

    def close(self) -> None:
        """Close the open block, if any."""
        if self.kind is not None:
            self.blocks.append(
                Block(self.kind, self.start, self.end, self.page, self.first_line, self.last_line, self.headings.path)
            )
            self.kind = None

    def enter_heading(self, level: int, title: str) -> None:
        """Make the open block a heading and close it."""
        self.kind = BlockKind.HEADING
        self.headings.enter(level, title)
        self.close()

    def finish(self) -> None:
        """Take the end of the file."""
        self.close()


class PlainScanner(LineScanner):
    """Plain text: paragraphs between blank lines."""

    def line(self, text: str, start: int, number: int) -> None:
        """Take the next line."""
        if text.strip():
            self.extend(BlockKind.PARAGRAPH, text, start, number)
        else:
            self.close()


def split_lines(stretches: Iterable[str]) -> Iterator[tuple[str, bool, bool]]:
    """Yield (text, starts a line, ends a line) for each line or, of a long line, each fragment."""
    rest = ""
    starts = True
    for stretch in stretches:
        lines = (rest + stretch).split("\n")
        rest = lines.pop()
        for line in lines:
            text = line
            while len(text) > MAX_LINE_CHARS:
                yield text[:MAX_LINE_CHARS], starts, False
                starts, text = False, text[MAX_LINE_CHARS:]
            yield text, starts, True
            starts = True
        while len(rest) > MAX_LINE_CHARS:
            yield rest[:MAX_LINE_CHARS], starts, False
            starts, rest = False, rest[MAX_LINE_CHARS:]
    if rest:
        yield rest, starts, False


def pack(stretches: Iterable[str], scanner: LineScanner) -> Iterator[Part]:
    r"""Run the scanner over the text and yield Parts that together are the text.

    Args:
        stretches: the text in pieces of any bounded size, newlines as `\n`.
        scanner: a fresh scanner; it is used up.
    """
    held: list[str] = []
    start = offset = 0
    number = 1
    for text, starts, ends in split_lines(map(clean, stretches)):
        if starts:
            scanner.line(text, offset, number)
        else:
            scanner.fragment(text, offset, number)
        held.append(text)
        offset += len(text)
        if ends:
            held.append("\n")
            offset += 1
            number += 1
        if offset - start >= PART_CHARS or len(scanner.blocks) >= PART_BLOCKS:
            cut = scanner.start if scanner.kind is not None else offset
            kept = "".join(held)
            yield Part(start, kept[: cut - start], _take(scanner))
            held, start = [kept[cut - start :]], cut
    scanner.finish()
    if held:
        yield Part(start, "".join(held), _take(scanner))


def _take(scanner: LineScanner) -> tuple[Block, ...]:
    blocks = tuple(scanner.blocks)
    scanner.blocks.clear()
    return blocks
