"""OpenDocument texts (.odt) and presentations (.odp): headings, paragraphs, lists, tables, notes (OASIS ODF 1.3)."""

import re
from collections.abc import Iterator
from typing import Any

from inglenook.core.errors import EncryptedError, ReadError
from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.blocks import Piece, assemble
from inglenook.library.readers.office import attribute, local
from inglenook.library.readers.source import Source
from inglenook.library.readers.xml import SafeZip, elements, tree

_TAGS = "{*}p", "{*}h", "{*}list-item", "{*}table", "{*}table-row", "{*}table-cell", "{*}page"
_SKIPPED = frozenset({"annotation", "tracked-changes", "deletion"})
MAX_SPACES = 100


def read(source: Source) -> Iterator[Part]:
    """Yield the body in order."""
    archive = SafeZip(source)
    if "META-INF/manifest.xml" in archive and b"encryption-data" in archive.read("META-INF/manifest.xml"):
        raise EncryptedError(source.name.name, "is encrypted; save a copy without a password and add that")
    _take_metadata(archive, source)
    return assemble(_pieces(archive, source))


def _pieces(archive: SafeZip, source: Source) -> Iterator[Piece]:
    lists = 0
    page: int | None = None
    cells: list[list[str]] = []
    is_first_row: list[bool] = []
    with archive.open("content.xml") as file:
        for event, element in elements(file, source, _TAGS, starts=True):
            name = local(element.tag)
            step = 1 if event == "start" else -1
            if name == "list-item":
                lists += step
            elif name == "page" and event == "start":
                page = (page or 0) + 1
                source.facts.page_kind = "slide"
            elif name == "table":
                is_first_row.append(True) if event == "start" else is_first_row.pop()
            elif name == "table-row" and event == "start":
                cells.append([])
            elif name == "table-cell" and event == "start" and cells:
                cells[-1].append("")
            elif name == "table-row" and cells:
                row = cells.pop()
                kind = (
                    BlockKind.TABLE_HEADER
                    if is_first_row and is_first_row[-1] and len(row) > 1
                    else BlockKind.TABLE_ROW
                )
                if is_first_row:
                    is_first_row[-1] = False
                if any(row):
                    yield Piece(kind, " | ".join(row), page)
                element.clear()
                source.progress()
            elif name in ("p", "h") and event == "end":
                text = _text(element)
                if cells and cells[-1]:
                    cells[-1][-1] = f"{cells[-1][-1]} {' '.join(text.split())}".strip()
                elif name == "h":
                    level = attribute(element, "outline-level") or "1"
                    yield Piece(BlockKind.HEADING, text, page, int(level) if level.isdigit() else 1)
                else:
                    yield Piece(BlockKind.LIST_ITEM if lists else BlockKind.PARAGRAPH, text, page)
                _empty(element)


def _empty(element: Any) -> None:
    """Clear an element but keep what follows it, which still belongs to its parent."""
    tail = element.tail
    element.clear()
    element.tail = tail


def _text(element: Any) -> str:
    """Return a paragraph's text; no recursion."""
    words = [element.text or ""]
    stack = [iter(element)]
    open_nodes: list[Any] = []
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
            if open_nodes:
                words.append(open_nodes.pop().tail or "")
            continue
        name = local(node.tag)
        if name in _SKIPPED:
            words.append(node.tail or "")
            continue
        if name == "s":
            count = attribute(node, "c") or "1"
            words.append(" " * min(int(count) if count.isdigit() else 1, MAX_SPACES))
        elif name in ("tab", "line-break"):
            words.append("\t" if name == "tab" else "\n")
        words.append(node.text or "")
        open_nodes.append(node)
        stack.append(iter(node))
    return "".join(words).strip()


def _take_metadata(archive: SafeZip, source: Source) -> None:
    if "meta.xml" not in archive:
        return
    try:
        root = tree(archive.read("meta.xml"), source)
    except ReadError:
        return
    for node in root.iter() if root is not None else ():
        name, value = local(node.tag), " ".join((node.text or "").split())[:500]
        if not value:
            continue
        if name == "title":
            source.facts.title = value
        elif name == "creation-date" and re.match(r"\d{4}-\d\d-\d\d", value):
            source.facts.created = value[:10]
        elif name in ("initial-creator", "subject", "description"):
            source.facts.metadata[{"initial-creator": "author"}.get(name, name)] = value
