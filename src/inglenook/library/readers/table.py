"""CSV and TSV: a header and records, quoted newlines kept together. The text is the file's own.

After RFC 4180, with other separators found by counting. A record is a `table_row` block of the raw text.
"""

import csv
from collections.abc import Iterator

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.lines import LineScanner, pack
from inglenook.library.readers.source import Source

SEPARATORS = (",", "\t", ";", "|")
MAX_RECORD_LINES = 500
"""A record whose quotes still have not closed is taken to have a stray quote."""


class TableScanner(LineScanner):
    """Groups lines into records."""

    def __init__(self, separator: str) -> None:
        super().__init__()
        self._separator = separator
        self._first: list[str] | None = []
        self._in_quotes = False
        self._header_known = False

    def line(self, text: str, start: int, number: int) -> None:
        """Take the next line."""
        if self._in_quotes and number - self.first_line < MAX_RECORD_LINES:
            self.extend(self.kind or BlockKind.TABLE_ROW, text, start, number)
        elif text.strip():
            kind = BlockKind.TABLE_ROW
            if not self._header_known:
                self._header_known = True
                kind = BlockKind.TABLE_HEADER if looks_like_header(_cells(text, self._separator)) else kind
            self._in_quotes = False
            self.open(kind, text, start, number)
        else:
            self.close()
        self._in_quotes ^= text.count('"') % 2 == 1

    def fragment(self, text: str, start: int, number: int) -> None:
        """Take more of a long line."""
        self._in_quotes ^= text.count('"') % 2 == 1
        super().fragment(text, start, number)


def looks_like_header(cells: list[str]) -> bool:
    """Say whether a first row names columns: several cells, none empty, none a number, none twice."""
    names = [cell.strip().lower() for cell in cells]
    return len(names) > 1 and all(names) and len(set(names)) == len(names) and not any(map(_is_number, names))


def _is_number(text: str) -> bool:
    return text.replace(".", "").replace(",", "").replace("-", "").replace("%", "").isdigit()


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator), [])


def find_separator(lines: list[str], suffix: str) -> str:
    """Return the separator that cuts the first lines into the same number of cells, most of them."""
    if suffix in (".tsv", ".tab"):
        return "\t"

    def score(separator: str) -> tuple[float, int]:
        counts = [len(_cells(line, separator)) for line in lines if line.strip()]
        most = max(set(counts), key=counts.count) if counts else 1
        return (counts.count(most) / len(counts) if most > 1 else 0.0, most)

    return max(SEPARATORS, key=score)


def read(source: Source) -> Iterator[Part]:
    """Yield the file's own text."""
    stretches = source.text()
    head = next(stretches, "")
    separator = find_separator([line[:4000] for line in head.split("\n")[:20]], source.suffix)
    source.facts.metadata["separator"] = {"\t": "tab"}.get(separator, separator)

    def again() -> Iterator[str]:
        yield head
        yield from stretches

    return pack(again(), TableScanner(separator))
