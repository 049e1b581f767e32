"""Rich Text Format: paragraphs, without layout; striprtf removes the control words."""

import re
from collections.abc import Callable, Iterator

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.blocks import Piece, assemble
from inglenook.library.readers.source import Source

MAX_MB = 32
_PICTURE = re.compile(r"[0-9a-fA-F\s]{2000,}")
_TITLE = re.compile(r"\{\\title\s+([^{}\\]{1,300})\}")
_AUTHOR = re.compile(r"\{\\author\s+([^{}\\]{1,300})\}")
_CREATED = re.compile(r"\{\\creatim\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")


def read(source: Source) -> Iterator[Part]:
    """Yield the paragraphs."""
    from striprtf.striprtf import rtf_to_text  # loaded when the first such file comes

    # RTF is ASCII; bytes above come from careless writers, and Latin-1 keeps each as one character.
    data = source.read_bytes(MAX_MB, "an RTF file").decode("latin-1")
    _take_facts(data, source)
    convert: Callable[..., str] = rtf_to_text
    text = convert(_PICTURE.sub(" ", data), encoding="cp1252", errors="replace")
    return assemble(_pieces(text))


def _pieces(text: str) -> Iterator[Piece]:
    for line in text.split("\n"):
        words = line.strip()
        if words.endswith("|") and words.count("|") > 1:
            cells = [cell.strip() for cell in words.strip("|").split("|")]
            yield Piece(BlockKind.TABLE_ROW, " | ".join(cells) if any(cells) else "")
        elif words.startswith(("•", "·", "- ")):
            yield Piece(BlockKind.LIST_ITEM, words)
        else:
            yield Piece(BlockKind.PARAGRAPH, words)


def _take_facts(data: str, source: Source) -> None:
    head = data[:20000]
    if found := _TITLE.search(head):
        source.facts.title = " ".join(found.group(1).split()) or None
    if found := _AUTHOR.search(head):
        source.facts.metadata["author"] = " ".join(found.group(1).split())
    if found := _CREATED.search(head):
        year, month, day = map(int, found.groups())
        if 1 <= month <= 12 and 1 <= day <= 31:
            source.facts.created = f"{year:04d}-{month:02d}-{day:02d}"
