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
        if not text or text.isspace():
            self.close()
        elif self.kind is not None and start + len(text) - self.start <= MAX_BLOCK_CHARS:
            self.end, self.last_line = start + len(text), number
        else:
            self.extend(BlockKind.PARAGRAPH, text, start, number)


def pack(stretches: Iterable[str], scanner: LineScanner) -> Iterator[Part]:
    r"""Run the scanner over the text and yield Parts that together are the text.

    Args:
        stretches: the text in pieces of any bounded size, newlines as `\n`.
        scanner: a fresh scanner; it is used up.
    """
    held: list[str] = []  # the text from `start` on, to the end of what was read
    start = offset = 0
    number = 1
    rest, starts = "", True
    for stretch in map(clean, stretches):
        held.append(stretch)
        lines = (rest + stretch).split("\n")
        rest = lines.pop()
        for text in lines:
            if starts and len(text) <= MAX_LINE_CHARS:
                scanner.line(text, offset, number)
            else:
                _hand_over(scanner, text, offset, number, starts=starts)
                starts = True
            offset += len(text) + 1
            number += 1
            if offset - start >= PART_CHARS or len(scanner.blocks) >= PART_BLOCKS:
                part = _cut(held, start, offset, scanner)
                start = part.char_end
                yield part
        if len(rest) > MAX_LINE_CHARS:
            whole = len(rest) // MAX_LINE_CHARS * MAX_LINE_CHARS
            for at in range(0, whole, MAX_LINE_CHARS):
                _hand_over(scanner, rest[at : at + MAX_LINE_CHARS], offset, number, starts=starts)
                offset, starts = offset + MAX_LINE_CHARS, False
                if offset - start >= PART_CHARS:
                    part = _cut(held, start, offset, scanner)
                    start = part.char_end
                    yield part
            rest = rest[whole:]
    if rest:
        _hand_over(scanner, rest, offset, number, starts=starts)
    scanner.finish()
    if text := "".join(held):
        yield Part(start, text, _take(scanner))


def _hand_over(scanner: LineScanner, text: str, offset: int, number: int, *, starts: bool) -> None:
    """Give the scanner a line, or the rest of one, in fragments."""
    for at in range(0, max(1, len(text)), MAX_LINE_CHARS):
        tell = scanner.line if starts and at == 0 else scanner.fragment
        tell(text[at : at + MAX_LINE_CHARS], offset + at, number)


def _cut(held: list[str], start: int, offset: int, scanner: LineScanner) -> Part:
    """Take the text up to the open block, or up to `offset`, out of what is held: one Part."""
    cut = scanner.start if scanner.kind is not None else offset
    text = "".join(held)
    held[:] = [text[cut - start :]]
    return Part(start, text[: cut - start], _take(scanner))


def _take(scanner: LineScanner) -> tuple[Block, ...]:
    blocks = tuple(scanner.blocks)
    scanner.blocks.clear()
    return blocks
