"""Read bytes with a reader, in this process, and check what every reader must keep."""

import io
from itertools import pairwise

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers import Source, reader_for, sniff


class Document:
    """All of what a reader gave."""

    def __init__(self, parts: list[Part], source: Source, format_name: str) -> None:
        self.parts = parts
        self.facts = source.facts
        self.format = format_name
        self.text = "".join(part.text for part in parts)
        self.blocks = [block for part in parts for block in part.blocks]
        check_parts(parts)

    def words(self, block) -> str:
        return self.text[block.char_start : block.char_end]

    def of_kind(self, kind: str) -> list[str]:
        return [self.words(block) for block in self.blocks if block.kind == BlockKind(kind)]

    def block_with(self, words: str):
        return next(block for block in self.blocks if words in self.words(block))


def check_parts(parts: list[Part]) -> None:
    """Parts follow on; blocks are in order, apart, inside their part and not blank."""
    assert parts
    assert parts[0].char_start == 0
    assert all(a.char_end == b.char_start for a, b in pairwise(parts))
    for part in parts:
        at = part.char_start
        for block in part.blocks:
            assert at <= block.char_start < block.char_end <= part.char_end
            assert part.text[block.char_start - part.char_start : block.char_end - part.char_start].strip()
            at = block.char_end


def read_bytes(data: bytes, name: str) -> Document:
    file = io.BytesIO(data)
    format_name = sniff(file, name)
    source = Source(file, name)
    return Document(list(reader_for(format_name)(source)), source, format_name)


def read_path(path) -> Document:
    return read_bytes(path.read_bytes(), path.name)
