"""FictionBook 2 e-books: sections with titles and paragraphs."""

from collections.abc import Iterator

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.blocks import Piece, assemble
from inglenook.library.readers.office import local
from inglenook.library.readers.source import Source
from inglenook.library.readers.xml import elements

_TAGS = "{*}p", "{*}v", "{*}title", "{*}subtitle", "{*}section", "{*}book-title", "{*}binary", "{*}body"


def read(source: Source) -> Iterator[Part]:
    """Yield titles and paragraphs in order."""
    return assemble(_pieces(source))


def _pieces(source: Source) -> Iterator[Piece]:
    source.file.seek(0)
    depth = 1
    title: list[str] | None = None
    in_body = False
    for event, element in elements(source.file, source, _TAGS, starts=True):
        name = local(element.tag)
        if name == "body":
            in_body = event == "start"
        elif name == "section":
            depth += 1 if event == "start" else -1
        elif name == "title":
            if event == "start":
                title = []
            elif title is not None:
                yield Piece(BlockKind.HEADING, " ".join(title), level=depth)
                title = None
        elif event == "end":
            text = " ".join("".join(element.itertext()).split()) if name != "binary" else ""
            if name == "book-title":
                source.facts.title = source.facts.title or text
            elif title is not None:
                title.append(text)
            elif in_body:
                yield Piece(BlockKind.PARAGRAPH, text)
            tail = element.tail
            element.clear()
            element.tail = tail
        source.progress()
