"""Spreadsheets (.xlsx, .xlsm, .xlsb, .xls, .ods): each sheet a page, each row a block, its row number the line.

Cells come from calamine, which computes nothing: a formula gives the value that was saved with it.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from inglenook.core.errors import EncryptedError
from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.blocks import Piece, assemble
from inglenook.library.readers.office import take_core_properties
from inglenook.library.readers.source import Source
from inglenook.library.readers.table import looks_like_header
from inglenook.library.readers.xml import SafeZip

MAX_MB = 256


def read(source: Source) -> Iterator[Part]:
    """Yield the rows of each sheet, the cells joined by ` | `."""
    source.check_size(MAX_MB, "a workbook")
    if source.head.startswith(b"PK"):
        archive = SafeZip(source)  # refuses bombs before calamine unpacks anything
        take_core_properties(archive, source)
    source.facts.page_kind = "sheet"
    return assemble(_pieces(source))


def _pieces(source: Source) -> Iterator[Piece]:
    import python_calamine  # loaded when the first workbook comes

    source.file.seek(0)
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(source.file)
    except python_calamine.PasswordError as error:
        raise EncryptedError(source.name.name, "is encrypted; save a copy without a password and add that") from error
    except (python_calamine.CalamineError, OSError) as error:
        raise source.fail(f"is a damaged workbook, or cut short: {error}") from error
    for number, name in enumerate(workbook.sheet_names, 1):
        try:
            sheet = workbook.get_sheet_by_name(name)
            rows = enumerate(sheet.iter_rows(), 1)
        except python_calamine.WorksheetNotFound:
            continue  # a chart, not a table
        yield from _sheet(name, number, rows)
        source.progress()


def _sheet(name: str, number: int, rows: Iterator[tuple[int, list[Any]]]) -> Iterator[Piece]:
    named = header_sought = False
    for line, row in rows:
        cells = [_show(cell) for cell in row]
        filled = [cell for cell in cells if cell]
        if not filled:
            continue
        if not named:
            named = True
            yield Piece(BlockKind.HEADING, name, number)
        kind = BlockKind.TABLE_ROW
        if not header_sought and len(filled) > 1:
            header_sought = True
            if looks_like_header(filled):
                kind = BlockKind.TABLE_HEADER
        yield Piece(kind, " | ".join(filled if kind is BlockKind.TABLE_HEADER else _trim(cells)), number, line=line)


def _trim(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    first = next(index for index, cell in enumerate(cells) if cell)
    return cells[first:]


def _show(cell: Any) -> str:
    """Return a cell as a person would write it."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.12g}"
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ", "minutes")
    return " ".join(str(cell).split())
