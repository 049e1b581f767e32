"""Markdown: headings, fenced and indented code, lists, tables, quotes, front matter. The text is the file's own.

After CommonMark 0.31 for what it covers, block structure only; tables and front matter as GitHub and static site
generators write them. Does not cover: nested block structure (a heading inside a quote is part of the quote).
"""

import re
from collections.abc import Iterator

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.lines import LineScanner, pack
from inglenook.library.readers.source import Facts, Source

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r"[ \t]{0,12}(`{3,}|~{3,})")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
_DELIMITER = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_FIELD = re.compile(r"([A-Za-z][\w-]*)[ \t]*[:=][ \t]*(.*)$")
_COMMENT = re.compile(r"\s*<!--.*-->\s*$")
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}|`|<[^>]+>|\s*\{#[^}]*\}\s*$")
FRONT_MATTER_LINES = 200


class MarkdownScanner(LineScanner):
    """Groups the lines of a Markdown text."""

    def __init__(self, facts: Facts | None = None) -> None:
        super().__init__()
        self.facts = facts
        self._fence = ""
        self._front_matter = ""
        self._in_list = False
        self._after_blank = True

    def line(self, text: str, start: int, number: int) -> None:
        """Take the next line."""
        if self._front_matter or (number == 1 and text.rstrip() in ("---", "+++")):
            self._take_front_matter(text, start, number)
        elif self._fence:
            self.extend(BlockKind.CODE, text, start, number)
            if text.strip().startswith(self._fence) and not text.strip().strip(self._fence[0]):
                self.close()
                self._fence = ""
        elif not text.strip():
            if self.kind is not BlockKind.CODE:
                self.close()
            self._after_blank = True
        else:
            self._content(text, start, number)
            self._after_blank = False

    def _content(self, text: str, start: int, number: int) -> None:
        fence = _FENCE.match(text)
        heading = _ATX.match(text)
        if fence and "`" not in text[fence.end() :]:
            self.open(BlockKind.CODE, text, start, number)
            self._fence = fence.group(1)
        elif heading:
            self._in_list = False
            self.open(BlockKind.HEADING, text, start, number)
            self.enter_heading(len(heading.group(1)), plain_words(heading.group(2) or ""))
        elif self.kind is BlockKind.PARAGRAPH and self._underlines(text, start, number):
            return
        elif _RULE.match(text) or _COMMENT.match(text):
            self.close()
        elif (
            text.startswith(("    ", "\t")) and not self._in_list and (self._after_blank or self.kind is BlockKind.CODE)
        ):
            self.extend(BlockKind.CODE, text, start, number)
        elif _ITEM.match(text):
            self._in_list = True
            self.open(BlockKind.LIST_ITEM, text, start, number)
        elif self.kind in (BlockKind.TABLE_HEADER, BlockKind.TABLE_ROW) and "|" in text:
            self.open(BlockKind.TABLE_ROW, text, start, number)
        elif self.kind is BlockKind.LIST_ITEM or (self._in_list and text.startswith(("  ", "\t"))):
            self.extend(BlockKind.LIST_ITEM, text, start, number)
        else:
            self._in_list = False
            self.extend(BlockKind.PARAGRAPH, text, start, number)

    def _underlines(self, text: str, start: int, number: int) -> bool:
        """Turn the open paragraph into a heading or a table header if this line says so."""
        single = self.first_line == self.last_line
        setext = _SETEXT.match(text)
        if setext and single:
            title = self._held
            self.end, self.last_line = start + len(text), number
            self.enter_heading(1 if setext.group(1)[0] == "=" else 2, plain_words(title))
            return True
        if "|" in text and "|" in self._held and single and _DELIMITER.match(text):
            self.kind = BlockKind.TABLE_HEADER
            self.end, self.last_line = start + len(text), number
            return True
        return False

    def extend(self, kind: BlockKind, text: str, start: int, number: int) -> None:
        """Add a line, and remember it: the next one may turn it into a heading."""
        super().extend(kind, text, start, number)
        self._held = text

    _held = ""

    def _take_front_matter(self, text: str, start: int, number: int) -> None:
        mark = text.rstrip()
        if not self._front_matter:
            self._front_matter = mark
            self.open(BlockKind.CODE, text, start, number)
            return
        self.extend(BlockKind.CODE, text, start, number)
        if mark == self._front_matter or number > FRONT_MATTER_LINES:
            self._front_matter = ""
            self.close()
        elif self.facts is not None and (found := _FIELD.match(text)):
            _take_field(self.facts, found.group(1).lower(), found.group(2).strip().strip("\"'"))


def _take_field(facts: Facts, name: str, value: str) -> None:
    if not value:
        return
    if name == "title":
        facts.title = value
    elif name in ("date", "created") and re.match(r"\d{4}-\d\d-\d\d", value):
        facts.created = value[:10]
    elif len(facts.metadata) < 40:
        facts.metadata[name[:60]] = value[:500]


def plain_words(text: str) -> str:
    """Return a heading's words without emphasis, code marks, links' targets and tags."""
    return " ".join(_MARKUP.sub(lambda found: found.group(1) or "", text).split())


def read(source: Source) -> Iterator[Part]:
    """Yield the file's own text."""
    return pack(source.text(), MarkdownScanner(source.facts))
