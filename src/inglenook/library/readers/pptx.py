"""PowerPoint presentations (.pptx): each slide's title, text, tables and notes; a page is a slide (ECMA-376, chapter 19)."""

import io
from collections.abc import Iterator
from typing import Any

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.blocks import Piece, assemble, table_pieces
from inglenook.library.readers.office import local, main_part, relationships, take_core_properties
from inglenook.library.readers.source import Source
from inglenook.library.readers.xml import SafeZip, elements, tree

_TITLES = frozenset({"title", "ctrTitle"})
_NOT_CONTENT = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})


def read(source: Source) -> Iterator[Part]:
    """Yield the slides in the order of the show."""
    archive = SafeZip(source)
    take_core_properties(archive, source)
    source.facts.page_kind = "slide"
    return assemble(_pieces(archive, source))


def _pieces(archive: SafeZip, source: Source) -> Iterator[Piece]:
    part = main_part(archive, source, "ppt/presentation.xml")
    targets = relationships(archive, part, source)
    presentation = tree(archive.read(part), source)
    # A slide has an `id` and an `r:id`; the latter is the one that the relationships know.
    ids = [next(filter(targets.__contains__, node.attrib.values()), "") for node in presentation.iter("{*}sldId")]
    for number, relation in enumerate(ids, 1):
        slide = targets.get(relation, ("", ""))[1]
        if slide not in archive:
            continue
        yield from _shapes(archive, slide, number, source)
        for kind, target in relationships(archive, slide, source).values():
            if kind == "notesSlide" and target in archive:
                yield from _notes(archive, target, number, source)
        source.progress()


def _shapes(archive: SafeZip, member: str, number: int, source: Source) -> Iterator[Piece]:
    """Yield the shapes' texts: the title first, as PowerPoint shows it first, whatever its place in the file."""
    titles: list[Piece] = []
    others: list[Piece] = []
    for _, shape in elements(io.BytesIO(archive.read(member)), source, ("{*}sp", "{*}graphicFrame")):
        if local(shape.tag) == "graphicFrame":
            for table in shape.iter("{*}tbl"):
                rows = ([" ".join(_paragraphs(cell)) for cell in row.iter("{*}tc")] for row in table.iter("{*}tr"))
                others += table_pieces(rows, number)
        else:
            kind = _placeholder(shape)
            paragraphs = [text for text in _paragraphs(shape) if text.strip()]
            if kind in _TITLES and paragraphs:
                titles.append(Piece(BlockKind.HEADING, " ".join(paragraphs), number, 1))
            elif kind not in _NOT_CONTENT:
                block = (
                    BlockKind.LIST_ITEM
                    if kind is not None and kind != "subTitle" and len(paragraphs) > 1
                    else BlockKind.PARAGRAPH
                )
                others += [Piece(block, text, number) for text in paragraphs]
        shape.clear()
    yield from titles
    yield from others


def _notes(archive: SafeZip, member: str, number: int, source: Source) -> Iterator[Piece]:
    for _, shape in elements(io.BytesIO(archive.read(member)), source, ("{*}sp",)):
        if _placeholder(shape) == "body":
            for text in _paragraphs(shape):
                yield Piece(BlockKind.PARAGRAPH, text, number)


def _placeholder(shape: Any) -> str | None:
    """Return what a placeholder is for, or None for a free shape."""
    for node in shape.iter("{*}ph"):
        return str(node.get("type", "body"))
    return None


def _paragraphs(element: Any) -> list[str]:
    found = []
    for paragraph in element.iter("{*}p"):
        words = []
        for node in paragraph.iter():
            name = local(node.tag)
            if name == "t":
                words.append(node.text or "")
            elif name in ("br", "tab"):
                words.append("\n" if name == "br" else "\t")
        found.append("".join(words).strip())
    return found
