"""reStructuredText: underlined headings, lists, literal blocks, the header fields of a document. The text is the file's own.

After the docutils specification for what it covers; levels follow the order in which adornments appear.
"""

import re
from collections.abc import Iterator

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.lines import LineScanner, pack
from inglenook.library.readers.source import Facts, Source

_ADORNMENT = re.compile(r"([!-/:-@[-`{-~])\1{2,}\s*$")
_ITEM = re.compile(r"\s*(?:[-*+•]|\(?(?:\d{1,4}|#|[a-zA-Z])[.)])\s+\S")
_FIELD = re.compile(r":?([A-Za-z][\w-]*):\s+(\S.*)$")
_CODE_DIRECTIVE = re.compile(r"\s*\.\. (?:code|code-block|sourcecode|parsed-literal|math|graphviz)::")
_DIRECTIVE = re.compile(r"\s*\.\. ")
_MONTHS = {
    month: index
    for index, month in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}


class RstScanner(LineScanner):
    """Groups the lines of a reStructuredText file."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.facts = facts
        self._levels: list[str] = []
        self._overline = ""
        self._held = ""
        self._literal_indent: int | None = None
        self._in_header = True

    def line(self, text: str, start: int, number: int) -> None:
        """Take the next line."""
        if not text.strip():
            if self._literal_indent is None:
                self._in_header = self._in_header and self.kind is None
                self.close()
            self._overline = ""
            return
        if self._literal_indent is not None:
            indent = len(text) - len(text.lstrip())
            if indent > self._literal_indent:
                self.extend(BlockKind.CODE, text, start, number)
                return
            self._literal_indent = None
            self.close()
        if not self._heading(text, start, number):
            self._content(text, start, number)
        self._held = text

    def _heading(self, text: str, start: int, number: int) -> bool:
        """Take an underline, or an overline."""
        found = _ADORNMENT.match(text)
        if found is None:
            return False
        mark = found.group(1)
        single = self.kind is BlockKind.PARAGRAPH and self.first_line == self.last_line
        if single and len(text.rstrip()) >= min(len(self._held.strip()), 4):
            style = mark + self._overline
            if style not in self._levels:
                self._levels.append(style)
            self.end, self.last_line = start + len(text), number
            self.enter_heading(self._levels.index(style) + 1, self._held)
            self._overline = ""
            self._in_header = False
        elif self.kind is None:
            self._overline = mark
        else:
            self.extend(self.kind, text, start, number)
        return True

    def _content(self, text: str, start: int, number: int) -> None:
        field = _FIELD.match(text) if self._in_header else None
        if field:
            self._take_field(field.group(1).lower(), field.group(2).strip())
        if _ITEM.match(text):
            self.open(BlockKind.LIST_ITEM, text, start, number)
        elif self.kind is BlockKind.LIST_ITEM:
            self.extend(BlockKind.LIST_ITEM, text, start, number)
        else:
            self.extend(BlockKind.PARAGRAPH, text, start, number)
        if _CODE_DIRECTIVE.match(text) or (text.rstrip().endswith("::") and not _DIRECTIVE.match(text)):
            self._literal_indent = len(text) - len(text.lstrip())

    def _take_field(self, name: str, value: str) -> None:
        facts = self.facts
        if name == "title":
            facts.title = value[:300]
        elif name in ("created", "date"):
            facts.created = _iso_date(value) or facts.created
        elif len(facts.metadata) < 40:
            facts.metadata[name[:60]] = value[:500]


def _iso_date(value: str) -> str | None:
    if re.match(r"\d{4}-\d\d-\d\d", value):
        return value[:10]
    found = re.match(r"(\d{1,2})-([A-Za-z]{3})-(\d{4})", value)
    if found and found.group(2).lower() in _MONTHS:
        return f"{found.group(3)}-{_MONTHS[found.group(2).lower()]:02d}-{int(found.group(1)):02d}"
    return None


def read(source: Source) -> Iterator[Part]:
    """Yield the file's own text."""
    return pack(source.text(), RstScanner(source.facts))
