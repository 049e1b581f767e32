"""Plain text: paragraphs between blank lines."""

from collections.abc import Iterator

from inglenook.core.types import Part
from inglenook.library.readers.lines import PlainScanner, pack
from inglenook.library.readers.source import Source


def read(source: Source) -> Iterator[Part]:
    """Yield the file's own text."""
    return pack(source.text(), PlainScanner())
