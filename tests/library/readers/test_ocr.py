"""Scanned pages: read by tesseract where it is installed, named as unreadable where it is not."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from inglenook.core.errors import ReadError
from inglenook.core.settings import load_settings
from inglenook.library.parse import Parser
from inglenook.library.readers.ocr import ocr_program


def _scan(path: Path) -> Path:
    """Write a PDF whose one page is a picture of two lines of text."""
    page = Image.new("L", (1700, 800), 255)
    font = ImageFont.load_default(60)
    ImageDraw.Draw(page).text((150, 200), "The boiler was serviced\non 3 February 2025.", fill=0, font=font)
    page.save(path, resolution=200)
    return path


def test_a_scanned_page_is_read_with_its_page_number(home: Path, tmp_path: Path) -> None:
    """Inside the confined child, the picture's words become the page's text."""
    if ocr_program() is None:
        pytest.skip("tesseract is not installed; `apt-get install tesseract-ocr` to run this test")
    with Parser(load_settings()[0]) as parser:
        parts = list(parser.parse(_scan(tmp_path / "scan.pdf")))

    text = "".join(part.text for part in parts)
    assert "boiler was serviced" in text
    assert "3 February 2025" in text
    assert {block.page for part in parts for block in part.blocks} == {1}


def test_a_scanned_page_without_tesseract_says_what_to_install(home: Path, tmp_path: Path) -> None:
    """The refusal names the program that is missing."""
    if ocr_program() is not None:
        pytest.skip("tesseract is installed here")

    with Parser(load_settings()[0]) as parser, pytest.raises(ReadError, match="install the program tesseract"):
        list(parser.parse(_scan(tmp_path / "scan.pdf")))
