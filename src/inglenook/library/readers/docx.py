"""Word documents (.docx): headings, paragraphs, lists, tables, footnotes, text boxes.

Streams WordprocessingML (ECMA-376 part 1, chapter 17) with lxml, one body element in memory at a time. Deleted text of
tracked changes is left out, inserted text is kept. Page numbers are not in the file: Word computes them.
"""

import re
from collections.abc import Iterator
from typing import Any

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.blocks import Piece, assemble
from inglenook.library.readers.office import attribute, local, main_part, relationships, take_core_properties
from inglenook.library.readers.source import Source
from inglenook.library.readers.xml import SafeZip, elements, tree

_HEADING_NAME = re.compile(r"(?:heading|überschrift|titre|título|titolo|标题|標題)\s*(\d)", re.IGNORECASE)
_LETTERED = re.compile(r"head(?:ing)?\s?([a-e])$", re.IGNORECASE)
"""Publishers' templates count headings with letters, beneath a chapter title."""
_CODE_NAME = re.compile(r"(?:code(?!.*(?:caption|label|char))|source code|html preformatted|macro)", re.IGNORECASE)
MAX_CODE_CHARS = 1 << 13
_SKIPPED = frozenset({"del", "moveFrom", "Fallback", "instrText", "txbxContent", "delText"})
_STREAMED = "{*}p", "{*}tbl", "{*}tr", "{*}tc"


class _Styles:
    """Style id -> heading level, and which styles are lists and code."""

    def __init__(self, root: Any) -> None:
        self.levels: dict[str, int] = {}
        self.lists: set[str] = set()
        self.code: set[str] = set()
        parents: dict[str, str] = {}
        for style in root if root is not None else ():
            if local(style.tag) != "style":
                continue
            style_id = attribute(style, "styleId") or ""
            for child in style.iter():
                name, value = local(child.tag), attribute(child, "val") or ""
                if name == "name" and (found := _HEADING_NAME.match(value)):
                    self.levels[style_id] = int(found.group(1))
                elif name == "name" and value.lower().replace(" ", "") in ("title", "chaptertitle"):
                    self.levels[style_id] = 1
                elif name == "name" and (found := _LETTERED.match(value)):
                    self.levels[style_id] = "abcde".index(found.group(1).lower()) + 2
                elif name == "name" and _CODE_NAME.match(value):
                    self.code.add(style_id)
                elif name == "outlineLvl" and value.isdigit() and int(value) < 9:
                    self.levels.setdefault(style_id, int(value) + 1)
                elif name == "numPr" or (name == "name" and value.lower().startswith("list")):
                    self.lists.add(style_id)
                elif name == "basedOn":
                    parents[style_id] = value
        for style_id in parents:
            self._inherit(style_id, parents)

    def _inherit(self, style_id: str, parents: dict[str, str]) -> None:
        at = style_id
        for _ in range(20):
            at = parents.get(at, "")
            if not at:
                return
            if at in self.levels:
                self.levels.setdefault(style_id, self.levels[at])
            if at in self.lists:
                self.lists.add(style_id)


def read(source: Source) -> Iterator[Part]:
    """Yield headings, paragraphs, list items and table rows in the order of the body, then notes."""
    archive = SafeZip(source)
    take_core_properties(archive, source)
    return assemble(_pieces(archive, source))


def _pieces(archive: SafeZip, source: Source) -> Iterator[Piece]:
    part = main_part(archive, source, "word/document.xml")
    others = {kind: target for kind, target in relationships(archive, part, source).values() if target in archive}
    styles = _Styles(tree(archive.read(others["styles"]), source) if "styles" in others else None)
    with archive.open(part) as file:
        yield from _merge_code(_body(file, source, styles))
    for kind in ("footnotes", "endnotes"):
        if kind in others:
            with archive.open(others[kind]) as file:
                yield from _notes(file, source)


def _merge_code(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Make one piece of a listing, which Word keeps as a paragraph a line."""
    listing: list[str] = []
    for piece in pieces:
        if piece.kind is BlockKind.CODE:
            listing.append(piece.text)
            if sum(map(len, listing)) < MAX_CODE_CHARS:
                continue
        if listing:
            yield Piece(BlockKind.CODE, "\n".join(listing))
            listing = []
        if piece.kind is not BlockKind.CODE:
            yield piece
    if listing:
        yield Piece(BlockKind.CODE, "\n".join(listing))


def _body(file: Any, source: Source, styles: _Styles) -> Iterator[Piece]:
    rows: list[list[list[str]]] = []  # a stack: one row in the making per open table
    first_row: list[bool] = []
    for event, element in elements(file, source, _STREAMED, starts=True):
        name = local(element.tag)
        if event == "start":
            if name == "tbl":
                first_row.append(True)
            elif name == "tr":
                rows.append([])
            elif name == "tc" and rows:
                rows[-1].append([])
            continue
        if name == "p":
            piece = _paragraph(element, styles)
            element.clear()
            if rows and rows[-1]:
                rows[-1][-1].append(piece.text)
            elif piece.text or piece.kind is BlockKind.CODE:
                yield piece
        elif name == "tr" and rows:
            cells = [" ".join(" ".join(cell).split()) for cell in rows.pop()]
            element.clear()
            if rows and rows[-1]:
                rows[-1][-1].append(" | ".join(filter(None, cells)))
            elif any(cells):
                kind = BlockKind.TABLE_HEADER if first_row and first_row[-1] and len(cells) > 1 else BlockKind.TABLE_ROW
                if first_row:
                    first_row[-1] = False
                yield Piece(kind, " | ".join(cells))
        elif name == "tbl":
            first_row.pop()
            element.clear()
        source.progress()


def _paragraph(element: Any, styles: _Styles) -> Piece:
    """Return a paragraph's piece; text boxes inside it have come before it, as paragraphs of their own."""
    words: list[str] = []
    style, is_list, level = "", False, 0
    for node in _walk(element):
        name = local(node.tag)
        if name == "t":
            words.append(node.text or "")
        elif name == "tab":
            words.append("\t")
        elif name in ("br", "cr"):
            words.append("\n")
        elif name == "noBreakHyphen":
            words.append("-")
        elif name in ("footnoteReference", "endnoteReference"):
            words.append(f"[{attribute(node, 'id')}]")
        elif name == "pStyle":
            style = attribute(node, "val") or ""
        elif name == "numPr":
            is_list = True
        elif name == "outlineLvl":
            value = attribute(node, "val") or "9"
            level = int(value) + 1 if value.isdigit() and int(value) < 9 else 0
    if style in styles.code:
        return Piece(BlockKind.CODE, "".join(words).rstrip())
    text = "".join(words).strip()
    level = level or styles.levels.get(style, 0)
    if level and len(text) < 400:
        return Piece(BlockKind.HEADING, text, level=level)
    kind = BlockKind.LIST_ITEM if is_list or style in styles.lists else BlockKind.PARAGRAPH
    return Piece(kind, text)


def _walk(element: Any) -> Iterator[Any]:
    """Yield the descendants in order, without what is deleted, duplicated or in a box of its own; no recursion."""
    stack = [iter(element)]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
        elif local(node.tag) not in _SKIPPED:
            yield node
            stack.append(iter(node))


def _notes(file: Any, source: Source) -> Iterator[Piece]:
    styles = _Styles(None)
    for _, note in elements(file, source, ("{*}footnote", "{*}endnote")):
        if attribute(note, "type") in ("separator", "continuationSeparator", "continuationNotice"):
            continue
        text = " ".join(_paragraph(child, styles).text for child in note).strip()
        if text:
            yield Piece(BlockKind.PARAGRAPH, f"[{attribute(note, 'id')}] {text}")
        note.clear()
