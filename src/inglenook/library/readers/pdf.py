"""PDF: the text of each page, in reading order, as headings and paragraphs; pages without text through OCR if present.

PDFium (through pypdfium2) finds and orders the characters; this module joins its lines into paragraphs by their place
and size. A word broken by a hyphen at a line's end is made whole. Pages are read one at a time, so length is no matter.
Does not cover: tables as tables, and columns that PDFium itself reads across.
"""

import ctypes
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from inglenook.core.errors import EncryptedError, LimitError
from inglenook.core.types import BlockKind, Part
from inglenook.library.readers.blocks import Piece, assemble
from inglenook.library.readers.ocr import ocr_program, recognise
from inglenook.library.readers.source import Source

MAX_PAGES = 50_000
MAX_PAGE_CHARS = 1_000_000
OCR_DPI = 200
MAX_OCR_PIXELS = 20_000_000
HEADING_RATIO = 1.15
"""A line whose letters are this much larger than the body's is a heading."""
_ITEM = re.compile(r"(?:[•‣◦▪●○■□–*·-]|\(?\d{1,3}[.)、]|\(?[a-z][.)])\s*\S")
_NUMBERED = re.compile(r"\d{1,2}(?:\.\d{1,2}){0,3}\.?\s+\S")
_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_ENDS = tuple(".!?:。！？：；…")
_BROKEN = "\ufffe\x02"
"""What PDFium gives for a hyphen at the end of a line that continues in the next."""


@dataclass(slots=True)
class _Line:
    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float


def read(source: Source) -> Iterator[Part]:
    """Yield paragraphs and headings page by page."""
    return assemble(_pieces(source))


def _pieces(source: Source) -> Iterator[Piece]:
    import pypdfium2  # loaded when the first PDF comes

    source.file.seek(0)
    try:
        document = pypdfium2.PdfDocument(source.file)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise EncryptedError(
                source.name.name, "asks for a password; save a copy without one and add that"
            ) from error
        raise source.fail(f"is a damaged PDF, or cut short: {error}") from error
    try:
        if len(document) > MAX_PAGES:
            raise LimitError(source.name.name, f"has {len(document)} pages; at most {MAX_PAGES} are read, so split it")
        source.facts.page_kind = "page"
        _take_metadata(document, source)
        yield from _pages(document, source, pypdfium2)
    finally:
        document.close()


def _pages(document: Any, source: Source, pypdfium2: Any) -> Iterator[Piece]:
    sizes: Counter[float] = Counter()
    without_text = broken = 0
    for index in range(len(document)):
        source.progress()
        try:
            page = document[index]
        except pypdfium2.PdfiumError:
            broken += 1
            continue
        try:
            lines = _page_lines(page, pypdfium2.raw)
            for line in lines:
                sizes[line.size] += len(line.text)
            if lines:
                body = sizes.most_common(1)[0][0]
                yield from _join(lines, body, index + 1)
            elif ocr_program() is not None:
                yield from _ocr(page, index + 1)
            else:
                without_text += 1
        finally:
            page.close()
    if without_text:
        source.facts.metadata["pages_without_text"] = str(without_text)
    if broken:
        source.facts.metadata["pages_damaged"] = str(broken)
    if without_text + broken == len(document):
        reason = (
            "has no page that can be read"
            if broken
            else "has no text layer; install the program tesseract to read scanned pages"
        )
        raise source.fail(reason)


def _page_lines(page: Any, raw: Any) -> list[_Line]:
    """Return the page's lines with their boxes, in PDFium's reading order."""
    text_page = page.get_textpage()
    try:
        count = text_page.count_chars()
        if not 0 < count <= MAX_PAGE_CHARS:
            return []
        text = text_page.get_text_range(0, count, errors="replace")
        lines = []
        at = 0
        for raw_line in text.split("\n"):
            line = raw_line.rstrip("\r")
            stripped = line.strip()
            if stripped:
                first = at + len(line) - len(line.lstrip())
                last = at + len(line.rstrip()) - 1
                lines.append(_place(text_page, raw, stripped, first, last))
            at += len(raw_line) + 1
        return lines
    finally:
        text_page.close()


def _place(text_page: Any, raw: Any, text: str, first: int, last: int) -> _Line:
    handle = text_page.raw
    head, tail = (
        raw.FPDFText_GetCharIndexFromTextIndex(handle, first),
        raw.FPDFText_GetCharIndexFromTextIndex(handle, last),
    )
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    end_left, end_right, end_bottom, end_top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(handle, head, left, right, bottom, top)
    raw.FPDFText_GetCharBox(handle, tail, end_left, end_right, end_bottom, end_top)
    size = raw.FPDFText_GetFontSize(handle, head)
    height = max(top.value, end_top.value) - min(bottom.value, end_bottom.value)
    size = round(size if size > 1.5 else height, 1)  # some producers scale a font of size 1
    return _Line(
        text, left.value, end_right.value, min(bottom.value, end_bottom.value), max(top.value, end_top.value), size
    )


def _join(lines: list[_Line], body: float, page: int) -> Iterator[Piece]:
    """Join lines into paragraphs: a new one starts at a gap, an indent, a change of size, an item, or after a short line."""
    gaps = [a.bottom - b.bottom for a, b in pairwise(lines) if a.bottom > b.bottom]
    usual_gap = statistics.median(gaps) if gaps else 0.0
    widest = max(line.right for line in lines)
    held: list[_Line] = []
    for line in lines:
        if held and _starts_new(held, line, usual_gap, widest):
            yield _finish(held, body, page)
            held = []
        held.append(line)
    yield _finish(held, body, page)


def _starts_new(held: list[_Line], line: _Line, usual_gap: float, widest: float) -> bool:
    last = held[-1]
    gap = last.bottom - line.bottom
    if last.text[-1] in _BROKEN:
        return False
    if abs(line.size - last.size) > 0.08 * max(last.size, line.size):
        return True
    if gap < -2 * line.size or gap > max(1.35 * usual_gap, 1.2 * line.size) or _ITEM.match(line.text):
        return True
    if len(held) > 1 and line.left > last.left + 0.8 * line.size and gap > 0:
        return True
    is_short = last.right < widest - 0.15 * (widest - held[0].left)
    return is_short and (last.text.endswith(_ENDS) or last.right < held[0].left + 0.6 * (widest - held[0].left))


def _finish(held: list[_Line], body: float, page: int) -> Piece:
    text = held[0].text
    for line in held[1:]:
        text = _append(text, line.text)
    text = text.translate({0xFFFE: "-", 0x02: "-", 0xAD: None})
    size = held[0].size
    if size > HEADING_RATIO * body and len(held) <= 3 and len(text) < 200 and any(map(str.isalpha, text)):
        ratio = size / body
        return Piece(BlockKind.HEADING, text, page, 1 if ratio > 1.7 else 2 if ratio > 1.35 else 3)
    if _ITEM.match(text) and not _NUMBERED.match(text):
        return Piece(BlockKind.LIST_ITEM, text, page)
    return Piece(BlockKind.PARAGRAPH, text, page)


def _append(text: str, line: str) -> str:
    """Join two lines: whole words across a hyphen, no space between wide characters."""
    if text[-1] in _BROKEN:
        return text[:-1] + line if line[:1].islower() else f"{text[:-1]}-{line}"
    if text.endswith("-") and len(text) > 1 and text[-2].islower() and line[:1].islower():
        return text[:-1] + line
    if _WIDE.match(text[-1]) and _WIDE.match(line[0]):
        return text + line
    return f"{text} {line}"


def _ocr(page: Any, number: int) -> Iterator[Piece]:
    width, height = page.get_size()
    scale = min(OCR_DPI / 72, (MAX_OCR_PIXELS / max(1.0, width * height)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        rows = bytes(bitmap.buffer)
        pixels = b"".join(rows[y * bitmap.stride : y * bitmap.stride + bitmap.width] for y in range(bitmap.height))
        text = recognise(pixels, bitmap.width, bitmap.height)
    finally:
        bitmap.close()
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.strip():
            yield Piece(BlockKind.PARAGRAPH, " ".join(paragraph.split()), number)


def _take_metadata(document: Any, source: Source) -> None:
    facts = source.facts
    for key, name in (("Title", "title"), ("Author", "author"), ("Subject", "subject"), ("Keywords", "keywords")):
        value = " ".join(document.get_metadata_value(key).replace("\0", "").split())[:500]
        if value.lower() in ("(unspecified)", "unspecified", "anonymous", "(anonymous)", "untitled"):
            continue
        if value and name == "title":
            facts.title = value.removeprefix("Microsoft Word - ")
        elif value:
            facts.metadata[name] = value
    found = re.match(r"D:(\d{4})(\d\d)(\d\d)", document.get_metadata_value("CreationDate"))
    if found and "01" <= found.group(2) <= "12" and "01" <= found.group(3) <= "31":
        facts.created = "-".join(found.groups())
    facts.metadata["pages"] = str(len(document))
