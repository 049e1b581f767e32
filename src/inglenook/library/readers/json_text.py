"""JSON and JSON Lines. The text is the file's own: a line of JSON Lines is a row, JSON is cut at its outer entries."""

import re
from collections.abc import Iterator

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.lines import LineScanner, pack
from inglenook.library.readers.source import Source

MAX_BLOCK_LINES = 40
_OUTER = re.compile(r"\s+(?:\"([^\"]{1,80})\"\s*:|\{|\[)")


class JsonScanner(LineScanner):
    """Groups the lines of indented JSON: an entry of the outermost object or list opens a block."""

    def __init__(self) -> None:
        super().__init__()
        self._indent: int | None = None

    def line(self, text: str, start: int, number: int) -> None:
        """Take the next line."""
        if not text.strip():
            return
        indent = len(text) - len(text.lstrip())
        if self._indent is None and indent:
            self._indent = indent
        outer = _OUTER.match(text) if indent == self._indent else None
        if outer is not None or (self.kind is not None and number - self.first_line >= MAX_BLOCK_LINES):
            self.close()
        if outer is not None and outer.group(1):
            self.headings.enter(1, outer.group(1))
        self.extend(BlockKind.CODE, text, start, number)

    def fragment(self, text: str, start: int, number: int) -> None:
        """Take more of a long line."""
        if text.strip():
            self.extend(self.kind or BlockKind.CODE, text, start, number)


class RecordScanner(LineScanner):
    """JSON Lines: each line a row."""

    def line(self, text: str, start: int, number: int) -> None:
        """Take the next line."""
        if text.strip():
            self.open(BlockKind.TABLE_ROW, text, start, number)


def read(source: Source) -> Iterator[Part]:
    """Yield the file's own text."""
    is_lines = source.suffix in (".jsonl", ".ndjson")
    return pack(source.text(), RecordScanner() if is_lines else JsonScanner())
