"""Jupyter notebooks (nbformat 3 and 4): Markdown cells by their structure, code cells and short text outputs as code."""

import json
from collections.abc import Iterator
from typing import Any

from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.blocks import Piece, assemble
from inglenook.library.readers.lines import pack
from inglenook.library.readers.markdown import MarkdownScanner
from inglenook.library.readers.source import Source

MAX_MB = 64
MAX_OUTPUT_CHARS = 2000


def read(source: Source) -> Iterator[Part]:
    """Yield the cells in order; a page is a cell."""
    try:
        notebook = json.loads(source.read_text(MAX_MB, "a notebook"))
    except ValueError as error:
        raise source.fail(f"is a damaged notebook: {error}") from error
    if not isinstance(notebook, dict):
        raise source.fail("is no notebook: its JSON is not an object")
    cells = notebook.get("cells")
    if cells is None:
        sheets = notebook.get("worksheets") or [{}]
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or ()]
    source.facts.page_kind = "cell"
    kernel = (notebook.get("metadata") or {}).get("language_info") or {}
    if isinstance(kernel, dict) and isinstance(kernel.get("name"), str):
        source.facts.metadata["language"] = kernel["name"]
    return assemble(_pieces([cell for cell in cells if isinstance(cell, dict)]))


def _pieces(cells: list[dict[str, Any]]) -> Iterator[Piece]:
    for number, cell in enumerate(cells, 1):
        text = _text(cell.get("source", cell.get("input")))
        kind = cell.get("cell_type")
        if kind in ("markdown", "heading"):
            yield from markdown_pieces(text if kind == "markdown" else f"# {text}", number)
        elif kind == "code":
            yield Piece(BlockKind.CODE, text, number)
            for output in cell.get("outputs") or ():
                yield Piece(BlockKind.CODE, _output(output)[:MAX_OUTPUT_CHARS], number)
        else:
            yield Piece(BlockKind.PARAGRAPH, text, number)


def markdown_pieces(text: str, page: int | None = None) -> Iterator[Piece]:
    """Yield the blocks of a Markdown text as pieces; a heading loses its marks."""
    for part in pack([text], MarkdownScanner()):
        for block in part.blocks:
            words = part.text[block.char_start - part.char_start : block.char_end - part.char_start]
            if block.kind is BlockKind.HEADING:
                title = block.heading[-1] if block.heading else words
                yield Piece(block.kind, title, page, max(1, len(block.heading)))
            else:
                yield Piece(block.kind, words, page)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _output(output: Any) -> str:
    if not isinstance(output, dict):
        return ""
    data = output.get("data")
    plain = data.get("text/plain") if isinstance(data, dict) else None
    return _text(output.get("text")) or _text(plain)
