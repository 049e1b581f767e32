"""Source code and configuration: blocks are top-level definitions, or groups of lines. The text is the file's own.

One rule for all languages: a line that starts at the margin after a blank line, or that starts a definition, opens a
block; closing brackets never do. Knows no grammar.
"""

import re
from collections.abc import Iterator

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.lines import LineScanner, pack
from inglenook.library.readers.source import Source

MAX_BLOCK_LINES = 60
_DEFINITION = re.compile(
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\([a-z]+\))?|unsafe|extern|"
    r"inline|virtual|override|open|data|sealed|template\s*<[^>]*>)\s+)*"
    r"(?:def|class|func|fn|function|interface|struct|enum|impl|trait|type|module|namespace|union|object|protocol|sub)\b"
    r"\s*([\w.:<>$*& ]*)"
)
_SECTION = re.compile(r"\[+([^\]]+)\]+\s*$")
_ATTACHED = ("@", "#[", "//", "#", "/*", "*", '"""', "--")
"""A definition right after such a line belongs to it: decorators, attributes, comments."""


class CodeScanner(LineScanner):
    """Groups lines of code."""

    def __init__(self) -> None:
        super().__init__()
        self._after_blank = True
        self._after_attached = False

    def line(self, text: str, start: int, number: int) -> None:
        """Take the next line."""
        if not text.strip():
            self._after_blank = True
            return
        at_margin = not text[0].isspace() and text[0] not in ")]}"
        definition = _DEFINITION.match(text) or _SECTION.match(text) if at_margin else None
        too_long = self.kind is not None and number - self.first_line >= MAX_BLOCK_LINES
        opens = at_margin and (self._after_blank or definition is not None)
        if (opens and not self._after_attached) or (too_long and self._after_blank) or self._overlong(number):
            self.close()
        if definition is not None and definition.group(1).strip():
            name = definition.group(0).strip().rstrip("{:(< ")
            if self._after_attached or self.kind is None:
                self.headings.enter(1, name)
        self.extend(BlockKind.CODE, text, start, number)
        self._after_attached = at_margin and text.startswith(_ATTACHED)
        self._after_blank = False

    def _overlong(self, number: int) -> bool:
        return self.kind is not None and number - self.first_line >= 2 * MAX_BLOCK_LINES


def read(source: Source) -> Iterator[Part]:
    """Yield the file's own text."""
    return pack(source.text(), CodeScanner())
